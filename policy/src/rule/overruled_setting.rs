//! Another object of the same host decides, and this setting has no effect.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "overruled-setting",
    summary: "another object of the same host decides, and this setting has no effect",
    why: "A gateway makes one set of client-certificate settings of all the objects on a host. ingress-nginx takes those of the oldest Ingress that has a CA, whole: its mode, its CA, its pattern for the subject.",
    remedy: "Say the same in every object of the host, or say it in one and remove it from the others.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Overruled, findings);
}
