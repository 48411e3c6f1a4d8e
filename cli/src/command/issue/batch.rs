//! Many certificates at once: numbered, or named in a CSV file.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use pki::{Issued, San, Subject};

use super::{Args as IssueArgs, record};
use crate::command::signer::Loaded;
use crate::files::{self, File};
use crate::globals::Globals;
use crate::problem::{Problem, say};
use crate::progress::doing;
use crate::store::Record;
use crate::validity::now;

/// Files that are open at once.
const CHUNK: usize = 100;
/// More than this is a mistake.
const MOST: usize = 100_000;

/// How many, and their names.
#[derive(clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Many")]
pub(super) struct Args {
    /// Issue NAME-1 to NAME-N
    #[arg(long, value_name = "N", conflicts_with = "csv")]
    count: Option<usize>,
    /// CSV file with a certificate a line: its name, then alternative names
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

/// A certificate that is asked for.
struct Wanted {
    name: String,
    sans: Vec<San>,
}

impl Args {
    /// Whether more than one certificate is asked for.
    pub(super) fn is_on(&self) -> bool {
        self.count.is_some() || self.csv.is_some()
    }

    fn wanted(&self, name: &str, sans: &[San]) -> anyhow::Result<Vec<Wanted>> {
        if let Some(path) = &self.csv {
            return read(path);
        }
        let count = self.count.unwrap_or_default();
        if !(1..=MOST).contains(&count) {
            return Err(
                Problem::usage(format!("{count} certificates cannot be issued at once"))
                    .hint(format!("choose --count 1 to {MOST}")),
            );
        }
        let wanted = (1..=count).map(|number| Wanted {
            name: format!("{name}-{number}"),
            sans: sans.to_vec(),
        });
        Ok(wanted.collect())
    }
}

fn read(path: &std::path::Path) -> anyhow::Result<Vec<Wanted>> {
    let bytes = files::read(path)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .from_reader(bytes.as_slice());
    let mut wanted: Vec<Wanted> = Vec::new();
    for row in reader.records() {
        let row = row.with_context(|| path.display().to_string())?;
        let line = row.position().map_or(0, csv::Position::line);
        let at = || format!("{}, line {line}", path.display());
        let name = row.get(0).unwrap_or_default();
        let known = wanted.iter().any(|known| known.name == name);
        if name.is_empty() || name.starts_with('.') || name.contains('/') || known {
            return Err(
                Problem::world(format!("{}: {name:?} cannot be a name here", at()))
                    .hint("each line begins with a name of its own, without slashes"),
            );
        }
        let sans = row.iter().skip(1).filter(|text| !text.is_empty());
        let sans: Result<Vec<_>, _> = sans.map(San::parse).collect();
        wanted.push(Wanted {
            name: name.to_owned(),
            sans: sans.with_context(at)?,
        });
    }
    Ok(wanted)
}

/// Issues all of them into a folder.
pub(super) async fn issue(args: &IssueArgs, globals: &Globals) -> anyhow::Result<u8> {
    let Some(folder) = args.delivery.out.as_deref() else {
        return Err(Problem::usage("many certificates go into a folder").hint("add --out DIR"));
    };
    let wanted = args.batch.wanted(&args.name, &args.identity.san)?;
    let names: Vec<_> = wanted
        .iter()
        .flat_map(|one| [format!("{}.crt", one.name), format!("{}.key", one.name)])
        .collect();
    files::check_free(
        folder,
        names.iter().map(String::as_str),
        args.delivery.force,
    )?;
    let Loaded { ca, place } = args.signer.load(globals).await?;
    let (begun, now) = (Instant::now(), now());
    for (at, chunk) in wanted.chunks(CHUNK).enumerate() {
        doing(format!("issuing: {} of {}", at * CHUNK, wanted.len()));
        let issued: Result<Vec<_>, _> = chunk.iter().map(|one| sign(args, &ca, one, now)).collect();
        let issued = issued?;
        if let Some(place) = &place {
            let records = issued
                .iter()
                .map(|(_, one)| Record::of(&one.signed.certificate, now));
            record(globals, place, &records.collect::<Vec<_>>(), now).await;
        }
        write(folder, &issued, args.delivery.force)?;
    }
    let text = format!(
        "{} certificates in {:.2} s, in {}",
        wanted.len(),
        begun.elapsed().as_secs_f64(),
        folder.display()
    );
    say("note", &text);
    Ok(0)
}

fn sign<'a>(
    args: &IssueArgs,
    ca: &pki::Authority,
    one: &'a Wanted,
    now: i64,
) -> anyhow::Result<(&'a str, Issued)> {
    let mut params = args.identity.params(&one.name, now);
    params.subject = match &args.identity.subject {
        Some(subject) => subject.clone().with("CN", &one.name),
        None => Subject::common_name(&one.name),
    };
    params.sans.clone_from(&one.sans);
    let issued = pki::issue(ca, &params, now).with_context(|| one.name.clone())?;
    Ok((&one.name, issued))
}

fn write(folder: &std::path::Path, issued: &[(&str, Issued)], force: bool) -> anyhow::Result<()> {
    let keys: Vec<_> = issued
        .iter()
        .map(|(_, one)| pki::export::key_pem(&one.key))
        .collect();
    let mut list = Vec::with_capacity(issued.len() * 2);
    for ((name, one), key) in issued.iter().zip(&keys) {
        list.push(File::public(format!("{name}.crt"), &one.signed.chain_pem));
        list.push(File::secret(format!("{name}.key"), key.as_str()));
    }
    files::write_all(folder, &list, force)
}
