//! Whether a certificate would be accepted, and which check failed.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use webpki::{
    ALL_VERIFICATION_ALGS, BorrowedCertRevocationList, CertRevocationList, EndEntityCert, KeyUsage,
    RevocationOptionsBuilder, UnknownStatusPolicy, anchor_from_trusted_cert,
};

use crate::{Crl, Error, pem};

/// What a certificate is to be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// By a client.
    Client,
    /// By a server.
    Server,
}

/// Checks the first certificate of a PEM text, with those after it as intermediates, against CAs.
///
/// # Errors
/// Which check failed.
pub fn verify(
    chain_pem: &[u8],
    ca_pem: &[u8],
    crls: &[Crl],
    purpose: Purpose,
    at: i64,
) -> Result<(), Error> {
    let chain = certificates(chain_pem);
    let roots = certificates(ca_pem);
    let (leaf, intermediates) = chain
        .split_first()
        .ok_or_else(|| Error::NoCertificate(String::new()))?;
    let anchors: Result<Vec<TrustAnchor<'_>>, _> =
        roots.iter().map(anchor_from_trusted_cert).collect();
    let anchors = anchors.map_err(|error| refused(&error))?;
    if anchors.is_empty() {
        return Err(Error::Refused(
            "there is no CA certificate to verify it with".to_owned(),
        ));
    }
    let usage = match purpose {
        Purpose::Client => KeyUsage::client_auth(),
        Purpose::Server => KeyUsage::server_auth(),
    };
    let lists = lists(crls)?;
    let lists: Vec<_> = lists.iter().collect();
    let revocation = RevocationOptionsBuilder::new(&lists).ok();
    let revocation = revocation.map(|options| {
        options
            .with_status_policy(UnknownStatusPolicy::Allow)
            .build()
    });
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at).unwrap_or_default()));
    let leaf = EndEntityCert::try_from(leaf).map_err(|error| refused(&error))?;
    leaf.verify_for_usage(
        ALL_VERIFICATION_ALGS,
        &anchors,
        intermediates,
        at,
        usage,
        revocation,
        None,
    )
    .map(drop)
    .map_err(|error| refused(&error))
}

fn lists(crls: &[Crl]) -> Result<Vec<CertRevocationList<'static>>, Error> {
    let read = |crl: &Crl| {
        let der = pem::first(&crl.pem, "X509 CRL").unwrap_or_default();
        let der = CertificateRevocationListDer::from(der);
        let list = BorrowedCertRevocationList::from_der(&der)
            .and_then(|list| list.to_owned())
            .map_err(|error| refused(&error))?;
        Ok(CertRevocationList::from(list))
    };
    crls.iter().map(read).collect()
}

/// Every certificate of a PEM text in DER, or the text as one in DER.
fn certificates(text: &[u8]) -> Vec<CertificateDer<'static>> {
    let pem = String::from_utf8_lossy(text);
    let blocks = pem.match_indices("-----BEGIN CERTIFICATE-----");
    let found: Vec<_> = blocks
        .filter_map(|(at, _)| pem::first(&pem[at..], "CERTIFICATE"))
        .map(CertificateDer::from)
        .collect();
    match found.is_empty() && text.first() == Some(&0x30) {
        true => vec![CertificateDer::from(text.to_vec())],
        false => found,
    }
}

/// What the error means, in the words of those who have to mend it.
fn refused(error: &webpki::Error) -> Error {
    use webpki::Error as E;
    let text = match error {
        E::CertExpired { .. } => "it has expired".to_owned(),
        E::CertNotValidYet { .. } => "it is not valid yet".to_owned(),
        E::UnknownIssuer => "none of these CAs signed it".to_owned(),
        E::CertRevoked => "its CA has revoked it".to_owned(),
        E::InvalidSignatureForPublicKey => {
            "its signature was not made with the CA's key".to_owned()
        }
        E::UnsupportedCertVersion => "it is of X.509 version 1, not 3".to_owned(),
        E::RequiredEkuNotFoundContext(_) => {
            "its extended key usage does not allow this purpose".to_owned()
        }
        E::PathLenConstraintViolated => "a CA above it has too many CAs below".to_owned(),
        E::CaUsedAsEndEntity => "it is a CA's certificate, not a client's or server's".to_owned(),
        E::EndEntityUsedAsCa => "what signed it is no CA".to_owned(),
        E::NameConstraintViolation => "its CA may not speak for its names".to_owned(),
        E::CrlExpired { .. } => "the revocation list has expired".to_owned(),
        E::BadDer => "it is no X.509 certificate".to_owned(),
        other => other.to_string(),
    };
    Error::Refused(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::crl::{Revoked, next, unhex};
    use crate::{CaParams, DAY, LeafParams, create_intermediate, create_root, issue};

    const NOW: i64 = 1_790_000_000;

    #[test]
    fn purpose_time_and_revocation_count() {
        let mut above = CaParams::new("root", NOW + 900 * DAY);
        above.path_len = 1;
        let root = create_root(&above, NOW).unwrap();
        let ca = create_intermediate(&CaParams::new("edge", NOW + 900 * DAY), &root, NOW).unwrap();
        let issued = issue(&ca, &LeafParams::new("alice", NOW + DAY), NOW)
            .unwrap()
            .signed;
        let check = |crls: &[Crl], purpose, at| {
            let (chain, root) = (issued.chain_pem.as_bytes(), root.chain_pem().as_bytes());
            verify(chain, root, crls, purpose, at).map_err(|error| error.to_string())
        };
        assert_eq!(check(&[], Purpose::Client, NOW), Ok(()));
        let said = |result: Result<(), String>| result.unwrap_err();
        assert!(said(check(&[], Purpose::Server, NOW)).contains("purpose"));
        assert!(said(check(&[], Purpose::Client, NOW + 2 * DAY)).contains("expired"));
        let empty = next(&ca, None, &[], NOW, NOW + 9 * DAY).unwrap();
        assert_eq!(
            check(std::slice::from_ref(&empty), Purpose::Client, NOW),
            Ok(())
        );
        let revoked = Revoked {
            serial: unhex(&issued.certificate.serial).unwrap(),
            since: NOW,
        };
        let list = next(&ca, Some(&empty), &[revoked], NOW, NOW + 9 * DAY).unwrap();
        assert!(said(check(&[list], Purpose::Client, NOW)).contains("revoked"));
    }

    #[test]
    fn every_kind_of_key_is_good_for_its_purpose_alone() {
        let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for (name, key_type, _) in crate::KEY_TYPES {
            let mut params = CaParams::new("ca", now + 900 * DAY);
            params.key_type = *key_type;
            let ca = create_root(&params, now).unwrap();
            std::fs::write(path("ca.crt"), ca.chain_pem()).unwrap();
            for (profile, client, server) in [
                (crate::Profile::Client, true, false),
                (crate::Profile::Server, false, true),
                (crate::Profile::Both, true, true),
            ] {
                let mut leaf = LeafParams::new("a.example", now + DAY);
                (leaf.key_type, leaf.profile) = (*key_type, profile);
                let signed = issue(&ca, &leaf, now).unwrap().signed;
                std::fs::write(path("leaf.crt"), &signed.chain_pem).unwrap();
                for (purpose, word, expected) in [
                    (Purpose::Client, "sslclient", client),
                    (Purpose::Server, "sslserver", server),
                ] {
                    let (chain, root) = (signed.chain_pem.as_bytes(), ca.chain_pem().as_bytes());
                    let webpki = verify(chain, root, &[], purpose, now).is_ok();
                    let mut openssl = std::process::Command::new("openssl");
                    openssl.args(["verify", "-x509_strict", "-purpose", word, "-CAfile"]);
                    let output = openssl.args([path("ca.crt"), path("leaf.crt")]).output();
                    let openssl = output.unwrap().status.success();
                    assert_eq!(
                        (webpki, openssl),
                        (expected, expected),
                        "{name} {profile:?} {word}"
                    );
                }
            }
        }
    }

    #[test]
    fn junk_is_refused() {
        assert!(verify(b"", b"", &[], Purpose::Client, NOW).is_err());
        assert!(verify(b"\x30\x00", b"\x30\x00", &[], Purpose::Client, NOW).is_err());
    }
}
