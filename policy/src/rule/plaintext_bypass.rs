//! The host is served by plain HTTP too, where nobody can be asked for a certificate.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::host::{Admits, Host};

pub(super) static RULE: Rule = Rule {
    id: "plaintext-bypass",
    summary: "the host is served by plain HTTP too, where nobody can be asked for a certificate",
    why: "Client certificates exist in TLS alone. ingress-nginx listens on port 80 for every host and redirects only where a server certificate is configured or force-ssl-redirect is set; Traefik serves every route without TLS on its plain entry point; APISIX serves every route on its plain port.",
    remedy: "Redirect: spec.tls and force-ssl-redirect for ingress-nginx, a redirect of the entry point or a redirectScheme middleware for Traefik, the plugin redirect with http_to_https or the annotation http-to-https for APISIX; or take the plain route away.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host.filter(|host| demands(host)) else {
        return;
    };
    let plain = host
        .doors
        .iter()
        .filter(|door| door.plain && door.admits == Admits::Everyone);
    for door in plain {
        let message = format!(
            "{} is served by plain HTTP on {} without a certificate",
            name(host),
            door.entry
        );
        findings.push(RULE.finding(Severity::Error, &door.site, message, RULE.remedy));
    }
}

/// Only beside a door that asks for certificates is plain HTTP a way round.
fn demands(host: &Host) -> bool {
    host.doors.iter().any(|door| {
        !door.plain
            && matches!(
                door.admits,
                Admits::Trusted
                    | Admits::AnyPublic
                    | Admits::AnySubject
                    | Admits::AnyCertificate
                    | Admits::Optional
            )
    })
}

fn name(host: &Host) -> &str {
    if host.key.host == "*" {
        "every host"
    } else {
        &host.key.host
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn an_ingress_without_tls() {
        let mut object = ingress(&[("auth-tls-secret", "shop/ca")]);
        object["spec"]["tls"].take();
        check(&[object, ca("ca")], "plaintext-bypass", "plain HTTP");
    }

    #[test]
    fn with_tls_it_redirects() {
        silent(
            &[ingress(&[("auth-tls-secret", "shop/ca")]), ca("ca")],
            "plaintext-bypass",
        );
    }

    #[test]
    fn a_second_route_on_the_plain_entry_point() {
        let mut second = route("");
        second["metadata"]["name"] = "second".into();
        second["spec"]["entryPoints"] = vec!["web"].into();
        second["spec"]["tls"].take();
        check(
            &[
                route("mtls"),
                second,
                tls_option("mtls", "", &["ca"]),
                ca("ca"),
            ],
            "plaintext-bypass",
            "web",
        );
    }
}
