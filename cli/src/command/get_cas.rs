//! `get cas`: the CAs of the cluster, and how long they last.

use policy::SecretRef;
use serde_json::{Value, json};

use super::block_on;
use crate::cluster::Cluster;
use crate::globals::{Globals, duration};
use crate::output::{self, Format};
use crate::problem::{FINDINGS, say};
use crate::store::{Kind, Role, Stored};
use crate::validity::now;
use crate::validity::{day, time};

/// Show the CAs in the cluster
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls get cas -A
  # In a CronJob: exit code 1 when a CA ends within 30 days
  kubectl mtls get cas -A --expiring 30d")]
pub(crate) struct Args {
    /// All namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only those that end within this time; exit with 1 if there is one
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expiring: Option<std::time::Duration>,
    /// Output format: human, wide, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
}

/// A CA, and what stands beside it.
struct Row {
    place: SecretRef,
    certificate: x509::Certificate,
    rotation: &'static str,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let now = now();
    let mut rows = block_on(rows(args, globals))?;
    if let Some(within) = args.expiring {
        let within = i64::try_from(within.as_secs()).unwrap_or(i64::MAX);
        rows.retain(|row| row.certificate.remaining(now) <= within);
    }
    let items: Vec<_> = rows.iter().map(|row| item(row, now)).collect();
    let value = json!({"schemaVersion": 1, "items": items});
    let people = matches!(args.output, Format::Human | Format::Wide);
    match people && rows.is_empty() {
        true => say("note", &nothing(args, globals)),
        false => output::value(args.output, &value, || table(args.output, &rows))?,
    }
    let found = args.expiring.is_some() && !rows.is_empty();
    Ok(if found { FINDINGS } else { 0 })
}

/// That there is none, where, and what to do next.
fn nothing(args: &Args, globals: &Globals) -> String {
    let place = crate::cluster::place(args.all_namespaces, globals);
    match args.expiring {
        Some(_) => format!("no CA in {place} ends within this time"),
        None => format!("there is no CA in {place}: `kubectl mtls create ca NAME` makes one"),
    }
}

async fn rows(args: &Args, globals: &Globals) -> anyhow::Result<Vec<Row>> {
    let cluster = Cluster::connect(globals).await?;
    let namespace = (!args.all_namespaces).then_some(cluster.namespace.as_str());
    let all = Stored::select(&cluster, Kind::Secret, namespace, Role::Signing, None).await?;
    let mut rows: Vec<_> = all.iter().filter_map(row).collect();
    rows.sort_by_key(|row| (row.certificate.not_after, row.place.to_string()));
    Ok(rows)
}

fn row(stored: &Stored) -> Option<Row> {
    let text = stored.text("tls.crt")?;
    let has = |wanted: &str| stored.keys().any(|key| key == wanted);
    Some(Row {
        place: stored.place.clone(),
        certificate: x509::read_bundle(text.as_bytes())
            .certificates
            .into_iter()
            .next()?,
        rotation: match (has("next.crt"), has("previous.crt")) {
            (true, _) => "next is trusted",
            (_, true) => "previous is trusted",
            _ => "-",
        },
    })
}

fn item(row: &Row, now: i64) -> Value {
    let certificate = &row.certificate;
    json!({"namespace": row.place.namespace, "name": row.place.name,
        "subject": certificate.subject, "issuer": certificate.issuer,
        "key": certificate.key.to_string(), "notAfter": time(certificate.not_after),
        "expired": certificate.expired(now), "sha256": certificate.fingerprint_hex(),
        "rotation": row.rotation})
}

fn table(format: Format, rows: &[Row]) -> String {
    match format {
        Format::Name => rows
            .iter()
            .map(|row| format!("secret/{}\n", row.place.name))
            .collect(),
        Format::Wide => {
            let header = [
                "NAMESPACE",
                "NAME",
                "SUBJECT",
                "KEY",
                "NOT AFTER",
                "ROTATION",
                "ISSUER",
                "SHA-256",
            ];
            let cells = rows.iter().map(|row| {
                let [a, b, c, d, e, f] = cells(row);
                let issuer = row.certificate.issuer.clone();
                [a, b, c, d, e, f, issuer, row.certificate.fingerprint_hex()]
            });
            output::whole_table(header, cells.collect())
        }
        _ => {
            let header = [
                "NAMESPACE",
                "NAME",
                "SUBJECT",
                "KEY",
                "NOT AFTER",
                "ROTATION",
            ];
            output::table(header, rows.iter().map(cells).collect())
        }
    }
}

fn cells(row: &Row) -> [String; 6] {
    [
        row.place.namespace.clone(),
        row.place.name.clone(),
        row.certificate.subject.clone(),
        row.certificate.key.to_string(),
        day(row.certificate.not_after),
        row.rotation.to_owned(),
    ]
}
