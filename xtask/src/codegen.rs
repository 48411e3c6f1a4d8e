//! `cargo xtask codegen`: what is derived from the tables of dialects and rules, and from the corpus.

mod admission_policies;
mod api;
mod chart;
mod config;
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
    ("docs/reference/api.md", || Ok(api::text())),
    ("docs/reference/config.md", || Ok(config::text())),
    ("docs/rules.md", || Ok(rules())),
    ("manifests/admission-policies.yaml", || {
        Ok(admission_policies::text())
    }),
    ("manifests/crds/clientauthexceptions.yaml", crds::exceptions),
    ("manifests/crds/clientauthpolicies.yaml", crds::policies),
    ("manifests/rbac.yaml", || Ok(rbac())),
    ("manifests/webhooks.yaml", || Ok(webhooks())),
];

pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    for (name, write) in FILES {
        settle(name, &write()?, check)?;
    }
    // The chart is made from manifests, of which some have just been made.
    for (name, text) in chart::files()? {
        settle(&name, &text, check)?;
    }
    if check { Ok(()) } else { references() }
}

/// What the plugin and the webhook say of themselves is written by tests of theirs, because they
/// alone see it; `cargo test` compares.
fn references() -> anyhow::Result<()> {
    let tests = [
        "test",
        "--quiet",
        "--workspace",
        "--lib",
        "--bins",
        "--locked",
        "the_reference_of",
    ];
    crate::test::cargo_with(&tests, &[("KUBECTL_MTLS_CODEGEN", "1".as_ref())])
}

/// Writes a file, or only compares.
fn settle(name: &str, text: &str, check: bool) -> anyhow::Result<()> {
    let path = crate::root().join(name);
    if check {
        let current = fs::read_to_string(&path).with_context(|| format!("reading {name}"))?;
        ensure!(
            current == text,
            "{name} is not current: run `cargo xtask codegen`"
        );
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
    }
    fs::write(&path, text).with_context(|| format!("writing {name}"))
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
    for (group, plurals) in resources(|kind| !CLASSES.contains(kind)) {
        let _ = write!(
            rules,
            "- apiGroups: [{group}]\n  resources: [{}]\n  verbs: [get, list, watch]\n",
            plurals.join(", ")
        );
    }
    // Nothing is asked about one class, and nothing said of it.
    for class in CLASSES {
        let _ = write!(
            rules,
            "- apiGroups: [{}]\n  resources: [{}]\n  verbs: [list, watch]\n",
            class.group, class.plural
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
  verbs: [list, watch]
- apiGroups: [kubectl-mtls.github.io]
  resources: [clientauthexceptions/status, clientauthpolicies/status]
  verbs: [patch]
# The caBundles, and nothing else, are written.
- apiGroups: [admissionregistration.k8s.io]
  resources: [mutatingwebhookconfigurations, validatingwebhookconfigurations]
  resourceNames: [kubectl-mtls]
  verbs: [get, patch]
{AUDIT}---
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
---
{OWN}"
    )
}

/// What the audit writes.
const AUDIT: &str = "\
# Reports and Events of the audit.
- apiGroups: [wgpolicyk8s.io]
  resources: [policyreports]
  verbs: [list, create, patch, delete]
- apiGroups: [openreports.io]
  resources: [reports]
  verbs: [list, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
";

/// What it keeps in its own namespace. Who may create cannot be told which name.
const OWN: &str = "\
# The CA that signs the serving certificates, and the Lease of the replica that audits.
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: mtls-webhook
  namespace: kubectl-mtls
  labels:
    app.kubernetes.io/name: mtls-webhook
rules:
- apiGroups: [\"\"]
  resources: [secrets]
  verbs: [create]
- apiGroups: [\"\"]
  resources: [secrets]
  resourceNames: [mtls-webhook-ca]
  verbs: [get, update]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [mtls-webhook-audit]
  verbs: [get, update]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: mtls-webhook
  namespace: kubectl-mtls
  labels:
    app.kubernetes.io/name: mtls-webhook
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: mtls-webhook
subjects:
- kind: ServiceAccount
  name: mtls-webhook
  namespace: kubectl-mtls
";

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
  matchConditions:
{unhindered}{validate}{own}- name: secrets.kubectl-mtls.github.io
  rules:
  - apiGroups: [\"\"]
    apiVersions: [v1]
    operations: [CREATE, UPDATE, DELETE]
    resources: [configmaps, secrets]
    scope: Namespaced
  failurePolicy: Ignore
  timeoutSeconds: 3
  matchConditions:
{conditions}{validate}{system}# What the probe of `webhook install` and `status` asks with: nothing else has this label, so Fail
# hinders nobody, and the API server's own words say why the webhook did not answer.
- name: probe.kubectl-mtls.github.io
  rules:
  - apiGroups: [networking.k8s.io]
    apiVersions: [v1]
    operations: [CREATE]
    resources: [ingresses]
    scope: Namespaced
  failurePolicy: Fail
  timeoutSeconds: 5
  objectSelector:
    matchLabels:
      kubectl-mtls.github.io/probe: refuse
{validate}{own}- name: policies.kubectl-mtls.github.io
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
  matchConditions:
{unhindered}  reinvocationPolicy: Never
{mutate}{own}",
        routes = route_rules("CREATE, UPDATE, DELETE"),
        changes = route_rules("CREATE, UPDATE"),
        validate = common("/validate"),
        mutate = common("/mutate"),
        own = exempt("kubectl-mtls"),
        system = exempt("kube-system, kubectl-mtls"),
        conditions = conditions(),
        unhindered = unhindered(),
    )
}

/// Who cleans up, and whatever is about to go, never waits for the webhook: a namespace can be
/// deleted while it is away, whatever the failure policy says.
fn unhindered() -> String {
    format!(
        "  - name: not-of-a-cleaner
    expression: \"!(request.userInfo.username in [{cleaners}])\"
  - name: not-going
    expression: \"request.operation == 'DELETE' || !has(object.metadata.deletionTimestamp)\"
",
        cleaners = admission_policies::cleaners(),
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

/// Who renews certificates, as it comes.
const RENEWER: &str = "system:serviceaccount:cert-manager:cert-manager";

/// Only Secrets that a gateway may read as a CA, and only when that part changes. A removed key
/// is the attack, so the old object counts too. A key pair that cert-manager renews under the same
/// CA is left to the audit: certificates are renewed though the webhook hangs.
fn conditions() -> String {
    let mut keys: Vec<_> = dialect::ca_keys();
    if !keys.contains(&"tls.crt") {
        keys.push("tls.crt");
    }
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
      object.?data[?key].orValue('') != oldObject.?data[?key].orValue('') &&
      !(key == 'tls.crt' && request.userInfo.username == '{RENEWER}'))
",
        ca = ca.join(", "),
        changed = changed.join(", ")
    )
}
