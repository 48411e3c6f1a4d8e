//! `manifests/crds`: the CustomResourceDefinitions of policies and exceptions.

use anyhow::{Context as _, anyhow, ensure};
use policy::client_auth_policy::definitions;
use serde_json::Value;

pub(super) fn policies() -> anyhow::Result<String> {
    let [policies, _] = definitions();
    written(&policies)
}

pub(super) fn exceptions() -> anyhow::Result<String> {
    let [_, exceptions] = definitions();
    written(&exceptions)
}

/// As YAML that kubectl reads as the same.
fn written(definition: &Value) -> anyhow::Result<String> {
    let text = serde_saphyr::to_string(definition).context("writing a definition")?;
    let read =
        policy::yaml::parse(&text).map_err(|error| anyhow!("reading it again: {error:?}"))?;
    ensure!(read == *definition, "the YAML reads as something else");
    Ok(format!(
        "# Generated from the types in policy/src/client_auth_policy by `cargo xtask codegen`.\n{text}"
    ))
}
