//! `rotate ca`: from one CA to the next without an outage. Gateways first trust both, then the
//! new one signs, and at last the old one is dropped. Each step can be repeated.

use std::path::PathBuf;

use policy::SecretRef;
use zeroize::Zeroizing;

use super::block_on;
use super::signer::{self, place};
use crate::cluster::Cluster;
use crate::globals::{Globals, asked};
use crate::output;
use crate::password;
use crate::problem::{Problem, say};
use crate::store::{self, Change, Kind, Signing, Slot, Stored, chain};
use crate::validity::now;

/// Replace a CA without an outage
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # 1. A new CA; gateways trust the old and the new one
  kubectl mtls rotate ca partners -n pki --step add
  # 2. The new one signs; hand out new certificates: `kubectl mtls issue`
  kubectl mtls rotate ca partners -n pki --step promote
  # 3. Gateways trust the new one alone
  kubectl mtls rotate ca partners -n pki --step prune
  kubectl mtls rotate ca partners -n pki --status")]
pub(crate) struct Args {
    /// The CA's signing Secret, [NAMESPACE/]NAME
    name: String,
    /// add, promote or prune
    #[arg(long, required_unless_present = "status", conflicts_with = "status")]
    step: Option<Step>,
    /// Show how far the rotation is
    #[arg(long)]
    status: bool,
    /// Certificate file of the CA above, for a CA below an offline root
    #[arg(long, value_name = "FILE", requires = "parent_key")]
    parent_cert: Option<PathBuf>,
    /// Key file of the CA above
    #[arg(long, value_name = "FILE", requires = "parent_cert")]
    parent_key: Option<PathBuf>,
    /// File with the password of the key of the CA above
    #[arg(long, value_name = "FILE", requires = "parent_key")]
    parent_password_file: Option<PathBuf>,
    /// Prune although certificates of the old CA are alive
    #[arg(long)]
    force: bool,
    /// none, or server (also without a value): the API server checks everything, and nothing changes
    #[arg(long, action = clap::ArgAction::Set, default_value = "none", num_args = 0..=1, require_equals = true,
        default_missing_value = "server", value_parser = asked)]
    dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Step {
    /// Gateways trust the new CA too.
    Add,
    /// The new CA signs.
    Promote,
    /// Gateways trust the new CA alone.
    Prune,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    block_on(async {
        let cluster = Cluster::connect(globals).await?;
        let rotation = Rotation {
            args,
            ca: place(&args.name, &cluster.namespace),
            cluster,
            now: now(),
        };
        match args.step {
            Some(Step::Add) => rotation.add().await?,
            Some(Step::Promote) => rotation.promote().await?,
            Some(Step::Prune) => rotation.prune().await?,
            None => rotation.status().await?,
        }
        Ok(0)
    })
}

struct Rotation<'a> {
    args: &'a Args,
    cluster: Cluster,
    ca: SecretRef,
    now: i64,
}

impl Rotation<'_> {
    async fn signing(&self) -> anyhow::Result<Signing> {
        let stored = Stored::read(&self.cluster, Kind::Secret, &self.ca).await?;
        let stored = stored.ok_or_else(|| {
            Problem::world(format!("there is no CA Secret {}", self.ca))
                .hint("`kubectl mtls get cas -A` lists the CAs")
        })?;
        Signing::read(&stored, self.now)
    }

    async fn edit_signing(
        &self,
        change: impl Fn(&Signing) -> anyhow::Result<Change>,
    ) -> anyhow::Result<bool> {
        let read = |stored: &Stored| change(&Signing::read(stored, self.now)?);
        store::edit(
            &self.cluster,
            Kind::Secret,
            &self.ca,
            self.args.dry_run,
            read,
        )
        .await
    }

    /// A new CA, unless one waits already; then every gateway trusts it too.
    async fn add(&self) -> anyhow::Result<()> {
        let signing = self.signing().await?;
        if signing.ca(Slot::Previous).is_some() {
            return Err(Problem::usage("the last rotation is not at its end")
                .hint("finish it first: `--step prune`"));
        }
        if signing.ca(Slot::Next).is_none() {
            let parent = self.parent()?;
            let current = signing.ca(Slot::Current);
            let new = current
                .map(|ca| ca.successor(parent.as_ref(), self.now))
                .transpose()?;
            self.edit_signing(|signing| {
                let mut change = Change::new();
                if let (None, Some(new)) = (signing.ca(Slot::Next), &new) {
                    chain::put(&mut change, Slot::Next, new);
                }
                Ok(change)
            })
            .await?;
        }
        if self.args.dry_run {
            return self.done(
                "a new CA would be made, and gateways would trust it too",
                "",
            );
        }
        self.publish(None).await?;
        self.done(
            "gateways trust the old and the new CA",
            "when every gateway has read it: `--step promote`",
        )
    }

    fn parent(&self) -> anyhow::Result<Option<pki::Authority>> {
        let (Some(cert), Some(key)) = (&self.args.parent_cert, &self.args.parent_key) else {
            return Ok(None);
        };
        let password = self.args.parent_password_file.as_deref();
        let password = password.map(password::from_file).transpose()?;
        let password = password.as_ref().map(|password| password.as_str());
        signer::from_files(cert, key, password, self.now).map(Some)
    }

    /// The new CA signs; the old one is kept, because it is trusted and lists what it revoked.
    async fn promote(&self) -> anyhow::Result<()> {
        let signing = self.signing().await?;
        if signing.ca(Slot::Next).is_none() {
            return match signing.ca(Slot::Previous) {
                Some(_) => self.done("the new CA signs already", "then: `--step prune`"),
                None => {
                    Err(Problem::usage("there is no new CA yet")
                        .hint("make it first: `--step add`"))
                }
            };
        }
        let wanted = signing.anchors(None);
        for trust in self.trusts().await? {
            let known = trust.text("ca.crt").unwrap_or_default();
            if x509::der_blocks(wanted.as_bytes())
                .iter()
                .any(|root| !x509::der_blocks(known.as_bytes()).contains(root))
            {
                return Err(
                    Problem::world(format!("{} does not trust the new CA", trust.name()))
                        .hint("repeat `--step add`, which adds it"),
                );
            }
        }
        self.edit_signing(|signing| {
            let mut change = Change::new();
            if let (Some(next), Some(current)) = (signing.ca(Slot::Next), signing.ca(Slot::Current))
            {
                chain::put(&mut change, Slot::Previous, current);
                chain::put(&mut change, Slot::Current, next);
                chain::clear(&mut change, Slot::Next);
                change.push(("ca.crt", Some(Zeroizing::new(next.root_pem().to_owned()))));
            }
            Ok(change)
        })
        .await?;
        self.done(
            "the new CA signs",
            "hand out new certificates (`kubectl mtls issue`), then: `--step prune`",
        )
    }

    /// Nobody trusts the old CA any more.
    async fn prune(&self) -> anyhow::Result<()> {
        let signing = self.signing().await?;
        let Some(previous) = signing.ca(Slot::Previous) else {
            return match signing.ca(Slot::Next) {
                Some(_) => {
                    Err(Problem::usage("the new CA does not sign yet")
                        .hint("first: `--step promote`"))
                }
                None => self.done("there is no old CA to drop", ""),
            };
        };
        let alive = self.alive(previous).await?;
        if !alive.is_empty() && !self.args.force {
            let names: Vec<_> = alive
                .iter()
                .take(5)
                .map(|record| record.subject.as_str())
                .collect();
            return Err(Problem::world(format!(
                "{} certificates of the old CA are alive: {}{}",
                alive.len(),
                names.join("; "),
                if alive.len() > 5 { "; …" } else { "" }
            ))
            .hint("issue new ones first, wait until they end, or add --force to shut them out"));
        }
        if self.args.dry_run {
            return self.done("the old CA would be dropped", "");
        }
        self.publish(Some(Slot::Previous)).await?;
        self.edit_signing(|signing| {
            let mut change = Change::new();
            if signing.ca(Slot::Previous).is_some() {
                chain::clear(&mut change, Slot::Previous);
            }
            Ok(change)
        })
        .await?;
        self.done("gateways trust the new CA alone", "")
    }

    /// Records of certificates that a CA signed and that could still be used.
    async fn alive(&self, ca: &pki::Authority) -> anyhow::Result<Vec<store::Record>> {
        let id = ca.certificate().subject_key_id.clone().unwrap_or_default();
        let records = store::list_records(&self.cluster, &self.ca).await?;
        let alive = records.into_iter().filter(|record| {
            record.issuer_key_id == id && record.revoked.is_none() && record.not_after > self.now
        });
        Ok(alive.collect())
    }

    async fn trusts(&self) -> anyhow::Result<Vec<Stored>> {
        store::trusts(&self.cluster, &self.ca).await
    }

    /// Writes CAs and, where there are any, revocation lists wherever gateways read them, in one
    /// write each.
    async fn publish(&self, without: Option<Slot>) -> anyhow::Result<()> {
        let signing = self.signing().await?;
        let anchors = signing.anchors(without);
        let lists = match signing.has_lists() {
            true => Some(signing.lists(|_| Vec::new(), without, self.now)?),
            false => None,
        };
        if let Some(lists) = &lists {
            let change = |_: &Signing| Ok(vec![("ca.crl", Some(Zeroizing::new(lists.clone())))]);
            self.edit_signing(change).await?;
        }
        let (anchors, lists) = (&anchors, &lists);
        let change = move |stored: &Stored| {
            let mut change: Change = vec![("ca.crt", Some(Zeroizing::new(anchors.clone())))];
            if let Some(lists) = lists {
                change.extend(chain::newer_lists(stored, lists)?);
            }
            Ok(change)
        };
        for trust in self.trusts().await? {
            let (kind, place) = (trust.kind, &trust.place);
            store::edit(&self.cluster, kind, place, self.args.dry_run, change).await?;
            say("note", &format!("{} is written", trust.name()));
        }
        Ok(())
    }

    async fn status(&self) -> anyhow::Result<()> {
        let signing = self.signing().await?;
        let rows = [
            (Slot::Current, "signs"),
            (Slot::Next, "next"),
            (Slot::Previous, "previous"),
        ];
        let mut table = Vec::new();
        for (slot, state) in rows {
            let Some(ca) = signing.ca(slot) else {
                continue;
            };
            let certificate = ca.certificate();
            table.push([
                state.to_owned(),
                certificate.subject.clone(),
                crate::validity::day(certificate.not_after),
                self.alive(ca).await?.len().to_string(),
                certificate.fingerprint_hex()[..23].to_owned(),
            ]);
        }
        let header = ["STATE", "SUBJECT", "NOT AFTER", "ALIVE", "SHA-256"];
        output::bytes(output::table(header, table).as_bytes())?;
        let next = match (signing.ca(Slot::Next), signing.ca(Slot::Previous)) {
            (Some(_), _) => "--step promote",
            (None, Some(_)) => "--step prune",
            (None, None) => "--step add",
        };
        say("note", &format!("next: `{next}`"));
        Ok(())
    }

    fn done(&self, what: &str, next: &str) -> anyhow::Result<()> {
        let suffix = if self.args.dry_run {
            " (server dry run)"
        } else {
            ""
        };
        output::bytes(format!("ca {}: {what}{suffix}\n", self.ca).as_bytes())?;
        if !next.is_empty() {
            say("note", next);
        }
        Ok(())
    }
}
