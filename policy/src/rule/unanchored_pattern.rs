//! A pattern for paths without client certificates holds for more than it seems to.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "unanchored-pattern",
    summary: "a pattern for paths without client certificates holds for more paths than it seems to",
    why: "APISIX searches skip_mtls_uri_regex anywhere in the decoded path: `/health` exempts `/private/health` as well, and every path that a client can lengthen to match.",
    remedy: "Begin the pattern with ^ and end it with $, as in ^/healthz$.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::Unanchored, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::json;

    #[test]
    fn a_pattern_without_a_beginning() {
        let objects = |pattern: &str| {
            let mut tls = apisix_tls("ca");
            tls["spec"]["client"]["skip_mtls_uri_regex"] = json!([pattern]);
            [tls, ca("ca")]
        };
        check(&objects("/healthz"), "unanchored-pattern", "anywhere");
        silent(&objects("^/healthz$"), "unanchored-pattern");
        silent(&objects("(/healthz"), "unanchored-pattern");
    }
}
