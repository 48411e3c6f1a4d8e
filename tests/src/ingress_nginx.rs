//! What the ingress-nginx controller makes of manifests, as configuration for a real nginx.
//!
//! This is an account of its own of kubernetes/ingress-nginx, `controller-v1.15.1`: annotations
//! (`internal/ingress/annotations`), servers (`internal/ingress/controller/controller.go`), Secrets
//! (`internal/ingress/controller/store/backend_ssl.go`) and the template
//! (`rootfs/etc/nginx/template/nginx.tmpl`), as far as it decides who gets in. It shares nothing
//! with the judgement that is tested against it.

mod annotation;
mod controller;
mod manifest;
mod number;
mod secret;
mod server;
mod settings;
mod template;

pub use controller::{Controller, Place};
pub use manifest::{Manifests, unreadable};
pub use secret::File;
pub use server::Server;
pub use settings::Settings;

use annotation::{Annotations, Refusal};

/// What becomes of manifests: server blocks, and the files that they name.
pub struct Made {
    /// By host name; `_` is the default server.
    pub servers: Vec<Server>,
    /// Client CAs and revocation lists.
    pub files: Vec<File>,
    /// Ingresses that the controller does not load, `namespace/name`, each with the reason.
    pub dropped: Vec<(String, String)>,
    /// What the controller is told.
    pub settings: Settings,
}

impl Made {
    /// The server of a name.
    fn server(&self, name: &str) -> Option<&Server> {
        let find = |fits: fn(&Server, &str) -> bool| {
            let mut servers = self.servers.iter();
            servers.find(|server| fits(server, name))
        };
        find(Server::serves)
            .or_else(|| find(Server::covers))
            .or_else(|| find(|server, _| server.host == server::DEFAULT))
    }

    /// The certificates that clients of a name are checked against; nothing where there are none.
    pub fn anchors(&self, name: &str) -> String {
        let server = self.server(name);
        let authority = server.and_then(|server| server.authentication.authority.as_ref());
        let file = authority.and_then(|authority| {
            let mut files = self.files.iter();
            files.find(|file| file.name == authority.certificates)
        });
        file.map_or_else(String::new, |file| {
            String::from_utf8_lossy(&file.content).into_owned()
        })
    }

    /// What subjects of a name must match, if anything.
    pub fn subject(&self, name: &str) -> Option<&str> {
        let pattern = self.server(name)?.authentication.match_cn.as_str();
        (!pattern.is_empty()).then_some(pattern)
    }
}

/// Reads manifests as the controller does, and puts its servers together.
///
/// # Errors
/// When the manifests cannot be read.
pub fn make(text: &str, config: Option<&str>) -> anyhow::Result<Made> {
    let manifests = Manifests::read(text)?;
    let settings = Settings::read(&manifests, config)?;
    let mut files = Vec::new();
    let mut dropped = Vec::new();
    let mut loaded = Vec::new();
    for ingress in manifests.ingresses(&settings) {
        match Annotations::extract(ingress, &manifests, &settings) {
            Ok(annotations) => loaded.push((ingress, annotations)),
            Err(Refusal(reason)) => dropped.push((ingress.key(), reason)),
        }
    }
    for secret in manifests.secrets() {
        if let Ok(stored) = secret::store(secret) {
            files.extend(stored.files);
        }
    }
    let servers = server::servers(&loaded, &manifests, &settings);
    Ok(Made {
        servers,
        files,
        dropped,
        settings,
    })
}
