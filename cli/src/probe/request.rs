//! What is asked for, over whichever version of HTTP.

use super::Target;
use super::plan::{Attempt, Trick};

/// As much of an answer as tells who gave it, and which headers its backend saw.
pub(super) const ANSWER: usize = 64 << 10;

/// What is asked for.
pub(super) struct Request {
    /// The Host header.
    pub(super) host: String,
    /// The path with its query.
    pub(super) path: String,
    /// More headers.
    pub(super) headers: Vec<(String, String)>,
}

impl Request {
    /// The request of an attempt.
    pub(super) fn of(target: &Target, attempt: &Attempt) -> Self {
        let headers = match &attempt.trick {
            Trick::Spoofing(spoof) => spoof.headers(),
            _ => Vec::new(),
        };
        let path = match &attempt.trick {
            Trick::Path(path) => path,
            _ => &target.path,
        };
        Self {
            host: target.host.clone(),
            path: path.clone(),
            headers,
        }
    }

    /// As HTTP/1.1 writes it.
    pub(super) fn text(&self) -> String {
        let mut text = format!("GET {} HTTP/1.1\r\nHost: {}\r\n", self.path, self.host);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text + "User-Agent: kubectl-mtls\r\nConnection: close\r\n\r\n"
    }
}
