//! Client and server certificates.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, PublicKeyData};

use crate::authority::described;
use crate::create::base;
use crate::{Authority, Error, KeyType, PrivateKey, Request, San, Subject, constraint};

/// What a certificate is for (RFC 5280 section 4.2.1.12). A certificate for both could log in as
/// a client with a server's key, so it must be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// clientAuth and serverAuth.
    Both,
    /// clientAuth only.
    #[default]
    Client,
    /// serverAuth only.
    Server,
}

/// What a new certificate is to be.
pub struct LeafParams {
    /// Its subject.
    pub subject: Subject,
    /// What it is for.
    pub profile: Profile,
    /// Subject alternative names.
    pub sans: Vec<San>,
    /// When it ends, Unix seconds; never after its CA.
    pub not_after: i64,
    /// Its key.
    pub key_type: KeyType,
}

impl LeafParams {
    /// A client certificate with a P-256 key.
    pub fn new(name: &str, not_after: i64) -> Self {
        Self {
            subject: Subject::common_name(name),
            profile: Profile::default(),
            sans: Vec::new(),
            not_after,
            key_type: KeyType::default(),
        }
    }
}

/// A new certificate.
pub struct Signed {
    /// The certificate alone, in PEM.
    pub certificate_pem: String,
    /// The certificate and the intermediate CAs, in PEM, without the root.
    pub chain_pem: String,
    /// The certificate, described.
    pub certificate: x509::Certificate,
    /// Whether its life was cut to that of the CA.
    pub clamped: bool,
}

/// A new certificate with its key.
pub struct Issued {
    /// The certificate.
    pub signed: Signed,
    /// Its key.
    pub key: PrivateKey,
}

/// Makes a key and a certificate for it.
///
/// # Errors
/// When a name cannot be put into a certificate, or a server certificate names no host.
pub fn issue(ca: &Authority, params: &LeafParams, now: i64) -> Result<Issued, Error> {
    let key = PrivateKey::generate(params.key_type)?;
    let signed = sign(ca, &key.0, params, now)?;
    Ok(Issued { signed, key })
}

/// Makes a certificate for the key of a request; its names count, and nothing else of it.
///
/// # Errors
/// As [`issue`].
pub fn sign_request(
    ca: &Authority,
    request: &Request,
    params: &LeafParams,
    now: i64,
) -> Result<Signed, Error> {
    sign(ca, &request.key, params, now)
}

fn sign(
    ca: &Authority,
    key: &impl PublicKeyData,
    params: &LeafParams,
    now: i64,
) -> Result<Signed, Error> {
    let not_after = params.not_after.min(ca.certificate().not_after);
    constraint::check(ca.certificate(), &sans(params)?)?;
    let certificate = leaf(params, not_after, now)?;
    let signed = certificate
        .signed_by(key, &ca.issuer()?)
        .map_err(Error::library)?;
    ca.check_issuer(signed.der())?;
    Ok(Signed {
        chain_pem: format!("{}{}", signed.pem(), ca.intermediates_pem()),
        certificate_pem: signed.pem(),
        certificate: described(signed.der())?,
        clamped: not_after < params.not_after,
    })
}

/// What is to be signed.
pub(crate) fn leaf(
    params: &LeafParams,
    not_after: i64,
    now: i64,
) -> Result<CertificateParams, Error> {
    let mut certificate = base(&params.subject, now, not_after)?;
    certificate.is_ca = IsCa::ExplicitNoCa;
    certificate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    certificate.extended_key_usages = purposes(params.profile);
    let sans = sans(params)?;
    certificate.subject_alt_names = sans.iter().map(San::to_rcgen).collect::<Result<_, _>>()?;
    Ok(certificate)
}

fn purposes(profile: Profile) -> Vec<ExtendedKeyUsagePurpose> {
    let (client, server) = (
        ExtendedKeyUsagePurpose::ClientAuth,
        ExtendedKeyUsagePurpose::ServerAuth,
    );
    match profile {
        Profile::Both => vec![client, server],
        Profile::Client => vec![client],
        Profile::Server => vec![server],
    }
}

/// A server is known by its alternative names alone (RFC 9525): its name becomes one if it can.
fn sans(params: &LeafParams) -> Result<Vec<San>, Error> {
    if params.profile == Profile::Client || !params.sans.is_empty() {
        return Ok(params.sans.clone());
    }
    let name = params.subject.name();
    match San::parse(name) {
        Ok(name @ (San::Dns(_) | San::Ip(_))) => Ok(vec![name]),
        Ok(_) | Err(_) => Err(Error::NoServerName(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{CA_LIFETIME, CaParams, LEAF_LIFETIME, create_root};
    use std::process::Command;
    use x509::Usage;

    fn now() -> i64 {
        let since = std::time::UNIX_EPOCH.elapsed().unwrap();
        i64::try_from(since.as_secs()).unwrap()
    }

    fn ca(lifetime: i64) -> Authority {
        create_root(&CaParams::new("partners", now() + lifetime), now()).unwrap()
    }

    fn leaf(ca: &Authority, profile: Profile) -> Issued {
        let mut params = LeafParams::new("api.example.com", now() + LEAF_LIFETIME);
        params.profile = profile;
        issue(ca, &params, now()).unwrap()
    }

    #[test]
    fn a_client_certificate_is_for_clients_only() {
        let issued = leaf(&ca(CA_LIFETIME), Profile::Client).signed.certificate;
        assert_eq!(
            (issued.client_auth, issued.server_auth),
            (Usage::Allowed, Usage::Refused)
        );
        assert!(!issued.is_ca && issued.sans.is_empty());
    }

    #[test]
    fn a_server_certificate_names_its_host() {
        let ca = ca(CA_LIFETIME);
        assert_eq!(
            leaf(&ca, Profile::Server).signed.certificate.sans,
            ["DNS:api.example.com"]
        );
        let mut params = LeafParams::new("no host", now() + LEAF_LIFETIME);
        params.profile = Profile::Server;
        assert!(matches!(
            issue(&ca, &params, now()),
            Err(Error::NoServerName(_))
        ));
    }

    #[test]
    fn a_leaf_never_outlives_its_ca() {
        let ca = ca(3600);
        let issued = leaf(&ca, Profile::Client);
        assert!(issued.signed.clamped);
        assert_eq!(
            issued.signed.certificate.not_after,
            ca.certificate().not_after
        );
    }

    #[test]
    fn openssl_agrees_about_the_purpose() {
        if Command::new("openssl").arg("version").output().is_err() {
            return;
        }
        let ca = ca(CA_LIFETIME);
        let verify = |issued: &Issued, purpose: &str| {
            let folder = tempfile::tempdir().unwrap();
            let (root, leaf) = (folder.path().join("ca.crt"), folder.path().join("leaf.crt"));
            std::fs::write(&root, ca.root_pem()).unwrap();
            std::fs::write(&leaf, &issued.signed.certificate_pem).unwrap();
            let status = Command::new("openssl")
                .args(["verify", "-x509_strict", "-purpose", purpose, "-CAfile"])
                .args([&root, &leaf])
                .output();
            status.unwrap().status.success()
        };
        let (client, server) = (leaf(&ca, Profile::Client), leaf(&ca, Profile::Server));
        assert!(verify(&client, "sslclient") && !verify(&client, "sslserver"));
        assert!(verify(&server, "sslserver") && !verify(&server, "sslclient"));
    }
}
