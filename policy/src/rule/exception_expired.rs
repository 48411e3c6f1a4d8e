//! An exception is over and still there.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "exception-expired",
    summary: "a ClientAuthException has ended and no longer counts",
    why: "From its end on the policies hold again for what it spared: the next change of such a host is judged by them. An exception that stays behind tells readers of a permission that is none.",
    remedy: "Delete it, or, where it is still needed, give it a later end and say why in spec.reason.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Ended, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::json;

    #[test]
    fn at_its_end_and_not_before() {
        let objects = [exception(json!({"namespaces": ["shop"]}), NOW + 10)];
        silent(&objects, "exception-expired");
        let found = at(
            NOW + 10,
            &objects,
            "exception-expired",
            "the exception ended at",
        );
        assert_eq!(found[0].site.pointer, "/spec/end");
    }
}
