//! `cargo xtask codegen`: what is derived from the tables of dialects and rules, and from the corpus.

mod crds;
mod gateways;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, ensure};
use policy::dialect::{self, CLASSES, Kind, Role};

/// Makes the text of a generated file.
type Writer = fn() -> anyhow::Result<String>;

/// Every generated file, and who writes it.
const FILES: &[(&str, Writer)] = &[
    ("docs/gateways.md", gateways::text),
    ("docs/rules.md", || Ok(rules())),
    ("manifests/crds/clientauthexceptions.yaml", crds::exceptions),
    ("manifests/crds/clientauthpolicies.yaml", crds::policies),
    ("manifests/rbac.yaml", || Ok(rbac())),
    ("manifests/webhooks.yaml", || Ok(webhooks())),
];

pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    for (name, write) in FILES {
        let path = crate::root().join(name);
        let text = write()?;
        if check {
            let current = fs::read_to_string(&path).with_context(|| format!("reading {name}"))?;
            ensure!(
                current == text,
                "{name} is not current: run `cargo xtask codegen`"
            );
        } else {
            fs::write(&path, text).with_context(|| format!("writing {name}"))?;
        }
    }
    Ok(())
}

fn rules() -> String {
    let mut text = String::from(
        "# Rules\n\nGenerated from the rules' own texts; `kubectl mtls explain RULE` prints the same.\n",
    );
    for rule in policy::rule::RULES {
        let _ = write!(
            text,
            "\n## {}\n\n{}.\n\n{}\n\n{}\n",
            rule.id,
            capital(rule.summary),
            rule.why,
            rule.remedy
        );
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Resources by API group.
fn resources(wanted: impl Fn(&Kind) -> bool) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for kind in dialect::kinds().into_iter().chain(CLASSES).filter(wanted) {
        let plurals = groups.entry(kind.group).or_default();
        if !plurals.contains(&kind.plural) {
            plurals.push(kind.plural);
        }
    }
    groups
}

fn rbac() -> String {
    let mut rules = String::new();
    for (group, plurals) in resources(|_| true) {
        let _ = write!(
            rules,
            "- apiGroups: [{group}]\n  resources: [{}]\n  verbs: [get, list, watch]\n",
            plurals.join(", ")
        );
    }
    format!(
        "# Generated from the table of dialects by `cargo xtask codegen`.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: mtls-webhook
  labels:
    app.kubernetes.io/name: mtls-webhook
rules:
{rules}# Secrets and ConfigMaps are read one by one, never listed or watched.
- apiGroups: [\"\"]
  resources: [configmaps, secrets]
  verbs: [get]
# Policies select namespaces by label.
- apiGroups: [\"\"]
  resources: [namespaces]
  verbs: [get, list, watch]
- apiGroups: [kubectl-mtls.github.io]
  resources: [clientauthexceptions, clientauthpolicies]
  verbs: [get, list, watch]
- apiGroups: [kubectl-mtls.github.io]
  resources: [clientauthexceptions/status, clientauthpolicies/status]
  verbs: [get, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: mtls-webhook
  labels:
    app.kubernetes.io/name: mtls-webhook
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: mtls-webhook
subjects:
- kind: ServiceAccount
  name: mtls-webhook
  namespace: kubectl-mtls
"
    )
}

fn webhooks() -> String {
    format!(
        "# Generated from the table of dialects by `cargo xtask codegen`.
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata:
  name: kubectl-mtls
  labels:
    app.kubernetes.io/name: mtls-webhook
webhooks:
- name: routes.kubectl-mtls.github.io
{routes}  failurePolicy: Ignore # routes
  timeoutSeconds: 5
{validate}{own}- name: secrets.kubectl-mtls.github.io
  rules:
  - apiGroups: [\"\"]
    apiVersions: [v1]
    operations: [CREATE, UPDATE, DELETE]
    resources: [configmaps, secrets]
    scope: Namespaced
  failurePolicy: Ignore
  timeoutSeconds: 3
  matchConditions:
{conditions}{validate}{system}- name: policies.kubectl-mtls.github.io
  rules:
  - apiGroups: [kubectl-mtls.github.io]
    apiVersions: [v1alpha1]
    operations: [CREATE, UPDATE]
    resources: [clientauthexceptions, clientauthpolicies]
    scope: Cluster
  failurePolicy: Ignore
  timeoutSeconds: 3
{validate}---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: kubectl-mtls
  labels:
    app.kubernetes.io/name: mtls-webhook
webhooks:
- name: repair.kubectl-mtls.github.io
{changes}  failurePolicy: Ignore
  timeoutSeconds: 2
  reinvocationPolicy: Never
{mutate}{own}",
        routes = route_rules("CREATE, UPDATE, DELETE"),
        changes = route_rules("CREATE, UPDATE"),
        validate = common("/validate"),
        mutate = common("/mutate"),
        own = exempt("kubectl-mtls"),
        system = exempt("kube-system, kubectl-mtls"),
        conditions = conditions(),
    )
}

fn route_rules(operations: &str) -> String {
    let mut rules = String::from("  rules:\n");
    for (group, plurals) in resources(|kind| kind.role != Role::Context) {
        let version = dialect::kinds()
            .into_iter()
            .find(|kind| kind.group == group);
        let _ = write!(
            rules,
            "  - apiGroups: [{group}]
    apiVersions: [{}]
    operations: [{operations}]
    resources: [{}]
    scope: Namespaced
",
            version.map_or("v1", |kind| kind.version),
            plurals.join(", ")
        );
    }
    rules
}

fn common(path: &str) -> String {
    format!(
        "  matchPolicy: Equivalent
  sideEffects: None
  admissionReviewVersions: [v1]
  clientConfig:
    caBundle: \"\"
    service:
      name: mtls-webhook
      namespace: kubectl-mtls
      path: {path}
      port: 443
"
    )
}

fn exempt(namespaces: &str) -> String {
    format!(
        "  namespaceSelector:
    matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values: [{namespaces}]
"
    )
}

/// Only Secrets that a gateway may read as a CA, and only when that part changes. A removed key
/// is the attack, so the old object counts too.
fn conditions() -> String {
    let mut keys: Vec<_> = dialect::ca_keys();
    keys.push("tls.crt");
    let changed: Vec<_> = keys.iter().map(|key| format!("'{key}'")).collect();
    let ca: Vec<_> = dialect::ca_keys()
        .iter()
        .map(|key| format!("'{key}'"))
        .collect();
    format!(
        "  - name: not-of-the-system
    expression: >-
      !(request.operation == 'DELETE' ? oldObject : object).?type.orValue('')
      .matches('^(kubernetes.io/service-account-token|bootstrap.kubernetes.io/token|helm.sh/.*)$')
  - name: holds-a-ca
    expression: >-
      [{ca}].exists(key,
      (request.operation != 'DELETE' && object.?data[?key].hasValue()) ||
      (request.operation != 'CREATE' && oldObject.?data[?key].hasValue()))
  - name: ca-changes
    expression: >-
      request.operation != 'UPDATE' || [{changed}].exists(key,
      object.?data[?key].orValue('') != oldObject.?data[?key].orValue(''))
",
        ca = ca.join(", "),
        changed = changed.join(", ")
    )
}
