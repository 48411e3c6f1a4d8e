//! A value that the gateway refuses or replaces.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "invalid-setting",
    summary: "a value that the gateway refuses or replaces",
    why: "Gateways report little: ingress-nginx takes an unknown verify-client for on, drops a whole Ingress over a bad match-cn, and stops reloading over a negative depth; Traefik skips an Ingress with an unknown router setting.",
    remedy: "Write one of the values that the gateway's documentation lists.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Invalid, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn an_unknown_mode_becomes_on() {
        let objects = [
            ingress(&[
                ("auth-tls-secret", "shop/ca"),
                ("auth-tls-verify-client", "On"),
            ]),
            ca("ca"),
        ];
        let findings = check(&objects, "invalid-setting", "takes it for \"on\"");
        assert_eq!(
            findings[0]
                .repair
                .as_ref()
                .map(|repair| repair.value.clone()),
            Some("on".into())
        );
    }

    #[test]
    fn what_might_mean_off_is_not_repaired() {
        let objects = [
            ingress(&[
                ("auth-tls-secret", "shop/ca"),
                ("auth-tls-verify-client", "false"),
            ]),
            ca("ca"),
        ];
        assert_eq!(check(&objects, "invalid-setting", "false")[0].repair, None);
    }

    #[test]
    fn a_negative_depth_blocks_reloads() {
        let objects = [
            ingress(&[
                ("auth-tls-secret", "shop/ca"),
                ("auth-tls-verify-depth", "-1"),
            ]),
            ca("ca"),
        ];
        check(
            &objects,
            "invalid-setting",
            "no change of any Ingress takes effect",
        );
    }
}
