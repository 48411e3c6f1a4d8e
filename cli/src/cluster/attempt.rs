//! Requests whose refusal is an answer, and changes that say what they found.

use anyhow::Context as _;
use http::Request;
use serde_json::Value;

use super::refusal::{failed, is_missing};
use super::{Cluster, apply};

/// What the API server said to a request that it answered.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It would do it.
    Admitted,
    /// It refuses, in its own words.
    Refused(String),
}

/// What a JSON patch came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Patched {
    /// It holds.
    Done,
    /// A test in it did not: the object is another than the one that was read.
    Stale,
}

/// What a removal came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Removed {
    /// It goes.
    Gone,
    /// It was not there.
    Missing,
}

/// The kind is not there, rather than the namespace that the object is for.
fn is_unserved(status: &kube::core::Status) -> bool {
    is_missing(status) && !status.message.starts_with("namespaces ")
}

impl Cluster {
    /// Asks to create an object without creating it.
    pub(crate) async fn attempt(&self, path: &str, object: &Value) -> anyhow::Result<Attempt> {
        let body = serde_json::to_vec(object).context("writing the object")?;
        let uri = format!("{path}?fieldManager=kubectl-mtls&dryRun=All");
        let request = Request::post(uri)
            .header("content-type", "application/json")
            .body(body)?;
        match self.send(request).await {
            Ok(_) => Ok(Attempt::Admitted),
            Err(kube::Error::Api(status)) => Ok(Attempt::Refused(status.message.clone())),
            Err(error) => Err(failed(&error, path)),
        }
    }

    /// Changes an object by a JSON patch (RFC 6902); `Patched::Stale` where a test in it fails.
    pub(crate) async fn patch(&self, path: &str, patch: &Value) -> anyhow::Result<Patched> {
        let body = serde_json::to_vec(patch).context("writing the patch")?;
        let request = Request::patch(format!("{path}?fieldManager=kubectl-mtls"))
            .header("content-type", "application/json-patch+json")
            .body(body)?;
        match self.send(request).await {
            Ok(_) => Ok(Patched::Done),
            Err(kube::Error::Api(status)) if status.code == 422 || status.is_conflict() => {
                Ok(Patched::Stale)
            }
            Err(error) => Err(failed(&error, path)),
        }
    }

    /// Applies an object server-side; `false` where its kind is not served.
    pub(crate) async fn try_apply(
        &self,
        path: &str,
        object: &Value,
        dry_run: bool,
        force: bool,
    ) -> anyhow::Result<bool> {
        match self.send(apply(path, object, dry_run, force)?).await {
            Ok(_) => Ok(true),
            Err(kube::Error::Api(status)) if is_unserved(&status) => Ok(false),
            Err(error) => Err(failed(&error, path)),
        }
    }

    /// Removes an object and what it owns.
    pub(crate) async fn remove(&self, path: &str, dry_run: bool) -> anyhow::Result<Removed> {
        let query = if dry_run { "&dryRun=All" } else { "" };
        let uri = format!("{path}?propagationPolicy=Background{query}");
        match self.send(Request::delete(uri).body(Vec::new())?).await {
            Ok(_) => Ok(Removed::Gone),
            Err(kube::Error::Api(status)) if is_missing(&status) => Ok(Removed::Missing),
            Err(error) => Err(failed(&error, path)),
        }
    }

    /// An object as JSON; `None` where it does not exist.
    pub(crate) async fn value(&self, path: &str) -> anyhow::Result<Option<Value>> {
        let Some(text) = self.get(path).await? else {
            return Ok(None);
        };
        let read = serde_json::from_str(&text);
        Ok(Some(read.with_context(|| format!("reading {path}"))?))
    }

    /// The objects of a collection that a label selects; none where the kind is not served.
    pub(crate) async fn items(&self, path: &str, labels: &str) -> anyhow::Result<Vec<Value>> {
        let query = match labels {
            "" => String::new(),
            labels => format!("?labelSelector={}", labels.replace('=', "%3D")),
        };
        let list = self
            .value(&format!("{path}{query}"))
            .await?
            .unwrap_or_default();
        Ok(list["items"].as_array().cloned().unwrap_or_default())
    }
}
