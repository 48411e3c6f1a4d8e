//! Client authentication is switched off although a CA is named or an option is used.

use super::{Rule, Subject};
use crate::fact::Mode;
use crate::finding::{Finding, Severity};

pub(super) static RULE: Rule = Rule {
    id: "client-auth-off",
    summary: "client authentication is switched off although a CA is named or an option is used",
    why: "Nobody is asked for a certificate, while everything around the setting looks as if somebody were.",
    remedy: "Demand certificates (verify-client on, RequireAndVerifyClientCert), or remove the settings about client certificates altogether.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let modes = subject.host.iter().flat_map(|host| &host.modes);
    for (mode, site, spelt) in modes {
        if matches!(mode, Mode::Off) && !spelt.is_empty() {
            let message = format!("{spelt}: nobody is asked for a certificate");
            findings.push(RULE.finding(Severity::Error, site, message, RULE.remedy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn off_in_both_dialects() {
        let objects = [
            ingress(&[
                ("auth-tls-secret", "shop/ca"),
                ("auth-tls-verify-client", "off"),
            ]),
            ca("ca"),
        ];
        check(&objects, "client-auth-off", "nobody is asked");
        let objects = [
            route("mtls"),
            tls_option("mtls", "NoClientCert", &["ca"]),
            ca("ca"),
        ];
        check(&objects, "client-auth-off", "NoClientCert");
    }

    #[test]
    fn on_is_silent() {
        silent(
            &[
                ingress(&[
                    ("auth-tls-secret", "shop/ca"),
                    ("auth-tls-verify-client", "on"),
                ]),
                ca("ca"),
            ],
            "client-auth-off",
        );
    }
}
