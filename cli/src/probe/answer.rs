//! What an answer, an alert or an error says: who refused, and whether anybody did.

use rustls::AlertDescription;

use super::{Outcome, Version};

/// Head and body are there, as far as their length is said.
pub(super) fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let head = head.to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: Option<usize> = length.and_then(|length| length.trim().parse().ok());
    length.is_some_and(|length| body.len() >= length)
}

/// The connection ended and nothing was said.
pub(super) fn closed() -> Outcome {
    Outcome::Inconclusive("the connection is closed without a word".to_owned())
}

/// What an answer of HTTP/1 says.
pub(super) fn answered(answer: &[u8]) -> Outcome {
    let text = String::from_utf8_lossy(answer);
    let status = text
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5)?.parse().ok());
    let Some(status) = status else {
        return Outcome::Inconclusive("the answer is no HTTP".to_owned());
    };
    let redirects = text.to_lowercase().contains("location: https://");
    of_status(status, redirects, &text)
}

/// What a status says: nginx refuses with a status and a sentence (`ngx_http_special_response.c`),
/// others with 403.
pub(super) fn of_status(status: u16, to_https: bool, text: &str) -> Outcome {
    let says = |words: &str| text.contains(words);
    match status {
        400 if says("No required SSL certificate was sent") => {
            Outcome::Refused("HTTP 400, no certificate was sent".to_owned())
        }
        400 if says("The SSL certificate error") => {
            Outcome::Refused("HTTP 400, the certificate is not accepted".to_owned())
        }
        401 | 403 | 421 | 495 | 496 => Outcome::Refused(format!("HTTP {status}")),
        301 | 302 | 307 | 308 if to_https => Outcome::Redirected(status),
        500..=599 => Outcome::Inconclusive(format!("HTTP {status}")),
        _ => Outcome::Accepted(status),
    }
}

/// What an error of the connection says.
pub(super) fn failed(error: &std::io::Error, version: Version) -> Outcome {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::AlertReceived(alert)) => alerted(*alert, version),
        Some(rustls::Error::InvalidCertificate(reason)) => Outcome::WrongServer(reason.to_string()),
        Some(rustls::Error::General(reason)) => Outcome::WrongServer(reason.clone()),
        Some(other) => Outcome::Inconclusive(other.to_string()),
        None => Outcome::Inconclusive(error.to_string()),
    }
}

/// An alert about certificates is a refusal (RFC 8446 section 6.2); `handshake_failure` is one in
/// TLS 1.2, where there is no `certificate_required`.
fn alerted(alert: AlertDescription, version: Version) -> Outcome {
    use AlertDescription as A;
    match alert {
        A::ProtocolVersion => Outcome::NotOffered("this version of TLS"),
        A::NoApplicationProtocol => Outcome::NotOffered("HTTP/2"),
        A::CertificateRequired
        | A::UnknownCA
        | A::BadCertificate
        | A::CertificateExpired
        | A::CertificateRevoked
        | A::CertificateUnknown
        | A::UnsupportedCertificate
        | A::NoCertificate
        | A::AccessDenied
        | A::DecryptError
        | A::UnrecognisedName => Outcome::Refused(format!("alert {}", snake(alert))),
        A::HandshakeFailure if version == Version::Tls12 => {
            Outcome::Refused("alert handshake_failure".to_owned())
        }
        other => Outcome::Inconclusive(format!("alert {}", snake(other))),
    }
}

/// `certificate_required`, as RFC 8446 writes it.
fn snake(alert: AlertDescription) -> String {
    let mut name = String::new();
    let debug = format!("{alert:?}")
        .replace("CA", "Ca")
        .replace("Unrecognised", "Unrecognized");
    for char in debug.chars() {
        if char.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(char.to_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let says = |text: &str| answered(text.as_bytes());
        assert_eq!(says("HTTP/1.1 200 OK\r\n\r\n"), Outcome::Accepted(200));
        assert_eq!(
            says("HTTP/1.1 404 Not Found\r\n\r\n"),
            Outcome::Accepted(404)
        );
        assert_eq!(
            says("HTTP/1.1 400 Bad Request\r\n\r\nmissing q"),
            Outcome::Accepted(400)
        );
        let nginx = "HTTP/1.1 400 Bad Request\r\n\r\n<center>No required SSL certificate was sent";
        assert!(matches!(says(nginx), Outcome::Refused(_)));
        assert!(matches!(
            says("HTTP/1.1 403 Forbidden\r\n\r\n"),
            Outcome::Refused(_)
        ));
        assert!(matches!(
            says("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
            Outcome::Inconclusive(_)
        ));
        let moved = "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://a/\r\n\r\n";
        assert_eq!(says(moved), Outcome::Redirected(308));
        let elsewhere = "HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n";
        assert_eq!(says(elsewhere), Outcome::Accepted(302));
        assert!(matches!(says("SSH-2.0"), Outcome::Inconclusive(_)));
    }

    #[test]
    fn alerts_are_told_apart() {
        let refused = |name: &str| Outcome::Refused(format!("alert {name}"));
        let said = alerted(AlertDescription::UnknownCA, Version::Tls13);
        assert_eq!(said, refused("unknown_ca"));
        let said = alerted(AlertDescription::CertificateRequired, Version::Tls13);
        assert_eq!(said, refused("certificate_required"));
        let said = alerted(AlertDescription::HandshakeFailure, Version::Tls12);
        assert_eq!(said, refused("handshake_failure"));
        let said = alerted(AlertDescription::HandshakeFailure, Version::Tls13);
        assert!(matches!(said, Outcome::Inconclusive(_)));
        let said = alerted(AlertDescription::InternalError, Version::Tls12);
        assert!(matches!(said, Outcome::Inconclusive(_)));
    }
}
