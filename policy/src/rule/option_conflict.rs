//! Two routes of a host name different TLS options, so the default option holds for both.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};

pub(super) static RULE: Rule = Rule {
    id: "option-conflict",
    summary: "two routes of a host name different TLS options, so the default option holds for both",
    why: "Traefik keeps one option for each host and entry point. Where two routes disagree, and a route without an option is one of them, it serves all of them with the default option, which by itself asks nobody for a certificate.",
    remedy: "Give every route of the host the same TLSOption, or define a TLSOption named default that demands certificates.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let fallbacks = subject.host.iter().flat_map(|host| &host.fallbacks);
    for fallback in fallbacks {
        let Some(other) = &fallback.conflict else {
            continue;
        };
        let follows = if fallback.closes {
            "Traefik makes none of the routes"
        } else {
            "Traefik uses its default option for all routes of the host"
        };
        let message = format!(
            "TLSOption {} is in conflict with {}: {follows}",
            fallback.option.spelt, other.object
        );
        findings.push(RULE.finding(Severity::Error, &fallback.option.site, message, RULE.remedy));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn a_second_route_without_an_option() {
        let mut second = route("");
        second["metadata"]["name"] = "second".into();
        check(
            &[
                route("mtls"),
                second,
                tls_option("mtls", "", &["ca"]),
                ca("ca"),
            ],
            "option-conflict",
            "second",
        );
    }

    #[test]
    fn two_defaults() {
        let mut second = tls_option("default", "", &["ca"]);
        second["metadata"]["namespace"] = "other".into();
        check(
            &[
                route(""),
                tls_option("default", "", &["ca"]),
                second,
                ca("ca"),
            ],
            "option-conflict",
            "default",
        );
    }
}
