//! What was found, as JSON and as text.

use serde_json::{Value, json};
use x509::{Certificate, Usage};

use super::read::{Handshake, Item};
use crate::validity::time;

const DAY: i64 = 24 * 3600;

/// For programs.
pub(super) fn json(place: &str, item: &Item, now: i64) -> Value {
    let mut value = match item {
        Item::Certificate(certificate) => certificate_json(certificate, now),
        Item::Crl(list) => json!({"type": "crl", "issuer": list.issuer, "number": list.number,
            "thisUpdate": time(list.this_update), "nextUpdate": time(list.next_update),
            "expired": !list.is_current(now),
            "revoked": list.revoked.iter().map(|one| json!({"serial": hex(&one.serial),
                "since": time(one.since)})).collect::<Vec<_>>()}),
        Item::Key(Some((kind, spki))) => json!({"type": "privateKey", "key": kind.to_string(),
            "encrypted": false, "spkiSha256": hex(spki)}),
        Item::Key(None) => json!({"type": "privateKey", "encrypted": true}),
        Item::Request(request) => json!({"type": "request", "subject": request.subject.to_string(),
            "sans": request.sans.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "alsoAsksFor": request.ignored}),
        Item::Handshake(handshake) => json!({"type": "handshake", "version": handshake.version,
            "asksForClientCertificate": handshake.asks,
            "acceptableCas": handshake.acceptable,
            "withoutCertificate": handshake.without}),
        Item::Unreadable(reason) => json!({"type": "unreadable", "reason": reason}),
    };
    value["place"] = place.into();
    value
}

fn certificate_json(certificate: &Certificate, now: i64) -> Value {
    json!({"type": "certificate", "subject": certificate.subject, "issuer": certificate.issuer,
        "serial": certificate.serial, "version": certificate.version,
        "notBefore": time(certificate.not_before), "notAfter": time(certificate.not_after),
        "expired": certificate.expired(now), "isCa": certificate.is_ca,
        "pathLength": certificate.path_len, "key": certificate.key.to_string(),
        "keyUsages": certificate.key_usages, "extendedKeyUsages": certificate.extended_usages,
        "sans": certificate.sans, "nameConstraints": certificate.name_constraints,
        "subjectKeyId": certificate.subject_key_id,
        "authorityKeyId": certificate.authority_key_id,
        "sha256": certificate.fingerprint_hex(), "sha1": certificate.sha1_hex()})
}

/// For people.
pub(super) fn text(place: &str, item: &Item, now: i64) -> String {
    let lines = match item {
        Item::Certificate(certificate) => certificate_lines(certificate, now),
        Item::Crl(list) => {
            let mut lines = vec![
                line("Revocation list of", &list.issuer),
                line("Number", &list.number.to_string()),
                line("Made", &time(list.this_update)),
                line("Next update", &until(list.next_update, now)),
            ];
            let revoked = list.revoked.iter();
            lines.extend(revoked.map(|one| {
                line(
                    "Revoked",
                    &format!("{} since {}", hex(&one.serial), time(one.since)),
                )
            }));
            lines
        }
        Item::Key(Some((kind, spki))) => vec![
            line("Private key", &kind.to_string()),
            line("Public key SHA-256", &hex(spki)),
        ],
        Item::Key(None) => vec![line("Private key", "encrypted; --password-file opens it")],
        Item::Request(request) => {
            let mut lines = vec![line("Request of", &request.subject.to_string())];
            lines.extend(
                request
                    .sans
                    .iter()
                    .map(|san| line("Alternative name", &san.to_string())),
            );
            lines.extend(
                request
                    .ignored
                    .iter()
                    .map(|other| line("Also asks for", other)),
            );
            lines
        }
        Item::Handshake(handshake) => handshake_lines(handshake),
        Item::Unreadable(reason) => vec![line("Cannot be read", reason)],
    };
    format!("{place}\n{}", lines.concat())
}

fn certificate_lines(certificate: &Certificate, now: i64) -> Vec<String> {
    let mut lines = vec![
        line("Subject", &certificate.subject),
        line("Issuer", &certificate.issuer),
        line("Serial", &certificate.serial),
        line("Not before", &time(certificate.not_before)),
        line("Not after", &until(certificate.not_after, now)),
        line("Key", &certificate.key.to_string()),
        line("For", &purposes(certificate)),
    ];
    lines.extend(
        certificate
            .sans
            .iter()
            .map(|san| line("Alternative name", san)),
    );
    let constraints = certificate.name_constraints.iter();
    lines.extend(constraints.map(|one| line("Name constraint", one)));
    if certificate.version < 3 {
        lines.push(line(
            "Version",
            &format!("{}: rustls refuses it", certificate.version),
        ));
    }
    lines.push(line("SHA-256", &certificate.fingerprint_hex()));
    lines.push(line("SHA-1", &certificate.sha1_hex()));
    lines
}

fn purposes(certificate: &Certificate) -> String {
    if certificate.is_ca {
        let below = match certificate.path_len {
            Some(0) => "signs certificates, and no CA below it".to_owned(),
            Some(count) => format!("signs certificates and up to {count} CAs in a row below it"),
            None => "signs certificates and any CAs below it".to_owned(),
        };
        let usable = if certificate.can_sign {
            ""
        } else {
            ", but its keyUsage lacks keyCertSign"
        };
        return format!("a CA: {below}{usable}");
    }
    match (certificate.client_auth, certificate.server_auth) {
        (Usage::Unrestricted, _) => {
            "every purpose, because no extended key usage is named".to_owned()
        }
        (Usage::Allowed, Usage::Allowed) => "clients and servers".to_owned(),
        (Usage::Allowed, _) => "clients".to_owned(),
        (_, Usage::Allowed) => "servers".to_owned(),
        _ => certificate.extended_usages.join(", "),
    }
}

fn handshake_lines(handshake: &Handshake) -> Vec<String> {
    let asks = if handshake.asks { "yes" } else { "no" };
    let mut lines = vec![
        line("TLS", &handshake.version),
        line("Asks for a certificate", asks),
        line("Without one", &handshake.without),
    ];
    let acceptable = handshake.acceptable.iter();
    lines.extend(acceptable.map(|ca| line("Of the CA", ca)));
    lines
}

fn line(label: &str, text: &str) -> String {
    format!("  {:<23}{text}\n", format!("{label}:"))
}

fn until(end: i64, now: i64) -> String {
    let days = (end - now).abs() / DAY;
    match end < now {
        true => format!("{} (expired {days} days ago)", time(end)),
        false => format!("{} (in {days} days)", time(end)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
