//! What a dialect cannot tell from the objects alone: whom the certificates behind a host's CA
//! references really let in, at a moment and for the library that verifies.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::dialect::{self, Dialect};
use crate::fact::Depth;
use crate::host::{Admits, Because, Door, Host};
use crate::lookup::Lookup;
use crate::trust::{TrustState, TrustUse};
use crate::view::View;
use crate::vouch::{Trusted, Worth};

/// The ConfigMap in every namespace that holds the CA of the API server.
const CLUSTER_CA: &str = "kube-root-ca.crt";

/// Puts the certificates into the balance: a door that demands one of a CA that can vouch for
/// nobody admits nobody, and one that trusts a public CA admits whoever has a certificate of it.
pub(crate) fn weigh(host: &mut Host, view: &View<'_>) {
    host.now = view.now();
    note_depths(host, view);
    note_served(host, view);
    let judged: Vec<_> = host.doors.iter().map(|door| judge(door, host)).collect();
    for (door, judged) in host.doors.iter_mut().zip(judged) {
        if let Some((admits, because)) = judged {
            door.admits = admits;
            door.because = because;
        }
    }
}

/// What a door comes to, where it is something else than its demand says.
fn judge(door: &Door, host: &Host) -> Option<(Admits, Because)> {
    let demands = matches!(door.admits, Admits::Trusted | Admits::AnySubject);
    if !demands || door.because != Because::Demanded || door.unseen.is_some() {
        return None;
    }
    let used: Vec<_> = behind(door, host).collect();
    let trusted: Vec<_> = used.iter().filter_map(|used| host.trusted(used)).collect();
    if trusted.is_empty() {
        return None;
    }
    if !trusted.iter().any(Trusted::lets_anybody_in) {
        return Some((Admits::Nobody, Because::FutileCa));
    }
    let public = trusted.iter().any(has_public);
    let bound = host
        .subjects
        .iter()
        .any(|(_, site)| site.object == door.site.object);
    if public && !bound {
        return Some((Admits::AnyPublic, Because::Demanded));
    }
    let other = used.iter().any(|used| {
        let beside = host.beside(used);
        beside.iter().any(|(_, worth)| *worth == Worth::Signed)
    });
    other.then_some((Admits::OtherCa, Because::Demanded))
}

/// The CA references that a door's demand rests on: those in the field that decides, or else those
/// of its object.
fn behind<'a>(door: &'a Door, host: &'a Host) -> impl Iterator<Item = &'a TrustUse> {
    let own = |used: &&TrustUse| used.reference.site.object == door.site.object;
    let below = |used: &&TrustUse| {
        !door.site.pointer.is_empty() && used.reference.site.pointer.starts_with(&door.site.pointer)
    };
    let narrow = host.trust.iter().filter(own).any(|used| below(&used));
    host.trust
        .iter()
        .filter(own)
        .filter(move |used| !narrow || below(used))
}

fn has_public(trusted: &Trusted<'_>) -> bool {
    let mut good = trusted
        .certificates
        .iter()
        .filter(|certificate| trusted.worth(certificate) == Worth::Signed);
    good.any(|certificate| x509::public_root(certificate).is_some())
}

fn note_depths(host: &mut Host, view: &View<'_>) {
    let objects: BTreeSet<_> = host
        .trust
        .iter()
        .map(|used| Arc::clone(&used.reference.site.object))
        .collect();
    let depths = objects.iter().filter_map(|object| {
        let depth: Option<Depth> = view.object(object)?.depth.clone();
        depth
    });
    host.depths = depths.collect();
}

/// The server certificates of the host, and the CA of the cluster, as far as they are among the
/// objects. They are not asked for.
fn note_served(host: &mut Host, view: &View<'_>) {
    let facts = host
        .rests_on
        .iter()
        .filter_map(|object| view.object(object));
    let secrets: BTreeSet<_> = facts.flat_map(|facts| &facts.server_secrets).collect();
    let bundles = secrets.into_iter().filter_map(|secret| found(view, secret));
    let served = bundles.filter_map(|bundle| {
        let chain = bundle
            .certificates("tls.crt")
            .or_else(|| bundle.certificates("cert"))?;
        chain.certificates.first().cloned()
    });
    host.served = served.collect();
    let namespaces: BTreeSet<_> = host
        .rests_on
        .iter()
        .map(|object| &object.namespace)
        .collect();
    let maps = namespaces
        .into_iter()
        .filter_map(|namespace| found(view, &crate::SecretRef::config_map(namespace, CLUSTER_CA)));
    let keys = maps.flat_map(|map| {
        let ca = map.certificates("ca.crt").map(|ca| ca.certificates.clone());
        ca.unwrap_or_default()
    });
    host.cluster_keys = keys.map(|certificate| certificate.spki).collect();
}

fn found(view: &View<'_>, secret: &crate::SecretRef) -> Option<Arc<crate::Bundle>> {
    match view.bundle(secret)? {
        Lookup::Found(bundle) => Some(bundle),
        Lookup::Missing | Lookup::Unknown(_) => None,
    }
}

impl Host {
    /// The roots of the Secret's own key pair that the gateway trusts although they are not among
    /// the CAs.
    pub(crate) fn beside<'a>(&self, used: &'a TrustUse) -> Vec<(&'a x509::Certificate, Worth)> {
        let named = used.anchors();
        let (Some(trusted), Some(dialect)) =
            (self.trusted(used), dialect::by_id(self.key.gateway.dialect))
        else {
            return Vec::new();
        };
        let pair = used.pair(dialect).iter();
        let extra = pair.filter(|one| !named.iter().any(|ca| ca.fingerprint == one.fingerprint));
        let extra = extra.filter(|one| one.self_issued);
        extra.map(|one| (one, trusted.worth(one))).collect()
    }

    /// What the gateway trusts through a reference, where it can use it.
    pub fn trusted<'a>(&self, used: &'a TrustUse) -> Option<Trusted<'a>> {
        let (Lookup::Found(bundle), Some(TrustState::Usable { .. })) = (&used.found, &used.state)
        else {
            return None;
        };
        let dialect: &Dialect = dialect::by_id(self.key.gateway.dialect)?;
        let lists = used.crl_key.and_then(|key| bundle.certificates(key));
        let pair = used.pair(dialect);
        Some(Trusted {
            certificates: used.anchors().iter().chain(pair).collect(),
            lists: lists.map_or(&[], |lists| &lists.crls),
            library: dialect.library,
            now: self.now,
        })
    }
}

impl TrustUse {
    /// The certificates of the Secret's own key pair that the gateway trusts beside the CA.
    pub(crate) fn pair(&self, dialect: &Dialect) -> &[x509::Certificate] {
        let Lookup::Found(bundle) = &self.found else {
            return &[];
        };
        let is_pair = bundle.has("tls.crt") && bundle.has("tls.key");
        let chain = dialect
            .trusts_pair
            .then(|| bundle.certificates("tls.crt"))
            .flatten();
        match chain {
            Some(chain) if is_pair => &chain.certificates,
            Some(_) | None => &[],
        }
    }
}
