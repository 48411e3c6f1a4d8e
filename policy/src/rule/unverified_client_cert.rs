//! Certificates are not verified: anybody can make one.

use super::{Rule, Subject};
use crate::fact::Mode;
use crate::finding::{Finding, Severity};

pub(super) static RULE: Rule = Rule {
    id: "unverified-client-cert",
    summary: "certificates are not verified: anybody can make one",
    why: "The gateway accepts a certificate whoever signed it, a self-signed one too; with RequestClientCert and optional_no_ca even none.",
    remedy: "Demand certificates of the CA (verify-client on, RequireAndVerifyClientCert).",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let modes = subject.host.iter().flat_map(|host| &host.modes);
    for (mode, site, spelt) in modes {
        if matches!(mode, Mode::OptionalUnverified | Mode::Unverified) && !spelt.is_empty() {
            let message = format!("{spelt}: a certificate is accepted whoever signed it");
            findings.push(RULE.finding(Severity::Error, site, message, RULE.remedy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn unverified_in_both_dialects() {
        let objects = [
            ingress(&[
                ("auth-tls-secret", "shop/ca"),
                ("auth-tls-verify-client", "optional_no_ca"),
            ]),
            ca("ca"),
        ];
        check(&objects, "unverified-client-cert", "whoever signed it");
        for mode in ["RequestClientCert", "RequireAnyClientCert"] {
            let objects = [route("mtls"), tls_option("mtls", mode, &["ca"]), ca("ca")];
            check(&objects, "unverified-client-cert", mode);
        }
    }
}
