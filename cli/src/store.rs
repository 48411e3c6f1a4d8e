//! CAs as they stand in the cluster: the signing Secret, the trust Secrets or ConfigMaps that
//! gateways read, and the record of what was issued.

pub(crate) mod chain;
mod kind;
mod record;

use std::collections::BTreeMap;

use anyhow::Context as _;
use pki::Authority;
use policy::SecretRef;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::cluster::{Cluster, Created, Merged, collection, item};
use crate::problem::Problem;

pub(crate) use chain::{Signing, Slot};
pub(crate) use kind::Kind;
pub(crate) use record::{Record, add as add_records, list as list_records, mark_revoked, records};

/// The label that says which CA an object belongs to, as `NAMESPACE.NAME`.
pub(crate) const CA_LABEL: &str = "kubectl-mtls.github.io/ca";
/// The label that says what an object is to its CA.
pub(crate) const ROLE_LABEL: &str = "kubectl-mtls.github.io/role";
/// How often a change is tried again when somebody else was faster.
const TRIES: usize = 20;

/// What an object is to its CA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A client's or server's certificate and key.
    Leaf,
    /// What was issued.
    Record,
    /// The CA's certificate and key.
    Signing,
    /// What gateways read.
    Trust,
}

impl Role {
    /// Selects the objects that are it.
    pub(crate) fn selector(self) -> String {
        format!("{ROLE_LABEL}%3D{}", self.label())
    }

    fn label(self) -> &'static str {
        match self {
            Self::Leaf => "leaf",
            Self::Record => "record",
            Self::Signing => "signing",
            Self::Trust => "trust",
        }
    }
}

/// The value of [`CA_LABEL`]; a label value has at most 63 characters.
pub(crate) fn label_of(ca: &SecretRef) -> String {
    let whole = format!("{}.{}", ca.namespace, ca.name);
    if whole.len() <= 63 {
        return whole;
    }
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, whole.as_bytes());
    let short = digest.as_ref().iter().take(8);
    let short: String = short.map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{short}", &whole[..40].trim_end_matches(['.', '-']))
}

/// A new object: its kind, place, type and what it is to which CA.
pub(crate) struct New<'a> {
    /// Secret or ConfigMap.
    pub(crate) kind: Kind,
    /// Its namespace.
    pub(crate) namespace: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
    /// `kubernetes.io/tls` or `Opaque`; ConfigMaps have none.
    pub(crate) secret_type: &'a str,
    /// The CA, where it is one in the cluster.
    pub(crate) ca: Option<&'a SecretRef>,
    /// What it is to the CA.
    pub(crate) role: Role,
    /// Nobody can change it.
    pub(crate) immutable: bool,
}

impl New<'_> {
    /// The object with its data.
    pub(crate) fn object(&self, data: &[(&str, &str)]) -> Value {
        let mut labels = json!({"app.kubernetes.io/managed-by": policy::MANAGED_BY,
            ROLE_LABEL: self.role.label()});
        if let Some(ca) = self.ca {
            labels[CA_LABEL] = label_of(ca).into();
        }
        let data = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), self.kind.encode(value)));
        let mut object = json!({"apiVersion": "v1", "kind": self.kind.name(),
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": labels},
            "data": data.collect::<Map<_, _>>()});
        if self.kind == Kind::Secret {
            object["type"] = self.secret_type.into();
        }
        if self.immutable {
            object["immutable"] = true.into();
        }
        object
    }
}

/// Creates objects, or none: what was made goes again when a later one fails, because half a CA
/// would be found by the next run and never be completed.
pub(crate) async fn create_all(
    cluster: &Cluster,
    objects: &[Value],
    dry_run: bool,
) -> anyhow::Result<()> {
    let mut made: Vec<String> = Vec::new();
    for object in objects {
        if let Err(error) = create(cluster, object, dry_run).await {
            for path in made.iter().rev().filter(|_| !dry_run) {
                if let Err(error) = cluster.delete(path).await {
                    let text = format!("{path} was created and could not be removed: {error:#}");
                    crate::problem::say("warning", &text);
                }
            }
            return Err(error);
        }
        made.push(path(object, true));
    }
    Ok(())
}

/// Creates an object; one that exists is never replaced.
pub(crate) async fn create(cluster: &Cluster, object: &Value, dry_run: bool) -> anyhow::Result<()> {
    let created = cluster
        .create(&path(object, false), object, dry_run)
        .await?;
    if created == Created::Created {
        return Ok(());
    }
    let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
    let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
    Err(Problem::world(format!(
        "{kind} {}/{} exists and is not replaced",
        text("namespace"),
        text("name")
    ))
    .hint("choose another name, or delete it if nothing depends on it any more"))
}

/// The URL path of an object, or of the collection that it belongs to.
fn path(object: &Value, whole: bool) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let version = text(&object["apiVersion"]);
    let plural = format!("{}s", text(&object["kind"]).to_lowercase());
    let (namespace, name) = (
        text(&object["metadata"]["namespace"]),
        text(&object["metadata"]["name"]),
    );
    match whole {
        true => item(&version, &plural, &namespace, &name),
        false => collection(&version, &plural, Some(&namespace)),
    }
}

/// A Secret or ConfigMap as it stands in the cluster.
pub(crate) struct Stored {
    /// What it is.
    pub(crate) kind: Kind,
    /// Where it is.
    pub(crate) place: SecretRef,
    /// Nobody can change it.
    pub(crate) immutable: bool,
    version: String,
    data: BTreeMap<String, Zeroizing<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    metadata: Meta,
    #[serde(default)]
    immutable: bool,
    #[serde(default)]
    data: BTreeMap<String, Zeroizing<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    name: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    resource_version: String,
}

#[derive(Deserialize)]
struct List {
    #[serde(default)]
    items: Vec<Wire>,
}

impl Stored {
    fn of(kind: Kind, wire: Wire) -> Self {
        Self {
            kind,
            place: SecretRef::new(&wire.metadata.namespace, &wire.metadata.name),
            immutable: wire.immutable,
            version: wire.metadata.resource_version,
            data: wire.data,
        }
    }

    fn parse(kind: Kind, text: &str, what: &SecretRef) -> anyhow::Result<Self> {
        // A syntax error must not quote the text, which may hold a key.
        let wire: Wire = serde_json::from_str(text)
            .map_err(|_| anyhow::anyhow!("{} {what} cannot be read", kind.name()))?;
        Ok(Self::of(kind, wire))
    }

    /// A Secret as an object that is not in the cluster.
    pub(crate) fn of_object(object: &Value) -> anyhow::Result<Self> {
        let text = Zeroizing::new(object.to_string());
        let place = SecretRef::new("", object["metadata"]["name"].as_str().unwrap_or_default());
        Self::parse(Kind::Secret, &text, &place)
    }

    /// Reads one; `None` where it does not exist.
    pub(crate) async fn read(
        cluster: &Cluster,
        kind: Kind,
        place: &SecretRef,
    ) -> anyhow::Result<Option<Self>> {
        let path = item("v1", kind.plural(), &place.namespace, &place.name);
        let text = cluster.get(&path).await?.map(Zeroizing::new);
        text.map(|text| Self::parse(kind, &text, place)).transpose()
    }

    /// All that are something to a CA, or to any; in one namespace or in all.
    pub(crate) async fn select(
        cluster: &Cluster,
        kind: Kind,
        namespace: Option<&str>,
        role: Role,
        ca: Option<&SecretRef>,
    ) -> anyhow::Result<Vec<Self>> {
        let path = collection("v1", kind.plural(), namespace);
        let mut labels = format!("{ROLE_LABEL}={}", role.label());
        if let Some(ca) = ca {
            labels = format!("{labels},{CA_LABEL}={}", label_of(ca));
        }
        let text = Zeroizing::new(cluster.select(&path, &labels).await?);
        let list: List = serde_json::from_str(&text)
            .map_err(|_| anyhow::anyhow!("the list of {} cannot be read", kind.plural()))?;
        let all = list.items.into_iter().map(|wire| Self::of(kind, wire));
        Ok(all.collect())
    }

    /// The text under a data key.
    pub(crate) fn text(&self, key: &str) -> Option<Zeroizing<String>> {
        self.kind.decode(self.data.get(key)?)
    }

    /// All data keys.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.data.keys().map(String::as_str)
    }

    /// `secret pki/partners`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.kind.name().to_lowercase(), self.place)
    }

    /// The CA under `PREFIX.crt` and `PREFIX.key`.
    pub(crate) fn authority(&self, prefix: &str, now: i64) -> anyhow::Result<Authority> {
        let text = |suffix: &str| {
            let key = format!("{prefix}.{suffix}");
            self.text(&key).ok_or_else(|| {
                Problem::world(format!(
                    "{} has no key {key}, so it cannot sign",
                    self.name()
                ))
                .hint("--ca names the signing Secret, not the trust Secret that gateways read")
            })
        };
        let (cert, key) = (text("crt")?, text("key")?);
        let loaded = Authority::load(cert.as_bytes(), key.as_bytes(), None, now);
        loaded.with_context(|| self.name())
    }

    /// Sets some data keys, and removes those without a value, if nobody else was faster.
    async fn update(
        &self,
        cluster: &Cluster,
        change: &[(&str, Option<Zeroizing<String>>)],
        dry_run: bool,
    ) -> anyhow::Result<Merged> {
        let data = change.iter().map(|(key, value)| {
            let value = value.as_ref().map(|value| self.kind.encode(value));
            ((*key).to_owned(), value.unwrap_or(Value::Null))
        });
        let change = json!({"metadata": {"resourceVersion": self.version},
            "data": data.collect::<Map<_, _>>()});
        let SecretRef {
            namespace, name, ..
        } = &self.place;
        let path = item("v1", self.kind.plural(), namespace, name);
        cluster.merge(&path, &change, dry_run).await
    }
}

/// What is to become of a stored object's data: values to set, and keys to remove.
pub(crate) type Change = Vec<(&'static str, Option<Zeroizing<String>>)>;

/// Changes an object by what it says now, and again when somebody else changed it meanwhile.
/// `None` means that there is nothing to change.
pub(crate) async fn edit(
    cluster: &Cluster,
    kind: Kind,
    place: &SecretRef,
    dry_run: bool,
    change: impl Fn(&Stored) -> anyhow::Result<Change>,
) -> anyhow::Result<bool> {
    for _ in 0..TRIES {
        let stored = Stored::read(cluster, kind, place).await?;
        let stored = stored.with_context(|| format!("{} {place} is gone", kind.name()))?;
        let change = change(&stored)?;
        if change.is_empty() {
            return Ok(false);
        }
        if stored.immutable {
            return Err(
                Problem::world(format!("{} is immutable", stored.name())).hint(
                    "create a trust Secret of another name, let the gateways refer to it, and delete this one",
                ),
            );
        }
        match stored.update(cluster, &change, dry_run).await? {
            Merged::Done(_) => return Ok(true),
            Merged::Conflict => {}
            Merged::Missing => break,
        }
    }
    Err(Problem::world(format!(
        "{} {place} is changed by others all the time",
        kind.name()
    ))
    .hint("try again"))
}

/// Everything that gateways read of a CA, wherever it is.
pub(crate) async fn trusts(cluster: &Cluster, ca: &SecretRef) -> anyhow::Result<Vec<Stored>> {
    let mut found = Vec::new();
    for kind in [Kind::Secret, Kind::ConfigMap] {
        found.extend(Stored::select(cluster, kind, None, Role::Trust, Some(ca)).await?);
    }
    Ok(found)
}
