//! What a round found, as gauges.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::api::Api;
use policy::{Finding, HostReport, Severity, Verdict};
use tokio::time::timeout;

use super::{Round, Sink};
use crate::metrics::Posture;
use crate::state::State;

/// What judges routes and options; a cluster relies on it once it is set to Fail.
const ROUTES: &str = "routes.kubectl-mtls.github.io";

/// Sets the gauges.
pub(super) struct Gauges {
    state: Arc<State>,
    configuration: String,
}

impl Gauges {
    /// Reads the policy from the webhook configuration of this name.
    pub(super) fn new(state: &Arc<State>, configuration: &str) -> Self {
        Self {
            state: Arc::clone(state),
            configuration: configuration.to_owned(),
        }
    }

    /// `failurePolicy` of the route entries; none when there is no such configuration.
    async fn failure_policies(&self) -> anyhow::Result<Vec<(String, String)>> {
        let api: Api<ValidatingWebhookConfiguration> = Api::all(self.state.live.clone());
        let reading = format!("reading the webhook configuration {}", self.configuration);
        let found = timeout(Duration::from_secs(5), api.get_opt(&self.configuration))
            .await
            .with_context(|| reading.clone())?
            .context(reading)?;
        let webhooks = found.and_then(|found| found.webhooks).unwrap_or_default();
        let routes = webhooks
            .into_iter()
            .filter(|webhook| webhook.name == ROUTES);
        // The API server writes the default into what it stores.
        let policy = |set: Option<String>| set.unwrap_or_else(|| "Fail".to_owned());
        Ok(routes
            .map(|webhook| (webhook.name, policy(webhook.failure_policy)))
            .collect())
    }
}

impl Sink for Gauges {
    fn name(&self) -> &'static str {
        "metrics"
    }

    fn take<'a>(&'a mut self, round: &'a Round) -> BoxFuture<'a, anyhow::Result<()>> {
        async move {
            let policies = self.failure_policies().await;
            let (failure_policies, result) = match policies {
                Ok(policies) => (policies, Ok(())),
                Err(error) => (Vec::new(), Err(error)),
            };
            self.state.metrics.audited.set(Posture {
                hosts: hosts(&round.hosts),
                findings: findings(&round.findings),
                authorities: round.authorities.clone().into_iter().collect(),
                failure_policies,
            });
            result
        }
        .boxed()
    }
}

fn hosts(reports: &[HostReport]) -> BTreeMap<(&'static str, String, &'static str), i64> {
    let mut counts = BTreeMap::new();
    for report in reports {
        let gateway = &report.host.key.gateway;
        let key = (
            gateway.dialect,
            gateway.instance.clone(),
            word(report.verdict),
        );
        *counts.entry(key).or_default() += 1;
    }
    counts
}

fn findings(findings: &[Finding]) -> BTreeMap<(&'static str, &'static str), i64> {
    let mut counts = BTreeMap::new();
    for finding in findings {
        let severity = match finding.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        *counts.entry((finding.rule, severity)).or_default() += 1;
    }
    counts
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Unknown => "unknown",
        Verdict::None => "none",
        Verdict::Open => "open",
        Verdict::Weak => "weak",
        Verdict::Broken => "broken",
        Verdict::Enforced => "enforced",
    }
}
