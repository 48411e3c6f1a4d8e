//! Client and server certificates.

use rcgen::{ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};

use crate::authority::{base, described};
use crate::{Authority, Error, PrivateKey, San};

/// What a certificate is for (RFC 5280 section 4.2.1.12). A certificate for both could log in as
/// a client with a server's key, so it must be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// clientAuth and serverAuth.
    Both,
    /// clientAuth only.
    Client,
    /// serverAuth only.
    Server,
}

/// What a new certificate is to be.
pub struct LeafParams {
    /// The common name.
    pub name: String,
    /// What it is for.
    pub profile: Profile,
    /// Subject alternative names.
    pub sans: Vec<San>,
    /// How long it lives, in seconds; never longer than its CA.
    pub lifetime: i64,
}

/// A new certificate with its key.
pub struct Issued {
    /// The certificate alone, in PEM.
    pub certificate_pem: String,
    /// The certificate and the intermediate CAs, in PEM, without the root.
    pub chain_pem: String,
    /// Its key.
    pub key: PrivateKey,
    /// The certificate, described.
    pub certificate: x509::Certificate,
    /// Whether its life was cut to that of the CA.
    pub clamped: bool,
}

/// Makes a key and a certificate for it.
///
/// # Errors
/// When a name cannot be put into a certificate, or a server certificate names no host.
pub fn issue(ca: &Authority, params: &LeafParams, now: i64) -> Result<Issued, Error> {
    let wanted = now.saturating_add(params.lifetime);
    let not_after = wanted.min(ca.certificate().not_after);
    let mut certificate = base(&params.name, now, not_after)?;
    certificate.is_ca = IsCa::ExplicitNoCa;
    certificate.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    certificate.extended_key_usages = purposes(params.profile);
    certificate.subject_alt_names = sans(params)?
        .iter()
        .map(San::to_rcgen)
        .collect::<Result<_, _>>()?;
    let key = PrivateKey::generate()?;
    let signed = certificate
        .signed_by(&key.0, &ca.issuer()?)
        .map_err(Error::library)?;
    Ok(Issued {
        chain_pem: format!("{}{}", signed.pem(), ca.intermediates_pem()),
        certificate_pem: signed.pem(),
        certificate: described(signed.der())?,
        key,
        clamped: not_after < wanted,
    })
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
    match San::parse(&params.name) {
        Ok(name @ (San::Dns(_) | San::Ip(_))) => Ok(vec![name]),
        Ok(_) | Err(_) => Err(Error::NoServerName(params.name.clone())),
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
        create_root(
            &CaParams {
                name: "partners".into(),
                lifetime,
            },
            now(),
        )
        .unwrap()
    }

    fn leaf(ca: &Authority, profile: Profile) -> Issued {
        let params = LeafParams {
            name: "api.example.com".into(),
            profile,
            sans: Vec::new(),
            lifetime: LEAF_LIFETIME,
        };
        issue(ca, &params, now()).unwrap()
    }

    #[test]
    fn a_client_certificate_is_for_clients_only() {
        let issued = leaf(&ca(CA_LIFETIME), Profile::Client).certificate;
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
            leaf(&ca, Profile::Server).certificate.sans,
            ["DNS:api.example.com"]
        );
        let params = LeafParams {
            name: "no host".into(),
            profile: Profile::Server,
            sans: Vec::new(),
            lifetime: LEAF_LIFETIME,
        };
        assert!(matches!(
            issue(&ca, &params, now()),
            Err(Error::NoServerName(_))
        ));
    }

    #[test]
    fn a_leaf_never_outlives_its_ca() {
        let ca = ca(3600);
        let issued = leaf(&ca, Profile::Client);
        assert!(issued.clamped);
        assert_eq!(issued.certificate.not_after, ca.certificate().not_after);
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
            std::fs::write(&leaf, &issued.certificate_pem).unwrap();
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
