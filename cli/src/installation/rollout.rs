//! Waiting for the Deployment, and saying what holds it up.

use std::io::IsTerminal as _;

use serde_json::Value;
use tokio::time::{Duration, Instant, sleep};

use super::{LABEL, NAME};
use crate::cluster::{Cluster, item};
use crate::problem::{Problem, say};

const PAUSE: Duration = Duration::from_secs(1);

/// How far a Deployment is.
pub(crate) struct Progress {
    /// How many are wanted.
    pub(crate) wanted: u64,
    /// How many of the current template answer.
    pub(crate) available: u64,
    done: bool,
}

impl Progress {
    /// Reads the status of a Deployment.
    pub(crate) fn of(deployment: &Value) -> Self {
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let (wanted, status) = (
            number(&deployment["spec"]["replicas"]),
            &deployment["status"],
        );
        let seen =
            status["observedGeneration"].as_u64() >= deployment["metadata"]["generation"].as_u64();
        let updated = number(&status["updatedReplicas"]);
        let available = number(&status["availableReplicas"]);
        let done = seen
            && updated >= wanted
            && available >= wanted
            && number(&status["replicas"]) <= updated;
        Self {
            wanted,
            available: available.min(updated),
            done,
        }
    }
}

/// Waits until all replicas of the current template are available.
pub(crate) async fn wait(
    cluster: &Cluster,
    namespace: &str,
    limit: Duration,
) -> anyhow::Result<()> {
    let path = item("apps/v1", "deployments", namespace, NAME);
    let end = Instant::now() + limit;
    let mut shown = String::new();
    loop {
        let deployment = cluster.value(&path).await?.unwrap_or_default();
        let progress = Progress::of(&deployment);
        let text = format!(
            "{} of {} replicas are ready",
            progress.available, progress.wanted
        );
        if shown != text {
            show(&text);
            shown = text;
        }
        if progress.done {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(late(cluster, namespace, &deployment, &shown, limit).await);
        }
        sleep(PAUSE).await;
    }
}

/// On a terminal it is the line of what is being done; in a log each state is a line.
fn show(text: &str) {
    if std::io::stderr().is_terminal() {
        crate::progress::doing(format!("waiting: {text}"));
    } else {
        say("waiting", text);
    }
}

async fn late(
    cluster: &Cluster,
    namespace: &str,
    deployment: &Value,
    shown: &str,
    limit: Duration,
) -> anyhow::Error {
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let pods = cluster.items(&pods, LABEL).await.unwrap_or_default();
    let mut reasons: Vec<_> = pods.iter().filter_map(waiting).collect();
    let conditions = deployment["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    let failed =
        conditions.filter(|one| one["type"] == "ReplicaFailure" && one["status"] == "True");
    reasons.extend(failed.filter_map(|one| Some(one["message"].as_str()?.to_owned())));
    reasons.sort();
    reasons.dedup();
    let why = match reasons.is_empty() {
        true => String::new(),
        false => format!(" ({})", reasons.join("; ")),
    };
    let text = format!(
        "after {}s {shown}{why}: nothing is enforced",
        limit.as_secs()
    );
    Problem::world(text).hint(format!(
        "`kubectl describe pods -n {namespace} -l {LABEL}` shows why; install again once they run, or \
         with a longer --timeout"
    ))
}

/// Why a pod does not run.
fn waiting(pod: &Value) -> Option<String> {
    let statuses = pod["status"]["containerStatuses"].as_array();
    let reason = |status: &Value| Some(status["state"]["waiting"]["reason"].as_str()?.to_owned());
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let unscheduled =
        conditions.filter(|one| one["type"] == "PodScheduled" && one["status"] == "False");
    statuses.into_iter().flatten().find_map(reason).or_else(|| {
        unscheduled
            .filter_map(|one| Some(one["message"].as_str()?.to_owned()))
            .next()
    })
}
