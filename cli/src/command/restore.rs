//! `restore`: what `backup` wrote, back into a cluster; nothing there is overwritten.

use std::io::Read as _;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::block_on;
use crate::cluster::{Cluster, item};
use crate::files;
use crate::globals::{Globals, asked};
use crate::output;
use crate::password::Password;
use crate::problem::{Problem, say};
use crate::store::{self, Stored};
use crate::validity::now;

/// Put the CAs of a backup into a cluster
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # What is in it, and whether it would go in
  kubectl mtls restore partners.age --dry-run --password-file password
  kubectl mtls restore partners.age --password-file password")]
pub(crate) struct Args {
    /// The file that `backup` wrote
    file: PathBuf,
    /// none, or server (also without a value): the API server checks everything, and nothing changes
    #[arg(long, action = clap::ArgAction::Set, default_value = "none", num_args = 0..=1, require_equals = true,
        default_missing_value = "server", value_parser = asked)]
    dry_run: bool,
    #[command(flatten)]
    password: Password,
}

#[derive(Deserialize)]
struct List {
    kind: String,
    items: Vec<Value>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    let sealed = files::read(&args.file)?;
    let password = args
        .password
        .chosen_once(&args.file.display().to_string())?;
    let name = args.file.display().to_string();
    let plain = decrypt(&sealed, &password, &name)?;
    let list: Option<List> = serde_json::from_slice(&plain).ok();
    let list = list.filter(|list| list.kind == "List").ok_or_else(|| {
        Problem::world(format!("{name} is encrypted, but holds no backup"))
            .hint("name a file that `kubectl mtls backup` wrote")
    })?;
    verify(&list.items)?;
    block_on(restore(args, globals, &list.items))
}

fn decrypt(sealed: &[u8], password: &str, name: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let not_age = || {
        Problem::world(format!("{name} is no backup, or it is damaged"))
            .hint("name a file that `kubectl mtls backup` wrote")
    };
    let passphrase = age::secrecy::SecretString::from(password.to_owned());
    let mut identity = age::scrypt::Identity::new(passphrase);
    // Tens of seconds at most, whatever the file says.
    identity.set_max_work_factor(22);
    let decryptor = age::Decryptor::new(sealed).map_err(|_| not_age())?;
    let reader = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
    let mut reader = reader.map_err(|_| {
        Problem::world(format!("{name}: the password is wrong"))
            .hint("the first line of the password file counts, without the line's end")
    })?;
    let mut plain = Zeroizing::new(Vec::new());
    reader.read_to_end(&mut plain).map_err(|_| not_age())?;
    Ok(plain)
}

/// Every CA still has the key that belongs to it.
fn verify(items: &[Value]) -> anyhow::Result<()> {
    for object in items {
        if object["kind"] != "Secret" || object["data"]["tls.key"].is_null() {
            continue;
        }
        let stored = Stored::of_object(object)?;
        // A CA that has expired meanwhile may be restored: it signs nothing more.
        let loaded = stored.authority("tls", now());
        match loaded
            .as_ref()
            .err()
            .and_then(|error| error.downcast_ref::<pki::Error>())
        {
            None | Some(pki::Error::Expired(_)) => {}
            Some(_) => return loaded.map(drop),
        }
    }
    Ok(())
}

async fn restore(args: &Args, globals: &Globals, items: &[Value]) -> anyhow::Result<u8> {
    let cluster = Cluster::connect(globals).await?;
    let mut missing = Vec::new();
    for object in items {
        let text = |field: &str| object["metadata"][field].as_str().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
        let path = item("v1", &format!("{kind}s"), text("namespace"), text("name"));
        let known = cluster.get(&path).await?.map(Zeroizing::new);
        let known: Option<Value> = known.and_then(|known| serde_json::from_str(&known).ok());
        match known {
            None => missing.push(object.clone()),
            Some(known) if known["data"] == object["data"] => {
                let what = format!(
                    "{kind} {}/{} is there already",
                    text("namespace"),
                    text("name")
                );
                say("note", &what);
            }
            Some(_) => {
                return Err(Problem::world(format!(
                    "{kind} {}/{} is there with other content, and is not overwritten",
                    text("namespace"),
                    text("name")
                ))
                .hint("delete it if the backup is the right one; nothing was changed"));
            }
        }
    }
    store::create_all(&cluster, &missing, args.dry_run).await?;
    let done = if args.dry_run {
        "restored (server dry run)"
    } else {
        "restored"
    };
    output::objects(output::Format::Human, &missing, done)?;
    Ok(0)
}
