//! A change as facts before and after, and the hosts that it touches.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use policy::{
    Facts, Finding, Gateway, HostKey, HostReport, Object, ObjectFacts, ObjectRef, SecretRef, Site,
    TlsOption, View, dialect,
};

use super::Late;
use super::evidence::Evidence;
use super::judged::{ENOUGH, Judged};
use tokio::time::Instant;

use crate::live::Live;
use crate::touched;

/// A change, as facts before and after.
pub(super) struct Change {
    /// What changes.
    object: Arc<ObjectRef>,
    /// Before; `None`: it is new.
    old: Option<Arc<ObjectFacts>>,
    /// After; `None`: it goes.
    new: Option<Arc<ObjectFacts>>,
    /// Unix seconds.
    now: i64,
    /// In order.
    hosts: Vec<HostKey>,
}

impl Change {
    /// `None` when nothing that is judged can come of it.
    pub(super) fn new(live: &Live<'_>, old: Option<&Object>, new: Option<&Object>) -> Option<Self> {
        let settings = live.state.settings();
        let read = |object: &Object| Arc::new(dialect::read(object, &settings));
        let object = Arc::clone(&new.or(old)?.id);
        let (old, new) = (old.map(read), new.map(read));
        if same_demand(old.as_deref(), new.as_deref()) {
            return None;
        }
        let hosts = touched::hosts(&live.state.facts(), old.as_deref(), new.as_deref());
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Some(Self {
            object,
            old,
            new,
            now: i64::try_from(now.as_secs()).unwrap_or(i64::MAX),
            hosts: hosts.into_iter().collect(),
        })
    }

    /// Settles the hosts before and after, fetching the Secrets that the answers want, each once:
    /// one that is wanted again after it was fetched stays what it is, and the answer ends.
    ///
    /// # Errors
    /// When it takes too long.
    pub(super) async fn judge<'a>(
        &self,
        live: &Live<'a>,
        evidence: &mut Evidence,
    ) -> Result<Judged<'a>, Late> {
        loop {
            let (judged, mut wanted) = self.judge_once(live, evidence)?;
            wanted.retain(|secret| !evidence.has(secret));
            if wanted.is_empty() {
                return Ok(judged);
            }
            evidence.fetch(live, wanted).await;
        }
    }

    /// Needs no I/O, so the lock on the index is held for the shortest time.
    fn judge_once<'a>(
        &self,
        live: &Live<'a>,
        evidence: &Evidence,
    ) -> Result<(Judged<'a>, BTreeSet<SecretRef>), Late> {
        let facts = live.state.facts();
        let before = self.view(&facts, evidence, self.old.as_ref());
        let after = self.view(&facts, evidence, self.new.as_ref());
        let object = Arc::clone(&self.object);
        let mut judged = Judged::new(&live.state.warn, object, self.removes());
        let mut wanted = BTreeSet::new();
        for (index, key) in self.hosts.iter().enumerate() {
            if judged.refusals >= ENOUGH {
                judged.more = self.hosts.len() - index;
                break;
            }
            // Nothing here waits, so nobody else ends it.
            if Instant::now() >= live.deadline {
                return Err(Late);
            }
            let (old, new) = (self.settle(key, &before), self.settle(key, &after));
            wanted.extend(old.host.wanted.iter().chain(&new.host.wanted).cloned());
            let old = self.left(key, &before).unwrap_or(old);
            judged.compare(&old, &new);
        }
        judged.remark(self.remarks());
        Ok((judged, wanted))
    }

    /// What a host was at the gateway that the change takes the object from, as by another class, if
    /// the other one did not serve it.
    fn left(&self, key: &HostKey, before: &View<'_>) -> Option<HostReport> {
        let (from, to) = (gateway(self.old.as_ref())?, gateway(self.new.as_ref())?);
        if from == to || key.gateway != *to || !before.routes(key).is_empty() {
            return None;
        }
        let there = HostKey {
            gateway: Arc::clone(from),
            host: key.host.clone(),
        };
        self.hosts.binary_search(&there).ok()?;
        Some(self.settle(&there, before))
    }

    fn view<'a>(
        &self,
        facts: &'a Facts,
        evidence: &Evidence,
        own: Option<&Arc<ObjectFacts>>,
    ) -> View<'a> {
        let mut view = facts.view().at(self.now);
        evidence.lay(&mut view);
        view.lay(&self.object, own.cloned());
        view
    }

    fn settle(&self, key: &HostKey, view: &View<'_>) -> HostReport {
        let host = dialect::settle(key, view);
        let findings = policy::check_host(&host, self.now);
        HostReport {
            verdict: host.verdict(),
            findings,
            assumed: Vec::new(),
            host,
        }
    }

    /// The routes and options that the denials rest on, but for the changed object itself.
    pub(super) fn others(&self, judged: &Judged<'_>) -> BTreeSet<Arc<ObjectRef>> {
        let objects = judged.denials.iter().flat_map(|charge| &charge.rests_on);
        let others = objects.filter(|object| **object != self.object && !SecretRef::is_one(object));
        others.cloned().collect()
    }

    /// Every object that the denials of policies rest on; `None`: no policy denies.
    pub(super) fn governed(&self, judged: &Judged<'_>) -> Option<BTreeSet<Arc<ObjectRef>>> {
        let charges = judged.denials.iter().filter(|charge| charge.governed);
        let objects: BTreeSet<_> = charges
            .flat_map(|one| one.rests_on.iter().cloned())
            .collect();
        let own = [Arc::clone(&self.object)];
        (!objects.is_empty()).then(|| objects.into_iter().chain(own).collect())
    }

    /// Whether the object goes; a Secret that loses a key is as one that goes.
    fn removes(&self) -> bool {
        let keys = |facts: &Option<Arc<ObjectFacts>>| {
            let bundle = facts.as_ref().and_then(|facts| facts.bundle.clone());
            bundle.map(|bundle| bundle.keys.keys().cloned().collect::<BTreeSet<_>>())
        };
        match (keys(&self.old), keys(&self.new)) {
            (Some(old), Some(new)) => !old.is_subset(&new),
            _ => self.new.is_none(),
        }
    }

    /// New mistakes in an object that opens no host.
    fn remarks(&self) -> Vec<Finding> {
        let Some(new) = self.new.as_ref().filter(|new| new.routes.is_empty()) else {
            return Vec::new();
        };
        let old = self.old.iter().flat_map(|old| &old.remarks);
        let known: Vec<_> = old.map(|remark| &remark.site).collect();
        let fresh = new
            .remarks
            .iter()
            .filter(|remark| !known.contains(&&remark.site));
        policy::check_remarks(&fresh.cloned().collect::<Vec<_>>(), self.now)
    }
}

/// Who serves an object that opens hosts.
fn gateway(facts: Option<&Arc<ObjectFacts>>) -> Option<&Arc<Gateway>> {
    facts?.routes.first().map(|route| &route.gateway)
}

/// An option that asks the same as before, and of which the same is to be said, touches nobody,
/// however many hosts rest on it.
fn same_demand(old: Option<&ObjectFacts>, new: Option<&ObjectFacts>) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        return false;
    };
    // An object that opens hosts as well is always looked at.
    if !(old.routes.is_empty() && new.routes.is_empty()) || said(old) != said(new) {
        return false;
    }
    let ([old], [new]) = (old.options.as_slice(), new.options.as_slice()) else {
        return false;
    };
    let asks = |option: &TlsOption| {
        let trust = option.trust.iter().map(|trust| trust.target.clone());
        let trust: Vec<_> = trust.collect();
        (
            option.id.clone(),
            option.mode,
            option.unusable.clone(),
            trust,
        )
    };
    asks(old) == asks(new)
}

fn said(facts: &ObjectFacts) -> Vec<(&Site, &str)> {
    let remarks = facts.remarks.iter();
    remarks
        .map(|remark| (&remark.site, remark.message.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn option(spec: &Value) -> ObjectFacts {
        let object = json!({"apiVersion": "traefik.io/v1alpha1", "kind": "TLSOption",
            "metadata": {"name": "mtls", "namespace": "shop"}, "spec": spec});
        dialect::read(
            &Object::from_value(&object).unwrap(),
            &policy::Settings::default(),
        )
    }

    #[track_caller]
    fn same(old: &Value, new: &Value) -> bool {
        same_demand(Some(&option(old)), Some(&option(new)))
    }

    #[test]
    fn only_what_changes_the_answer_is_judged() {
        let plain = json!({"clientAuth": {"secretNames": ["ca"]}});
        let with = |key: &str, value: Value| {
            let mut spec = plain.clone();
            spec[key] = value;
            spec
        };
        assert!(same(&plain, &with("minVersion", json!("VersionTLS12"))));
        assert!(!same(&plain, &with("cipherSuites", json!(["NONE_SUCH"]))));
        assert!(!same(
            &plain,
            &json!({"clientAuth": {"secretNames": ["other"]}})
        ));
        let typed =
            json!({"clientAuth": {"secretNames": ["ca"], "clientAuthType": "NoClientCert"}});
        assert!(!same(&plain, &typed));
    }
}
