//! `get certs`: what the CAs of the cluster issued.

use policy::SecretRef;
use serde_json::{Value, json};

use super::block_on;
use super::signer::place;
use crate::cluster::Cluster;
use crate::globals::{Globals, duration};
use crate::output::{self, Format};
use crate::problem::{FINDINGS, say};
use crate::store::{self, Kind, Record, Role, Stored};
use crate::validity::now;
use crate::validity::{day, time};

/// Show what the CAs in the cluster issued
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls get certs --ca pki/partners
  # In a CronJob: exit code 1 when a certificate ends within 30 days
  kubectl mtls get certs -A --expiring 30d")]
pub(crate) struct Args {
    /// Only those of one CA, [NAMESPACE/]NAME
    #[arg(long, value_name = "[NS/]NAME", conflicts_with = "all_namespaces")]
    ca: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Only the living that end within this time; exit with 1 if there is one
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    expiring: Option<std::time::Duration>,
    /// Output format: human, wide, json, yaml or name
    #[arg(short, long, default_value = "human")]
    output: Format,
}

struct Row {
    ca: SecretRef,
    record: Record,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let now = now();
    let mut rows = block_on(rows(args, globals))?;
    if let Some(within) = args.expiring {
        let within = i64::try_from(within.as_secs()).unwrap_or(i64::MAX);
        rows.retain(|Row { record, .. }| {
            let remaining = record.not_after - now;
            record.revoked.is_none() && (0..=within).contains(&remaining)
        });
    }
    let items: Vec<_> = rows.iter().map(|row| item(row, now)).collect();
    let value = json!({"schemaVersion": 1, "items": items});
    let people = matches!(args.output, Format::Human | Format::Wide);
    match people && rows.is_empty() {
        true => say("note", &nothing(args, globals)),
        false => output::value(args.output, &value, || table(args.output, &rows, now))?,
    }
    let found = args.expiring.is_some() && !rows.is_empty();
    Ok(if found { FINDINGS } else { 0 })
}

/// That there is none, where, and what to do next.
fn nothing(args: &Args, globals: &Globals) -> String {
    let place = match &args.ca {
        Some(ca) => format!("for CA {ca}"),
        None => format!("in {}", crate::cluster::place(args.all_namespaces, globals)),
    };
    match args.expiring {
        Some(_) => format!("no certificate on record {place} ends within this time"),
        None => format!(
            "no certificate is on record {place}: `kubectl mtls issue NAME --ca CA` makes one"
        ),
    }
}

async fn rows(args: &Args, globals: &Globals) -> anyhow::Result<Vec<Row>> {
    let cluster = Cluster::connect(globals).await?;
    if let Some(ca) = &args.ca {
        let ca = place(ca, &cluster.namespace);
        let records = store::list_records(&cluster, &ca).await?;
        let row = |record| Row {
            ca: ca.clone(),
            record,
        };
        return Ok(records.into_iter().map(row).collect());
    }
    let namespace = (!args.all_namespaces).then_some(cluster.namespace.as_str());
    let all = Stored::select(&cluster, Kind::ConfigMap, namespace, Role::Record, None).await?;
    let mut rows = Vec::new();
    for stored in &all {
        let name = stored.place.name.trim_end_matches("-issued");
        let ca = SecretRef::new(&stored.place.namespace, name);
        rows.extend(store::records(stored).into_iter().map(|record| Row {
            ca: ca.clone(),
            record,
        }));
    }
    Ok(rows)
}

fn state(record: &Record, now: i64) -> &'static str {
    match record.revoked {
        Some(_) => "revoked",
        None if record.not_after < now => "expired",
        None => "good",
    }
}

fn item(Row { ca, record }: &Row, now: i64) -> Value {
    json!({"ca": ca.to_string(), "serial": record.serial, "subject": record.subject,
        "usage": record.usage, "issued": time(record.issued), "notAfter": time(record.not_after),
        "state": state(record, now), "revoked": record.revoked.map(time),
        "sha256": record.fingerprint})
}

fn table(format: Format, rows: &[Row], now: i64) -> String {
    let cells = |Row { ca, record }: &Row| {
        [
            ca.to_string(),
            record.subject.clone(),
            record.usage.clone(),
            day(record.not_after),
            state(record, now).to_owned(),
            record.serial.clone(),
        ]
    };
    match format {
        Format::Name => rows
            .iter()
            .map(|row| format!("{}\n", row.record.serial))
            .collect(),
        Format::Wide => {
            let header = [
                "CA",
                "SUBJECT",
                "FOR",
                "NOT AFTER",
                "STATE",
                "SERIAL",
                "ISSUED",
                "SHA-256",
            ];
            let wide = rows.iter().map(|row| {
                let [a, b, c, d, e, f] = cells(row);
                [
                    a,
                    b,
                    c,
                    d,
                    e,
                    f,
                    day(row.record.issued),
                    row.record.fingerprint.clone(),
                ]
            });
            output::whole_table(header, wide.collect())
        }
        _ => {
            let header = ["CA", "SUBJECT", "FOR", "NOT AFTER", "STATE", "SERIAL"];
            output::table(header, rows.iter().map(cells).collect())
        }
    }
}
