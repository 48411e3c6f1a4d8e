//! The record of what a CA issued: one ConfigMap beside it, a data key for each serial number.
//! A merge patch sets single keys, so two issuers at once lose nothing.

use policy::SecretRef;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Kind, New, Role, Stored};
use crate::cluster::{Cluster, Created, Merged, collection, item};

/// A ConfigMap holds 1 MiB, a record some 300 bytes: expired ones go first, then the oldest.
const MOST: usize = 2500;
const TRIES: usize = 5;

/// A certificate that was issued.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// The serial number in hexadecimal.
    #[serde(skip)]
    pub(crate) serial: String,
    /// The subject (RFC 4514).
    pub(crate) subject: String,
    /// When it was issued, Unix seconds.
    pub(crate) issued: i64,
    /// When it ends, Unix seconds.
    pub(crate) not_after: i64,
    /// SHA-256 of the certificate in hexadecimal.
    pub(crate) fingerprint: String,
    /// The key id of the CA's certificate that signed it.
    pub(crate) issuer_key_id: String,
    /// client, server or both.
    pub(crate) usage: String,
    /// When it was revoked, Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revoked: Option<i64>,
}

impl Record {
    /// The record of a new certificate.
    pub(crate) fn of(certificate: &x509::Certificate, now: i64) -> Self {
        let allowed = |usage| usage == x509::Usage::Allowed;
        let usage = match (
            allowed(certificate.client_auth),
            allowed(certificate.server_auth),
        ) {
            (true, true) => "both",
            (false, true) => "server",
            _ => "client",
        };
        Self {
            serial: certificate.serial.clone(),
            subject: certificate.subject.clone(),
            issued: now,
            not_after: certificate.not_after,
            fingerprint: certificate.fingerprint_hex(),
            issuer_key_id: certificate.authority_key_id.clone().unwrap_or_default(),
            usage: usage.to_owned(),
            revoked: None,
        }
    }

    /// Whether it can still be used.
    pub(crate) fn is_living(&self, now: i64) -> bool {
        self.revoked.is_none() && self.not_after > now
    }

    /// The common names of its subject.
    pub(crate) fn common_names(&self) -> impl Iterator<Item = &str> {
        let parts = self.subject.split(", ");
        parts.filter_map(|part| part.strip_prefix("CN="))
    }

    fn entry(&self) -> (String, Value) {
        // A record is plain text; it always serialises.
        let text = serde_json::to_string(self).unwrap_or_default();
        (self.serial.clone(), text.into())
    }
}

fn place(ca: &SecretRef) -> SecretRef {
    SecretRef::new(&ca.namespace, &format!("{}-issued", ca.name))
}

/// The records of a CA, in order of their end.
pub(crate) async fn list(cluster: &Cluster, ca: &SecretRef) -> anyhow::Result<Vec<Record>> {
    let stored = Stored::read(cluster, Kind::ConfigMap, &place(ca)).await?;
    Ok(stored.map(|stored| records(&stored)).unwrap_or_default())
}

/// What a ConfigMap records; entries that others wrote are passed over.
pub(crate) fn records(stored: &Stored) -> Vec<Record> {
    let read = |serial: &str| {
        let record: Record = serde_json::from_str(&stored.text(serial)?).ok()?;
        Some(Record {
            serial: serial.to_owned(),
            ..record
        })
    };
    let mut records: Vec<_> = stored.keys().filter_map(read).collect();
    records.sort_by(|a, b| (a.not_after, &a.serial).cmp(&(b.not_after, &b.serial)));
    records
}

/// Adds records; what is over the bound goes.
pub(crate) async fn add(
    cluster: &Cluster,
    ca: &SecretRef,
    new: &[Record],
    now: i64,
) -> anyhow::Result<()> {
    let data: Map<_, _> = new.iter().map(Record::entry).collect();
    let written = put(cluster, ca, &data).await?;
    let Ok(stored) = Stored::parse(Kind::ConfigMap, &written, &place(ca)) else {
        return Ok(());
    };
    let gone = surplus(&records(&stored), now);
    if !gone.is_empty() {
        let data = gone.into_iter().map(|serial| (serial, Value::Null));
        put(cluster, ca, &data.collect()).await?;
    }
    Ok(())
}

/// Notes when certificates were revoked.
pub(crate) async fn mark_revoked(
    cluster: &Cluster,
    ca: &SecretRef,
    records: &[Record],
    now: i64,
) -> anyhow::Result<()> {
    let revoked = records.iter().map(|record| Record {
        revoked: Some(now),
        ..record.clone()
    });
    let data = revoked.map(|record| record.entry()).collect();
    put(cluster, ca, &data).await.map(drop)
}

/// Sets data keys of the ConfigMap, which is made if need be.
async fn put(
    cluster: &Cluster,
    ca: &SecretRef,
    data: &Map<String, Value>,
) -> anyhow::Result<String> {
    let SecretRef {
        namespace, name, ..
    } = place(ca);
    for _ in 0..TRIES {
        let path = item("v1", "configmaps", &namespace, &name);
        if let Merged::Done(text) = cluster.merge(&path, &json!({"data": data}), false).await? {
            return Ok(text);
        }
        let new = New {
            kind: Kind::ConfigMap,
            namespace: &namespace,
            name: &name,
            secret_type: "",
            ca: Some(ca),
            role: Role::Record,
            immutable: false,
        };
        let mut object = new.object(&[]);
        object["data"] = Value::Object(data.clone());
        let path = collection("v1", "configmaps", Some(&namespace));
        if cluster.create(&path, &object, false).await? == Created::Created {
            return Ok(object.to_string());
        }
    }
    anyhow::bail!("configmap {namespace}/{name} comes and goes")
}

/// The serial numbers that are dropped: the expired, then those that were issued first. What is
/// revoked stays as long as it could be used.
fn surplus(records: &[Record], now: i64) -> Vec<String> {
    let Some(over) = records.len().checked_sub(MOST).filter(|over| *over > 0) else {
        return Vec::new();
    };
    let mut order: Vec<_> = records.iter().collect();
    order.sort_by_key(|record| {
        let alive = record.not_after > now;
        (alive, alive && record.revoked.is_some(), record.issued)
    });
    let gone = order.into_iter().take(over);
    gone.map(|record| record.serial.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: usize, not_after: i64, revoked: Option<i64>) -> Record {
        Record {
            serial: format!("{number:04x}"),
            subject: "CN=a".to_owned(),
            issued: i64::try_from(number).unwrap_or_default(),
            not_after,
            fingerprint: String::new(),
            issuer_key_id: String::new(),
            usage: "client".to_owned(),
            revoked,
        }
    }

    #[test]
    fn the_expired_go_first_and_the_revoked_last() {
        let mut records: Vec<_> = (0..MOST + 2)
            .map(|number| record(number, 100, None))
            .collect();
        assert!(surplus(&records[..MOST], 50).is_empty());
        records[0].revoked = Some(1);
        records[7].not_after = 10;
        assert_eq!(surplus(&records, 50), ["0007", "0001"]);
    }
}
