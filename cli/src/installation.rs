//! The webhook in a cluster: what belongs to it, in which order it comes and goes, and the proof
//! that the API server asks it.

mod certificates;
mod compare;
mod deployment;
pub(crate) mod drift;
pub(crate) mod enforcement;
mod files;
pub(crate) mod inventory;
mod leaf;
pub(crate) mod objects;
pub(crate) mod probe;
pub(crate) mod reinstall;
mod render;
pub(crate) mod rollout;
mod selector;
pub(crate) mod shape;

pub(crate) use certificates::Trusted;
pub(crate) use leaf::Leaf;
pub(crate) use selector::Selector;
pub(crate) use shape::{CertMode, Policy, Shape};

/// The namespace where nothing else is said.
pub(crate) const NAMESPACE: &str = "kubectl-mtls";
/// The name of the Deployment, its Service, and most of what belongs to it.
pub(crate) const NAME: &str = "mtls-webhook";
/// The entry that judges routes; it alone turns to Fail.
pub(crate) const ROUTES: &str = "routes.kubectl-mtls.github.io";
/// The entry that only the probe meets.
pub(crate) const PROBE: &str = "probe.kubectl-mtls.github.io";
/// What every object of the installation is labelled with.
pub(crate) const LABEL: &str = "app.kubernetes.io/name=mtls-webhook";
/// The path of the validating configuration.
pub(crate) const VALIDATING: &str =
    "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/kubectl-mtls";
/// The path of the binding that gives the webhook's account its rights.
pub(crate) const BINDING: &str =
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/mtls-webhook";
