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
