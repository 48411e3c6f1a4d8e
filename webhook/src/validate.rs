//! `/validate`: refuses what a change introduces, and warns for the rest.
//!
//! The index tells which hosts to look at. Before a denial everything that it rests on is read
//! live: the index may lag, and what is gone or going does not count.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use policy::{
    Facts, Finding, HostKey, HostReport, Lookup, Object, ObjectFacts, ObjectRef, SecretRef,
    Severity, Verdict, View, dialect,
};

use crate::live::Live;
use crate::review::{Answer, Operation, Request};
use crate::touched;

/// More hosts than this are not settled once so many findings are known.
const ENOUGH: usize = 10;
/// More objects than this are not read live before a denial.
const MAX_READS: usize = 32;

/// Users that clean up and must never be hindered.
const CLEANERS: [&str; 2] = [
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:namespace-controller",
];

/// Judges one change.
pub(crate) async fn validate(request: &Request<'_>, live: &Live<'_>) -> Answer {
    if CLEANERS.contains(&&*request.user_info.username) || request.operation == Operation::Connect {
        return Answer::default();
    }
    let (old, new) = (request.old_object(), request.object());
    let new = if request.operation == Operation::Delete {
        None
    } else {
        new
    };
    if new.as_ref().is_some_and(|object| object.deleting) {
        return Answer::default();
    }
    let Some(change) = Change::new(live, old.as_ref(), new.as_ref()) else {
        return Answer::default();
    };
    let judged = change.judge(live, Evidence::default()).await;
    if judged.denials.is_empty() {
        return judged.answer();
    }
    if live.is_terminating(&request.namespace).await {
        return Answer::default();
    }
    let evidence = change.read_live(live, &judged).await;
    change.judge(live, evidence).await.answer()
}

/// A change, as facts before and after.
struct Change {
    object: Arc<ObjectRef>,
    old: Option<Arc<ObjectFacts>>,
    new: Option<Arc<ObjectFacts>>,
    hosts: Vec<HostKey>,
    now: i64,
}

/// What was read live for a request.
#[derive(Clone, Default)]
struct Evidence {
    objects: Vec<(Arc<ObjectRef>, Option<Arc<ObjectFacts>>)>,
    bundles: Vec<(SecretRef, Lookup<Arc<policy::Bundle>>)>,
}

/// What a change comes to.
#[derive(Default)]
struct Judged {
    denials: Vec<(Finding, String)>,
    warnings: Vec<(Finding, String)>,
    rests_on: BTreeSet<Arc<ObjectRef>>,
    more: usize,
}

impl Change {
    fn new(live: &Live<'_>, old: Option<&Object>, new: Option<&Object>) -> Option<Self> {
        let facts = live.state.facts();
        let read = |object: &Object| Arc::new(dialect::read(object, &facts.settings));
        let object = Arc::clone(&new.or(old)?.id);
        let (old, new) = (old.map(read), new.map(read));
        if same_demand(old.as_deref(), new.as_deref()) {
            return None;
        }
        let hosts = touched::hosts(&facts, old.as_deref(), new.as_deref())
            .into_iter()
            .collect();
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        Some(Self {
            object,
            old,
            new,
            hosts,
            now,
        })
    }

    /// Settles the hosts before and after, fetching the Secrets that the answers want.
    async fn judge(&self, live: &Live<'_>, mut evidence: Evidence) -> Judged {
        loop {
            let (judged, wanted) = self.judge_once(live, &evidence);
            if wanted.is_empty() {
                return judged;
            }
            for secret in wanted {
                let found = live.bundle(&secret).await;
                evidence.bundles.push((secret, found));
            }
        }
    }

    /// Needs no I/O, so the lock on the index is held for the shortest time.
    fn judge_once(&self, live: &Live<'_>, evidence: &Evidence) -> (Judged, BTreeSet<SecretRef>) {
        let facts = live.state.facts();
        let before = self.view(&facts, evidence, self.old.as_ref());
        let after = self.view(&facts, evidence, self.new.as_ref());
        let mut judged = Judged::default();
        let mut wanted = BTreeSet::new();
        for (index, key) in self.hosts.iter().enumerate() {
            if judged.denials.len() >= ENOUGH {
                judged.more = self.hosts.len() - index;
                break;
            }
            let (old, new) = (self.settle(key, &before), self.settle(key, &after));
            wanted.extend(old.host.wanted.iter().chain(&new.host.wanted).cloned());
            judged.compare(self, live, &old, &new);
        }
        judged.remark(self, live);
        (judged, wanted)
    }

    fn view<'a>(
        &self,
        facts: &'a Facts,
        evidence: &Evidence,
        own: Option<&Arc<ObjectFacts>>,
    ) -> View<'a> {
        let mut view = facts.view();
        for (secret, found) in &evidence.bundles {
            view.lay_bundle(secret.clone(), found.clone());
        }
        for (object, found) in &evidence.objects {
            view.lay(object, found.clone());
        }
        view.lay(&self.object, own.cloned());
        view
    }

    fn settle(&self, key: &HostKey, view: &View<'_>) -> HostReport {
        let host = dialect::settle(key, view);
        let findings = policy::check_host(&host, self.now);
        HostReport {
            verdict: host.verdict(),
            findings,
            host,
        }
    }

    /// Reads everything that the denials rest on, but for the changed object itself.
    async fn read_live(&self, live: &Live<'_>, judged: &Judged) -> Evidence {
        let mut evidence = Evidence::default();
        let others = judged
            .rests_on
            .iter()
            .filter(|object| **object != self.object);
        for object in others
            .filter(|object| object.kind != "Secret")
            .take(MAX_READS)
        {
            let found = match live.object(object).await {
                Lookup::Found(read)
                    if !read.deleting && !live.is_terminating(&object.namespace).await =>
                {
                    let facts = live.state.facts();
                    Some(Arc::new(dialect::read(&read, &facts.settings)))
                }
                Lookup::Found(_) | Lookup::Missing => None,
                Lookup::Unknown(_) => continue,
            };
            evidence.objects.push((Arc::clone(object), found));
        }
        evidence
    }

    fn deletes(&self) -> bool {
        self.new.is_none()
    }

    /// A Secret from which a key goes is as a Secret that goes.
    fn removes(&self) -> bool {
        let keys = |facts: &Option<Arc<ObjectFacts>>| {
            let bundle = facts.as_ref().and_then(|facts| facts.bundle.clone());
            bundle.map(|bundle| bundle.keys.keys().cloned().collect::<BTreeSet<_>>())
        };
        match (keys(&self.old), keys(&self.new)) {
            (Some(old), Some(new)) => !old.is_subset(&new),
            _ => self.deletes(),
        }
    }
}

/// An option that asks the same as before touches nobody, however many hosts rest on it.
fn same_demand(old: Option<&ObjectFacts>, new: Option<&ObjectFacts>) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        return false;
    };
    let ([old], [new]) = (old.options.as_slice(), new.options.as_slice()) else {
        return false;
    };
    let targets = |option: &policy::TlsOption| {
        option
            .trust
            .iter()
            .map(|trust| trust.target.clone())
            .collect::<Vec<_>>()
    };
    old.id == new.id && old.mode == new.mode && targets(old) == targets(new)
}

impl Judged {
    /// What is after the change and was not before it.
    fn compare(&mut self, change: &Change, live: &Live<'_>, old: &HostReport, new: &HostReport) {
        let introduced = new.findings.iter().filter(|finding| {
            !old.findings
                .iter()
                .any(|known| known.key() == finding.key())
        });
        let introduced: Vec<_> = introduced.cloned().collect();
        let opened = opens(old.verdict, new);
        let host = &new.host.key.host;
        for finding in introduced {
            let denies = if change.removes() {
                opened
            } else {
                finding.severity == Severity::Error
            };
            self.push(denies, live, finding, host);
        }
        if change.removes() && opened {
            self.opened(change, live, old, new);
        }
        self.rests_on
            .extend(new.host.rests_on.iter().chain(&old.host.rests_on).cloned());
        for unseen in new.host.unseen() {
            tracing::debug!(host, unseen, "not seen");
        }
    }

    /// A deletion that opens a host has no finding of its own where nothing is left to point at.
    fn opened(&mut self, change: &Change, live: &Live<'_>, old: &HostReport, new: &HostReport) {
        let site = policy::Site::new(&change.object, "");
        let message = format!(
            "without it {} is {} (it was {})",
            new.host.key.host, new.verdict, old.verdict
        );
        let finding = Finding {
            rule: "client-auth-off",
            severity: Severity::Error,
            site,
            message,
            hint: "protect the host in another way first, or remove its routes".to_owned(),
            repair: None,
        };
        self.push(true, live, finding, &new.host.key.host);
    }

    fn push(&mut self, denies: bool, live: &Live<'_>, finding: Finding, host: &str) {
        let denies = denies && !live.state.warn.contains(finding.rule);
        let list = if denies {
            &mut self.denials
        } else {
            &mut self.warnings
        };
        if !list.iter().any(|(known, _)| known.key() == finding.key()) {
            list.push((finding, host.to_owned()));
        }
    }

    /// Mistakes in an object that opens no host.
    fn remark(&mut self, change: &Change, live: &Live<'_>) {
        let Some(new) = change.new.as_ref().filter(|new| new.routes.is_empty()) else {
            return;
        };
        let known: Vec<_> = change
            .old
            .iter()
            .flat_map(|old| &old.remarks)
            .map(|remark| &remark.site)
            .collect();
        let fresh: Vec<_> = new
            .remarks
            .iter()
            .filter(|remark| !known.contains(&&remark.site))
            .cloned()
            .collect();
        for finding in policy::check_remarks(&fresh, change.now) {
            self.push(finding.severity == Severity::Error, live, finding, "");
        }
    }

    fn answer(self) -> Answer {
        let said = |(finding, host): &(Finding, String)| {
            let host = if host.is_empty() {
                String::new()
            } else {
                format!(" (host {host})")
            };
            format!(
                "{}: {}{host}; hint: {}",
                finding.rule, finding.message, finding.hint
            )
        };
        let mut lines: Vec<_> = self.denials.iter().take(ENOUGH).map(said).collect();
        if self.more > 0 {
            lines.push(format!("and up to {} more hosts", self.more));
        }
        Answer {
            denied: (!lines.is_empty()).then(|| lines.join("; ")),
            warnings: self.warnings.iter().take(ENOUGH).map(said).collect(),
            patch: None,
        }
    }
}

/// Whether a removal lets strangers in who were kept out before.
fn opens(old: Verdict, new: &HostReport) -> bool {
    let served = !new.host.doors.is_empty();
    let exposed = match new.verdict {
        Verdict::Open | Verdict::Weak => true,
        // Nothing is left that speaks of certificates, but the host is still served.
        Verdict::None => served && old == Verdict::Enforced,
        Verdict::Broken | Verdict::Enforced | Verdict::Unknown => false,
    };
    exposed && !old.lets_strangers_in()
}
