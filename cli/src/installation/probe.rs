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
    /// It waited for the webhook in vain.
    Late(String),
    /// It reaches something whose certificate it does not accept.
    Certificate(String),
    /// It reached it, and what answered is no answer.
    NoAnswer(String),
    /// Another webhook refused it, or failed, so that this one was not heard.
    Webhook(String),
    /// An admission policy refused it, so that this webhook was not heard.
    AdmissionPolicy(String),
    /// Something else in the API server refused it.
    Other(String),
    /// The webhook answers, and its entry for routes is not asked.
    NotAsked,
    /// Nobody refused it.
    Admitted,
    /// The user may not create an Ingress there.
    Forbidden(String),
    /// The entry for routes selects no namespace that there is; with its selector.
    NoNamespace(String),
    /// The namespace went meanwhile.
    Going(String),
}

impl Outcome {
    /// What it is, in one word for programs.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Unreachable(_) => "unreachable",
            Self::Late(_) => "time-out",
            Self::Certificate(_) => "wrong-certificate",
            Self::NoAnswer(_) => "no-answer",
            Self::Webhook(_) => "refused-by-another-webhook",
            Self::AdmissionPolicy(_) => "refused-by-a-policy",
            Self::Other(_) => "refused-by-another",
            Self::NotAsked => "not-asked",
            Self::Admitted => "admitted",
            Self::Forbidden(_) => "forbidden",
            Self::NoNamespace(_) => "no-namespace",
            Self::Going(_) => "namespace-going",
        }
    }

    /// Whether nothing is known of what is enforced, one way or the other.
    pub(crate) fn tells_nothing(&self) -> bool {
        matches!(
            self,
            Self::Forbidden(_) | Self::NoNamespace(_) | Self::Going(_)
        )
    }

    /// The same for people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Proven => format!("the API server asks {ROUTES} and heeds it"),
            Self::Unreachable(why) => format!("the API server does not reach the webhook: {why}"),
            Self::Late(why) => format!("the webhook does not answer in time: {why}"),
            Self::Certificate(why) => {
                format!("the API server does not accept the webhook's certificate: {why}")
            }
            Self::NoAnswer(why) => format!("the webhook does not answer as it should: {why}"),
            Self::Webhook(who) => {
                format!("another webhook refused the probe in its place: {who}")
            }
            Self::AdmissionPolicy(who) => {
                format!("an admission policy refused the probe in its place: {who}")
            }
            Self::Other(who) => format!("somebody else refused the probe in its place: {who}"),
            Self::NotAsked => {
                format!("the webhook answers, but {ROUTES} was not asked about an Ingress")
            }
            Self::Admitted => "the probe was admitted: the API server asks no webhook".to_owned(),
            Self::Forbidden(why) => {
                format!("the probe needs the right to create an Ingress: {why}")
            }
            Self::NoNamespace(selector) => {
                format!("no namespace is selected by {selector}: nothing can be proven")
            }
            Self::Going(why) => format!("the namespace of the probe went meanwhile: {why}"),
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
            Self::Late(_) => {
                "a firewall that drops packets to port 8443 of the pods looks like this, and so does a \
                 webhook that lacks CPU: `kubectl logs -n NAMESPACE deployment/mtls-webhook` shows \
                 whether it was asked"
            }
            Self::Certificate(_) => {
                "the caBundle of the webhook configuration must hold the CA that signed the serving \
                 certificate for mtls-webhook.NAMESPACE.svc: `kubectl mtls webhook status` shows it"
            }
            Self::NoAnswer(_) => "`kubectl logs -n NAMESPACE deployment/mtls-webhook` tells more",
            Self::Webhook(_) => {
                "let that webhook admit an Ingress with the annotation kubectl-mtls.github.io/probe in \
                 dry runs, or mend it if it fails"
            }
            Self::AdmissionPolicy(_) => {
                "let that policy admit an Ingress with the annotation kubectl-mtls.github.io/probe, as \
                 by a matchCondition"
            }
            Self::Other(_) => {
                "`kubectl create ingress probe --rule=/=a:80 --dry-run=server` in that namespace is \
                 refused in the same words until it is mended"
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
            Self::NoNamespace(_) => "label one as --namespace-selector says, and ask again",
            Self::Going(_) => "ask again",
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
    /// Looks for a namespace that the entry for routes selects; the outcome where there is none.
    pub(crate) async fn prepare(
        cluster: &'a Cluster,
        configuration: &Value,
    ) -> anyhow::Result<Result<Self, Outcome>> {
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
            return Ok(Err(Outcome::NoNamespace(selector.text())));
        };
        Ok(Ok(Self {
            cluster,
            path: format!("/apis/networking.k8s.io/v1/namespaces/{name}/ingresses"),
            namespace: (*name).to_owned(),
        }))
    }

    /// Asks once.
    pub(crate) async fn ask(&self) -> anyhow::Result<Outcome> {
        match self.cluster.attempt(&self.path, &object(false)).await? {
            Attempt::Refused(message) => Ok(judge(&message, ROUTES)),
            // While the entry for routes ignores failures, only the other one tells of them.
            Attempt::Admitted => match self.cluster.attempt(&self.path, &object(true)).await? {
                Attempt::Admitted => Ok(Outcome::Admitted),
                Attempt::Refused(message) => Ok(match judge(&message, PROBE) {
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

/// What the API server's refusal means (`apiserver/pkg/admission/plugin/webhook/errors`,
/// `.../validating/dispatcher.go` and `.../policy/validating/dispatcher.go` have its words). It names
/// the webhook first; what comes later may be anybody's words.
fn judge(message: &str, entry: &str) -> Outcome {
    if let Some((name, rest)) = named(message, "admission webhook \"") {
        return match rest.starts_with(" denied the request: probe: ") {
            _ if name != entry && ![ROUTES, PROBE].contains(&name) => {
                Outcome::Webhook(message.to_owned())
            }
            true if name == entry => Outcome::Proven,
            _ => Outcome::NoAnswer(message.to_owned()),
        };
    }
    let failed = "Internal error occurred: failed calling webhook \"";
    if let Some((name, rest)) = named(message, failed) {
        let why = rest.trim_start_matches(": ").to_owned();
        return match [ROUTES, PROBE].contains(&name) {
            true => failure(why),
            false => Outcome::Webhook(format!("{name} failed: {why}")),
        };
    }
    let text = message.to_owned();
    match message {
        _ if message.contains(" cannot create resource \"ingresses\"") => Outcome::Forbidden(text),
        _ if message.contains("ValidatingAdmissionPolicy '") => Outcome::AdmissionPolicy(text),
        _ if message.contains("because it is being terminated") => Outcome::Going(text),
        _ if message.starts_with("namespaces \"") && message.ends_with("\" not found") => {
            Outcome::Going(text)
        }
        _ => Outcome::Other(text),
    }
}

/// The name in quotes after the first words, and the rest.
fn named<'a>(message: &'a str, words: &str) -> Option<(&'a str, &'a str)> {
    message.strip_prefix(words)?.split_once('"')
}

/// Why this webhook was not heard.
fn failure(why: String) -> Outcome {
    let any = |words: &[&str]| words.iter().any(|words| why.contains(words));
    match () {
        () if any(&["x509: ", "tls: "]) => Outcome::Certificate(why),
        () if any(&UNREACHED) || any(&["dial tcp"]) => Outcome::Unreachable(why),
        () if any(&LATE) => Outcome::Late(why),
        () => Outcome::NoAnswer(why),
    }
}

/// How Go says that it waited long enough.
const LATE: [&str; 3] = [
    "context deadline exceeded",
    "Client.Timeout exceeded",
    "i/o timeout",
];

/// How Go says that nobody answered.
const UNREACHED: [&str; 8] = [
    "connection refused",
    "connection reset",
    "EOF",
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
                "refused-by-another-webhook",
            ),
            (
                "admission webhook \"other.example.com\" denied the request: admission webhook \"routes.kubectl-mtls.github.io\" denied the request: probe: refused",
                "refused-by-another-webhook",
            ),
            (
                "Internal error occurred: failed calling webhook \"other.example.com\": failed to call webhook: connection refused",
                "refused-by-another-webhook",
            ),
            (
                "Internal error occurred: failed calling webhook \"routes.kubectl-mtls.github.io\": failed to call webhook: Post \"https://a/validate?timeout=5s\": context deadline exceeded",
                "time-out",
            ),
            (
                "ingresses.networking.k8s.io \"p\" is forbidden: unable to create new content in namespace a because it is being terminated",
                "namespace-going",
            ),
            ("namespaces \"a\" not found", "namespace-going"),
            (
                "ingresses.networking.k8s.io \"p\" is forbidden: exceeded quota: a",
                "refused-by-another",
            ),
            (
                "ingresses.networking.k8s.io \"p\" is forbidden: ValidatingAdmissionPolicy 'a' with binding 'b' denied request: probe: ",
                "refused-by-a-policy",
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
            assert_eq!(judge(message, ROUTES).word(), word, "{message}");
        }
        let probe =
            "admission webhook \"probe.kubectl-mtls.github.io\" denied the request: probe: x";
        assert_eq!(judge(probe, PROBE), Outcome::Proven);
        assert_ne!(judge(probe, ROUTES), Outcome::Proven);
    }
}
