//! The gateway's version has a known flaw that this configuration meets.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "vulnerable-version",
    summary: "the gateway's version has a known flaw that this configuration meets",
    why: "Flaws in gateways have let clients past the demand for certificates: session resumption across hosts, fragmented handshakes, HTTP/3, options in conflict.",
    remedy: "Update the gateway to the version that the finding names.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Outdated, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use crate::{GatewayConfig, Settings};
    use serde_json::json;

    #[track_caller]
    fn versions(meet: &[&str], mended: &[&str], args: &[&str], id: &str, rule: &str) {
        let mut object = route("mtls");
        object["spec"]["routes"][0]["match"] = json!(rule);
        let objects = [object, tls_option("mtls", "", &["ca"]), ca("ca")];
        let has = |version: &str| {
            let settings = traefik(version, None, args);
            let found = told(&settings, NOW, &objects, "vulnerable-version");
            found.iter().any(|finding| finding.message.contains(id))
        };
        for version in meet {
            assert!(has(version), "{version}");
        }
        for version in mended {
            assert!(!has(version), "{version}");
        }
    }

    #[test]
    fn fragmented_hellos() {
        let meet = ["2.11.40", "3.6.10", "3.7.0-ea.1", "3.5.0"];
        let mended = ["2.11.41", "3.6.11", "3.7.0", "3.8.1"];
        versions(&meet, &mended, &[], "CVE-2026-32305", "Host(`a.example`)");
    }

    #[test]
    fn wildcards_and_http3() {
        let mended = ["3.7.3", "3.6.24"];
        versions(
            &["3.7.1"],
            &mended,
            &[],
            "CVE-2026-48491",
            "Host(`*.example`)",
        );
        let http3 = [
            "--entryPoints.websecure.http.tls",
            "--entryPoints.websecure.http3",
        ];
        let id = "CVE-2026-53622";
        versions(
            &["3.7.2", "3.6.18"],
            &["3.7.3"],
            &http3,
            id,
            "Host(`a.example`)",
        );
        versions(&[], &["3.7.2"], &[], id, "Host(`a.example`)");
    }

    #[test]
    fn a_default_that_asks_too_gives_nothing_away() {
        let objects = [
            route("mtls"),
            tls_option("mtls", "", &["ca"]),
            tls_option("default", "", &["ca"]),
            ca("ca"),
        ];
        let settings = traefik("3.6.10", None, &[]);
        let found = told(&settings, NOW, &objects, "vulnerable-version");
        assert!(found.is_empty(), "{found:?}");
    }

    #[test]
    fn a_pattern_in_a_version_that_lets_it_write_directives() {
        let found = |version: &str, annotation: (&str, &str)| {
            let settings = Settings::new(vec![GatewayConfig {
                dialect: "ingress-nginx".to_owned(),
                version: Some(version.to_owned()),
                ..GatewayConfig::default()
            }]);
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
