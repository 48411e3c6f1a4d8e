//! Certificates that ought to be refused, each wrong in one way, and what each kind of verifier
//! makes of it.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, PublicKeyData as _, SigningKey as _};

use crate::authority::described;
use crate::create::create_below;
use crate::der::{element, elements, sequence, split};
use crate::leaf::leaf;
use crate::{
    Authority, CA_LIFETIME, CaParams, DAY, Error, Issued, KeyType, LEAF_LIFETIME, LeafParams,
    PrivateKey, Signed, create_root, issue, pem,
};

/// Code that judges certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verifier {
    /// OpenSSL, as in nginx and HAProxy.
    OpenSsl,
    /// Go's crypto/x509, as in Traefik.
    Go,
    /// BoringSSL, as in Envoy.
    BoringSsl,
    /// webpki, as in rustls.
    Webpki,
}

/// Every verifier with its name in files.
pub const VERIFIERS: [(Verifier, &str); 4] = [
    (Verifier::OpenSsl, "openssl"),
    (Verifier::Go, "go"),
    (Verifier::BoringSsl, "boringssl"),
    (Verifier::Webpki, "webpki"),
];

/// A way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Nothing is wrong: the control.
    Good,
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// Another CA signed it.
    OtherCa,
    /// Another CA with the same name signed it.
    SameNameCa,
    /// Its extended key usage names servers only.
    ServerOnly,
    /// It has no extended key usage.
    NoEku,
    /// It is of X.509 version 1 and has no extensions.
    V1,
    /// A CA of path length 0 signed the CA that signed it.
    TooDeep,
    /// One bit of its signature is wrong.
    BadSignature,
    /// Its CA has revoked it.
    Revoked,
}

/// A case, its name, what it shows, and who lets it in.
pub struct CaseRow {
    /// The case.
    pub case: Case,
    /// Its name in commands and files.
    pub id: &'static str,
    /// One sentence.
    pub text: &'static str,
    /// Who accepts it as a client's certificate.
    pub accepted_by: &'static [Verifier],
}

const EVERYBODY: &[Verifier] = &[
    Verifier::OpenSsl,
    Verifier::Go,
    Verifier::BoringSsl,
    Verifier::Webpki,
];

/// Every case. A certificate that is revoked is refused only where a CRL is read.
pub static CASES: &[CaseRow] = &[
    row(
        Case::Good,
        "good",
        "a client certificate of the CA",
        EVERYBODY,
    ),
    row(Case::Expired, "expired", "it ended yesterday", &[]),
    row(
        Case::NotYetValid,
        "not-yet-valid",
        "it begins tomorrow",
        &[],
    ),
    row(Case::OtherCa, "other-ca", "another CA signed it", &[]),
    row(
        Case::SameNameCa,
        "same-name-ca",
        "a CA with the same subject and another key signed it",
        &[],
    ),
    row(
        Case::ServerOnly,
        "server-only",
        "its extended key usage is serverAuth alone",
        &[],
    ),
    row(
        Case::NoEku,
        "no-eku",
        "it has no extended key usage, which allows every purpose",
        EVERYBODY,
    ),
    row(
        Case::V1,
        "v1",
        "it is of X.509 version 1, as `openssl x509 -req` without extensions makes it",
        &[Verifier::OpenSsl, Verifier::Go, Verifier::BoringSsl],
    ),
    row(
        Case::TooDeep,
        "too-deep",
        "a CA below a CA of path length 0 signed it",
        &[],
    ),
    row(
        Case::BadSignature,
        "bad-signature",
        "one bit of its signature is wrong",
        &[],
    ),
    row(
        Case::Revoked,
        "revoked",
        "it is on the CA's revocation list; who reads none lets it in",
        EVERYBODY,
    ),
];

const fn row(
    case: Case,
    id: &'static str,
    text: &'static str,
    accepted_by: &'static [Verifier],
) -> CaseRow {
    CaseRow {
        case,
        id,
        text,
        accepted_by,
    }
}

impl Case {
    /// The case of a name, as `expired`.
    ///
    /// # Errors
    /// When there is none, with those that there are.
    pub fn parse(id: &str) -> Result<Self, Error> {
        let row = CASES.iter().find(|row| row.id == id);
        row.map(|row| row.case).ok_or_else(|| {
            let known: Vec<_> = CASES.iter().map(|row| row.id).collect();
            Error::BadCase(id.to_owned(), known.join(", "))
        })
    }
}

/// Makes the certificate of a case. One that is to be revoked still has to be.
///
/// # Errors
/// When the CA cannot sign it.
pub fn issue_case(ca: &Authority, case: Case, name: &str, now: i64) -> Result<Issued, Error> {
    let params = LeafParams::new(name, now + LEAF_LIFETIME);
    match case {
        Case::Good | Case::Revoked => issue(ca, &params, now),
        Case::Expired => changed(ca, &params, now, |leaf| {
            leaf.not_before -= time::Duration::days(2);
            leaf.not_after = leaf.not_before + time::Duration::days(1);
        }),
        Case::NotYetValid => changed(ca, &params, now, |leaf| {
            leaf.not_before += time::Duration::days(1);
        }),
        Case::NoEku => changed(ca, &params, now, |leaf| leaf.extended_key_usages.clear()),
        Case::ServerOnly => changed(ca, &params, now, |leaf| {
            leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }),
        Case::OtherCa => {
            let other = CaParams::new("a stranger", now + CA_LIFETIME);
            issue(&create_root(&other, now)?, &params, now)
        }
        Case::SameNameCa => impostor(ca, &params, now),
        Case::TooDeep => too_deep(ca, &params, now),
        Case::V1 => v1(ca, &params, now),
        Case::BadSignature => {
            let mut issued = issue(ca, &params, now)?;
            let mut der = leaf_der(&issued)?;
            if let Some(last) = der.last_mut() {
                *last ^= 1;
            }
            put(&mut issued, ca, &der)?;
            Ok(issued)
        }
    }
}

/// An ordinary certificate with one thing changed before it is signed.
fn changed(
    ca: &Authority,
    params: &LeafParams,
    now: i64,
    change: impl Fn(&mut CertificateParams),
) -> Result<Issued, Error> {
    let not_after = params.not_after.min(ca.certificate().not_after);
    let mut certificate = leaf(params, not_after.max(now + 2 * DAY), now)?;
    change(&mut certificate);
    let key = PrivateKey::generate(KeyType::default())?;
    let signed = certificate
        .signed_by(&key.0, &ca.issuer()?)
        .map_err(Error::library)?;
    Ok(Issued {
        signed: Signed {
            chain_pem: format!("{}{}", signed.pem(), ca.intermediates_pem()),
            certificate_pem: signed.pem(),
            certificate: described(signed.der())?,
            clamped: false,
        },
        key,
    })
}

/// The same CA certificate with another key in it, self-signed.
fn impostor(ca: &Authority, params: &LeafParams, now: i64) -> Result<Issued, Error> {
    let key = PrivateKey::generate(KeyType::default())?;
    let own = ca.der()?;
    let mut fields = tbs_fields(&own)?;
    // Version, serial, algorithm, issuer, validity, subject, key: the impostor signs itself.
    let algorithm = algorithm_of(&key, now)?;
    if fields.len() < 7 {
        return Err(Error::BadRequest(
            "the CA's certificate is too short".to_owned(),
        ));
    }
    fields[2] = algorithm.clone();
    fields[3] = fields[5].clone();
    fields[6] = key.0.subject_public_key_info();
    let der = sign_tbs(&sequence(&fields), &algorithm, &key)?;
    let impostor = Authority::of(pem::block("CERTIFICATE", &der), &der, key)?;
    issue(&impostor, params, now)
}

/// Two CAs between: the upper one has path length 0 at least, so the lower one is one too many.
fn too_deep(ca: &Authority, params: &LeafParams, now: i64) -> Result<Issued, Error> {
    let end = ca.certificate().not_after;
    let upper = create_below(&CaParams::new("too deep 1", end), ca, now)?;
    let lower = create_below(&CaParams::new("too deep 2", end), &upper, now)?;
    issue(&lower, params, now)
}

/// The same without version and extensions: rcgen writes only version 3.
fn v1(ca: &Authority, params: &LeafParams, now: i64) -> Result<Issued, Error> {
    let mut issued = issue(ca, params, now)?;
    let der = leaf_der(&issued)?;
    let fields = tbs_fields(&der)?.into_iter().filter(|field| {
        // [0] version and [3] extensions.
        !split(field).is_some_and(|field| matches!(field.tag, 0xa0 | 0xa3))
    });
    let fields: Vec<_> = fields.collect();
    let algorithm = fields.get(1).cloned().unwrap_or_default();
    let der = sign_tbs(&sequence(&fields), &algorithm, ca.key())?;
    put(&mut issued, ca, &der)?;
    Ok(issued)
}

fn leaf_der(issued: &Issued) -> Result<Vec<u8>, Error> {
    let der = pem::first(&issued.signed.certificate_pem, "CERTIFICATE");
    der.ok_or_else(|| Error::NoCertificate(String::new()))
}

/// Puts another certificate in the place of the one that was issued.
fn put(issued: &mut Issued, ca: &Authority, der: &[u8]) -> Result<(), Error> {
    let text = pem::block("CERTIFICATE", der);
    issued.signed.chain_pem = format!("{text}{}", ca.intermediates_pem());
    issued.signed.certificate_pem = text;
    issued.signed.certificate = described(der)?;
    Ok(())
}

/// The fields of what is signed in a certificate (RFC 5280 section 4.1).
fn tbs_fields(der: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let tbs = split(der).and_then(|certificate| split(certificate.content));
    let tbs = tbs.ok_or_else(|| Error::NoCertificate(String::new()))?;
    let fields = elements(tbs.content);
    Ok(fields.iter().map(|field| field.whole.to_vec()).collect())
}

fn sign_tbs(tbs: &[u8], algorithm: &[u8], key: &PrivateKey) -> Result<Vec<u8>, Error> {
    let signature = key.0.sign(tbs).map_err(Error::library)?;
    // No unused bits.
    let bits = element(3, &[&[0], signature.as_slice()].concat());
    Ok(sequence(&[tbs, algorithm, &bits]))
}

/// The identifier of the algorithm with which a key signs, as rcgen writes it.
fn algorithm_of(key: &PrivateKey, now: i64) -> Result<Vec<u8>, Error> {
    let params = leaf(&LeafParams::new("any", now + DAY), now + DAY, now)?;
    let signed = params.self_signed(&key.0).map_err(Error::library)?;
    let fields = tbs_fields(signed.der())?;
    fields
        .get(2)
        .cloned()
        .ok_or_else(|| Error::NoCertificate(String::new()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::verify::{Purpose, verify};

    fn now() -> i64 {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap();
        i64::try_from(since.as_secs()).unwrap()
    }

    fn authorities() -> Vec<Authority> {
        let root = |key_type| {
            let mut params = CaParams::new("partners", now() + CA_LIFETIME);
            params.key_type = key_type;
            params.path_len = 1;
            create_root(&params, now()).unwrap()
        };
        let above = root(KeyType::EcdsaP384);
        let below = CaParams::new("edge", now() + CA_LIFETIME);
        let edge = crate::create_intermediate(&below, &above, now()).unwrap();
        vec![
            root(KeyType::EcdsaP256),
            root(KeyType::Rsa2048),
            root(KeyType::Ed25519),
            edge,
        ]
    }

    #[test]
    fn webpki_judges_as_the_table_says() {
        for ca in authorities() {
            for row in CASES {
                let issued = issue_case(&ca, row.case, "client", now()).unwrap();
                let chain = issued.signed.chain_pem.as_bytes();
                let judged = verify(chain, ca.root_pem().as_bytes(), &[], Purpose::Client, now());
                let expected = row.accepted_by.contains(&Verifier::Webpki);
                assert_eq!(judged.is_ok(), expected, "{}: {:?}", row.id, judged.err());
            }
        }
    }

    #[test]
    fn openssl_judges_as_the_table_says() {
        for ca in authorities() {
            let folder = tempfile::tempdir().unwrap();
            let file = |name: &str| folder.path().join(name);
            std::fs::write(file("ca.crt"), ca.root_pem()).unwrap();
            for row in CASES {
                let issued = issue_case(&ca, row.case, "client", now()).unwrap();
                std::fs::write(file("leaf.crt"), &issued.signed.certificate_pem).unwrap();
                std::fs::write(file("chain.crt"), &issued.signed.chain_pem).unwrap();
                let output = std::process::Command::new("openssl")
                    .args(["verify", "-purpose", "sslclient", "-CAfile"])
                    .arg(file("ca.crt"))
                    .arg("-untrusted")
                    .args([file("chain.crt"), file("leaf.crt")])
                    .output()
                    .unwrap();
                let expected = row.accepted_by.contains(&Verifier::OpenSsl);
                assert_eq!(output.status.success(), expected, "{}: {output:?}", row.id);
            }
        }
    }

    #[test]
    fn names_are_told() {
        assert_eq!(Case::parse("v1").unwrap(), Case::V1);
        assert!(
            Case::parse("v2")
                .unwrap_err()
                .to_string()
                .contains("expired")
        );
    }
}
