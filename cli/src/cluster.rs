//! The cluster: a client from kubectl's flags, lists of the kinds that dialects read, and single
//! objects. What may not be read is said and makes the verdicts that rest on it unknown.

mod attempt;
mod config;
mod names;
mod policies;
mod refusal;
mod settings;
mod unlisted;
mod wire;

use std::sync::Arc;

use anyhow::Context as _;
use http::Request;
use kube::Client;
use kube::client::ClientBuilder;
use policy::dialect::Kind;
use policy::{Bundle, Facts, Host, HostKey, Lookup, Object, Report, SecretRef, Seen, Settings};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::globals::Globals;
use crate::problem::{Problem, say};
use crate::progress::doing;

pub(crate) use attempt::{Attempt, Patched, Removed};
pub(crate) use config::{name, namespace, place};
pub(crate) use names::Names;
use refusal::{failed, is_missing};
use unlisted::Unlisted;

/// Objects a page of a list.
const PAGE: usize = 500;

/// A cluster as the flags name it.
pub(crate) struct Cluster {
    client: Client,
    /// The namespace of the flags or the context.
    pub(crate) namespace: String,
}

impl Cluster {
    /// Reads the kubeconfig and prepares a client; nothing is sent yet.
    pub(crate) async fn connect(globals: &Globals) -> anyhow::Result<Self> {
        let config = config::config(globals).await.map_err(|error| {
            if error.is::<Problem>() {
                return error;
            }
            Problem::world(format!("no cluster is configured: {error}")).hint(
                "name one with --kubeconfig or --context; `kubectl config get-contexts` lists them",
            )
        })?;
        let namespace = config.default_namespace.clone();
        doing(format!("asking {}", config.cluster_url));
        let wire = wire::Around(wire::Wire::new(globals, &config.cluster_url));
        let builder = ClientBuilder::try_from(config);
        let builder = builder.context("preparing the connection to the cluster")?;
        let client = builder.with_layer(&wire).build();
        Ok(Self { client, namespace })
    }

    /// Sends one request and returns the body.
    async fn send(&self, request: Request<Vec<u8>>) -> kube::Result<String> {
        self.client.request_text(request).await
    }

    /// One object; `None` where it does not exist.
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Option<String>> {
        match self.send(get(path)).await {
            Ok(text) => Ok(Some(text)),
            Err(kube::Error::Api(status)) if is_missing(&status) => Ok(None),
            Err(error) => Err(failed(&error, path)),
        }
    }

    /// Creates an object; that it exists is the error `Exists`.
    pub(crate) async fn create(
        &self,
        path: &str,
        object: &Value,
        dry_run: bool,
    ) -> anyhow::Result<Created> {
        let query = if dry_run { "&dryRun=All" } else { "" };
        let uri = format!("{path}?fieldManager=kubectl-mtls{query}");
        let body = serde_json::to_vec(object).context("writing the object")?;
        let request = Request::post(uri)
            .header("content-type", "application/json")
            .body(body)?;
        match self.send(request).await {
            Ok(_) => Ok(Created::Created),
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(Created::Exists),
            Err(error) => Err(failed(&error, path)),
        }
    }

    /// Creates an object and returns it; `None` where its kind is not served.
    pub(crate) async fn make(&self, path: &str, object: &Value) -> anyhow::Result<Option<Value>> {
        let body = serde_json::to_vec(object).context("writing the object")?;
        let request = Request::post(format!("{path}?fieldManager=kubectl-mtls"))
            .header("content-type", "application/json")
            .body(body)?;
        match self.send(request).await {
            Ok(text) => Ok(Some(
                serde_json::from_str(&text).context("reading the object")?,
            )),
            Err(kube::Error::Api(status)) if is_missing(&status) => Ok(None),
            Err(error) => Err(failed(&error, path)),
        }
    }

    /// Puts an object in the place of the one that is there.
    pub(crate) async fn replace(&self, path: &str, object: &Value) -> anyhow::Result<()> {
        let body = serde_json::to_vec(object).context("writing the object")?;
        let request = Request::put(format!("{path}?fieldManager=kubectl-mtls"))
            .header("content-type", "application/json")
            .body(body)?;
        let replaced = self.send(request).await;
        replaced.map(drop).map_err(|error| failed(&error, path))
    }

    /// Removes an object again that this run has just created.
    pub(crate) async fn delete(&self, path: &str) -> anyhow::Result<()> {
        let request = Request::delete(path).body(Vec::new())?;
        self.send(request)
            .await
            .map(drop)
            .map_err(|error| failed(&error, path))
    }

    /// Changes parts of an object (RFC 7386); with a resourceVersion only if it is still that one.
    pub(crate) async fn merge(
        &self,
        path: &str,
        change: &Value,
        dry_run: bool,
    ) -> anyhow::Result<Merged> {
        let query = if dry_run { "&dryRun=All" } else { "" };
        let uri = format!("{path}?fieldManager=kubectl-mtls{query}");
        let body = serde_json::to_vec(change).context("writing the change")?;
        let request = Request::patch(uri)
            .header("content-type", "application/merge-patch+json")
            .body(body)?;
        match self.send(request).await {
            Ok(text) => Ok(Merged::Done(text)),
            Err(kube::Error::Api(status)) if is_missing(&status) => Ok(Merged::Missing),
            Err(kube::Error::Api(status)) if status.is_conflict() => Ok(Merged::Conflict),
            Err(error) => Err(failed(&error, path)),
        }
    }

    /// The objects of a collection that labels select, as the API server wrote them.
    pub(crate) async fn select(&self, path: &str, labels: &str) -> anyhow::Result<String> {
        let uri = format!(
            "{path}?labelSelector={}",
            labels.replace('=', "%3D").replace('!', "%21")
        );
        let found = self.send(get(&uri)).await;
        found.map_err(|error| failed(&error, path))
    }

    /// Applies an object server-side and returns it as it then is.
    pub(crate) async fn apply(
        &self,
        path: &str,
        object: &Value,
        dry_run: bool,
        force: bool,
    ) -> anyhow::Result<String> {
        let applied = self.send(apply(path, object, dry_run, force)?).await;
        applied.map_err(|error| failed(&error, path))
    }

    /// What is known of the gateways, completed by what their own objects tell.
    pub(crate) async fn settings(&self, mut settings: Settings) -> anyhow::Result<Settings> {
        self.learn(&mut settings).await?;
        Ok(settings)
    }

    /// One host, with the Secrets that the answer rests on.
    pub(crate) async fn settle(&self, facts: &mut Facts, key: &HostKey) -> anyhow::Result<Host> {
        loop {
            let host = policy::dialect::settle(key, &facts.view());
            if host.wanted.is_empty() {
                return Ok(host);
            }
            for secret in &host.wanted {
                let found = self.bundle(secret).await?;
                facts.set_bundle(secret.clone(), found);
            }
        }
    }

    /// Everything that the dialects read, as facts alone.
    pub(crate) async fn facts(
        &self,
        fallback: Option<&str>,
        settings: Settings,
    ) -> anyhow::Result<Facts> {
        let (facts, _) = self.read(fallback, settings).await?;
        Ok(facts)
    }

    /// Everything that the dialects read, and the facts in it. Of a kind that may be listed in
    /// `fallback` alone, what is there.
    pub(crate) async fn read(
        &self,
        fallback: Option<&str>,
        settings: Settings,
    ) -> anyhow::Result<(Facts, Vec<Object>)> {
        let mut all = Vec::new();
        let mut facts = Facts::new(self.settings(settings).await?, Seen::All);
        // Secrets are not listed: those that are referred to are asked for one by one.
        facts.set_seen("Secret", Seen::Some);
        facts.set_seen("ConfigMap", Seen::Some);
        let mut unlisted = Unlisted::default();
        for kind in policy::dialect::kinds() {
            match self.list_somewhere(&kind, fallback, &mut unlisted).await? {
                Ok(objects) => {
                    for object in objects {
                        let read = policy::dialect::read(&object, &facts.settings);
                        facts.insert(read);
                        all.push(object);
                    }
                }
                Err(why) => {
                    unlisted.everywhere.insert(kind.plural);
                    facts.set_seen(kind.kind, Seen::Forbidden(why));
                }
            }
        }
        unlisted.say(fallback);
        self.learn_policies(&mut facts).await?;
        Ok((facts, all))
    }

    /// One kind in all namespaces, or in the only one that may be listed.
    async fn list_somewhere(
        &self,
        kind: &Kind,
        fallback: Option<&str>,
        unlisted: &mut Unlisted,
    ) -> anyhow::Result<Result<Vec<Object>, String>> {
        let everywhere = self.list(kind, None).await?;
        let (Err(_), Some(namespace)) = (&everywhere, fallback) else {
            return Ok(everywhere);
        };
        let there = self.list(kind, Some(namespace)).await?;
        if there.is_ok() {
            unlisted.elsewhere.insert(kind.plural);
        }
        Ok(there)
    }

    /// One kind; `Err` where listing is forbidden. A kind that is not served has no objects.
    async fn list(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
    ) -> anyhow::Result<Result<Vec<Object>, String>> {
        let mut objects = Vec::new();
        let mut token = String::new();
        loop {
            doing(format!("reading {}: {} so far", kind.plural, objects.len()));
            let path = collection(&kind.api_version(), kind.plural, namespace);
            let uri = format!("{path}?limit={PAGE}&continue={token}");
            let text = match self.send(get(&uri)).await {
                Ok(text) => text,
                Err(kube::Error::Api(status)) if is_missing(&status) => return Ok(Ok(objects)),
                Err(kube::Error::Api(status)) if status.is_forbidden() => {
                    return Ok(Err("forbidden".to_owned()));
                }
                Err(error) => return Err(failed(&error, kind.plural)),
            };
            let page: Page<'_> = serde_json::from_str(&text).context("reading a list")?;
            let read = |item: &&RawValue| {
                Object::from_list_item(&kind.api_version(), kind.kind, item.get())
            };
            objects.extend(page.items.iter().filter_map(|item| read(item).ok()));
            token = page.metadata.r#continue;
            if token.is_empty() {
                return Ok(Ok(objects));
            }
        }
    }

    /// Fetches the Secrets that answers rest on, until none is wanted.
    pub(crate) async fn complete(&self, facts: &mut Facts, now: i64) -> anyhow::Result<Report> {
        loop {
            let report = policy::report(&facts.view(), now);
            let wanted = report.wanted();
            if wanted.is_empty() {
                return Ok(report);
            }
            for secret in wanted {
                let found = self.bundle(&secret).await?;
                facts.set_bundle(secret, found);
            }
        }
    }

    async fn bundle(&self, secret: &SecretRef) -> anyhow::Result<Lookup<Arc<Bundle>>> {
        let (kind, plural) = (secret.kind(), secret.plural());
        let path = item("v1", plural, &secret.namespace, &secret.name);
        doing(format!("reading {kind} {secret}"));
        match self.send(get(&path)).await {
            Ok(text) => Ok(match Object::from_json(&text) {
                Ok(object) => Lookup::Found(Arc::new(Bundle::read(&object))),
                Err(unreadable) => Lookup::Unknown(unreadable.reason),
            }),
            Err(kube::Error::Api(status)) if is_missing(&status) => Ok(Lookup::Missing),
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                say(
                    "warning",
                    &format!("{kind} {secret} may not be read: the verdict stays unknown"),
                );
                Ok(Lookup::Unknown(format!("{kind} {secret}: forbidden")))
            }
            Err(error) => Err(failed(&error, &format!("{kind} {secret}"))),
        }
    }
}

/// What a change came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    /// The object as it then is.
    Done(String),
    /// Somebody else changed it meanwhile.
    Conflict,
    /// It does not exist.
    Missing,
}

/// What a creation came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Created {
    /// It is new.
    Created,
    /// It was there before.
    Exists,
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(default)]
    metadata: PageMeta,
    #[serde(borrow, default)]
    items: Vec<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct PageMeta {
    #[serde(default)]
    r#continue: String,
}

/// A server-side apply (`docs/reference/using-api/server-side-apply` of Kubernetes).
fn apply(
    path: &str,
    object: &Value,
    dry_run: bool,
    force: bool,
) -> anyhow::Result<Request<Vec<u8>>> {
    let query = if dry_run { "&dryRun=All" } else { "" };
    let uri = format!("{path}?fieldManager=kubectl-mtls&force={force}{query}");
    let body = serde_json::to_vec(object).context("writing the object")?;
    let request = Request::patch(uri).header("content-type", "application/apply-patch+yaml");
    Ok(request.body(body)?)
}

fn get(uri: &str) -> Request<Vec<u8>> {
    // The parts are names that Kubernetes allows; anything else fails in the request itself.
    Request::get(uri).body(Vec::new()).unwrap_or_default()
}

/// The URL path of a collection.
pub(crate) fn collection(api_version: &str, plural: &str, namespace: Option<&str>) -> String {
    let root = if api_version.contains('/') {
        "/apis"
    } else {
        "/api"
    };
    let scope = namespace
        .map(|namespace| format!("/namespaces/{namespace}"))
        .unwrap_or_default();
    format!("{root}/{api_version}{scope}/{plural}")
}

/// The URL path of an object.
pub(crate) fn item(api_version: &str, plural: &str, namespace: &str, name: &str) -> String {
    format!(
        "{}/{name}",
        collection(api_version, plural, Some(namespace))
    )
}
