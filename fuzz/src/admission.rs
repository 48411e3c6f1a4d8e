//! The body of an admission review.

use std::cell::LazyCell;

use serde_json::{Value, json};
use webhook::offline::Offline;

/// A certificate that a CA Secret holds.
const CERTIFICATE: &str = include_str!("../../policy/tests/certificates/isrg-root-x2.pem");

thread_local! {
    static WEBHOOK: LazyCell<Offline> =
        LazyCell::new(|| Offline::new(answers).expect("a runtime can be had"));
}

/// What the API server has: Secrets that hold a CA, but for some; nothing else.
fn answers(path: &str) -> (u16, String) {
    let name = path.rsplit('/').next().unwrap_or_default();
    match (path.contains("/secrets/"), name.len() % 4) {
        (true, 0) => (403, String::new()),
        (true, 1 | 2) => {
            let secret = json!({"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": name, "namespace": "shop"}, "stringData": {"ca.crt": CERTIFICATE}});
            (200, secret.to_string())
        }
        (false, _) if path.matches('/').count() == 4 => (
            200,
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
                .to_string(),
        ),
        _ => (404, String::new()),
    }
}

/// A body is refused, or answered by both paths: a valid review with its uid, and a patch only
/// from the one that mutates.
pub fn admission_body(body: &[u8]) {
    let Ok(answered) = WEBHOOK.with(|webhook| webhook.review(body)) else {
        return;
    };
    // Where nothing decides, neither bytes that are no text nor escapes that are none are looked at.
    let request: Option<Value> = serde_json::from_slice(body).ok();
    let answer = |text: &str| -> Value {
        let review: Value = serde_json::from_str(text).expect("an answer is JSON");
        if let Some(request) = &request {
            assert_eq!(review["response"]["uid"], request["request"]["uid"]);
        }
        review["response"].clone()
    };
    let (validated, mutated) = (answer(&answered.validated), answer(&answered.mutated));
    assert!(validated["patch"].is_null(), "{validated}");
    assert_eq!(mutated["allowed"], true, "{mutated}");
    if validated["allowed"] == false {
        assert!(validated["status"]["message"].is_string(), "{validated}");
    }
    let connects = request.is_some_and(|request| request["request"]["operation"] == "CONNECT");
    assert!(!connects || validated["allowed"] == true, "{validated}");
}
