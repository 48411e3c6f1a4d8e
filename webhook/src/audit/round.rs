//! One look at everything: every host settled by what its Secrets say, and what the rules say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use policy::client_auth_policy::Policies;
use policy::{
    Facts, Finding, Host, HostKey, HostReport, Lookup, Remark, SecretRef, Site, Verdict, dialect,
};

use super::bundles::Bundles;
use crate::metrics;
use crate::state::State;

/// Hosts that are settled without a pause, so that nobody waits long for the index.
const AT_ONCE: usize = 64;

/// What a round found.
pub(crate) struct Round {
    /// When it looked, in Unix seconds.
    pub(crate) now: i64,
    /// Every host, in order, without its findings.
    pub(crate) hosts: Vec<HostReport>,
    /// Every finding once, in order of object and place.
    pub(crate) findings: Vec<Finding>,
    /// Each Secret or ConfigMap that some gateway trusts, and when the first CA in it expires, in Unix
    /// seconds.
    pub(crate) authorities: BTreeMap<SecretRef, i64>,
    /// What all hosts were held against.
    pub(crate) policies: Arc<Policies>,
}

impl Round {
    /// Looks at everything.
    pub(super) async fn make(state: &State, bundles: &mut Bundles) -> Self {
        let look = Look {
            now: metrics::now(),
            policies: Arc::clone(&state.facts().policies),
        };
        let keys = state.facts().hosts();
        let mut hosts = Vec::with_capacity(keys.len());
        let mut authorities = BTreeMap::new();
        for keys in keys.chunks(AT_ONCE) {
            let settled = settle(state, bundles, keys, &look).await;
            // What opens no way in and says nothing is no host.
            let is_host =
                |report: &HostReport| report.host.mentioned || !report.host.doors.is_empty();
            for report in settled.into_iter().filter(is_host) {
                note(&report.host, &mut authorities);
                hosts.push(shrunk(report));
            }
            tokio::task::yield_now().await;
        }
        let remarks = remarks(&state.facts());
        let findings = findings(&mut hosts, &remarks, look.now);
        Self {
            now: look.now,
            hosts,
            findings,
            authorities,
            policies: look.policies,
        }
    }
}

/// What is the same for all hosts of a round.
struct Look {
    /// Unix seconds.
    now: i64,
    policies: Arc<Policies>,
}

/// Takes note of the CAs that a gateway trusts for a host.
fn note(host: &Host, authorities: &mut BTreeMap<SecretRef, i64>) {
    for used in &host.trust {
        let first = used.anchors().iter().map(|ca| ca.not_after).min();
        if let (Some(ends), Lookup::Found(bundle)) = (first, &used.found) {
            let known = authorities.entry(SecretRef::of(&bundle.object));
            let known = known.or_insert(ends);
            *known = ends.min(*known);
        }
    }
}

/// All hosts are held at once, so that each holds only what the sinks read: its verdict; its doors,
/// where nothing can be said of it; and what a policy compares, where one does.
fn shrunk(report: HostReport) -> HostReport {
    let full = report.host;
    let mut host = Host::new(&full.key);
    host.mentioned = full.mentioned;
    host.now = full.now;
    let governed = !full.policies.is_empty();
    if governed || report.verdict == Verdict::Unknown {
        host.doors = shrunk_to_fit(full.doors);
    }
    if governed {
        host.modes = shrunk_to_fit(full.modes);
        host.trust = shrunk_to_fit(full.trust);
        host.policies = shrunk_to_fit(full.policies);
    }
    HostReport { host, ..report }
}

fn shrunk_to_fit<T>(mut list: Vec<T>) -> Vec<T> {
    list.shrink_to_fit();
    list
}

/// Settles some hosts, reading the Secrets that the answers want.
async fn settle(
    state: &State,
    bundles: &mut Bundles,
    keys: &[HostKey],
    look: &Look,
) -> Vec<HostReport> {
    let mut laid = BTreeSet::new();
    loop {
        let settled = settle_once(&state.facts(), bundles, &laid, keys, look);
        let wanted = settled.iter().flat_map(|report| &report.host.wanted);
        let wanted: BTreeSet<SecretRef> = wanted.cloned().collect();
        if wanted.is_subset(&laid) {
            return settled;
        }
        bundles.fetch(state, &wanted).await;
        laid.extend(wanted);
    }
}

/// Needs no I/O, so the lock on the index is held for the shortest time.
fn settle_once(
    facts: &Facts,
    bundles: &Bundles,
    laid: &BTreeSet<SecretRef>,
    keys: &[HostKey],
    look: &Look,
) -> Vec<HostReport> {
    let mut view = facts.view().at(look.now);
    view.lay_policies(Arc::clone(&look.policies));
    bundles.lay(laid, &mut view);
    let settled = keys.iter().map(|key| {
        let host = dialect::settle(key, &view);
        HostReport {
            verdict: host.verdict(),
            findings: policy::check_host(&host, look.now),
            assumed: Vec::new(),
            host,
        }
    });
    settled.collect()
}

/// What is remarked of objects, whether they open a host or not.
fn remarks(facts: &Facts) -> Vec<Remark> {
    let remarks = facts.objects().flat_map(|facts| &facts.remarks);
    remarks.cloned().collect()
}

/// The first finding of each rule at each place, taken from the hosts: nobody asks them again.
fn findings(hosts: &mut [HostReport], remarks: &[Remark], now: i64) -> Vec<Finding> {
    let of_hosts = hosts
        .iter_mut()
        .flat_map(|report| std::mem::take(&mut report.findings));
    let mut found: BTreeMap<(Site, &'static str), Finding> = BTreeMap::new();
    for finding in of_hosts.chain(policy::check_remarks(remarks, now)) {
        let key = (finding.site.clone(), finding.rule);
        found.entry(key).or_insert(finding);
    }
    found.into_values().collect()
}
