//! `.kubectl-mtls.yaml`: what the gateways are told outside the objects.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use policy::GatewayConfig;
use policy::dialect::{DIALECTS, by_id};
use serde_json::Value;

use crate::manifests::{self, Index};
use crate::problem::Problem;

/// The name that is looked for from the working directory upwards.
const NAME: &str = ".kubectl-mtls.yaml";

const API_VERSION: &str = "kubectl-mtls.github.io/v1alpha1";

/// A field at fault: its JSON pointer, what is wrong, and what to do.
type Fault = (String, String, String);

/// The nearest such file.
pub(super) fn find() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors()
        .map(|folder| folder.join(NAME))
        .find(|path| path.is_file())
}

/// Reads it; what is wrong is said with its line, its field and the next step.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<GatewayConfig>> {
    let text = String::from_utf8(crate::files::read(path)?);
    let text = text.with_context(|| format!("reading {}", path.display()))?;
    let name = path.display();
    let value = manifests::parse(&text).map_err(|(line, column, reason)| {
        Problem::world(format!(
            "{name}:{line}:{column}: cannot be read as YAML: {reason}"
        ))
        .hint("correct the file, or name another one with --config")
    })?;
    gateways(&value).map_err(|(pointer, reason, hint)| {
        let (line, column) = Index::new(&text).locate(&pointer);
        Problem::world(format!(
            "{name}:{line}:{column}: {} {reason}",
            policy::field(&pointer)
        ))
        .hint(hint)
    })
}

fn gateways(value: &Value) -> Result<Vec<GatewayConfig>, Fault> {
    keys("", value, &["apiVersion", "kind", "gateways"])?;
    constant(value, "apiVersion", API_VERSION)?;
    constant(value, "kind", "Config")?;
    let gateways = match value.get("gateways") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(gateways)) => gateways,
        Some(_) => return Err(expected("/gateways", "a list of gateways")),
    };
    let gateways = gateways.iter().enumerate();
    gateways
        .map(|(number, value)| gateway(&format!("/gateways/{number}"), value))
        .collect()
}

fn gateway(pointer: &str, value: &Value) -> Result<GatewayConfig, Fault> {
    let known = ["dialect", "ingressClass", "version", "args", "config"];
    keys(pointer, value, &known)?;
    let dialects: Vec<_> = DIALECTS.iter().map(|dialect| dialect.id).collect();
    let dialects = dialects.join(", ");
    let hint = format!("dialect is one of {dialects}");
    let field = format!("{pointer}/dialect");
    match &value["dialect"] {
        Value::String(id) if by_id(id).is_some() => {}
        Value::Null => return Err((field, "is missing".to_owned(), hint)),
        other => return Err((field, format!("is {other}: there is no such dialect"), hint)),
    }
    for name in ["ingressClass", "version"] {
        if !value[name].is_string() && !value[name].is_null() {
            return Err(expected(&format!("{pointer}/{name}"), "a string in quotes"));
        }
    }
    strings(&format!("{pointer}/args"), &value["args"])?;
    strings(&format!("{pointer}/config"), &value["config"])?;
    let mut value = value.clone();
    if let Value::Object(map) = &mut value {
        map.retain(|_, value| !value.is_null());
    }
    // Everything was looked at; this finds only what these lines forgot.
    GatewayConfig::from_entry(&value).map_err(|error| (pointer.to_owned(), error, hint))
}

/// A list or a mapping whose values are strings.
fn strings(pointer: &str, value: &Value) -> Result<(), Fault> {
    let list = pointer.ends_with("/args");
    let (what, values): (_, Vec<(String, &Value)>) = match value {
        Value::Null => return Ok(()),
        Value::Array(items) if list => {
            let items = items.iter().enumerate();
            (
                "",
                items
                    .map(|(number, item)| (number.to_string(), item))
                    .collect(),
            )
        }
        Value::Object(map) if !list => {
            let escape = |key: &String| key.replace('~', "~0").replace('/', "~1");
            (
                "",
                map.iter()
                    .map(|(key, value)| (escape(key), value))
                    .collect(),
            )
        }
        _ if list => ("a list of the container's arguments", Vec::new()),
        _ => ("a mapping, as the ConfigMap's data", Vec::new()),
    };
    if !what.is_empty() {
        return Err(expected(pointer, what));
    }
    match values.into_iter().find(|(_, value)| !value.is_string()) {
        Some((key, _)) => Err(expected(&format!("{pointer}/{key}"), "a string in quotes")),
        None => Ok(()),
    }
}

fn keys(pointer: &str, value: &Value, known: &[&str]) -> Result<(), Fault> {
    let Value::Object(map) = value else {
        return Err(expected(pointer, "a mapping"));
    };
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err((
            format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1")),
            "is an unknown field".to_owned(),
            format!("known are {}", known.join(", ")),
        )),
        None => Ok(()),
    }
}

fn constant(value: &Value, key: &str, wanted: &str) -> Result<(), Fault> {
    if value[key] == wanted {
        return Ok(());
    }
    let reason = match &value[key] {
        Value::Null => "is missing".to_owned(),
        other => format!("is {other}"),
    };
    Err((format!("/{key}"), reason, format!("write {key}: {wanted}")))
}

fn expected(pointer: &str, what: &str) -> Fault {
    let hint =
        "the form is: apiVersion, kind, gateways: [{dialect, ingressClass, version, args, config}]";
    (
        pointer.to_owned(),
        format!("is not what it should be: {what}"),
        hint.to_owned(),
    )
}
