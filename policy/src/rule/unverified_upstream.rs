//! The connection to the backend is not authenticated as the settings say.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "unverified-upstream",
    summary: "the connection to the backend is not authenticated as the settings say",
    why: "A gateway can show a certificate to the backend and verify the backend's. Where a part is missing it goes on without: no certificate is sent, or anything that answers is taken for the backend.",
    remedy: "Name a Secret with tls.crt, tls.key and ca.crt, switch verification on, and speak HTTPS to the backend.",
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Upstream, findings);
}
