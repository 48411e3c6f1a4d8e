//! The ways in which an object is written.

use serde_json::{Value, json};
use tests::cluster::Output;

use super::named;
use crate::cluster;

/// A way to write an object.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    Create,
    Replace,
    JsonPatch,
    MergePatch,
    StrategicPatch,
    Apply,
    ServerSideApply,
}

/// The ways to change one that is there.
pub(super) const WAYS: &[Way] = &[
    Way::Apply,
    Way::Replace,
    Way::JsonPatch,
    Way::MergePatch,
    Way::StrategicPatch,
    Way::ServerSideApply,
];

impl Way {
    /// Custom resources know no strategic merge.
    pub(super) fn takes(self, object: &Value) -> bool {
        self != Self::StrategicPatch || object["kind"] == "Ingress"
    }

    /// Writes it, or shows what would come of it.
    pub(super) fn write(self, object: &Value, dry: bool) -> anyhow::Result<Output> {
        let dry: &[&str] = if dry { &["--dry-run=server"] } else { &[] };
        let whole = |args: &[&str]| {
            let args = [args, &["-f", "-"], dry].concat();
            cluster().kubectl_with(&args, &object.to_string())
        };
        let patch = |kind: &str, body: &Value| {
            let [name, flag, ns] = named(object);
            let body = body.to_string();
            let args = ["patch", &name, &flag, &ns, "--type", kind, "-p", &body];
            cluster().kubectl(&[&args, dry].concat())
        };
        match self {
            Self::Create => whole(&["create"]),
            Self::Replace => whole(&["replace"]),
            Self::Apply => whole(&["apply"]),
            Self::ServerSideApply => {
                let force = [
                    "apply",
                    "--server-side",
                    "--force-conflicts",
                    "--field-manager=matrix",
                ];
                whole(&force)
            }
            Self::JsonPatch => patch("json", &operations(object)),
            Self::MergePatch => patch("merge", &changes(object)),
            Self::StrategicPatch => patch("strategic", &changes(object)),
        }
    }
}

fn operations(object: &Value) -> Value {
    let fields = ["/metadata/annotations", "/metadata/labels", "/spec"];
    let present = fields
        .iter()
        .filter_map(|path| Some((path, object.pointer(path)?)));
    let operations =
        present.map(|(path, value)| json!({"op": "add", "path": path, "value": value}));
    operations.collect()
}

/// A merge keeps what it does not name, so what is to go is named too.
fn changes(object: &Value) -> Value {
    let mut spec = object["spec"].clone();
    if let Some(auth) = spec.get_mut("clientAuth").and_then(Value::as_object_mut) {
        for field in ["secretNames", "clientAuthType"] {
            auth.entry(field).or_insert(Value::Null);
        }
    }
    let mut metadata = object["metadata"].clone();
    if let Some(metadata) = metadata.as_object_mut() {
        metadata.retain(|field, _| ["annotations", "labels"].contains(&field.as_str()));
    }
    json!({"metadata": metadata, "spec": spec})
}
