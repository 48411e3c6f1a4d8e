//! The Secret of the CA: `tls.*` signs, `next.*` signs once it is trusted everywhere, and
//! `previous.crt` is trusted until `previous.until`. Here alone it is read and changed.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use pki::{Authority, CaParams};

use super::authority::Ca;
use super::decide::{Held, Stored};

/// The data of the Secret.
pub(crate) type Data = BTreeMap<String, ByteString>;

const CURRENT: (&str, &str) = ("tls.crt", "tls.key");
const NEXT: (&str, &str) = ("next.crt", "next.key");
const PREVIOUS: &str = "previous.crt";
const UNTIL: &str = "previous.until";
/// Of somebody else's caBundle no more is taken over.
const MOST: usize = 16;

/// What the Secret says.
pub(crate) fn read(data: &Data, now: i64) -> Stored {
    let current = match authority(data, CURRENT, now) {
        Ok(ca) => described(&ca),
        Err(reason) => return Stored::Useless(reason),
    };
    let Some(current) = current else {
        return Stored::Useless("tls.crt cannot be read".to_owned());
    };
    let previous = Ca::all(text(data, PREVIOUS));
    let until = std::str::from_utf8(text(data, UNTIL)).ok();
    Stored::Held(Held {
        current,
        next: authority(data, NEXT, now).ok().as_ref().and_then(described),
        previous,
        // Where somebody wrote something else, each is trusted as long as it lives.
        until: until
            .and_then(|until| until.parse().ok())
            .unwrap_or(i64::MAX),
    })
}

/// The CA that signs.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn signer(data: &Data, now: i64) -> Result<Authority, String> {
    authority(data, CURRENT, now)
}

/// A new Secret, or a new CA in a useless one.
///
/// # Errors
/// When no CA can be made.
pub(crate) fn begun(
    previous: &[Ca],
    validity: i64,
    until: i64,
    now: i64,
) -> Result<Data, pki::Error> {
    let mut data = Data::new();
    put(&mut data, CURRENT, &made(validity, now)?);
    remember(&mut data, previous, until);
    Ok(data)
}

/// With a CA that signs next.
///
/// # Errors
/// When no CA can be made.
pub(crate) fn with_next(mut data: Data, validity: i64, now: i64) -> Result<Data, pki::Error> {
    put(&mut data, NEXT, &made(validity, now)?);
    Ok(data)
}

/// With the next CA in the place of the current one, whose key goes.
pub(crate) fn promoted(mut data: Data, until: i64, now: i64) -> Data {
    let mut previous = Ca::all(text(&data, CURRENT.0));
    // Of a chain only the CA that signed.
    previous.truncate(1);
    previous.extend(Ca::all(text(&data, PREVIOUS)));
    previous.retain(|ca| ca.ends > now);
    for (to, from) in [(CURRENT.0, NEXT.0), (CURRENT.1, NEXT.1)] {
        if let Some(value) = data.remove(from) {
            data.insert(to.to_owned(), value);
        }
    }
    remember(&mut data, &previous, until);
    data
}

/// Without the previous CAs.
pub(crate) fn pruned(mut data: Data) -> Data {
    data.remove(PREVIOUS);
    data.remove(UNTIL);
    data
}

fn made(validity: i64, now: i64) -> Result<Authority, pki::Error> {
    pki::create_root(&CaParams::new("mtls-webhook CA", now + validity), now)
}

fn put(data: &mut Data, (crt, key): (&str, &str), ca: &Authority) {
    data.insert(crt.to_owned(), ByteString(ca.chain_pem().into()));
    data.insert(key.to_owned(), ByteString(ca.key_pem().as_bytes().to_vec()));
}

fn remember(data: &mut Data, previous: &[Ca], until: i64) {
    let pem: String = previous
        .iter()
        .take(MOST)
        .map(|ca| ca.pem.as_str())
        .collect();
    if pem.is_empty() {
        return;
    }
    data.insert(PREVIOUS.to_owned(), ByteString(pem.into_bytes()));
    data.insert(UNTIL.to_owned(), ByteString(until.to_string().into_bytes()));
}

fn described(ca: &Authority) -> Option<Ca> {
    Ca::all(ca.certificate_pem().as_bytes()).into_iter().next()
}

fn authority(data: &Data, (crt, key): (&str, &str), now: i64) -> Result<Authority, String> {
    let loaded = Authority::load(text(data, crt), text(data, key), None, now);
    loaded.map_err(|error| format!("{crt}, {key}: {error}"))
}

fn text<'a>(data: &'a Data, key: &str) -> &'a [u8] {
    data.get(key)
        .map(|value| value.0.as_slice())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: i64 = 1_790_000_000;
    const YEAR: i64 = 365 * pki::DAY;

    fn held(data: &Data, now: i64) -> Held {
        match read(data, now) {
            Stored::Held(held) => held,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rotation_keeps_what_is_trusted_and_drops_the_old_key() {
        let data = begun(&[], YEAR, NOW, NOW).unwrap();
        let first = held(&data, NOW);
        assert_eq!((&first.next, first.previous.len()), (&None, 0));
        assert_eq!(
            (first.current.begins, first.current.ends),
            (NOW, NOW + YEAR)
        );
        let data = with_next(data, YEAR, NOW + 10).unwrap();
        let second = held(&data, NOW + 10);
        let next = second.next.unwrap();
        assert_eq!(second.current, first.current);
        let old_key = data["tls.key"].clone();
        let data = promoted(data, NOW + 100, NOW + 20);
        let third = held(&data, NOW + 20);
        assert_eq!(third.current, next);
        assert_eq!((third.next.clone(), third.until), (None, NOW + 100));
        assert_eq!(third.previous, std::slice::from_ref(&first.current));
        assert!(!data.values().any(|value| *value == old_key));
        assert_eq!(third.trusted(NOW + 99).len(), 2);
        assert_eq!(third.trusted(NOW + 100), [&next]);
        assert_eq!(pruned(data).len(), 2);
    }

    #[test]
    fn what_cannot_sign_is_useless_and_no_key_is_told() {
        let data = begun(&[], YEAR, NOW, NOW).unwrap();
        let other = begun(&[], YEAR, NOW, NOW).unwrap();
        let with = |key: &str, value: &ByteString| {
            let mut data = data.clone();
            data.insert(key.to_owned(), value.clone());
            read(&data, NOW)
        };
        let junk = ByteString(b"junk".to_vec());
        for stored in [
            with("tls.crt", &junk),
            with("tls.key", &junk),
            with("tls.key", &other["tls.key"]),
            read(&Data::new(), NOW),
            read(&data, NOW + YEAR + 1),
        ] {
            let Stored::Useless(reason) = stored else {
                panic!("{stored:?}");
            };
            assert!(
                reason.starts_with("tls.crt") && !reason.contains("PRIVATE"),
                "{reason}"
            );
        }
        assert!(matches!(
            with("next.crt", &junk),
            Stored::Held(Held { next: None, .. })
        ));
        assert!(matches!(
            with("previous.until", &junk),
            Stored::Held(Held {
                until: i64::MAX,
                ..
            })
        ));
    }

    #[test]
    fn of_a_large_bundle_little_is_taken_over() {
        let many: Vec<_> = (0..40)
            .map(|_| held(&begun(&[], YEAR, NOW, NOW).unwrap(), NOW).current)
            .collect();
        let data = begun(&many, YEAR, NOW + 5, NOW).unwrap();
        assert_eq!(held(&data, NOW).previous.len(), MOST);
    }
}
