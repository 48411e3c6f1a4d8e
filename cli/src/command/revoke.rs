//! `revoke`: takes a certificate's right to come in, at the gateways that read revocation lists.

use std::collections::BTreeSet;
use std::path::Path;

use pki::crl::{Revoked, unhex};
use policy::{SecretRef, Settings, dialect};
use serde_json::json;
use zeroize::Zeroizing;

use super::block_on;
use super::signer::place;
use crate::cluster::Cluster;
use crate::files;
use crate::globals::{Globals, asked};
use crate::output;
use crate::problem::{Problem, say};
use crate::store::{self, Change, Kind, Record, Signing, Stored, chain};
use crate::validity::now;

/// Revoke certificates: ca.crl in the trust Secrets lists them from then on
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls revoke alice --ca pki/partners
  # By serial number, or the certificate itself
  kubectl mtls revoke 4f:9c:… --ca pki/partners
  kubectl mtls revoke alice.crt --ca pki/partners
  # New lists before the old ones end: then gateways would refuse everybody
  kubectl mtls revoke --ca pki/partners --refresh
  # A CronJob that does so every month
  kubectl mtls revoke --ca pki/partners --print-cronjob | kubectl apply -f -")]
pub(crate) struct Args {
    /// Common name, serial number or certificate file (can be repeated)
    #[arg(value_name = "CERTIFICATE", required_unless_present_any = ["refresh", "print_cronjob"])]
    what: Vec<String>,
    /// The CA's signing Secret, [NAMESPACE/]NAME
    #[arg(long, value_name = "[NS/]NAME")]
    ca: String,
    /// Write new lists although nothing is revoked
    #[arg(long)]
    refresh: bool,
    /// Print a CronJob that writes new lists every month
    #[arg(long, conflicts_with_all = ["what", "refresh"])]
    print_cronjob: bool,
    /// none, or server (also without a value): the API server checks everything, and nothing changes
    #[arg(long, action = clap::ArgAction::Set, default_value = "none", num_args = 0..=1, require_equals = true,
        default_missing_value = "server", value_parser = asked)]
    dry_run: bool,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    block_on(async {
        if args.print_cronjob {
            let namespace = crate::cluster::namespace(globals).await;
            return print_cronjob(&place(&args.ca, &namespace));
        }
        let cluster = Cluster::connect(globals).await?;
        let ca = place(&args.ca, &cluster.namespace);
        let records = store::list_records(&cluster, &ca).await?;
        let mut revoked: Vec<Record> = Vec::new();
        for what in &args.what {
            revoked.extend(find(what, &records, &ca, now())?);
        }
        publish(&cluster, &ca, &revoked, args.dry_run).await?;
        if !args.dry_run && !revoked.is_empty() {
            store::mark_revoked(&cluster, &ca, &revoked, now()).await?;
        }
        report(args, &ca, &revoked)?;
        warn_of_the_deaf(&cluster, &ca).await;
        Ok(0)
    })
}

/// The certificates that a word means: a file, a serial number, or all living ones of a name.
fn find(what: &str, records: &[Record], ca: &SecretRef, now: i64) -> anyhow::Result<Vec<Record>> {
    if Path::new(what).is_file() {
        let read = x509::read_bundle(&files::read(Path::new(what))?).certificates;
        let certificate = read.first().ok_or_else(|| {
            Problem::world(format!("{what} holds no certificate")).hint("name a PEM file")
        })?;
        return Ok(vec![Record::of(certificate, now)]);
    }
    let serial = unhex(what).map(|bytes| hex(&bytes));
    let by_serial = records
        .iter()
        .filter(|record| Some(&record.serial) == serial.as_ref());
    let has_name =
        |record: &&Record| record.is_living(now) && record.common_names().any(|name| name == what);
    let found: BTreeSet<_> = by_serial
        .chain(records.iter().filter(has_name))
        .map(|record| record.serial.clone())
        .collect();
    let found = records
        .iter()
        .filter(|record| found.contains(&record.serial));
    let found: Vec<_> = found.cloned().collect();
    match found.is_empty() {
        true => Err(Problem::world(format!("{ca} has no living certificate {what:?} on record"))
            .hint(format!("`kubectl mtls get certs --ca {ca}` lists them; one that is not on record is revoked by its file"))),
        false => Ok(found),
    }
}

/// Writes the next lists into the signing Secret, and from there to wherever gateways read them.
async fn publish(
    cluster: &Cluster,
    ca: &SecretRef,
    revoked: &[Record],
    dry_run: bool,
) -> anyhow::Result<()> {
    let now = now();
    let lists = |stored: &Stored| -> anyhow::Result<Change> {
        let signing = Signing::read(stored, now)?;
        let of = |ca: &pki::Authority| {
            let id = ca.certificate().subject_key_id.clone().unwrap_or_default();
            let own = revoked.iter().filter(|record| record.issuer_key_id == id);
            let entry = own.map(|record| Revoked {
                serial: unhex(&record.serial).unwrap_or_default(),
                since: now,
            });
            entry.collect()
        };
        let text = signing.lists(of, None, now)?;
        Ok(vec![("ca.crl", Some(Zeroizing::new(text)))])
    };
    check_issuers(cluster, ca, revoked, now).await?;
    store::edit(cluster, Kind::Secret, ca, dry_run, lists).await?;
    for trust in store::trusts(cluster, ca).await? {
        let signing = Stored::read(cluster, Kind::Secret, ca).await?;
        let text = signing.and_then(|signing| signing.text("ca.crl"));
        let Some(text) = text else {
            continue;
        };
        let change = |stored: &Stored| chain::newer_lists(stored, &text);
        store::edit(cluster, trust.kind, &trust.place, dry_run, change).await?;
        say("note", &format!("{} is written", trust.name()));
    }
    Ok(())
}

/// A CA can list its own certificates only.
async fn check_issuers(
    cluster: &Cluster,
    ca: &SecretRef,
    revoked: &[Record],
    now: i64,
) -> anyhow::Result<()> {
    use crate::store::Slot;
    let stored = Stored::read(cluster, Kind::Secret, ca).await?;
    let stored = stored.ok_or_else(|| {
        Problem::world(format!("there is no CA Secret {ca}"))
            .hint("`kubectl mtls get cas -A` lists the CAs")
    })?;
    let signing = Signing::read(&stored, now)?;
    let slots = [Slot::Current, Slot::Next, Slot::Previous];
    let cas = slots.into_iter().filter_map(|slot| signing.ca(slot));
    let ids: BTreeSet<_> = cas
        .filter_map(|ca| ca.certificate().subject_key_id.clone())
        .collect();
    match revoked
        .iter()
        .find(|record| !ids.contains(&record.issuer_key_id))
    {
        Some(other) => Err(
            Problem::world(format!("{} was not issued by {ca}", other.subject))
                .hint("name the CA that signed it: `kubectl mtls inspect FILE` shows its issuer"),
        ),
        None => Ok(()),
    }
}

fn report(args: &Args, ca: &SecretRef, revoked: &[Record]) -> anyhow::Result<()> {
    let suffix = if args.dry_run {
        " (server dry run)"
    } else {
        ""
    };
    let line =
        |record: &Record| format!("{} ({}) revoked{suffix}\n", record.subject, record.serial);
    let mut text: String = revoked.iter().map(line).collect();
    if args.refresh {
        text.push_str(&format!("ca {ca}: revocation lists written{suffix}\n"));
    }
    output::bytes(text.as_bytes())
}

/// Nobody is to believe in a list that his gateway never reads.
async fn warn_of_the_deaf(cluster: &Cluster, ca: &SecretRef) {
    let deaf = async {
        let facts = cluster.facts(None, Settings::default()).await?;
        let mut deaf = BTreeSet::new();
        for trust in store::trusts(cluster, ca).await? {
            for user in facts.users_of_secret(&trust.place) {
                let gateways = user.routes.iter().map(|route| &route.gateway);
                let gateways = gateways.chain(user.options.iter().map(|option| &option.gateway));
                let unread = gateways
                    .filter_map(|gateway| dialect::by_id(gateway.dialect))
                    .filter(|dialect| !dialect.ca_keys.contains(&"ca.crl"));
                deaf.extend(unread.map(|dialect| dialect.name));
            }
        }
        anyhow::Ok(deaf)
    };
    for name in deaf.await.unwrap_or_default() {
        let text = format!(
            "{name} trusts this CA and never reads a revocation list: there the certificate is \
            good until it ends; shut it out with `kubectl mtls rotate ca`"
        );
        say("warning", &text);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// ServiceAccount, Roles and CronJob that run `revoke --refresh` on the first of every month.
fn print_cronjob(ca: &SecretRef) -> anyhow::Result<u8> {
    let name = format!("{}-crl-refresh", ca.name);
    let meta = json!({"name": name, "namespace": ca.namespace});
    let subject = json!([{"kind": "ServiceAccount", "name": name, "namespace": ca.namespace}]);
    let image = format!(
        "ghcr.io/kubectl-mtls/kubectl-mtls:v{}",
        env!("CARGO_PKG_VERSION")
    );
    let documents = [
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": format!("{}-{name}", ca.namespace)},
            "rules": [{"apiGroups": [""], "resources": ["secrets", "configmaps"],
                "verbs": ["get", "list", "patch"]}]}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("{}-{name}", ca.namespace)},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": format!("{}-{name}", ca.namespace)}, "subjects": subject}),
        json!({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": meta,
            "spec": {"schedule": "17 4 1 * *", "concurrencyPolicy": "Forbid",
                "jobTemplate": {"spec": {"backoffLimit": 3, "template": {"spec": {
                    "serviceAccountName": name, "restartPolicy": "Never",
                    "securityContext": {"runAsNonRoot": true,
                        "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [{"name": "refresh", "image": image,
                        "args": ["revoke", "--ca", ca.to_string(), "--refresh"],
                        "securityContext": {"allowPrivilegeEscalation": false,
                            "readOnlyRootFilesystem": true,
                            "capabilities": {"drop": ["ALL"]}}}]}}}}}}),
    ];
    let documents: Result<Vec<_>, _> = documents.iter().map(output::yaml).collect();
    output::bytes(documents?.join("---\n").as_bytes())?;
    Ok(0)
}
