//! `manifests/admission-policies.yaml`: what the API server itself can refuse, from the tables of
//! forms that the dialects read by. It holds while the webhook is away.

mod expression;

use std::fmt::Write as _;

use policy::dialect::{DIALECTS, Dialect, Syntax};
use policy::settings::CLASS_ANNOTATION;
use policy::{Harm, field};

/// Users that clean up; the webhook does not hinder them either.
const CLEANERS: [&str; 2] = [
    "system:serviceaccount:kube-system:generic-garbage-collector",
    "system:serviceaccount:kube-system:namespace-controller",
];

const INTRODUCTION: &str =
    "# Generated from the dialects' tables of forms by `cargo xtask codegen`.
#
# The API server refuses by these what is wrong whatever else is there, also while the webhook is
# away. They are no stricter than the webhook: what was wrong before never blocks a change, and an
# Ingress is judged where its IngressClass names the gateway's controller. A class whose gateway is
# told otherwise says so in an annotation: `kubectl-mtls.github.io/without-policies: ca-namespace`.
";

/// Rows that one policy can hold: about the same kinds, with the same consequence.
struct Policy {
    dialect: &'static Dialect,
    warns: bool,
    rows: Vec<&'static Syntax>,
}

/// Their names, as items of a list.
pub(super) fn cleaners() -> String {
    expression::words(&CLEANERS)
}

pub(super) fn text() -> String {
    let mut text = String::from(INTRODUCTION);
    for (index, policy) in policies().iter().enumerate() {
        let between = if index == 0 { "" } else { "---\n" };
        let _ = write!(text, "{between}{}---\n{}", policy.text(), policy.binding());
    }
    text
}

fn policies() -> Vec<Policy> {
    let mut policies: Vec<Policy> = Vec::new();
    for dialect in DIALECTS {
        for row in dialect.syntax {
            let warns = row.harm == Harm::Harmless;
            let same = |policy: &&mut Policy| {
                policy.dialect.id == dialect.id
                    && policy.warns == warns
                    && policy.rows.iter().all(|known| known.kinds == row.kinds)
            };
            match policies.iter_mut().find(same) {
                Some(policy) => policy.rows.push(row),
                None => policies.push(Policy {
                    dialect,
                    warns,
                    rows: vec![row],
                }),
            }
        }
    }
    policies
}

impl Policy {
    fn name(&self) -> String {
        let plural = self.rows[0].kinds[0].plural;
        let end = if self.warns { "-warnings" } else { "" };
        format!("{}-{plural}{end}.kubectl-mtls.github.io", self.dialect.id)
    }

    fn is_of_class(&self) -> bool {
        self.rows[0].is_of_class()
    }

    fn text(&self) -> String {
        let param_kind = match self.is_of_class() {
            true => "  paramKind: {apiVersion: networking.k8s.io/v1, kind: IngressClass}\n",
            false => "",
        };
        let validations: String = self.rows.iter().map(|row| self.validation(row)).collect();
        format!(
            "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: mtls-webhook
spec:
  failurePolicy: Fail
{param_kind}  matchConstraints:
    matchPolicy: Equivalent
    namespaceSelector:
      matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: NotIn
        values: [kubectl-mtls]
    resourceRules:
{resources}  matchConditions:
  - name: not-of-a-cleaner
    expression: \"!(request.userInfo.username in [{cleaners}])\"
  - name: not-going
    expression: \"!has(object.metadata.deletionTimestamp)\"
  variables:
{variables}  validations:
{validations}",
            name = self.name(),
            resources = self.resources(),
            cleaners = cleaners(),
            variables = self.variables(),
        )
    }

    fn resources(&self) -> String {
        let kinds = self.rows[0].kinds.iter();
        let rule = |kind: &policy::dialect::Kind| {
            format!(
                "    - apiGroups: [{}]
      apiVersions: [{}]
      operations: [CREATE, UPDATE]
      resources: [{}]
      scope: Namespaced
",
                kind.group, kind.version, kind.plural
            )
        };
        kinds.map(rule).collect()
    }

    /// Whom the policy is about: nobody in a namespace that goes, and of a shared kind only the
    /// objects whose class is this gateway's.
    fn variables(&self) -> String {
        let mut text = String::from(
            "  - name: going
    expression: namespaceObject != null && namespaceObject.?metadata.deletionTimestamp.hasValue()
",
        );
        if self.is_of_class() {
            let _ = write!(
                text,
                "  - name: class
    expression: >-
      object.spec.?ingressClassName.orValue(
      object.metadata.?annotations[?'{CLASS_ANNOTATION}'].orValue(''))
  - name: ours
    expression: >-
      params.metadata.name == variables.class &&
      params.?spec.controller.orValue('') == '{controller}'
  - name: without
    expression: >-
      params.metadata.?annotations[?'kubectl-mtls.github.io/without-policies'].orValue('')
      .split(',').map(id, id.trim())
",
                controller = self.dialect.controller
            );
        }
        text
    }

    fn validation(&self, row: &Syntax) -> String {
        let spared = match self.is_of_class() {
            true => format!(
                "variables.going || !variables.ours || '{}' in variables.without",
                row.id
            ),
            false => "variables.going".to_owned(),
        };
        format!(
            "  - expression: >-
      {spared} ||
      !({new}) ||
      (oldObject != null && {old})
    message: {message:?}
",
            new = expression::broken(row, "object"),
            old = expression::broken(row, "oldObject"),
            message = format!("{}: {}", row.rule, said(row)),
        )
    }

    fn binding(&self) -> String {
        let name = self.name();
        let action = if self.warns { "Warn" } else { "Deny" };
        let params = match self.is_of_class() {
            true => "  paramRef:\n    selector: {}\n    parameterNotFoundAction: Allow\n",
            false => "",
        };
        format!(
            "apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: mtls-webhook
spec:
  policyName: {name}
  validationActions: [{action}]
{params}"
        )
    }
}

/// The place and what is wrong there.
fn said(row: &Syntax) -> String {
    let place = expression::place(row.place);
    match place.is_empty() {
        true => row.message.to_owned(),
        false => format!("{} {}", field(&place), row.message),
    }
}
