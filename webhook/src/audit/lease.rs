//! A Lease (coordination.k8s.io/v1): of several replicas one audits. Whoever wants it watches it
//! for its duration by the own clock, and takes it when it was not renewed meanwhile; the clocks of
//! two machines are never compared. The wall clock counts, because the monotonic one stands still
//! while a machine sleeps, and a Lease runs out meanwhile.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::api::coordination::v1::{Lease as Object, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::time::{sleep, timeout};

use super::jittered;
use crate::state::State;

/// How long a Lease holds without being renewed.
const DURATION: i32 = 15;
/// After so long without renewal the holder gives up, before anybody else may take over.
const GIVE_UP: Duration = Duration::from_secs(10);
/// How often it is renewed, or looked at.
const PERIOD: Duration = Duration::from_secs(2);
/// After so long a request counts as failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// A Lease, held or wanted.
pub(super) struct Lease {
    api: Api<Object>,
    namespace: String,
    name: String,
    identity: String,
    seen: Option<Seen>,
    failing: bool,
}

/// Who held it when, and since when by the own clock nothing else was seen.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    holder: String,
    renewed: Option<Timestamp>,
    since: SystemTime,
}

/// Who this replica is: the pod's name, and something that the next process does not have.
pub(super) fn identity() -> String {
    let host = std::env::var("POD_NAME").or_else(|_| std::env::var("HOSTNAME"));
    let host = host.unwrap_or_else(|_| "mtls-webhook".to_owned());
    let unique = RandomState::new().hash_one(std::process::id());
    format!("{host}_{unique:016x}")
}

impl Lease {
    /// A Lease that is not held yet.
    pub(super) fn new(state: &Arc<State>, namespace: &str, name: &str, identity: &str) -> Self {
        Self {
            api: Api::namespaced(state.live.clone(), namespace),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            identity: identity.to_owned(),
            seen: None,
            failing: false,
        }
    }

    /// Who holds it while it is held here.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// Waits until it is held.
    pub(super) async fn acquire(&mut self) {
        while !self.attempt().await {
            sleep(jittered(PERIOD)).await;
        }
    }

    /// Renews it until it is lost.
    pub(super) async fn keep(&mut self) {
        let mut renewed = SystemTime::now();
        loop {
            sleep(jittered(PERIOD)).await;
            if self.attempt().await {
                renewed = SystemTime::now();
            } else if self.holder_is_other() || !within(renewed, SystemTime::now(), GIVE_UP) {
                return;
            }
        }
    }

    /// Gives it up, so that the next one need not wait.
    pub(super) async fn release(&mut self) {
        let release = async {
            let Some(mut lease) = self.api.get_opt(&self.name).await? else {
                return Ok(());
            };
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() != Some(&self.identity) {
                return Ok(());
            }
            spec.holder_identity = Some(String::new());
            let replaced = self
                .api
                .replace(&self.name, &PostParams::default(), &lease)
                .await;
            replaced.map(drop)
        };
        // Nothing is lost when it fails: the Lease runs out.
        let _: Result<kube::Result<()>, _> = timeout(Duration::from_secs(2), release).await;
    }

    fn holder_is_other(&self) -> bool {
        let holder = self.seen.as_ref().map(|seen| seen.holder.as_str());
        holder.is_some_and(|holder| !holder.is_empty() && holder != self.identity)
    }

    /// Takes or renews it, if that is possible now.
    async fn attempt(&mut self) -> bool {
        let attempt = timeout(PATIENCE, self.take()).await;
        let problem = match attempt {
            Ok(Ok(held)) => {
                self.failing = false;
                return held;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if !std::mem::replace(&mut self.failing, true) {
            let lease = format!("{}/{}", self.namespace, self.name);
            tracing::warn!(
                lease,
                "the Lease cannot be had, nothing is audited: {problem}"
            );
        }
        false
    }

    async fn take(&mut self) -> kube::Result<bool> {
        let now = SystemTime::now();
        let Some(mut lease) = self.api.get_opt(&self.name).await? else {
            let mut lease = Object {
                metadata: ObjectMeta {
                    name: Some(self.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: None,
            };
            hold(&mut lease, &self.identity);
            let created = self.api.create(&PostParams::default(), &lease).await;
            return unless_raced(created);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        self.seen = Some(look(self.seen.take(), &spec, now));
        if !free(self.seen.as_ref(), &spec, &self.identity, now) {
            return Ok(false);
        }
        hold(&mut lease, &self.identity);
        let params = PostParams::default();
        unless_raced(self.api.replace(&self.name, &params, &lease).await)
    }
}

/// Another one was faster: the Lease carries a resourceVersion.
fn unless_raced(written: kube::Result<Object>) -> kube::Result<bool> {
    match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Whether so little time has passed; a clock that was set back tells nothing.
fn within(since: SystemTime, now: SystemTime, time: Duration) -> bool {
    now.duration_since(since).is_ok_and(|passed| passed < time)
}

/// What is seen now; since earlier, if nothing has changed.
fn look(before: Option<Seen>, spec: &LeaseSpec, now: SystemTime) -> Seen {
    let fresh = Seen {
        holder: spec.holder_identity.clone().unwrap_or_default(),
        renewed: spec.renew_time.as_ref().map(|time| time.0),
        since: now,
    };
    let same = |before: &Seen| {
        (&before.holder, before.renewed) == (&fresh.holder, fresh.renewed) && before.since <= now
    };
    before.filter(same).unwrap_or(fresh)
}

/// Whether it is held here already, by nobody, or by somebody who is gone.
fn free(seen: Option<&Seen>, spec: &LeaseSpec, identity: &str, now: SystemTime) -> bool {
    let holder = spec.holder_identity.as_deref().unwrap_or_default();
    if holder.is_empty() || holder == identity {
        return true;
    }
    let seconds = spec.lease_duration_seconds.unwrap_or(DURATION);
    let duration = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
    seen.is_some_and(|seen| !within(seen.since, now, duration) && seen.since <= now)
}

/// Writes that it is held now.
fn hold(lease: &mut Object, identity: &str) {
    let now = MicroTime(Timestamp::now());
    let spec = lease.spec.get_or_insert_default();
    if spec.holder_identity.as_deref() != Some(identity) {
        spec.holder_identity = Some(identity.to_owned());
        spec.acquire_time = Some(now.clone());
        spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |count| count + 1));
    }
    spec.lease_duration_seconds = Some(DURATION);
    spec.renew_time = Some(now);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spec(holder: &str, renewed: i64) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(DURATION),
            renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
            ..LeaseSpec::default()
        }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// Whether `me` may take it, after looking at these times at what was renewed when.
    fn free_after(looks: &[(u64, LeaseSpec)]) -> bool {
        let mut seen = None;
        for (time, spec) in looks {
            seen = Some(look(seen, spec, at(*time)));
        }
        let (time, spec) = looks.last().unwrap();
        free(seen.as_ref(), spec, "me", at(*time))
    }

    #[test]
    fn who_is_gone_is_followed_after_the_duration() {
        // The other's clock is years behind: only the own one counts.
        assert!(!free_after(&[(1_000, spec("other", 5))]));
        assert!(!free_after(&[
            (1_000, spec("other", 5)),
            (1_014, spec("other", 5))
        ]));
        assert!(free_after(&[
            (1_000, spec("other", 5)),
            (1_015, spec("other", 5))
        ]));
    }

    #[test]
    fn who_renews_keeps_it() {
        let looks = [(1_000, spec("other", 5)), (1_020, spec("other", 25))];
        assert!(!free_after(&looks));
        let mine = [(1_000, spec("me", 5))];
        assert!(free_after(&mine) && free_after(&[(1_000, spec("", 5))]));
    }

    #[test]
    fn a_clock_that_is_set_back_begins_anew() {
        let looks = [(1_000, spec("other", 5)), (500, spec("other", 5))];
        assert!(!free_after(&looks));
        let later = [
            (1_000, spec("other", 5)),
            (500, spec("other", 5)),
            (515, spec("other", 5)),
        ];
        assert!(free_after(&later));
    }

    #[test]
    fn a_change_of_hands_is_counted() {
        let mut lease = Object::default();
        hold(&mut lease, "one");
        hold(&mut lease, "one");
        assert_eq!(lease.spec.as_ref().unwrap().lease_transitions, Some(0));
        hold(&mut lease, "two");
        let spec = lease.spec.unwrap();
        assert_eq!(spec.lease_transitions, Some(1));
        assert_eq!(spec.holder_identity.as_deref(), Some("two"));
        assert_ne!(identity(), identity());
    }
}
