//! Reads within the deadline that the API server sent. What cannot be read is Unknown.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use http::Request;
use policy::client_auth_policy::{EXCEPTION, POLICY, Policies};
use policy::dialect::{self, Kind};
use policy::{Bundle, Lookup, Object, ObjectRef, SecretRef};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::state::State;

/// Reads for one request.
pub(crate) struct Live<'a> {
    /// What all requests share.
    pub(crate) state: &'a State,
    /// When an answer comes too late.
    pub(crate) deadline: Instant,
}

impl Live<'_> {
    /// One Secret, reduced to its certificates.
    pub(crate) async fn bundle(&self, secret: &SecretRef) -> Lookup<Arc<Bundle>> {
        let path = format!(
            "/api/v1/namespaces/{}/{}/{}",
            secret.namespace,
            secret.plural(),
            secret.name
        );
        match self.get(&path).await {
            Lookup::Found(text) => match Object::from_json(&text) {
                Ok(object) => Lookup::Found(Arc::new(Bundle::read(&object))),
                Err(unreadable) => Lookup::Unknown(unreadable.reason),
            },
            Lookup::Missing => Lookup::Missing,
            Lookup::Unknown(why) => Lookup::Unknown(format!("{} {secret}: {why}", secret.kind())),
        }
    }

    /// One object of a kind that dialects read.
    pub(crate) async fn object(&self, id: &ObjectRef) -> Lookup<Object> {
        let Some(kind) = dialect::kind_of(id) else {
            return Lookup::Unknown("not a kind that is read".to_owned());
        };
        match self.get(&path(kind, id)).await {
            Lookup::Found(text) => {
                let read = Object::from_json(&text);
                read.map_or_else(|error| Lookup::Unknown(error.reason), Lookup::Found)
            }
            Lookup::Missing => Lookup::Missing,
            Lookup::Unknown(why) => Lookup::Unknown(why),
        }
    }

    /// Whether a namespace is about to go, or gone.
    pub(crate) async fn is_terminating(&self, namespace: &str) -> bool {
        let path = format!("/api/v1/namespaces/{namespace}");
        match self.get(&path).await {
            Lookup::Found(text) => Object::from_json(&text).is_ok_and(|object| object.deleting),
            Lookup::Missing => true,
            Lookup::Unknown(_) => false,
        }
    }

    /// A namespace with its labels.
    pub(crate) async fn namespace(&self, name: &str) -> Lookup<Object> {
        match self.get(&format!("/api/v1/namespaces/{name}")).await {
            Lookup::Found(text) => match Object::from_json(&text) {
                Ok(object) => Lookup::Found(object),
                Err(unreadable) => Lookup::Unknown(unreadable.reason),
            },
            Lookup::Missing => Lookup::Missing,
            Lookup::Unknown(why) => Lookup::Unknown(format!("namespace {name}: {why}")),
        }
    }

    /// The policies and exceptions as they are, and the labels of some namespaces.
    pub(crate) async fn policies(&self, namespaces: &BTreeSet<String>) -> Result<Policies, String> {
        let mut policies = Policies::default();
        for kind in [POLICY, EXCEPTION] {
            self.list(&kind, &mut policies).await?;
        }
        for name in namespaces {
            match self.namespace(name).await {
                Lookup::Found(object) => policies.learn(&object),
                Lookup::Missing => {}
                Lookup::Unknown(why) => return Err(why),
            }
        }
        Ok(policies)
    }

    /// All objects of a cluster-scoped kind; none, where it is not served.
    async fn list(&self, kind: &Kind, policies: &mut Policies) -> Result<(), String> {
        let path = format!("/apis/{}/{}", kind.api_version(), kind.plural);
        let text = match self.get(&path).await {
            Lookup::Found(text) => text,
            Lookup::Missing => return Ok(()),
            Lookup::Unknown(why) => return Err(format!("{}: {why}", kind.plural)),
        };
        let list: List<'_> =
            serde_json::from_str(&text).map_err(|error| format!("{}: {error}", kind.plural))?;
        let items = list.items.iter();
        let read = |item: &&RawValue| {
            Object::from_list_item(&kind.api_version(), kind.kind, item.get()).ok()
        };
        items
            .filter_map(read)
            .for_each(|object| policies.learn(&object));
        Ok(())
    }

    async fn get(&self, path: &str) -> Lookup<String> {
        let Ok(request) = Request::get(path).body(Vec::new()) else {
            return Lookup::Missing;
        };
        let found = self.within(self.state.live.request_text(request)).await;
        self.state.metrics.lookup(&found);
        found
    }

    async fn within(&self, request: impl Future<Output = kube::Result<String>>) -> Lookup<String> {
        match timeout_at(self.deadline, request).await {
            Ok(Ok(text)) => Lookup::Found(text),
            Ok(Err(kube::Error::Api(status))) if is_not_there(&status) => Lookup::Missing,
            Ok(Err(kube::Error::Api(status))) if status.is_forbidden() => {
                Lookup::Unknown("forbidden".to_owned())
            }
            Ok(Err(error)) => Lookup::Unknown(format!("not read: {error}")),
            Err(_) => Lookup::Unknown("not read in time".to_owned()),
        }
    }
}

/// Whether there is no such object, or no such kind: of a group that the cluster does not know the
/// API server says so in a sentence, and not in a Status with a reason.
pub(crate) fn is_not_there(status: &kube::core::Status) -> bool {
    status.is_not_found() || status.code == 404
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

fn path(kind: &Kind, id: &ObjectRef) -> String {
    let version = kind.api_version();
    format!(
        "/apis/{version}/namespaces/{}/{}/{}",
        id.namespace, kind.plural, id.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::Status;

    #[test]
    fn a_group_that_is_not_served_is_not_there() {
        // As kube makes it of an answer that is no Status.
        let sentence = Status::failure("404 page not found", "Failed to parse error data");
        assert!(is_not_there(&sentence.clone().with_code(404)));
        assert!(!is_not_there(&sentence.with_code(503)));
        assert!(is_not_there(
            &Status::failure("", "NotFound").with_code(404)
        ));
        assert!(!is_not_there(
            &Status::failure("", "Forbidden").with_code(403)
        ));
    }
}
