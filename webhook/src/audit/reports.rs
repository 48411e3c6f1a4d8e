//! Reports in the form that policy tools read: PolicyReport (wgpolicyk8s.io) or Report
//! (openreports.io), one for every object at fault, as Kyverno and Kubewarden write them. The report
//! goes with its object, and once nothing is to be said of it. An object without findings has none:
//! ten thousand reports of nothing would weigh on etcd.

mod body;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{self, StreamExt as _};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch,
    PatchParams, Preconditions,
};
use kube::core::PartialObjectMeta;

use super::{Round, Sink, subject};
use crate::live::is_not_there;
use crate::state::State;
use body::{Body, DIGEST, Form, LABEL};

/// Writes that run at once.
const AT_ONCE: usize = 4;
/// Writes of one round; what is left comes in the next.
const MOST: usize = 1000;
/// Reports in one answer of the API server.
const PAGE: u32 = 500;

/// Namespace and name of a report.
type Key = (String, String);

/// Writes reports.
pub(super) struct Reports {
    state: Arc<State>,
    form: &'static Form,
    /// Whether it was said that the cluster does not know the kind.
    said: bool,
}

impl Reports {
    /// In one of the two forms.
    pub(super) fn new(state: &Arc<State>, open: bool) -> Self {
        Self {
            state: Arc::clone(state),
            form: if open { &body::OPEN } else { &body::POLICY },
            said: false,
        }
    }

    fn resource(&self) -> ApiResource {
        let gvk = GroupVersionKind::gvk(self.form.group, self.form.version, self.form.kind);
        ApiResource::from_gvk_with_plural(&gvk, self.form.plural)
    }

    fn api(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.state.client.clone(), namespace, &self.resource())
    }

    /// The reports that are there; `None`: the cluster does not know the kind.
    async fn list(&self) -> anyhow::Result<Option<BTreeMap<Key, Known>>> {
        let api: Api<DynamicObject> = Api::all_with(self.state.client.clone(), &self.resource());
        let label = format!("{LABEL}={}", policy::MANAGED_BY);
        let mut params = ListParams::default().labels(&label).limit(PAGE);
        let mut known = BTreeMap::new();
        loop {
            let page = match api.list_metadata(&params).await {
                Err(kube::Error::Api(status)) if is_not_there(&status) => return Ok(None),
                page => page.with_context(|| format!("listing {}", self.form.plural))?,
            };
            known.extend(page.items.iter().filter_map(Known::read));
            match page.metadata.continue_ {
                Some(token) if !token.is_empty() => params = params.continue_token(&token),
                _ => return Ok(Some(known)),
            }
        }
    }

    async fn publish(&mut self, round: &Round) -> anyhow::Result<()> {
        let Some(known) = self.list().await? else {
            if !std::mem::replace(&mut self.said, true) {
                let (kind, group) = (self.form.kind, self.form.group);
                tracing::info!("no reports: the cluster does not serve {kind} ({group})");
            }
            return Ok(());
        };
        self.said = false;
        let bodies = body::bodies(round);
        let stale = known.iter().filter(|(key, _)| !bodies.contains_key(key));
        let removals = stale.map(|(key, known)| Change::Remove(key, known));
        let current = |key: &Key, body: &Body| {
            known.get(key).map(|known| &known.digest) == Some(&body.digest)
        };
        let news = bodies.iter().filter(|(key, body)| !current(key, body));
        let writes = news.map(|(key, body)| Change::Write(key, body, known.contains_key(key)));
        let changes = removals.chain(writes).take(MOST);
        let changes: Vec<_> = changes
            .map(|change| self.change(change, round.now).boxed())
            .collect();
        let done = stream::iter(changes).buffer_unordered(AT_ONCE);
        let results: Vec<_> = done.collect().await;
        let all = results.len();
        let failed: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        let count = failed.len();
        match failed.into_iter().next() {
            None => Ok(()),
            Some(first) => Err(first.context(format!("{count} of {all} reports failed, first"))),
        }
    }

    async fn change(&self, change: Change<'_>, now: i64) -> anyhow::Result<()> {
        let (operation, result) = match change {
            Change::Remove(key, known) => ("delete", self.remove(key, known).await),
            Change::Write(key, body, false) => ("create", self.write(key, body, now).await),
            Change::Write(key, body, true) => ("update", self.write(key, body, now).await),
        };
        self.state.metrics.audited.wrote(operation, result.is_ok());
        result
    }

    async fn write(&self, (namespace, name): &Key, body: &Body, now: i64) -> anyhow::Result<()> {
        let writing = || format!("writing report {namespace}/{name}");
        let uid = subject::uid(&self.state, &body.object)
            .await
            .with_context(writing)?;
        let Some(uid) = uid else {
            // Whoever removes the object removes the report.
            return Ok(());
        };
        let document = body.document(self.form, name, &uid, now);
        let params = PatchParams::apply(policy::MANAGED_BY).force();
        let api = self.api(namespace);
        let written = api.patch(name, &params, &Patch::Apply(document)).await;
        match written {
            Err(kube::Error::Api(status)) if subject::is_going(&status.message) => Ok(()),
            written => written.map(drop).with_context(writing),
        }
    }

    async fn remove(&self, (namespace, name): &Key, known: &Known) -> anyhow::Result<()> {
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: Some(known.uid.clone()),
                resource_version: None,
            }),
            ..DeleteParams::default()
        };
        match self.api(namespace).delete(name, &params).await {
            Ok(_) => Ok(()),
            // Somebody was faster, or it is another one by now.
            Err(kube::Error::Api(status)) if is_not_there(&status) || status.is_conflict() => {
                Ok(())
            }
            Err(error) => Err(error).with_context(|| format!("removing report {namespace}/{name}")),
        }
    }
}

/// What is to be done with a report.
enum Change<'a> {
    Remove(&'a Key, &'a Known),
    /// The last says whether one is there.
    Write(&'a Key, &'a Body, bool),
}

/// A report that is there.
struct Known {
    uid: String,
    digest: String,
}

impl Known {
    fn read(report: &PartialObjectMeta<DynamicObject>) -> Option<(Key, Self)> {
        let metadata = &report.metadata;
        let key = (metadata.namespace.clone()?, metadata.name.clone()?);
        let annotations = metadata.annotations.as_ref();
        let digest = annotations.and_then(|annotations| annotations.get(DIGEST).cloned());
        let known = Self {
            uid: metadata.uid.clone()?,
            digest: digest.unwrap_or_default(),
        };
        Some((key, known))
    }
}

impl Sink for Reports {
    fn name(&self) -> &'static str {
        "reports"
    }

    fn take<'a>(&'a mut self, round: &'a Round) -> BoxFuture<'a, anyhow::Result<()>> {
        self.publish(round).boxed()
    }
}
