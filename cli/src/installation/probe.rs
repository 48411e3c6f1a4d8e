//! The proof: an Ingress that this webhook always refuses is asked for, without being made. Only the
//! API server's own words that this webhook refused it prove anything.

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant, sleep};

use super::{PROBE, ROUTES, Selector, enforcement};
use crate::cluster::{Attempt, Cluster};
use crate::problem::Problem;

/// The reserved annotation, and the label by which the entry for the probe knows its object.
const KEY: &str = "kubectl-mtls.github.io/probe";
const PAUSE: Duration = Duration::from_millis(500);
/// So many refusals in a row: an API server may have replicas, each with a view of its own.
const IN_A_ROW: usize = 3;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// This webhook refused it, through the API server.
    Proven,
    /// The API server does not reach the webhook; with its reason.
    Unreachable(String),
    /// It reaches something whose certificate it does not accept.
    Certificate(String),
    /// It reached it, and what answered is no answer.
    NoAnswer(String),
    /// Somebody else refused it, so that this webhook was not heard.
    Other(String),
    /// The webhook answers, and its entry for routes is not asked.
    NotAsked,
    /// Nobody refused it.
    Admitted,
    /// The user may not create an Ingress there.
    Forbidden(String),
}

impl Outcome {
    /// What it is, in one word for programs.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Unreachable(_) => "unreachable",
            Self::Certificate(_) => "wrong-certificate",
            Self::NoAnswer(_) => "no-answer",
            Self::Other(_) => "refused-by-another",
            Self::NotAsked => "not-asked",
            Self::Admitted => "admitted",
            Self::Forbidden(_) => "forbidden",
        }
    }

    /// The same for people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Proven => format!("the API server asks {ROUTES} and heeds it"),
            Self::Unreachable(why) => format!("the API server does not reach the webhook: {why}"),
            Self::Certificate(why) => {
                format!("the API server does not accept the webhook's certificate: {why}")
            }
            Self::NoAnswer(why) => format!("the webhook does not answer as it should: {why}"),
            Self::Other(who) => format!("somebody else refused the probe in its place: {who}"),
            Self::NotAsked => {
                format!("the webhook answers, but {ROUTES} was not asked about an Ingress")
            }
            Self::Admitted => "the probe was admitted: the API server asks no webhook".to_owned(),
            Self::Forbidden(why) => {
                format!("the probe needs the right to create an Ingress: {why}")
            }
        }
    }

    /// The next step.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Proven => "",
            Self::Unreachable(_) => {
                "`kubectl get deployment,pods,endpointslices -n NAMESPACE` shows whether it runs; the \
                 control plane must reach port 8443 of the pods (firewall, NetworkPolicy)"
            }
            Self::Certificate(_) => {
                "the caBundle of the webhook configuration must hold the CA that signed the serving \
                 certificate for mtls-webhook.NAMESPACE.svc: `kubectl mtls webhook status` shows it"
            }
            Self::NoAnswer(_) => "`kubectl logs -n NAMESPACE deployment/mtls-webhook` tells more",
            Self::Other(_) => {
                "let that webhook or policy admit an Ingress with the annotation \
                 kubectl-mtls.github.io/probe in dry runs, or choose namespaces that it leaves alone"
            }
            Self::NotAsked => {
                "its rules, selectors or matchConditions were changed: install again, with \
                 --force-conflicts"
            }
            Self::Admitted => {
                "the webhook configuration lacks its entries, or the webhook is of another version: \
                 install again"
            }
            Self::Forbidden(_) => "use an account that may create ingresses.networking.k8s.io",
        }
    }

    /// The error that says that nothing is enforced.
    pub(crate) fn problem(&self, more: &str, namespace: &str) -> anyhow::Error {
        Problem::world(format!("{}{more}", self.text()))
            .hint(self.hint().replace("NAMESPACE", namespace))
    }
}

/// The probe, in a namespace that the configuration selects.
pub(crate) struct Probe<'a> {
    cluster: &'a Cluster,
    path: String,
    /// The namespace in which it asks.
    pub(crate) namespace: String,
}

impl<'a> Probe<'a> {
    /// Looks for a namespace that the entry for routes selects.
    pub(crate) async fn prepare(
        cluster: &'a Cluster,
        configuration: &Value,
    ) -> anyhow::Result<Self> {
        let entry = enforcement::routes(configuration)
            .context(format!("the webhook configuration has no entry {ROUTES}"))?;
        let selector = Selector::stored(&entry["namespaceSelector"]);
        let namespaces = cluster.items("/api/v1/namespaces", "").await?;
        let mut good: Vec<_> = namespaces
            .iter()
            .filter(|namespace| namespace["status"]["phase"] != "Terminating")
            .filter(|namespace| selector.selects(&namespace["metadata"]["labels"]))
            .filter_map(|namespace| namespace["metadata"]["name"].as_str())
            .collect();
        good.sort_by_key(|name| (*name != "default", *name));
        let Some(name) = good.first() else {
            let text = format!(
                "no namespace is selected by {}: nothing can be proven",
                selector.text()
            );
            return Err(Problem::world(text)
                .hint("label one as --namespace-selector says, and install again"));
        };
        Ok(Self {
            cluster,
            path: format!("/apis/networking.k8s.io/v1/namespaces/{name}/ingresses"),
            namespace: (*name).to_owned(),
        })
    }

    /// Asks once.
    pub(crate) async fn ask(&self) -> anyhow::Result<Outcome> {
        match self.cluster.attempt(&self.path, &object(false)).await? {
            Attempt::Refused(message) => Ok(judge(&message)),
            // While the entry for routes ignores failures, only the other one tells of them.
            Attempt::Admitted => match self.cluster.attempt(&self.path, &object(true)).await? {
                Attempt::Admitted => Ok(Outcome::Admitted),
                Attempt::Refused(message) => Ok(match judge(&message) {
                    Outcome::Proven => Outcome::NotAsked,
                    outcome => outcome,
                }),
            },
        }
    }

    /// Asks until it is proven several times in a row, or the time is over; then the last outcome.
    pub(crate) async fn insist(&self, limit: Duration) -> anyhow::Result<Outcome> {
        let end = Instant::now() + limit;
        let mut proven = 0;
        crate::progress::doing("waiting until the API server asks the webhook");
        loop {
            let outcome = self.ask().await?;
            proven = if outcome == Outcome::Proven {
                proven + 1
            } else {
                0
            };
            let over = Instant::now() >= end && proven == 0;
            if proven >= IN_A_ROW || over || matches!(outcome, Outcome::Forbidden(_)) {
                return Ok(outcome);
            }
            if proven == 0 {
                sleep(PAUSE).await;
            }
        }
    }
}

/// An Ingress that serves nobody; with the label the entry for the probe is asked too.
fn object(labelled: bool) -> Value {
    let mut object = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"generateName": "kubectl-mtls-probe-", "annotations": {KEY: "refuse"}},
        "spec": {"defaultBackend": {"service": {"name": "probe", "port": {"number": 80}}}}});
    if labelled {
        object["metadata"]["labels"] = json!({KEY: "refuse"});
    }
    object
}

/// What the API server's refusal means (`apiserver/pkg/admission/plugin/webhook/errors` and
/// `.../validating/dispatcher.go` have its words).
fn judge(message: &str) -> Outcome {
    let own = |words: &str| {
        [ROUTES, PROBE].iter().find_map(|name| {
            let (_, rest) = message.split_once(&format!("{words} \"{name}\""))?;
            Some(rest.to_owned())
        })
    };
    if let Some(rest) = own("admission webhook") {
        return match rest.starts_with(" denied the request: probe: ") {
            true => Outcome::Proven,
            false => Outcome::NoAnswer(message.to_owned()),
        };
    }
    if let Some(rest) = own("failed calling webhook") {
        let why = rest.trim_start_matches(": ").to_owned();
        return match why.as_str() {
            text if text.contains("x509: ") || text.contains("tls: ") => Outcome::Certificate(why),
            text if UNREACHED.iter().any(|words| text.contains(words)) => Outcome::Unreachable(why),
            _ => Outcome::NoAnswer(why),
        };
    }
    if message.contains(" cannot create resource \"ingresses\"") {
        return Outcome::Forbidden(message.to_owned());
    }
    Outcome::Other(message.to_owned())
}

/// How Go says that nobody answered.
const UNREACHED: [&str; 10] = [
    "connection refused",
    "connection reset",
    "context deadline exceeded",
    "EOF",
    "i/o timeout",
    "network is unreachable",
    "no endpoints available",
    "no route to host",
    "no such host",
    "not found",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_says() {
        let cases = [
            (
                "admission webhook \"routes.kubectl-mtls.github.io\" denied the request: probe: refused by routes.kubectl-mtls.github.io as asked",
                "proven",
            ),
            (
                "admission webhook \"routes.kubectl-mtls.github.io\" denied the request: no",
                "no-answer",
            ),
            (
                "admission webhook \"other.example.com\" denied the request: probe: refused by routes.kubectl-mtls.github.io as asked",
                "refused-by-another",
            ),
            (
                "ingresses.networking.k8s.io \"p\" is forbidden: ValidatingAdmissionPolicy 'a' with binding 'b' denied request: probe: ",
                "refused-by-another",
            ),
            (
                "Internal error occurred: failed calling webhook \"probe.kubectl-mtls.github.io\": failed to call webhook: Post \"https://mtls-webhook.kubectl-mtls.svc:443/validate?timeout=5s\": dial tcp 127.0.0.1:443: connect: connection refused",
                "unreachable",
            ),
            (
                "Internal error occurred: failed calling webhook \"routes.kubectl-mtls.github.io\": failed to call webhook: Post \"https://a/validate?timeout=5s\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
                "wrong-certificate",
            ),
            (
                "Internal error occurred: failed calling webhook \"routes.kubectl-mtls.github.io\": failed to call webhook: the server could not find the requested resource",
                "no-answer",
            ),
            (
                "Internal error occurred: failed calling webhook \"routes.kubectl-mtls.github.io\": failed to call webhook: service \"mtls-webhook\" not found",
                "unreachable",
            ),
            (
                "ingresses.networking.k8s.io is forbidden: User \"a\" cannot create resource \"ingresses\" in API group \"networking.k8s.io\" in the namespace \"default\"",
                "forbidden",
            ),
        ];
        for (message, word) in cases {
            assert_eq!(judge(message).word(), word, "{message}");
        }
    }
}
