//! The Deployment as the flags say: how many, with which arguments, and with which files.

use serde_json::{Value, json};

use super::files::Files;
use super::render::{SERVING, remove};
use super::{CertMode, Shape};

impl Shape {
    pub(super) fn deployment(&self, object: &mut Value, files: &Files) {
        object["spec"]["replicas"] = json!(self.replicas);
        let template = &mut object["spec"]["template"];
        for file in files.mounted.iter().filter(|file| file.once) {
            // Another text is another template, so that the pods are replaced.
            let annotation = format!("kubectl-mtls.github.io/{}", file.volume);
            template["metadata"]["annotations"][annotation] = json!(hash(&file.text));
        }
        let pod = &mut template["spec"];
        match self.priority_class.as_str() {
            "none" => remove(pod, "priorityClassName"),
            class => pod["priorityClassName"] = json!(class),
        }
        if let Some(image) = &self.image {
            pod["containers"][0]["image"] = json!(image);
        }
        pod["containers"][0]["args"] = json!(self.arguments(files));
        if self.cert_mode != CertMode::SelfManaged {
            mount(pod, "tls", json!({"secret": {"secretName": SERVING}}));
        }
        for file in &files.mounted {
            let source = json!({"configMap": {"name": file.map()}});
            mount(pod, file.volume, source);
        }
    }

    /// The program's own arguments.
    fn arguments(&self, files: &Files) -> Vec<String> {
        let mut arguments = match self.cert_mode {
            CertMode::SelfManaged => vec!["--cert-mode=self-managed".to_owned()],
            CertMode::CertManager | CertMode::Files => vec![
                "--cert-mode=files".to_owned(),
                "--tls-cert=/tls/tls.crt".to_owned(),
                "--tls-key=/tls/tls.key".to_owned(),
            ],
        };
        arguments.extend(files.mounted.iter().map(|file| file.argument()));
        if let Some(name) = &self.api_server_name {
            arguments.push(format!("--api-server-name={name}"));
        }
        if !self.warn.is_empty() {
            arguments.push(format!("--warn={}", self.warn.join(",")));
        }
        if self.no_repair {
            arguments.push("--no-repair".to_owned());
        }
        if self.open_reports {
            arguments.push("--open-reports".to_owned());
        }
        arguments
    }
}

/// A volume, and the folder of its name in the container.
fn mount(pod: &mut Value, name: &str, mut source: Value) {
    source["name"] = json!(name);
    push(&mut pod["volumes"], source);
    let mount = json!({"name": name, "mountPath": format!("/{name}"), "readOnly": true});
    push(&mut pod["containers"][0]["volumeMounts"], mount);
}

/// Adds to a list, which begins where there is none.
fn push(list: &mut Value, item: Value) {
    match list.as_array_mut() {
        Some(items) => items.push(item),
        None => *list = json!([item]),
    }
}

fn hash(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let bytes = digest.as_ref().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
