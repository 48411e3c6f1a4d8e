//! The files that the flags name, read and known to be what they should be, and where the webhook
//! finds them again.

use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::objects::Part;
use super::render::metadata;
use super::{Shape, certificates};
use crate::command::source;

/// What the files say.
pub(super) struct Files {
    /// Of `--ca-bundle`, as a configuration holds it.
    pub(super) bundle: Option<String>,
    /// Those that the program reads.
    pub(super) mounted: Vec<Mounted>,
}

/// A file that comes to the program through a ConfigMap.
pub(super) struct Mounted {
    /// The name of the volume; the folder is named alike.
    pub(super) volume: &'static str,
    /// The name in the folder, and the key in the ConfigMap.
    key: &'static str,
    /// The argument that takes it.
    flag: &'static str,
    /// What stands in it.
    pub(super) text: String,
    /// Whether the program reads it at its start alone.
    pub(super) once: bool,
}

impl Files {
    /// Reads them.
    ///
    /// # Errors
    /// When one cannot be read, or is not what it should be.
    pub(super) fn read(shape: &Shape) -> anyhow::Result<Self> {
        let mut mounted = Vec::new();
        if let Some(path) = &shape.config {
            source::settings(Some(path.clone()))?;
            mounted.push(Mounted {
                volume: "config",
                key: "config.yaml",
                flag: "config",
                text: text(path, &crate::files::read(path)?)?,
                once: true,
            });
        }
        if let Some(path) = &shape.api_server_ca {
            let pem = certificates::read(path, "signs the API server's client certificate")?;
            mounted.push(Mounted {
                volume: "api-server-ca",
                key: "ca.crt",
                flag: "api-server-ca",
                text: text(path, &pem)?,
                once: false,
            });
        }
        let bundle = shape.ca_bundle.as_deref();
        let bundle = bundle.map(|path| certificates::read(path, "signed the serving certificate"));
        Ok(Self {
            bundle: bundle.transpose()?.map(|pem| STANDARD.encode(pem)),
            mounted,
        })
    }

    /// The ConfigMaps that hold them.
    pub(super) fn config_maps(&self, namespace: &str) -> impl Iterator<Item = Part> {
        let maps = self.mounted.iter();
        maps.map(move |file| Part::new("config.yaml", file.config_map(namespace)))
    }
}

impl Mounted {
    /// The name of its ConfigMap.
    pub(super) fn map(&self) -> String {
        format!("mtls-webhook-{}", self.volume)
    }

    /// As the program is told of it.
    pub(super) fn argument(&self) -> String {
        format!("--{}=/{}/{}", self.flag, self.volume, self.key)
    }

    fn config_map(&self, namespace: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": metadata(&self.map(), namespace), "data": {self.key: self.text}})
    }
}

fn text(path: &Path, bytes: &[u8]) -> anyhow::Result<String> {
    let text = String::from_utf8(bytes.to_vec());
    text.with_context(|| format!("reading {}", path.display()))
}
