//! A CA as objects: the signing Secret, what gateways read, and perhaps cert-manager's Issuer.

use policy::SecretRef;
use serde_json::{Value, json};

use super::make::Made;
use crate::problem::{Problem, say};
use crate::store::{Kind, New, Role};

/// What becomes of a CA in the cluster.
#[derive(clap::Args)]
#[group(skip)]
#[command(next_help_heading = "Objects")]
pub(crate) struct Args {
    /// Namespace that gets NAME-trust for its gateway (can be repeated); the CA's own by default
    #[arg(long, value_name = "NAMESPACE")]
    trust_namespace: Vec<String>,
    /// What the gateway reads: secret or configmap
    #[arg(long, default_value = "secret")]
    trust_kind: Kind,
    /// Nobody can change NAME-trust; `rotate ca` and `revoke` then refuse and say what to do
    #[arg(long)]
    immutable: bool,
    /// Also create cert-manager's Issuer NAME, which signs with the CA
    #[arg(long)]
    cert_manager: bool,
}

impl Args {
    /// The objects in the order in which they are created.
    pub(super) fn write(&self, place: &SecretRef, made: &Made) -> anyhow::Result<Vec<Value>> {
        let ca = &made.ca;
        let root = ca.root_pem();
        if !x509::read_bundle(root.as_bytes())
            .certificates
            .iter()
            .all(|root| root.self_issued)
        {
            let text = "the last certificate of the chain is no root: nginx and HAProxy trust \
                roots only; add the root to the file of the certificate";
            say("warning", text);
        }
        let mut objects = vec![self.signing(place, made)];
        let namespaces = match self.trust_namespace.as_slice() {
            [] => std::slice::from_ref(&place.namespace),
            some => some,
        };
        let name = format!("{}-trust", place.name);
        for namespace in namespaces {
            let trust = New {
                kind: self.trust_kind,
                namespace,
                name: &name,
                secret_type: "Opaque",
                ca: Some(place),
                role: Role::Trust,
                immutable: self.immutable,
            };
            objects.push(trust.object(&[("ca.crt", root)]));
        }
        if self.cert_manager {
            objects.push(issuer(place));
        }
        match namespaces.iter().find(|namespace| namespace.is_empty()) {
            Some(_) => Err(Problem::usage("--trust-namespace is empty").hint("name a namespace")),
            None => Ok(objects),
        }
    }

    fn signing(&self, place: &SecretRef, made: &Made) -> Value {
        let key = made.ca.key_pem();
        let mut data = vec![
            ("tls.crt", made.ca.chain_pem()),
            ("tls.key", key.as_str()),
            ("ca.crt", made.ca.root_pem()),
        ];
        if let Some(crl) = &made.root_crl {
            data.push(("root.crl", &crl.pem));
        }
        let signing = New {
            kind: Kind::Secret,
            namespace: &place.namespace,
            name: &place.name,
            secret_type: "kubernetes.io/tls",
            ca: Some(place),
            role: Role::Signing,
            immutable: false,
        };
        signing.object(&data)
    }
}

/// `cert-manager.io/v1` Issuer of type CA, in the CA's own namespace.
fn issuer(place: &SecretRef) -> Value {
    json!({"apiVersion": "cert-manager.io/v1", "kind": "Issuer",
        "metadata": {"name": place.name, "namespace": place.namespace,
            "labels": {"app.kubernetes.io/managed-by": policy::MANAGED_BY}},
        "spec": {"ca": {"secretName": place.name}}})
}
