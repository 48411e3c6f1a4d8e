//! Certificates are optional: a client without one gets in.

use super::{Rule, Subject};
use crate::fact::Mode;
use crate::finding::{Finding, Severity};

pub(super) static RULE: Rule = Rule {
    id: "optional-client-cert",
    summary: "certificates are optional: a client without one gets in",
    why: "The gateway verifies a certificate if there is one and lets everybody else through; only the backend can still refuse.",
    remedy: "Demand certificates (verify-client on, RequireAndVerifyClientCert), or make sure that the backend checks.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let modes = subject.host.iter().flat_map(|host| &host.modes);
    for (mode, site, spelt) in modes {
        if matches!(mode, Mode::Optional) && !spelt.is_empty() {
            let message = format!("{spelt}: a client without a certificate gets in");
            findings.push(RULE.finding(Severity::Warning, site, message, RULE.remedy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn optional_in_both_dialects() {
        let objects = [
            ingress(&[
                ("auth-tls-secret", "shop/ca"),
                ("auth-tls-verify-client", "optional"),
            ]),
            ca("ca"),
        ];
        check(&objects, "optional-client-cert", "without a certificate");
        let objects = [
            route("mtls"),
            tls_option("mtls", "VerifyClientCertIfGiven", &["ca"]),
            ca("ca"),
        ];
        check(&objects, "optional-client-cert", "without a certificate");
    }
}
