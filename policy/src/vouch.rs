//! Whom the certificates that a gateway trusts let in, by the TLS library that verifies.
//!
//! OpenSSL (`crypto/x509/x509_vfy.c`, `v3_purp.c`), as nginx and APISIX call it, builds every chain
//! up to a self-signed certificate: neither sets X509_V_FLAG_PARTIAL_CHAIN. It takes a root of
//! X.509 version 1 (RFC 5280 section 6.1.4 (k) speaks of the certificates below the anchor alone).
//! Go (`crypto/x509/verify.go`) takes any certificate as an anchor, asks of it what RFC 5280 asks
//! of a CA before it verifies another by it, and accepts the anchor itself whatever it is.

use x509::{Certificate, Crl, Key, Usage};

/// The library that verifies client certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    /// Go's crypto/x509.
    Go,
    /// OpenSSL without partial chains.
    OpenSsl,
}

/// Whom one trusted certificate lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    /// Whoever has a certificate that it signed.
    Signed,
    /// Whoever has its own key, and nobody else.
    Itself,
    /// Nobody.
    Nobody(Useless),
}

/// Why a trusted certificate lets nobody in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Useless {
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYet,
    /// It is no CA.
    NotACa,
    /// Its extendedKeyUsage leaves clients out.
    OtherPurpose,
    /// Its issuer is not trusted.
    NoRoot,
    /// The library refuses its key.
    WeakKey,
    /// There are revocation lists, and no current one of it.
    NoList,
}

/// Chains are not followed further; nobody has longer ones.
const LONGEST: usize = 10;
/// The list's own length has two octets: nginx and Go end a handshake with a longer one.
pub(crate) const LONGEST_LIST: usize = 65_535;
const P224: &str = "1.3.132.0.33";

/// What a gateway trusts through one reference.
#[derive(Clone, Debug)]
pub struct Trusted<'a> {
    /// The certificates.
    pub certificates: Vec<&'a Certificate>,
    /// The revocation lists that the gateway reads; empty: it checks none.
    pub lists: &'a [Crl],
    /// Who verifies.
    pub library: Library,
    /// The time in Unix seconds; `None`: nothing counts as expired.
    pub now: Option<i64>,
}

impl<'a> Trusted<'a> {
    /// Whom one of the certificates lets in.
    pub fn worth(&self, certificate: &Certificate) -> Worth {
        self.worth_at(certificate, 0)
    }

    /// Octets of the list of CAs that the gateway sends when it asks for a certificate: each name
    /// follows two octets of length (RFC 5246 section 7.4.4, RFC 8446 section 4.2.4).
    pub fn names_size(&self) -> usize {
        let names = self.certificates.iter();
        names.map(|certificate| certificate.subject_size + 2).sum()
    }

    /// Whether anybody can get in.
    pub fn lets_anybody_in(&self) -> bool {
        let mut all = self.certificates.iter();
        self.names_size() <= LONGEST_LIST
            && all.any(|certificate| !matches!(self.worth(certificate), Worth::Nobody(_)))
    }

    /// The trusted certificates that this one names as its issuer.
    pub fn issuers(&self, certificate: &Certificate) -> impl Iterator<Item = &'a Certificate> {
        let all = self.certificates.iter().copied();
        all.filter(move |issuer| certificate.names_as_issuer(issuer))
    }

    /// How many CAs stand between a certificate and a self-signed one in the bundle.
    pub fn below_root(&self, certificate: &'a Certificate) -> usize {
        let mut current = certificate;
        for steps in 0..LONGEST {
            let mut issuers = self.issuers(current).filter(|_| !current.self_issued);
            match issuers.next() {
                Some(issuer) => current = issuer,
                None => return steps,
            }
        }
        LONGEST
    }

    fn worth_at(&self, certificate: &Certificate, depth: usize) -> Worth {
        if let Some(useless) = self.refused(certificate) {
            return Worth::Nobody(useless);
        }
        match self.library {
            Library::Go if signs_in_go(certificate) => Worth::Signed,
            Library::Go => Worth::Itself,
            Library::OpenSsl if certificate.self_issued => self.root(certificate),
            Library::OpenSsl => self.intermediate(certificate, depth),
        }
    }

    /// What either library refuses before it looks at the place in a chain.
    fn refused(&self, certificate: &Certificate) -> Option<Useless> {
        let now = self.now;
        if now.is_some_and(|now| certificate.expired(now)) {
            return Some(Useless::Expired);
        }
        if now.is_some_and(|now| now < certificate.not_before) {
            return Some(Useless::NotYet);
        }
        if certificate.client_auth == Usage::Refused {
            return Some(Useless::OtherPurpose);
        }
        refuses_key(self.library, &certificate.key).then_some(Useless::WeakKey)
    }

    /// `check_ca`: basicConstraints decide; without them version 1 or keyCertSign is enough.
    fn root(&self, root: &Certificate) -> Worth {
        let by_usage = root.key_usages.contains(&"keyCertSign");
        let signs = match root.constrained {
            true => root.is_ca && root.can_sign,
            false => root.version < 3 || by_usage,
        };
        match signs {
            true if !self.is_listed(root) => Worth::Nobody(Useless::NoList),
            true => Worth::Signed,
            false => Worth::Itself,
        }
    }

    fn intermediate(&self, certificate: &Certificate, depth: usize) -> Worth {
        if !(certificate.is_ca && certificate.can_sign) {
            return Worth::Nobody(Useless::NotACa);
        }
        let mut issuers = self.issuers(certificate).peekable();
        if issuers.peek().is_none() || depth > LONGEST {
            return Worth::Nobody(Useless::NoRoot);
        }
        let above = issuers.map(|issuer| self.worth_at(issuer, depth + 1));
        let above = above.reduce(|best, next| if best == Worth::Signed { best } else { next });
        match above {
            Some(Worth::Signed) if !self.is_listed(certificate) => Worth::Nobody(Useless::NoList),
            Some(Worth::Itself) => Worth::Nobody(Useless::NoRoot),
            Some(worth) => worth,
            None => Worth::Nobody(Useless::NoRoot),
        }
    }

    /// nginx sets X509_V_FLAG_CRL_CHECK_ALL (`ngx_event_openssl.c`, `ngx_ssl_crl`): every CA of a
    /// chain must have a current list.
    fn is_listed(&self, ca: &Certificate) -> bool {
        let current = |list: &&Crl| self.now.is_none_or(|now| now <= list.next_update);
        let mut own = self.lists.iter().filter(|list| list.issuer == ca.subject);
        self.lists.is_empty() || own.any(|list| current(&list))
    }
}

/// `CheckSignatureFrom`: version 1 has no constraints to ask for.
fn signs_in_go(certificate: &Certificate) -> bool {
    (certificate.version < 3 || certificate.is_ca) && certificate.can_sign
}

/// OpenSSL at its lowest level in use, 1, refuses keys of less than 80 bits of security; Go knows
/// RSA, Ed25519 and four curves.
fn refuses_key(library: Library, key: &Key) -> bool {
    match (library, key) {
        (Library::OpenSsl, Key::Rsa(bits)) => *bits < 1024,
        (Library::Go, Key::Other(oid)) => oid != P224,
        (Library::OpenSsl | Library::Go, _) => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const VERSION_1: &str = include_str!("../tests/certificates/version-1.pem");
    const KEY_USAGE_ALONE: &str = include_str!("../tests/certificates/key-usage-alone.pem");
    const SERVER_ONLY: &str = include_str!("../tests/certificates/server-only.pem");

    /// What OpenSSL and Go make of a self-signed certificate.
    fn worth(pem: &str) -> [Worth; 2] {
        let bundle = x509::read_bundle(pem.as_bytes());
        [Library::OpenSsl, Library::Go].map(|library| {
            let trusted = Trusted {
                certificates: bundle.certificates.iter().collect(),
                lists: &[],
                library,
                now: None,
            };
            trusted.worth(&bundle.certificates[0])
        })
    }

    /// As `openssl verify -purpose sslclient` and Go's `Verify` with ExtKeyUsageClientAuth say.
    #[test]
    fn the_libraries_differ() {
        let nobody = Worth::Nobody(Useless::OtherPurpose);
        assert_eq!(worth(VERSION_1), [Worth::Signed, Worth::Signed]);
        assert_eq!(worth(KEY_USAGE_ALONE), [Worth::Signed, Worth::Itself]);
        assert_eq!(worth(SERVER_ONLY), [nobody, nobody]);
    }

    #[test]
    fn a_circle_of_issuers_ends() {
        let mut bundle = x509::read_bundle(VERSION_1.as_bytes());
        let certificate = &mut bundle.certificates[0];
        certificate.self_issued = false;
        certificate.is_ca = true;
        let trusted = Trusted {
            certificates: vec![certificate],
            lists: &[],
            library: Library::OpenSsl,
            now: None,
        };
        let worth = trusted.worth(trusted.certificates[0]);
        assert_eq!(worth, Worth::Nobody(Useless::NoRoot));
        assert_eq!(trusted.below_root(trusted.certificates[0]), LONGEST);
    }
}
