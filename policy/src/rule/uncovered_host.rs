//! The host is served beside a protected wildcard, whose demand does not reach it.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "uncovered-host",
    summary: "the host is served beside a protected wildcard, whose demand does not reach it",
    why: "Gateways look for the exact name first: an exact host beside *.example.com has settings of its own, and those of the wildcard say nothing about it.",
    remedy: "Demand certificates for the exact host too, or serve it under a name that the wildcard does not cover.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Uncovered, findings);
}
