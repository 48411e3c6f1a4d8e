//! The pattern for the certificate's subject matches everybody, or more than it seems to.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::subject::{Reach, reach};

pub(super) static RULE: Rule = Rule {
    id: "void-subject-match",
    summary: "the pattern for the certificate's subject matches everybody, or more than it seems to",
    why: "ingress-nginx searches the pattern anywhere in the subject (RFC 2253): an empty alternative or .* lets in every certificate of the CA, and a name without an end matches every name that begins with it.",
    remedy: "Write the whole name and its end, as CN=alice(,|$).",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let patterns = subject.host.iter().flat_map(|host| &host.subjects);
    for (pattern, site) in patterns {
        let message = match reach(pattern) {
            Reach::Everybody => format!("{pattern:?} matches every subject"),
            Reach::Beginning => format!("{pattern:?} matches every subject that goes on after it"),
            Reach::Whole => continue,
        };
        findings.push(RULE.finding(Severity::Warning, site, message, RULE.remedy));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn void_loose_and_whole() {
        let with = |pattern: &str| {
            let annotations = [
                ("auth-tls-secret", "shop/ca"),
                ("auth-tls-match-cn", pattern),
            ];
            [ingress(&annotations), ca("ca")]
        };
        check(&with("CN=.*"), "void-subject-match", "every subject");
        check(&with("CN=(alice|)"), "void-subject-match", "every subject");
        check(&with("CN=alice"), "void-subject-match", "goes on");
        check(
            &with("CN=[A-Za-z0-9]"),
            "void-subject-match",
            "every subject",
        );
        check(&with("CN=alice|"), "void-subject-match", "every subject");
        silent(&with("CN=alice(,|$)"), "void-subject-match");
        silent(&with("CN=(alice|bob)$"), "void-subject-match");
    }
}
