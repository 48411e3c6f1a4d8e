//! `webhook status`: what is enforced, by whom and until when, proven by asking for a refusal.

use serde_json::{Value, json};

use super::block_on;
use crate::cluster::{Cluster, item};
use crate::globals::Globals;
use crate::installation::drift;
use crate::installation::enforcement::{self, entries, routes};
use crate::installation::probe::{Outcome, Probe};
use crate::installation::rollout::Progress;
use crate::installation::{
    LABEL, Leaf, NAME, Policy, ROUTES, Selector, Trusted, VALIDATING, shape,
};
use crate::output::{self, Format};
use crate::problem::{FINDINGS, WORLD, say};
use crate::validity::now;

/// Say what the admission webhook enforces, and prove it
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kubectl mtls webhook status
  # In CI, where changes are admitted while the webhook does not answer
  kubectl mtls webhook status --fail-policy Ignore -o json

Exit codes: 0 it enforces what is expected, and the API server has just shown
it; 1 it does not, or what is there is not what `install` would apply; 3 the
cluster cannot be asked, or nothing could be proven (no right to create an
Ingress, no namespace that is selected).")]
pub(crate) struct Args {
    /// The least that is expected of the entry for routes: Fail or Ignore
    #[arg(long, value_name = "POLICY", default_value = "Fail")]
    fail_policy: Policy,
    /// The --namespace-selector of the installation
    #[arg(long, value_name = "SELECTOR", default_value = "", value_parser = Selector::parse, hide_default_value = true)]
    namespace_selector: Selector,
    /// Output format: human, json or yaml
    #[arg(short, long, default_value = "human")]
    output: Format,
}

/// What was found.
struct Status {
    namespace: String,
    validating: Value,
    deployment: Value,
    pods: Vec<Value>,
    probe: Option<(Outcome, String)>,
    leaf: Leaf,
    problems: Vec<String>,
}

pub(crate) fn run(args: &Args, globals: &Globals) -> anyhow::Result<u8> {
    shape::namespace(globals)?;
    let status = block_on(read(args, globals))?;
    output::story(args.output, &status.json(), 2, || status.human())?;
    for problem in &status.problems {
        say("error", problem);
    }
    let silent = status.probe.iter().map(|(outcome, _)| outcome);
    for outcome in silent.filter(|outcome| outcome.tells_nothing()) {
        say("error", &outcome.text());
    }
    if let Some((outcome, _)) = status
        .probe
        .as_ref()
        .filter(|(outcome, _)| *outcome != Outcome::Proven)
    {
        say(
            "hint",
            &outcome.hint().replace("NAMESPACE", &status.namespace),
        );
    } else if !status.problems.is_empty() {
        say(
            "hint",
            "`kubectl mtls webhook install`, with the flags of before, puts it right",
        );
    }
    Ok(status.code())
}

async fn read(args: &Args, globals: &Globals) -> anyhow::Result<Status> {
    let cluster = Cluster::connect(globals).await?;
    let namespace = enforcement::namespace(&cluster, globals).await?;
    let validating = cluster.value(VALIDATING).await?;
    let deployment = cluster
        .value(&item("apps/v1", "deployments", &namespace, NAME))
        .await?;
    let pods = cluster
        .items(&format!("/api/v1/namespaces/{namespace}/pods"), LABEL)
        .await?;
    let mut problems = match &validating {
        Some(live) => {
            let selector = &args.namespace_selector;
            drift::problems(
                &drift::read(&cluster, live, selector, &namespace).await?,
                now(),
            )
        }
        None => vec!["the ValidatingWebhookConfiguration does not exist".to_owned()],
    };
    let outside = validating
        .as_ref()
        .and_then(routes)
        .is_some_and(|entry| !entry["clientConfig"]["url"].is_null());
    problems.extend(running(deployment.as_ref(), outside));
    let probe = match &validating {
        Some(configuration) if routes(configuration).is_some() => {
            Some(probe(&cluster, configuration).await?)
        }
        _ => None,
    };
    if let Some((outcome, _)) = probe
        .as_ref()
        .filter(|(outcome, _)| *outcome != Outcome::Proven && !outcome.tells_nothing())
    {
        problems.push(outcome.text());
    }
    let policy = validating.as_ref().and_then(enforcement::policy);
    if policy == Some(Policy::Ignore) && args.fail_policy == Policy::Fail {
        problems.push(format!(
            "failurePolicy of {ROUTES} is Ignore: while the webhook does not answer, everything is \
             admitted"
        ));
    }
    let leaf = match validating.as_ref().and_then(routes) {
        Some(entry) => leaf(&cluster, entry, &namespace, &pods).await,
        None => Leaf::NotAsked("nothing is installed".to_owned()),
    };
    problems.extend(leaf.problem(now()));
    Ok(Status {
        namespace,
        validating: validating.unwrap_or_default(),
        deployment: deployment.unwrap_or_default(),
        pods,
        probe,
        leaf,
        problems,
    })
}

async fn leaf(cluster: &Cluster, entry: &Value, namespace: &str, pods: &[Value]) -> Leaf {
    let client = &entry["clientConfig"];
    match client["url"].as_str() {
        Some(url) => Leaf::of_url(url, &client["caBundle"]).await,
        None => {
            let ready: Vec<_> = pods.iter().filter(|pod| is_ready(pod)).collect();
            Leaf::of_pods(cluster, namespace, &ready, now()).await
        }
    }
}

async fn probe(cluster: &Cluster, configuration: &Value) -> anyhow::Result<(Outcome, String)> {
    match Probe::prepare(cluster, configuration).await? {
        Ok(probe) => Ok((probe.ask().await?, probe.namespace)),
        Err(outcome) => Ok((outcome, "none".to_owned())),
    }
}

fn running(deployment: Option<&Value>, outside: bool) -> Option<String> {
    match deployment {
        _ if outside => None,
        None => Some(format!("deployment/{NAME} does not exist")),
        Some(deployment) => {
            let progress = Progress::of(deployment);
            (progress.available < progress.wanted.max(1)).then(|| {
                format!(
                    "deployment/{NAME} has {} of {} replicas ready",
                    progress.available, progress.wanted
                )
            })
        }
    }
}

impl Status {
    /// What is wrong weighs more than what is not known.
    fn code(&self) -> u8 {
        let unknown = self
            .probe
            .as_ref()
            .is_some_and(|(outcome, _)| outcome.tells_nothing());
        match (self.problems.is_empty(), unknown) {
            (false, _) => FINDINGS,
            (true, true) => WORLD,
            (true, false) => 0,
        }
    }

    /// The images that run, each once, and how many pods of each are ready.
    fn images(&self) -> Vec<(String, usize)> {
        let mut images: Vec<(String, usize)> = Vec::new();
        for pod in self.pods.iter().filter(|pod| is_ready(pod)) {
            let image = pod["spec"]["containers"][0]["image"]
                .as_str()
                .unwrap_or_default();
            match images.iter_mut().find(|(known, _)| known == image) {
                Some((_, count)) => *count += 1,
                None => images.push((image.to_owned(), 1)),
            }
        }
        images
    }

    /// The value of an argument of the program.
    fn argument(&self, name: &str) -> Option<String> {
        let container = &self.deployment["spec"]["template"]["spec"]["containers"][0];
        let mut arguments = container["args"]
            .as_array()?
            .iter()
            .filter_map(Value::as_str);
        arguments.find_map(|argument| Some(argument.strip_prefix(name)?.to_owned()))
    }

    fn json(&self) -> Value {
        let images = self.images().into_iter();
        let images: Vec<_> = images
            .map(|(image, ready)| json!({"image": image, "ready": ready}))
            .collect();
        let rows: Vec<_> = entries(&self.validating).map(entry_json).collect();
        let probe = self.probe.as_ref().map(|(outcome, namespace)| {
            json!({"outcome": outcome.word(), "message": outcome.text(), "namespace": namespace})
        });
        json!({"schemaVersion": 1, "namespace": self.namespace,
            "installed": !self.validating.is_null(), "proven": self.is_proven(),
            "failurePolicy": enforcement::policy(&self.validating).map(Policy::text),
            "webhooks": rows, "running": images, "probe": probe, "served": self.leaf.json(),
            "certMode": self.argument("--cert-mode="), "warn": self.warned(),
            "problems": self.problems})
    }

    fn is_proven(&self) -> bool {
        matches!(&self.probe, Some((Outcome::Proven, _)))
    }

    fn warned(&self) -> Vec<String> {
        let rules = self.argument("--warn=").unwrap_or_default();
        rules
            .split(',')
            .filter(|rule| !rule.is_empty())
            .map(str::to_owned)
            .collect()
    }

    fn human(&self) -> String {
        if self.validating.is_null() {
            return "The webhook is not installed: no change is refused\n".to_owned();
        }
        let mut lines = vec![match &self.probe {
            Some((Outcome::Proven, place)) => {
                format!("Proven    {ROUTES} refuses, asked in namespace {place}")
            }
            Some((outcome, place)) => {
                format!("Unproven  {} (asked in namespace {place})", outcome.text())
            }
            None => "Unproven  there is nothing to ask".to_owned(),
        }];
        for (image, ready) in self.images() {
            lines.push(format!("Running   {ready} ready of {image}"));
        }
        for entry in entries(&self.validating) {
            lines.push(format!("Entry     {}", entry_text(entry)));
        }
        for ca in routes(&self.validating).map(trusted).unwrap_or_default() {
            lines.push(format!("Trusted   {}", ca.text()));
        }
        lines.push(format!("Served    {}", self.leaf.text()));
        if !self.warned().is_empty() {
            lines.push(format!("Warned    {}", self.warned().join(", ")));
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions
        .filter(|one| one["type"] == "Ready")
        .any(|one| one["status"] == "True")
}

fn trusted(entry: &Value) -> Vec<Trusted> {
    Trusted::stored(&entry["clientConfig"]["caBundle"])
}

fn entry_text(entry: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let selector = Selector::stored(&entry["namespaceSelector"]).text();
    format!(
        "{}: {}, {}s, namespaces {selector}",
        text(&entry["name"]),
        text(&entry["failurePolicy"]),
        entry["timeoutSeconds"]
    )
}

fn entry_json(entry: &Value) -> Value {
    json!({"name": entry["name"], "failurePolicy": entry["failurePolicy"],
        "timeoutSeconds": entry["timeoutSeconds"], "namespaceSelector": entry["namespaceSelector"],
        "rules": entry["rules"], "url": entry["clientConfig"]["url"],
        "service": entry["clientConfig"]["service"],
        "trusted": trusted(entry).iter().map(Trusted::json).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(outcome: Outcome, problems: &[&str]) -> u8 {
        let status = Status {
            namespace: String::new(),
            validating: Value::Null,
            deployment: Value::Null,
            pods: Vec::new(),
            probe: Some((outcome, String::new())),
            leaf: Leaf::NotAsked(String::new()),
            problems: problems.iter().map(|&problem| problem.to_owned()).collect(),
        };
        status.code()
    }

    #[test]
    fn nothing_is_clean_that_is_not_proven() {
        let forbidden = || Outcome::Forbidden(String::new());
        assert_eq!(code(Outcome::Proven, &[]), 0);
        assert_eq!(code(Outcome::Proven, &["drift"]), FINDINGS);
        assert_eq!(code(Outcome::NoNamespace(String::new()), &[]), WORLD);
        assert_eq!(code(forbidden(), &[]), WORLD);
        assert_eq!(code(forbidden(), &["drift"]), FINDINGS);
    }
}
