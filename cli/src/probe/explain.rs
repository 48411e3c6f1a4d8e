//! What an alert or a status means for who called, and what to do about it.

use super::Outcome;

/// A refusal by the words that describe it, and what it means.
const MEANINGS: &[(&str, &str)] = &[
    (
        "certificate_required",
        "the gateway demands a client certificate, and got none",
    ),
    (
        "handshake_failure",
        "the gateway demands a client certificate and got none, or has no settings in common",
    ),
    (
        "unknown_ca",
        "the certificate is of a CA that the gateway does not trust here: compare with the trust Secret, `kubectl mtls describe host NAME`",
    ),
    (
        "certificate_expired",
        "the gateway takes the client certificate for expired, or not yet valid: `kubectl mtls inspect FILE`",
    ),
    (
        "certificate_revoked",
        "the client certificate is on the gateway's revocation list",
    ),
    (
        "unsupported_certificate",
        "the client certificate is not for clients: it needs the extended key usage clientAuth",
    ),
    (
        "bad_certificate",
        "the gateway does not accept the client certificate: its usage, its signature or its chain; `kubectl mtls verify FILE --ca-cert CA`",
    ),
    (
        "decrypt_error",
        "the signature of the handshake is wrong: the key is not that of the certificate",
    ),
    ("unrecognized_name", "the gateway serves no such host"),
    (
        "no certificate was sent",
        "the gateway demands a client certificate, and got none",
    ),
    (
        "certificate is not accepted",
        "the gateway does not accept the client certificate: its CA, its time or its depth; `kubectl mtls describe host NAME`",
    ),
    (
        "HTTP 421",
        "the name in TLS and in the Host header belong to different hosts of the gateway",
    ),
];

/// One line about an outcome that let nobody in; `None`: there is nothing to explain.
pub(crate) fn explain(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Refused(how) => {
            let meaning = MEANINGS.iter().find(|(words, _)| how.contains(words));
            let meaning = meaning.map_or("the gateway refuses this client", |(_, meaning)| meaning);
            Some(format!("{how}: {meaning}"))
        }
        Outcome::WrongServer(reason) => Some(format!(
            "the server's own certificate is not trusted ({reason}): name its CA with --server-ca"
        )),
        Outcome::Inconclusive(why) => Some(format!("nobody says why: {why}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_explained_and_answers_are_not() {
        let said = |how: &str| explain(&Outcome::Refused(how.to_owned())).unwrap_or_default();
        assert!(said("alert unknown_ca").contains("a CA that the gateway does not trust"));
        assert!(said("alert certificate_required").contains("got none"));
        assert!(said("HTTP 400, no certificate was sent").contains("got none"));
        assert!(said("alert access_denied").contains("refuses this client"));
        assert_eq!(explain(&Outcome::Accepted(200)), None);
        let wrong = explain(&Outcome::WrongServer("UnknownIssuer".to_owned()));
        assert!(wrong.is_some_and(|said| said.contains("--server-ca")));
    }
}
