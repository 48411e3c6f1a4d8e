//! What a gateway makes of a reference to client CAs.

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::fact::TrustRef;
use crate::lookup::Lookup;

/// What a gateway makes of a CA reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustState {
    /// It uses the certificates under this key.
    Usable {
        /// The data key that it reads.
        key: &'static str,
    },
    /// It finds no CA in the Secret and asks nobody for a certificate.
    NoDemand(String),
    /// It cannot use the Secret, and refuses everybody.
    Unusable(String),
    /// It skips the reference.
    Skipped(String),
}

/// A CA reference and what it came to.
#[derive(Clone, Debug)]
pub struct TrustUse {
    /// The reference.
    pub reference: TrustRef,
    /// The Secret.
    pub found: Lookup<Arc<Bundle>>,
    /// What the gateway makes of it; `None` where it was not found or not looked up.
    pub state: Option<TrustState>,
    /// The data key of the revocation lists that the gateway reads, if it reads any.
    pub crl_key: Option<&'static str>,
    /// What follows when the Secret is missing or of no use, for messages.
    pub consequence: &'static str,
}

impl TrustUse {
    /// The certificates that the gateway trusts through this reference.
    pub fn anchors(&self) -> &[x509::Certificate] {
        let (Lookup::Found(bundle), Some(TrustState::Usable { key })) = (&self.found, &self.state)
        else {
            return &[];
        };
        bundle
            .certificates(key)
            .map_or(&[], |bundle| &bundle.certificates)
    }
}
