//! Refused clients are shown a page of the backend.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "error-page-bypass",
    summary: "refused clients are shown a page of the backend",
    why: "With an error page that is a path, nginx answers a refused client by an internal request for that path, which is not checked again: the backend serves it to everybody.",
    remedy: "Give the error page as a full URL, https://…, or leave it out.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::ErrorPage, findings);
}
