//! What the cluster tells of its gateways: classes, the controllers' pods, and the
//! ConfigMaps that these read. What may not be read is assumed, and said where it matters.

use anyhow::Context as _;
use policy::dialect::{CLASSES, apps};
use policy::{Object, SecretRef, Settings};
use serde_json::Value;

use super::{Cluster, Page, collection, failed, get, is_missing, item};

/// What runs controllers: plural and kind.
const WORKLOADS: [(&str, &str); 2] = [("daemonsets", "DaemonSet"), ("deployments", "Deployment")];
const APPS: &str = "apps/v1";

impl Cluster {
    /// Learns of the gateways. The pods are found by the label that their charts set, so that the
    /// API server sends nothing but controllers.
    pub(super) async fn learn(&self, settings: &mut Settings) -> anyhow::Result<()> {
        for class in &CLASSES {
            for object in self.list(class, None).await?.unwrap_or_default() {
                settings.learn(&object);
            }
        }
        let labels = format!("app.kubernetes.io%2Fname%20in%20({})", apps().join("%2C"));
        for (plural, kind) in WORKLOADS {
            let uri = format!("{}?labelSelector={labels}", collection(APPS, plural, None));
            let Some(text) = self.allowed(&uri).await? else {
                continue;
            };
            let page: Page<'_> = serde_json::from_str(&text).context("reading a list")?;
            for item in page.items {
                let object = Object::from_list_item(APPS, kind, item.get());
                object.iter().for_each(|object| settings.learn(object));
            }
        }
        for map in settings.wanted() {
            if let Some(object) = self.config_map(&map).await? {
                settings.learn(&object);
            }
        }
        Ok(())
    }

    async fn config_map(&self, map: &SecretRef) -> anyhow::Result<Option<Object>> {
        let path = item("v1", "configmaps", &map.namespace, &map.name);
        let Some(text) = self.allowed(&path).await? else {
            return Ok(None);
        };
        let value: Value = serde_json::from_str(&text).context("reading a ConfigMap")?;
        Ok(Object::from_value(&value).ok())
    }

    /// A body; `None` where it is not there or may not be read.
    async fn allowed(&self, uri: &str) -> anyhow::Result<Option<String>> {
        match self.send(get(uri)).await {
            Ok(text) => Ok(Some(text)),
            Err(kube::Error::Api(status)) if is_missing(&status) || status.is_forbidden() => {
                Ok(None)
            }
            Err(error) => Err(failed(&error, uri)),
        }
    }
}
