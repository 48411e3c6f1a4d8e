//! Refused clients are shown a page of the backend.

use super::{Rule, Subject};
use crate::fact::RemarkKind;
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "error-page-bypass",
    summary: "refused clients are shown a page of the backend",
    why: "With an error page that is a path, nginx answers a refused client by an internal request for that path, which is not checked again: the backend serves it to everybody.",
    remedy: "Give the error page as a full URL, https://…, or leave it out.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    RULE.remarked(subject, RemarkKind::ErrorPage, findings);
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    fn with(page: &str, subject: &str, path: &str) -> [serde_json::Value; 2] {
        let mut object = ingress(&[
            ("auth-tls-secret", "shop/ca"),
            ("auth-tls-error-page", page),
            ("auth-tls-match-cn", subject),
        ]);
        let path = serde_json::json!({"path": path, "pathType": "Prefix"});
        object["spec"]["rules"][0]["http"]["paths"] = vec![path].into();
        [object, ca("ca")]
    }

    #[test]
    fn a_path_that_the_backend_serves() {
        check(
            &with("/error", "", "/"),
            "error-page-bypass",
            "without a certificate",
        );
        check(
            &with("/api/error", "", "/api"),
            "error-page-bypass",
            "without a certificate",
        );
        check(
            &with("/", "", "/"),
            "error-page-bypass",
            "without a certificate",
        );
        silent(&with("/error", "", "/api"), "error-page-bypass");
        silent(&with("/apis", "", "/api"), "error-page-bypass");
    }

    #[test]
    fn a_pattern_for_the_subject_lets_any_fitting_certificate_in() {
        check(
            &with("/error", "CN=alice(,|$)", "/"),
            "error-page-bypass",
            "verified or not",
        );
    }

    #[test]
    fn a_url_is_elsewhere() {
        silent(&with("https://example.com/", "", "/"), "error-page-bypass");
    }
}
