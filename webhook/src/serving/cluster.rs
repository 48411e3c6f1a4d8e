//! The Secret and the two webhook configurations, read and changed by name. Changes carry the
//! resourceVersion: who comes second is told so, and reads again.

use std::future::Future;
use std::time::Duration;

use http::Request;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration, WebhookClientConfig,
};
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use kube::api::{Api, PostParams};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::authority::Ca;
use super::published::{Bundle, Published};
use super::vault::Data;

/// Nothing here is worth a longer wait: it is tried again.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is read and changed.
pub(super) struct Cluster {
    /// Without retries of its own.
    pub(super) client: Client,
    /// Where the Secret is.
    pub(super) namespace: String,
    /// The Secret's name.
    pub(super) secret: String,
    /// The name of both configurations.
    pub(super) configuration: String,
}

/// Why something did not come about.
#[derive(Debug)]
pub(super) enum Failure {
    /// Somebody else was faster; what the API server said.
    Conflict(String),
    /// What the API server, the network or the clock said.
    Other(String),
}

/// A configuration that was read: what a patch of its caBundles must find unchanged.
pub(super) struct Configuration {
    plural: &'static str,
    version: String,
    webhooks: Vec<(String, Bundle)>,
}

impl Cluster {
    /// Both configurations, as far as they exist.
    pub(super) async fn configurations(&self) -> Result<Vec<Configuration>, Failure> {
        let (name, client) = (self.configuration.as_str(), || self.client.clone());
        let validating: Api<ValidatingWebhookConfiguration> = Api::all(client());
        let mutating: Api<MutatingWebhookConfiguration> = Api::all(client());
        let validating = within(
            "reading the ValidatingWebhookConfiguration",
            validating.get_opt(name),
        )
        .await?;
        let mutating = within(
            "reading the MutatingWebhookConfiguration",
            mutating.get_opt(name),
        )
        .await?;
        let validating = validating.map(|found| {
            let webhooks = found.webhooks.unwrap_or_default().into_iter();
            let webhooks = webhooks.map(|one| (one.name, one.client_config)).collect();
            Configuration::of("validatingwebhookconfigurations", &found.metadata, webhooks)
        });
        let mutating = mutating.map(|found| {
            let webhooks = found.webhooks.unwrap_or_default().into_iter();
            let webhooks = webhooks.map(|one| (one.name, one.client_config)).collect();
            Configuration::of("mutatingwebhookconfigurations", &found.metadata, webhooks)
        });
        Ok(validating.into_iter().chain(mutating).collect())
    }

    /// Writes the caBundles that differ, and nothing else of a configuration.
    pub(super) async fn publish(
        &self,
        configurations: &[Configuration],
        wanted: &[Ca],
    ) -> Result<(), Failure> {
        let pem: String = wanted.iter().map(|ca| ca.pem.as_str()).collect();
        for configuration in configurations {
            let Some(patch) = configuration.patch(wanted, &pem) else {
                continue;
            };
            let path = format!(
                "/apis/admissionregistration.k8s.io/v1/{}/{}",
                configuration.plural, self.configuration
            );
            let request =
                Request::patch(path).header("Content-Type", "application/json-patch+json");
            let request = request.body(patch.to_string().into_bytes());
            let request = request.map_err(|error| Failure::Other(error.to_string()))?;
            let doing = format!("patching {}/{}", configuration.plural, self.configuration);
            within(&doing, self.client.request_text(request)).await?;
            tracing::info!(
                configuration = configuration.plural,
                certificates = wanted.len(),
                "wrote the caBundle"
            );
        }
        Ok(())
    }

    /// The Secret, if there is one.
    pub(super) async fn secret(&self) -> Result<Option<Secret>, Failure> {
        within(
            &format!("reading the Secret {}/{}", self.namespace, self.secret),
            self.secrets().get_opt(&self.secret),
        )
        .await
    }

    /// Makes the Secret.
    pub(super) async fn create(&self, data: Data) -> Result<(), Failure> {
        let labels = [
            ("app.kubernetes.io/name", "mtls-webhook"),
            ("app.kubernetes.io/managed-by", "mtls-webhook"),
        ];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let secret = Secret {
            metadata: ObjectMeta {
                name: Some(self.secret.clone()),
                labels: Some(labels.into()),
                ..ObjectMeta::default()
            },
            type_: Some("kubernetes.io/tls".to_owned()),
            data: Some(data),
            ..Secret::default()
        };
        let doing = format!("creating the Secret {}/{}", self.namespace, self.secret);
        within(
            &doing,
            self.secrets().create(&PostParams::default(), &secret),
        )
        .await
        .map(drop)
    }

    /// Changes the data of the Secret that was read.
    pub(super) async fn update(&self, mut secret: Secret, data: Data) -> Result<(), Failure> {
        secret.data = Some(data);
        let doing = format!("changing the Secret {}/{}", self.namespace, self.secret);
        within(
            &doing,
            self.secrets()
                .replace(&self.secret, &PostParams::default(), &secret),
        )
        .await
        .map(drop)
    }

    fn secrets(&self) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }
}

impl Configuration {
    fn of(
        plural: &'static str,
        metadata: &ObjectMeta,
        webhooks: Vec<(String, WebhookClientConfig)>,
    ) -> Self {
        let webhooks = webhooks.into_iter().map(|(name, config)| {
            let pem = config.ca_bundle.map(|bundle| bundle.0).unwrap_or_default();
            (name, Bundle::read(&pem))
        });
        Self {
            plural,
            version: metadata.resource_version.clone().unwrap_or_default(),
            webhooks: webhooks.collect(),
        }
    }

    /// A JSON patch (RFC 6902) that holds only for the configuration as it was read.
    fn patch(&self, wanted: &[Ca], pem: &str) -> Option<Value> {
        use base64::Engine as _;
        let bundle = base64::engine::general_purpose::STANDARD.encode(pem);
        let wanted: Vec<_> = wanted.iter().collect();
        let mut operations =
            vec![json!({"op": "test", "path": "/metadata/resourceVersion", "value": self.version})];
        for (index, (name, there)) in self.webhooks.iter().enumerate() {
            if there.is(&wanted) {
                continue;
            }
            let path = format!("/webhooks/{index}");
            operations.push(json!({"op": "test", "path": format!("{path}/name"), "value": name}));
            operations.push(json!({"op": "add", "path": format!("{path}/clientConfig/caBundle"), "value": bundle}));
        }
        (operations.len() > 1).then_some(Value::Array(operations))
    }
}

/// The caBundles of what was read.
pub(super) fn published(read: &Result<Vec<Configuration>, Failure>) -> Published {
    match read {
        Ok(configurations) => {
            let webhooks = configurations.iter().flat_map(|one| &one.webhooks);
            Published::Known(webhooks.map(|(_, bundle)| bundle.clone()).collect())
        }
        Err(_) => Published::Unknown,
    }
}

async fn within<T>(
    doing: &str,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Failure> {
    match timeout(PATIENCE, request).await {
        Ok(Ok(done)) => Ok(done),
        // A JSON patch whose test fails is answered with 422.
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 409 | 422) => {
            Err(Failure::Conflict(format!("{doing}: {}", status.message)))
        }
        Ok(Err(error)) => Err(Failure::Other(format!("{doing}: {error}"))),
        Err(_) => Err(Failure::Other(format!(
            "{doing}: no answer within {} s",
            PATIENCE.as_secs()
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_patch_touches_the_ca_bundles_that_differ_and_nothing_else() {
        let ca = Ca {
            fingerprint: [1; 32],
            begins: 0,
            ends: 1,
            pem: "PEM".to_owned(),
        };
        let good = Bundle {
            cas: vec![ca.clone()],
            junk: false,
        };
        let webhooks = [
            ("a", Bundle::default()),
            ("b", good.clone()),
            ("c", Bundle::default()),
        ];
        let webhooks = webhooks.map(|(name, bundle)| (name.to_owned(), bundle));
        let mut configuration = Configuration {
            plural: "x",
            version: "7".to_owned(),
            webhooks: webhooks.into(),
        };
        let patch = configuration
            .patch(std::slice::from_ref(&ca), &ca.pem)
            .unwrap();
        let expected = json!([
            {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
            {"op": "test", "path": "/webhooks/0/name", "value": "a"},
            {"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": "UEVN"},
            {"op": "test", "path": "/webhooks/2/name", "value": "c"},
            {"op": "add", "path": "/webhooks/2/clientConfig/caBundle", "value": "UEVN"},
        ]);
        assert_eq!(patch, expected);
        configuration.webhooks.retain(|(name, _)| name == "b");
        assert_eq!(
            configuration.patch(std::slice::from_ref(&ca), &ca.pem),
            None
        );
    }
}
