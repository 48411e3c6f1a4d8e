//! Headers by which gateways tell backends who the client is, sent by the client itself: a backend
//! that gets them as they were sent believes anybody.

use super::Outcome;
use super::answer::answered;

/// A header that no gateway touches: the backend that repeats it repeats others too.
const CONTROL: &str = "X-Kubectl-Mtls-Echo";

/// Headers with a value each that nobody guesses.
pub(crate) struct Spoof {
    names: Vec<String>,
    mark: String,
}

impl Spoof {
    /// Of header names; `mark` is different in every run.
    pub(crate) fn new(names: Vec<String>, mark: String) -> Self {
        Self { names, mark }
    }

    /// What is sent.
    pub(super) fn headers(&self) -> Vec<(String, String)> {
        let names = std::iter::once(CONTROL).chain(self.names.iter().map(String::as_str));
        names
            .map(|name| (name.to_owned(), self.value(name)))
            .collect()
    }

    fn value(&self, name: &str) -> String {
        format!("{}-{}", self.mark, name.to_lowercase())
    }

    /// Which of them the backend saw; it must repeat its request's headers in its answer.
    pub(super) fn judge(&self, answer: &[u8]) -> Outcome {
        let text = String::from_utf8_lossy(answer);
        let saw = |name: &str| {
            let value = self.value(name);
            // A longer name's value begins with a shorter one's.
            text.match_indices(&value).any(|(at, _)| {
                let next = text[at + value.len()..].chars().next();
                next.is_none_or(|next| !next.is_ascii_alphanumeric() && next != '-')
            })
        };
        if !saw(CONTROL) {
            return match answered(answer) {
                Outcome::Accepted(_) => Outcome::NotOffered("an answer that repeats the headers"),
                other => other,
            };
        }
        let passed: Vec<_> = self
            .names
            .iter()
            .filter(|name| saw(name))
            .cloned()
            .collect();
        match passed.is_empty() {
            true => Outcome::Kept,
            false => Outcome::Passed(passed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoof() -> Spoof {
        let names = ["X-Client-Cert", "X-Client-Cert-Info"].map(str::to_owned);
        Spoof::new(names.to_vec(), "m1".to_owned())
    }

    fn answer(headers: &[(&str, &str)]) -> Vec<u8> {
        let lines: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        format!("HTTP/1.1 200 OK\r\n\r\n{lines}").into_bytes()
    }

    #[test]
    fn what_comes_back_as_sent_was_passed_on() {
        let control = (CONTROL, "m1-x-kubectl-mtls-echo");
        let info = ("X-Client-Cert-Info", "m1-x-client-cert-info");
        let said = spoof().judge(&answer(&[control, info]));
        assert_eq!(said, Outcome::Passed(vec!["X-Client-Cert-Info".to_owned()]));
        assert_eq!(spoof().judge(&answer(&[control])), Outcome::Kept);
        let replaced = ("X-Client-Cert", "CN=alice");
        assert_eq!(spoof().judge(&answer(&[control, replaced])), Outcome::Kept);
    }

    #[test]
    fn a_backend_that_repeats_nothing_shows_nothing() {
        let said = spoof().judge(&answer(&[]));
        assert!(matches!(said, Outcome::NotOffered(_)));
        let refused = spoof().judge(b"HTTP/1.1 403 Forbidden\r\n\r\n");
        assert!(matches!(refused, Outcome::Refused(_)));
    }
}
