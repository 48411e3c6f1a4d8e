//! The audit of what is there already: what was bad before the webhook came, what goes bad by time
//! alone, and what happens to Secrets, which nobody watches.
//!
//! One replica audits, the one that holds the Lease. A round settles every host by what its Secrets
//! say now, and hands what it found to the sinks. Rounds begin at the start, after every interval
//! (then every Secret is read anew), and when facts change.

mod bundles;
mod events;
mod gauges;
mod lease;
mod policies;
mod reports;
mod round;
mod subject;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::args::Args;
use crate::caught::caught;
use crate::state::State;
use bundles::Bundles;
use lease::Lease;

pub(crate) use round::Round;

/// Changes come in flocks: a round begins once none came for so long.
const QUIET: Duration = Duration::from_millis(500);
/// A cluster in which something changes all the time is still audited.
const PATIENCE: Duration = Duration::from_secs(5);
/// The least time between two rounds.
const FLOOR: Duration = Duration::from_secs(1);
/// A round that took a second is followed by so many seconds of rest.
const REST: u32 = 10;

/// Takes what a round found somewhere. It is called after every round, one after the other; what it
/// is told of is the whole cluster each time.
pub(crate) trait Sink: Send {
    /// One word, for the log.
    fn name(&self) -> &'static str;
    /// Takes the round.
    fn take<'a>(&'a mut self, round: &'a Round) -> BoxFuture<'a, anyhow::Result<()>>;
}

/// Every sink, in the order in which they are told.
fn sinks(args: &Args, state: &Arc<State>, identity: &str) -> Vec<Box<dyn Sink>> {
    vec![
        Box::new(gauges::Gauges::new(state, &args.webhook_configuration)),
        Box::new(reports::Reports::new(state, args.open_reports)),
        Box::new(events::Events::new(state, identity)),
        Box::new(policies::Policies::new(state)),
    ]
}

/// Audits until the process is told to end.
pub(crate) fn spawn(args: &Args, state: &Arc<State>) {
    let identity = lease::identity();
    let lease = Lease::new(state, &args.namespace(), &args.lease, &identity);
    let interval = Duration::from_secs(args.audit_interval);
    let sinks = sinks(args, state, &identity);
    tokio::spawn(run(Arc::clone(state), lease, interval, sinks));
}

async fn run(
    state: Arc<State>,
    mut lease: Lease,
    interval: Duration,
    mut sinks: Vec<Box<dyn Sink>>,
) {
    tokio::select! {
        () = campaign(&state, &mut lease, interval, &mut sinks) => {}
        () = state.stopped() => {}
    }
    state.metrics.audited.leads(false);
    // The next one need not wait until the Lease runs out.
    lease.release().await;
}

/// Audits while the Lease is held, and waits for it otherwise; for ever.
async fn campaign(
    state: &Arc<State>,
    lease: &mut Lease,
    interval: Duration,
    sinks: &mut [Box<dyn Sink>],
) {
    while !state.waiting().is_empty() {
        sleep(Duration::from_millis(50)).await;
    }
    loop {
        lease.acquire().await;
        tracing::info!(identity = lease.identity(), "audits");
        state.metrics.audited.leads(true);
        tokio::select! {
            Err(bug) = caught(audit(state, interval, sinks)) => tracing::error!("a round failed: {bug}"),
            () = lease.keep() => tracing::warn!("no longer audits: the Lease is not held any more"),
        }
        state.metrics.audited.leads(false);
        sleep(FLOOR).await;
    }
}

/// Round after round, for ever.
async fn audit(state: &Arc<State>, interval: Duration, sinks: &mut [Box<dyn Sink>]) {
    let mut bundles = Bundles::default();
    let mut due = Instant::now() + jittered(interval);
    let mut why = "start";
    loop {
        let begun = Instant::now();
        bundles.begin(state.take_hints());
        if why == "interval" {
            bundles.refresh(state, interval).await;
            due = begun + jittered(interval);
        }
        // Reads that are spread over time are no work.
        let work = Instant::now();
        let round = Round::make(state, &mut bundles).await;
        tell(sinks, &round).await;
        let audited = &state.metrics.audited;
        audited.round(why, begun.elapsed(), bundles.reads());
        tracing::debug!(
            why,
            hosts = round.hosts.len(),
            reads = bundles.reads(),
            "audited"
        );
        let rest = (work.elapsed() * REST).clamp(FLOOR, interval.max(FLOOR));
        sleep(rest).await;
        why = next(&state.changed, due).await;
    }
}

/// One look at everything, for tests.
#[cfg(test)]
pub(crate) async fn look_once(state: &State) -> Round {
    Round::make(state, &mut Bundles::default()).await
}

async fn tell(sinks: &mut [Box<dyn Sink>], round: &Round) {
    for sink in sinks {
        if let Err(error) = sink.take(round).await {
            tracing::warn!(sink = sink.name(), "{error:#}");
        }
    }
}

/// Waits for a reason to look again. However much changes, what is due is not put off.
async fn next(changed: &Notify, due: Instant) -> &'static str {
    tokio::select! {
        biased;
        () = sleep_until(due) => return "interval",
        () = changed.notified() => {}
    }
    // What still changes then is seen by the round after.
    quiet(changed, due.min(Instant::now() + PATIENCE)).await;
    match Instant::now() < due {
        true => "change",
        false => "interval",
    }
}

/// Waits until nothing has changed for a while.
async fn quiet(changed: &Notify, latest: Instant) {
    while Instant::now() < latest {
        let quiet = latest.min(Instant::now() + QUIET);
        if timeout_at(quiet, changed.notified()).await.is_err() {
            return;
        }
    }
}

/// A tenth more or less, so that not every cluster's audits come at once.
fn jittered(time: Duration) -> Duration {
    let random = RandomState::new().hash_one(0) % 2001;
    // At most 2000, which a u32 holds.
    let share = u32::try_from(random).unwrap_or(1000);
    time * (9000 + share) / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something changes ten times a second, for ever.
    fn busy() -> Arc<Notify> {
        let changed = Arc::new(Notify::new());
        let busy = Arc::clone(&changed);
        tokio::spawn(async move {
            loop {
                busy.notify_one();
                sleep(Duration::from_millis(100)).await;
            }
        });
        changed
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_never_end_do_not_put_off_the_next_look() {
        let (changed, begun) = (busy(), Instant::now());
        let due = begun + Duration::from_secs(60);
        assert_eq!(next(&changed, due).await, "change");
        assert!(begun.elapsed() <= PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_never_end_do_not_put_off_what_is_due() {
        let (changed, begun) = (busy(), Instant::now());
        let due = begun + Duration::from_secs(2);
        assert_eq!(next(&changed, due).await, "interval");
        assert!(begun.elapsed() <= Duration::from_secs(2));
        for _ in 0..32 {
            changed.notify_one();
            assert_eq!(next(&changed, due).await, "interval");
        }
    }

    #[test]
    fn jitter_is_a_tenth() {
        let time = Duration::from_secs(100);
        let found: std::collections::BTreeSet<_> = (0..100).map(|_| jittered(time)).collect();
        assert!(found.len() > 10);
        let within = |found: &Duration| (90..=110).contains(&found.as_secs());
        assert!(found.iter().all(within));
    }
}
