//! Events on the object at fault, one for every rule and field. They are said once as long as
//! nothing changes: the name tells what was said, so that the next replica does not repeat it.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use policy::{Finding, ObjectRef, Severity, Site};

use super::{Round, Sink, subject};
use crate::state::State;

/// Events of one round; what is left comes in the next.
const MOST: usize = 100;
/// The API server takes no longer note.
const MOST_BYTES: usize = 1000;
const CONTROLLER: &str = "kubectl-mtls.github.io/webhook";

/// What makes two findings the same to whoever reads Events: a rule and a place.
type Key = (&'static str, Site);

/// Sends Events.
pub(super) struct Events {
    state: Arc<State>,
    identity: String,
    said: HashSet<Key>,
}

impl Events {
    /// Sends them as this replica.
    pub(super) fn new(state: &Arc<State>, identity: &str) -> Self {
        Self {
            state: Arc::clone(state),
            identity: subject::cut(identity, 128),
            said: HashSet::new(),
        }
    }

    async fn tell(&mut self, round: &Round) -> anyhow::Result<()> {
        let told = |finding: &&Finding| finding.severity != Severity::Info;
        let mut findings: Vec<_> = round.findings.iter().filter(told).collect();
        // What is mended may come back, and is said again then.
        let current: HashSet<_> = findings.iter().map(|finding| key(finding)).collect();
        self.said.retain(|key| current.contains(key));
        findings.retain(|finding| !self.said.contains(&key(finding)));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let mut problem = None;
        for finding in findings.iter().take(MOST) {
            let result = self.say(finding).await;
            let outcome = result.as_ref().map_or("failed", |outcome| outcome);
            self.state.metrics.audited.told(outcome);
            match result {
                Ok(_) => drop(self.said.insert(key(finding))),
                Err(error) => problem = problem.or(Some(error)),
            }
        }
        for _ in findings.iter().skip(MOST) {
            self.state.metrics.audited.told("postponed");
        }
        problem.map_or(Ok(()), Err)
    }

    /// Says it, unless it was said, or the object is gone.
    async fn say(&self, finding: &Finding) -> anyhow::Result<&'static str> {
        let object = finding.object();
        let sending = || format!("sending an Event for {object}");
        let uid = subject::uid(&self.state, object).await;
        let Some(uid) = uid.with_context(sending)? else {
            return Ok("gone");
        };
        let event = event(finding, &uid, &self.identity);
        let api: Api<Event> = Api::namespaced(self.state.client.clone(), &object.namespace);
        match api.create(&PostParams::default(), &event).await {
            Ok(_) => Ok("sent"),
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok("said"),
            Err(kube::Error::Api(status)) if subject::is_going(&status.message) => Ok("gone"),
            Err(error) => Err(error).with_context(sending),
        }
    }
}

fn key(finding: &Finding) -> Key {
    (finding.rule, finding.site.clone())
}

impl Sink for Events {
    fn name(&self) -> &'static str {
        "events"
    }

    fn take<'a>(&'a mut self, round: &'a Round) -> BoxFuture<'a, anyhow::Result<()>> {
        self.tell(round).boxed()
    }
}

fn event(finding: &Finding, uid: &str, identity: &str) -> Event {
    let object = finding.object();
    let what = format!("{uid}\n{}\n{}", finding.rule, finding.site.pointer);
    let note = format!("{}; hint: {}", finding.message, finding.hint);
    Event {
        metadata: ObjectMeta {
            name: Some(subject::name("", object, &what)),
            namespace: Some(object.namespace.clone()),
            ..ObjectMeta::default()
        },
        action: Some("Audit".to_owned()),
        event_time: Some(MicroTime(Timestamp::now())),
        note: Some(subject::cut(&note, MOST_BYTES)),
        reason: Some(finding.rule.to_owned()),
        regarding: Some(regarding(object, uid)),
        reporting_controller: Some(CONTROLLER.to_owned()),
        reporting_instance: Some(identity.to_owned()),
        type_: Some("Warning".to_owned()),
        ..Event::default()
    }
}

fn regarding(object: &ObjectRef, uid: &str) -> k8s_openapi::api::core::v1::ObjectReference {
    k8s_openapi::api::core::v1::ObjectReference {
        api_version: Some(object.api_version.clone()),
        kind: Some(object.kind.clone()),
        namespace: Some(object.namespace.clone()),
        name: Some(object.name.clone()),
        uid: Some(uid.to_owned()),
        ..Default::default()
    }
}
