//! A field is not what the API server or the gateway can read.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "unreadable-object",
    summary: "a field is not what the API server or the gateway can read",
    why: "The API server refuses the object, so what was in force before stays in force.",
    remedy: "Correct the field; YAML reads an unquoted on, off, yes or no as a boolean: put it in quotes.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Unreadable, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn an_unquoted_on() {
        let mut object = ingress(&[("auth-tls-secret", "shop/ca")]);
        object["metadata"]["annotations"]["nginx.ingress.kubernetes.io/auth-tls-verify-client"] =
            true.into();
        check(&[object, ca("ca")], "unreadable-object", "boolean");
    }
}
