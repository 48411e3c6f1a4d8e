//! Targets that are looked up in the cluster: the host's name, where its gateway answers, and with
//! which certificate.

use policy::dialect::{self, Kind, Role};
use policy::{Facts, HostKey, Object, ObjectRef, SecretRef, Settings};
use serde_json::Value;

use super::{Address, Depth, Known, Place, of_url, service};
use crate::cluster::{Cluster, item};
use crate::command::source::settings;
use crate::globals::Globals;
use crate::problem::{Problem, say};
use crate::store;

/// Paths of one route that are told apart.
const PATHS: usize = 8;

/// The kinds that open hosts, as kubectl writes them.
pub(super) fn route_kinds() -> Vec<String> {
    let routes = dialect::kinds()
        .into_iter()
        .filter(|kind| kind.role == Role::Route);
    let mut names: Vec<_> = routes.map(|kind| kind.kind.to_lowercase()).collect();
    names.sort();
    names.dedup();
    names
}

/// A route by kind and name.
pub(super) async fn route(
    kind: &str,
    name: &str,
    place: &Place,
    depth: Depth,
    globals: &Globals,
) -> anyhow::Result<Address> {
    let is_called = |known: &Kind| {
        known.role == Role::Route
            && [known.kind, known.plural]
                .iter()
                .any(|name| name.eq_ignore_ascii_case(kind))
    };
    let kinds: Vec<_> = dialect::kinds().into_iter().filter(is_called).collect();
    if kinds.is_empty() {
        return Err(
            Problem::usage(format!("{kind:?} opens no hosts")).hint(format!(
                "name KIND/NAME, where KIND is one of {}",
                route_kinds().join(", ")
            )),
        );
    }
    let cluster = Cluster::connect(globals).await?;
    for known in kinds {
        let path = item(&known.api_version(), known.plural, &cluster.namespace, name);
        if let Some(found) = Found::read(&cluster, &path).await? {
            return of_object(&cluster, found, place, depth).await;
        }
    }
    Err(Problem::world(format!(
        "{kind}/{name} does not exist in namespace {}",
        cluster.namespace
    ))
    .hint("`kubectl mtls get hosts -A` lists the hosts"))
}

/// A host by its name, whichever routes open it. Without a cluster it is a name like any other.
pub(super) async fn host(
    name: &str,
    place: &Place,
    depth: Depth,
    globals: &Globals,
) -> anyhow::Result<Address> {
    let Ok(cluster) = Cluster::connect(globals).await else {
        return of_url(name, place);
    };
    let mut facts = cluster
        .facts(Some(&cluster.namespace), settings(None)?)
        .await?;
    let Some(key) = key_of(&facts, name) else {
        return Err(Problem::world(format!("no route opens host {name}"))
            .hint("`kubectl mtls get hosts -A` lists the hosts; https://HOST asks no cluster"));
    };
    let mut address = of_url(name, place)?;
    let mut paths = Vec::new();
    let objects = facts
        .view()
        .routes(&key)
        .into_iter()
        .map(|route| route.site.object.clone());
    let objects: std::collections::BTreeSet<_> = objects.collect();
    for object in objects {
        let Some(kind) = dialect::kind_of(&object) else {
            continue;
        };
        let path = item(
            &kind.api_version(),
            kind.plural,
            &object.namespace,
            &object.name,
        );
        if let Some(found) = Found::read(&cluster, &path).await? {
            paths.extend(found.paths());
            complete(&mut address, &cluster, &found, &key, place).await?;
        }
    }
    address.known = known(&cluster, &mut facts, &key, paths, depth).await?;
    Ok(address)
}

/// The host of a name: itself, or the wildcard that covers it.
fn key_of(facts: &Facts, name: &str) -> Option<HostKey> {
    let name = name.to_lowercase();
    let hosts = facts.hosts();
    let exact = hosts.iter().find(|key| key.host == name);
    let parent = name
        .split_once('.')
        .map(|(_, parent)| format!("*.{parent}"));
    let wildcard = || hosts.iter().find(|key| Some(&key.host) == parent.as_ref());
    exact.or_else(wildcard).cloned()
}

async fn of_object(
    cluster: &Cluster,
    found: Found,
    place: &Place,
    depth: Depth,
) -> anyhow::Result<Address> {
    let mut facts = match depth {
        Depth::Demand => {
            let facts = cluster.facts(Some(&cluster.namespace), settings(None)?);
            Some(facts.await?)
        }
        Depth::Address => None,
    };
    let settings = match &facts {
        Some(facts) => (*facts.settings).clone(),
        None => cluster.settings(settings(None)?).await?,
    };
    let key = found.key(&settings)?;
    let mut address = of_url(&key.host, place)?;
    complete(&mut address, cluster, &found, &key, place).await?;
    if let Some(facts) = &mut facts {
        address.known = known(cluster, facts, &key, found.paths(), depth).await?;
    }
    Ok(address)
}

async fn known(
    cluster: &Cluster,
    facts: &mut Facts,
    key: &HostKey,
    mut paths: Vec<String>,
    depth: Depth,
) -> anyhow::Result<Option<Known>> {
    if depth == Depth::Address {
        return Ok(None);
    }
    paths.sort();
    paths.dedup();
    paths.truncate(PATHS);
    Ok(Some(Known {
        host: cluster.settle(facts, key).await?,
        paths,
        open_neighbour: open_neighbour(facts, key),
    }))
}

fn open_neighbour(facts: &Facts, key: &HostKey) -> Option<String> {
    let view = facts.view();
    let others = facts.hosts_of(&key.gateway);
    let mut named: Vec<_> = others
        .filter(|other| *other != key && !other.host.starts_with('*'))
        .collect();
    named.sort();
    let open = named.into_iter().find(|other| {
        let host = dialect::settle(other, &view);
        !host.mentioned && host.doors.iter().any(|door| !door.plain)
    });
    open.map(|other| other.host.clone())
}

/// A route as the API server has it.
struct Found {
    object: Object,
    raw: Value,
}

impl Found {
    async fn read(cluster: &Cluster, path: &str) -> anyhow::Result<Option<Self>> {
        let Some(text) = cluster.get(path).await? else {
            return Ok(None);
        };
        let object = Object::from_json(&text)
            .map_err(|unreadable| anyhow::anyhow!("reading {path}: {}", unreadable.reason))?;
        let raw = serde_json::from_str(&text)?;
        Ok(Some(Self { object, raw }))
    }

    /// The first host that has a name.
    fn key(&self, settings: &Settings) -> anyhow::Result<HostKey> {
        let read = dialect::read(&self.object, settings);
        let mut keys = read.routes.iter().flat_map(|route| {
            route.hosts.iter().map(|host| HostKey {
                gateway: route.gateway.clone(),
                host: host.clone(),
            })
        });
        let id = &self.object.id;
        keys.find(|key| !key.host.starts_with('*')).ok_or_else(|| {
            Problem::world(format!("{id} names no host that could be called"))
                .hint("name one: `kubectl mtls test https://HOST --connect ADDRESS:443`")
        })
    }

    /// The Secret with the server's certificate for a host.
    fn server_secret(&self, host: &str) -> Option<SecretRef> {
        let ObjectRef { namespace, .. } = &*self.object.id;
        let spec = &self.raw["spec"];
        let names = |entry: &&Value| {
            let hosts = entry["hosts"].as_array();
            hosts.is_some_and(|hosts| hosts.iter().any(|name| name == host))
        };
        let entries = spec["tls"].as_array().map_or(&[][..], Vec::as_slice);
        let entry = entries.iter().find(names).or(entries.first());
        let name = entry.map_or(&spec["tls"]["secretName"], |entry| &entry["secretName"]);
        let own = &spec["secret"];
        match (name.as_str(), own["name"].as_str()) {
            (Some(name), _) => Some(SecretRef::new(namespace, name)),
            (None, Some(name)) => {
                let namespace = own["namespace"].as_str().unwrap_or(namespace);
                Some(SecretRef::new(namespace, name))
            }
            (None, None) => None,
        }
    }

    /// The paths that the route names, whatever its kind calls them.
    fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        collect(&self.raw["spec"], &mut paths);
        paths
    }

    /// Where the object itself says that it is served.
    fn balancer(&self) -> Option<String> {
        let place = &self.raw["status"]["loadBalancer"]["ingress"][0];
        let at = place["ip"].as_str().or(place["hostname"].as_str());
        at.map(str::to_owned)
    }
}

/// Values of `path` and `paths`, and what stands between backquotes in a rule, if it begins with a
/// slash and is no pattern.
fn collect(value: &Value, paths: &mut Vec<String>) {
    let plain = |text: &str| {
        let rest = text.strip_prefix('/');
        rest.is_some_and(|rest| {
            !rest.is_empty()
                && !rest.contains(|char: char| {
                    "*^$()[]{}\\|+?#".contains(char) || char.is_whitespace() || char.is_control()
                })
        })
    };
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), value) {
                    ("path", Value::String(path)) if plain(path) => paths.push(path.clone()),
                    ("paths", Value::Array(list)) => {
                        let texts = list.iter().filter_map(Value::as_str);
                        paths.extend(texts.filter(|path| plain(path)).map(str::to_owned));
                        list.iter().for_each(|item| collect(item, paths));
                    }
                    ("match", Value::String(rule)) => {
                        let quoted = rule.split('`').skip(1).step_by(2);
                        paths.extend(quoted.filter(|path| plain(path)).map(str::to_owned));
                    }
                    (_, value) => collect(value, paths),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|item| collect(item, paths)),
        _ => {}
    }
}

/// Address and certificate: of the object's status, else of the gateway's Service.
async fn complete(
    address: &mut Address,
    cluster: &Cluster,
    found: &Found,
    key: &HostKey,
    place: &Place,
) -> anyhow::Result<()> {
    if place.connect.is_none() {
        let at = match found.balancer() {
            Some(at) => service::Reach::Direct(format!("{at}:443"), Some(format!("{at}:80"))),
            None => service::reach(cluster, key.gateway.dialect).await,
        };
        match at {
            service::Reach::Direct(connect, plain) => {
                address.connect = connect;
                address.plain = place.plain.clone().or(plain);
            }
            service::Reach::Forward(hint) => address.detour = Some(hint),
            service::Reach::Unknown => {}
        }
    }
    if let (None, None, Some(secret)) = (
        &place.server_ca,
        &address.certificate,
        found.server_secret(&key.host),
    ) {
        address.certificate = certificate(cluster, &secret).await;
    }
    Ok(())
}

/// The server's certificate; where it may not be read, the system's CAs have to do.
async fn certificate(cluster: &Cluster, secret: &SecretRef) -> Option<String> {
    match store::Stored::read(cluster, store::Kind::Secret, secret).await {
        Ok(stored) => stored?.text("tls.crt").map(|text| text.to_string()),
        Err(error) => {
            let text = format!(
                "the server is checked against the system's CAs, for its certificate cannot be \
                 read ({error:#}); --server-ca names its CA"
            );
            say("note", &text);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(spec: &Value) -> Vec<String> {
        let mut paths = Vec::new();
        collect(spec, &mut paths);
        paths
    }

    #[test]
    fn paths_are_found_whatever_the_kind() {
        let ingress = json!({"rules": [{"http": {"paths": [{"path": "/"}, {"path": "/admin"},
            {"path": "/a(/|$)(.*)"}]}}]});
        assert_eq!(paths(&ingress), ["/admin"]);
        let route = json!({"routes": [{"match": "Host(`a.example`) && PathPrefix(`/v1`)"}]});
        assert_eq!(paths(&route), ["/v1"]);
        let apisix =
            json!({"http": [{"match": {"paths": ["/pay", "/*"], "hosts": ["a.example"]}}]});
        assert_eq!(paths(&apisix), ["/pay"]);
    }
}
