//! A header with the client's identity reaches the backend as the client sent it.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "spoofable-header",
    summary: "a header with the client's identity reaches the backend as the client sent it",
    why: "Backends read the identity of a client from headers that the gateway sets. Where the gateway does not set them, it does not remove them either: whoever sends them is believed.",
    remedy: "Have the gateway set the header (pass the certificate to the backend), remove it on the way in, or do not trust it in the backend.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Spoofable, findings);
}
