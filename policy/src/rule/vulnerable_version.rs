//! The gateway's version has a known flaw that this configuration meets.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "vulnerable-version",
    summary: "the gateway's version has a known flaw that this configuration meets",
    why: "Flaws in gateways have let clients past the demand for certificates: session resumption across hosts, fragmented handshakes, HTTP/3, options in conflict.",
    remedy: "Update the gateway to the version that the finding names.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Outdated, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::{GatewayConfig, Settings};

    #[test]
    fn a_pattern_in_a_version_that_lets_it_write_directives() {
        let found = |version: &str, annotation: (&str, &str)| {
            let settings = Settings {
                gateways: vec![GatewayConfig {
                    dialect: "ingress-nginx".to_owned(),
                    version: Some(version.to_owned()),
                    ..GatewayConfig::default()
                }],
                ..Settings::default()
            };
            let objects = [
                ingress(&[("auth-tls-secret", "shop/ca"), annotation]),
                ca("ca"),
            ];
            told(&settings, NOW, &objects, "vulnerable-version").len()
        };
        let pattern = ("auth-tls-match-cn", "CN=alice(,|$)");
        let versions = ["1.11.4", "v1.12.0", "1.11.5", "1.12.1", "1.15.1"];
        assert_eq!(
            versions.map(|version| found(version, pattern)),
            [1, 1, 0, 0, 0]
        );
        assert_eq!(found("1.12.0", ("auth-tls-verify-depth", "2")), 0);
    }
}
