//! The loop of the self-managed mode: read, decide, do one step, and again.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use k8s_openapi::api::core::v1::Secret;
use pki::{Authority, San};

use super::cluster::{Cluster, Configuration, Failure, published};
use super::decide::{Leaf, Situation, Step, Stored};
use super::published::{Published, Settling};
use super::resolver::Resolver;
use super::{CERTIFICATE, leaf, vault};
use crate::caught::caught;
use crate::metrics::Served;
use crate::state::State;

/// Between two looks when all is well. The clock on the wall is asked each time, because the other
/// one stops while a machine sleeps.
const POLL: i64 = 5;
/// While nobody asks yet, or the caBundle is not what it should be.
const SOON: Duration = Duration::from_secs(1);
/// Steps in a row; more would be a quarrel with somebody.
const STEPS: u32 = 20;

/// A self-managed certificate.
pub(super) struct Managed {
    /// Where the CA and the caBundles are.
    pub(super) cluster: Cluster,
    /// What the leaf is for.
    pub(super) names: Vec<San>,
    /// How long a CA lives, in seconds.
    pub(super) ca_validity: i64,
    /// How long a leaf lives, in seconds.
    pub(super) leaf_validity: i64,
    /// Where handshakes find the leaf.
    pub(super) resolver: Arc<Resolver>,
    /// For readiness and metrics.
    pub(super) state: Arc<State>,
    /// What is served.
    pub(super) leaf: Option<Leaf>,
    /// Who signed it.
    pub(super) signer: Option<Authority>,
    /// Since when the caBundles hold what.
    pub(super) settling: Settling,
    /// The last trouble, so that it is told once.
    pub(super) trouble: Option<String>,
}

impl Managed {
    /// Keeps the certificate for the life of the process.
    pub(super) async fn keep(mut self) {
        let mut steps = 0;
        loop {
            let turn = caught(self.turn()).await;
            let turn = turn.unwrap_or_else(|bug| Err(Failure::Other(bug.to_owned())));
            let pause = match &turn {
                Ok(Step::Rest) => {
                    self.well();
                    self.pause()
                }
                Ok(_) | Err(Failure::Conflict(_)) if steps < STEPS => {
                    Duration::from_millis(jitter(5, 50))
                }
                Ok(_) => SOON,
                Err(Failure::Other(reason) | Failure::Conflict(reason)) => {
                    self.trouble(reason);
                    SOON + Duration::from_millis(jitter(0, 500))
                }
            };
            steps = if matches!(turn, Ok(Step::Rest)) {
                0
            } else {
                steps + 1
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Reads everything, and does one step. The Secret is read last: a CA that a caBundle holds is
    /// then never newer than the Secret, and nobody takes it for a stranger's.
    async fn turn(&mut self) -> Result<Step, Failure> {
        let configurations = self.cluster.configurations().await;
        let secret = self.cluster.secret().await;
        let now = now();
        let published = published(&configurations);
        self.settling.update(&published, now);
        let stored = stored(&secret, now);
        let situation = Situation {
            stored: &stored,
            published: &published,
            settling: &self.settling,
            leaf: self.leaf,
            grace: self.grace(),
            now,
        };
        let step = situation.step();
        self.told(&stored, &published);
        let read = configurations.as_deref().unwrap_or_default();
        let found = secret.as_ref().ok().cloned().flatten();
        self.act(step.clone(), read, found, now).await?;
        match (step, configurations, secret) {
            (Step::Rest | Step::Renew, Err(failure), _)
            | (Step::Rest | Step::Renew, _, Err(failure)) => Err(failure),
            (step, ..) => Ok(step),
        }
    }

    async fn act(
        &mut self,
        step: Step,
        read: &[Configuration],
        secret: Option<Secret>,
        now: i64,
    ) -> Result<(), Failure> {
        let until = now + self.leaf_validity;
        match (step, secret) {
            (Step::Create(previous), _) => {
                tracing::info!(secret = self.cluster.secret, "there is no CA: making one");
                let data = vault::begun(&previous, self.ca_validity, until, now).map_err(other)?;
                self.cluster.create(data).await
            }
            (Step::Replace(reason, previous), Some(secret)) => {
                tracing::error!(
                    secret = self.cluster.secret,
                    reason,
                    "the CA is useless: making another"
                );
                let data = vault::begun(&previous, self.ca_validity, until, now).map_err(other)?;
                self.cluster.update(secret, data).await
            }
            (Step::Sign, Some(secret)) => {
                let data = secret.data.unwrap_or_default();
                self.signer = Some(vault::signer(&data, now).map_err(Failure::Other)?);
                self.sign(now)
            }
            (Step::Renew, _) => self.sign(now),
            (Step::Publish(wanted), _) => self.cluster.publish(read, &wanted).await,
            (Step::AddNext, Some(mut secret)) => {
                let data = secret.data.take().unwrap_or_default();
                let data = vault::with_next(data, self.ca_validity, now).map_err(other)?;
                self.cluster.update(secret, data).await?;
                tracing::info!("made the next CA");
                Ok(())
            }
            (Step::Promote, Some(mut secret)) => {
                let data = secret.data.take().unwrap_or_default();
                self.cluster
                    .update(secret, vault::promoted(data, until, now))
                    .await?;
                tracing::info!("the next CA signs from now on");
                Ok(())
            }
            (Step::Prune, Some(mut secret)) => {
                let data = secret.data.take().unwrap_or_default();
                self.cluster.update(secret, vault::pruned(data)).await?;
                tracing::info!("the previous CA is not trusted any more");
                Ok(())
            }
            // Only a Secret that was read leads to the other steps.
            (_, _) => Ok(()),
        }
    }

    fn sign(&mut self, now: i64) -> Result<(), Failure> {
        let Some(signer) = &self.signer else {
            return Ok(());
        };
        let signed = leaf::sign(signer, &self.names, self.leaf_validity, now);
        let (leaf, key) = signed.map_err(|error| Failure::Other(format!("{error:#}")))?;
        self.resolver.replace(key);
        tracing::info!(
            expires = leaf.ends,
            ca_expires = signer.certificate().not_after,
            "serving a new certificate"
        );
        self.state.metrics.serves(Served {
            begins: leaf.begins,
            ends: leaf.ends,
            ca_ends: Some(signer.certificate().not_after),
        });
        self.leaf = Some(leaf);
        Ok(())
    }

    /// Ready once: an API server that cannot be reached for a while must not make every replica
    /// unready at once. While there are no configurations nobody asks, and an installation waits
    /// for a ready Deployment before it makes them.
    fn told(&self, stored: &Stored, published: &Published) {
        let Some(leaf) = self.leaf else { return };
        let readable = matches!(stored, Stored::Held(_));
        if readable && (published.is_empty() || published.holds(&leaf.issuer)) {
            self.state.synced(CERTIFICATE);
        }
    }

    /// How long API servers may take to learn of a changed caBundle.
    fn grace(&self) -> i64 {
        (self.ca_validity / 20).clamp(1, 30)
    }

    fn pause(&self) -> Duration {
        let soon =
            self.state.waiting().contains(CERTIFICATE) || self.settling.is_new(self.grace(), now());
        let shortest = self.ca_validity.min(self.leaf_validity);
        let poll = (shortest / 20).clamp(1, POLL);
        if soon {
            SOON
        } else {
            Duration::from_secs(poll.unsigned_abs()) + Duration::from_millis(jitter(0, 300))
        }
    }

    fn well(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!("the serving certificate is looked after again");
        }
    }

    fn trouble(&mut self, reason: &str) {
        self.state.metrics.certificate_troubles.inc();
        if self.trouble.as_deref() != Some(reason) {
            tracing::warn!(reason, "the serving certificate could not be looked after");
            self.trouble = Some(reason.to_owned());
        }
    }
}

fn stored(secret: &Result<Option<Secret>, Failure>, now: i64) -> Stored {
    match secret {
        Ok(Some(secret)) => vault::read(secret.data.as_ref().unwrap_or(&vault::Data::new()), now),
        Ok(None) => Stored::Missing,
        Err(_) => Stored::Unknown,
    }
}

fn other(error: pki::Error) -> Failure {
    Failure::Other(format!("making a CA: {error}"))
}

/// Unix seconds by the clock on the wall.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    })
}

/// Replicas that were started together do not stay in step.
fn jitter(least: u64, most: u64) -> u64 {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    let random = u64::from((nanos / 1000) ^ std::process::id());
    least + random % (most - least)
}
