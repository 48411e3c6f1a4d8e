//! Objects that will make a Secret: a reference to it is pending, not missing.
//!
//! Sources: cert-manager `pkg/apis/certmanager/v1`; external-secrets `apis/externalsecrets/v1`;
//! sealed-secrets `pkg/apis/sealedsecrets/v1alpha1/sealedsecret_expansion.go` (the Secret has the
//! name and namespace of the SealedSecret, whatever the template says); trust-manager
//! `pkg/bundle/bundle.go`; kustomize `api/resmap` and `api/hasher`.

use serde_json::Value;

use crate::Object;
use crate::object::SecretRef;

/// Stands for every namespace in a promise.
pub(crate) const EVERYWHERE: &str = "*";
/// Stands for the hash of the content that kustomize puts behind a name.
pub(crate) const HASH: &str = "-*";
/// The length of such a hash.
const HASH_LENGTH: usize = 10;

/// API group, kind, and what an object of it makes.
type Maker = (&'static str, &'static str, fn(&Object) -> Vec<SecretRef>);

const MAKERS: &[Maker] = &[
    ("bitnami.com", "SealedSecret", own_name),
    ("cert-manager.io", "Certificate", certificate),
    ("external-secrets.io", "ExternalSecret", external_secret),
    ("kustomize.config.k8s.io", "Component", generated),
    ("kustomize.config.k8s.io", "Kustomization", generated),
    ("trust.cert-manager.io", "Bundle", bundle),
    ("trust-manager.io", "ClusterBundle", bundle),
];

/// The Secrets that an object will make. A Secret whose values are encrypted will be made too,
/// of what nobody sees here.
pub(super) fn promises(object: &Object) -> Vec<SecretRef> {
    if object.id.kind == "Secret" && object.encrypted {
        return own_name(object);
    }
    let makes = |(group, kind, _): &&Maker| object.id.kind == *kind && object.id.group() == *group;
    let maker = MAKERS.iter().find(makes);
    maker.map_or_else(Vec::new, |(_, _, make)| make(object))
}

/// The promises that would cover a Secret: by its name, without the hash in it, and each of them
/// in every namespace.
pub(crate) fn covering(secret: &SecretRef) -> Vec<SecretRef> {
    let stem = secret.name.len().checked_sub(HASH_LENGTH + 1);
    let stem = stem.and_then(|at| secret.name.split_at_checked(at));
    let hashed = stem.filter(|(_, hash)| hash.starts_with('-') && !hash[1..].contains('-'));
    let names = [
        Some(secret.name.clone()),
        hashed.map(|(stem, _)| format!("{stem}{HASH}")),
    ];
    let places = [secret.namespace.as_str(), EVERYWHERE];
    let names = names.iter().flatten();
    names
        .flat_map(|name| places.map(|place| SecretRef::new(place, name)))
        .collect()
}

fn own_name(object: &Object) -> Vec<SecretRef> {
    vec![SecretRef::new(&object.id.namespace, &object.id.name)]
}

fn certificate(object: &Object) -> Vec<SecretRef> {
    let name = object.spec["secretName"].as_str();
    let name = name.map(|name| SecretRef::new(&object.id.namespace, name));
    name.into_iter().collect()
}

/// `target.creationPolicy: None` makes no Secret.
fn external_secret(object: &Object) -> Vec<SecretRef> {
    let target = &object.spec["target"];
    if target["creationPolicy"] == "None" {
        return Vec::new();
    }
    let name = target["name"].as_str().filter(|name| !name.is_empty());
    let name = name.unwrap_or(&object.id.name);
    vec![SecretRef::new(&object.id.namespace, name)]
}

/// A Secret of the Bundle's name in every namespace, or in those with some labels: which labels a
/// namespace has is not looked at.
fn bundle(object: &Object) -> Vec<SecretRef> {
    let target = &object.spec["target"]["secret"];
    let made = target.is_object();
    made.then(|| SecretRef::new(EVERYWHERE, &object.id.name))
        .into_iter()
        .collect()
}

/// kustomize puts a hash behind the name, and changes references only in fields that it knows.
fn generated(object: &Object) -> Vec<SecretRef> {
    let spec = &object.spec;
    let text = |field: &str| spec[field].as_str().unwrap_or_default();
    let generators = spec["secretGenerator"].as_array();
    let made = |generator: &Value| {
        let name = generator["name"].as_str()?;
        let own = generator["namespace"].as_str();
        let namespace = Some(text("namespace")).filter(|namespace| !namespace.is_empty());
        let plain = [&generator["options"], &spec["generatorOptions"]];
        let plain = plain.map(|options| options["disableNameSuffixHash"].as_bool());
        let hash = match plain[0].or(plain[1]).unwrap_or_default() {
            true => "",
            false => HASH,
        };
        let name = format!("{}{name}{}{hash}", text("namePrefix"), text("nameSuffix"));
        Some(SecretRef::new(
            namespace.or(own).unwrap_or(EVERYWHERE),
            &name,
        ))
    };
    generators.into_iter().flatten().filter_map(made).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(api_version: &str, kind: &str, spec: &Value, expected: &[(&str, &str)]) {
        let object = Object::from_value(&json!({"apiVersion": api_version, "kind": kind,
            "metadata": {"name": "a", "namespace": "n"}, "spec": spec}));
        let expected = expected
            .iter()
            .map(|(space, name)| SecretRef::new(space, name));
        assert_eq!(promises(&object.unwrap()), expected.collect::<Vec<_>>());
    }

    #[test]
    fn each_maker_promises_its_secret() {
        let (named, empty) = (json!({"secretName": "s"}), json!({}));
        check("cert-manager.io/v1", "Certificate", &named, &[("n", "s")]);
        check(
            "bitnami.com/v1alpha1",
            "SealedSecret",
            &json!({"template": {"metadata": {"name": "s", "namespace": "m"}}}),
            &[("n", "a")],
        );
        for version in ["v1", "v1beta1"] {
            let version = format!("external-secrets.io/{version}");
            check(
                &version,
                "ExternalSecret",
                &json!({"target": {"name": "s"}}),
                &[("n", "s")],
            );
            check(&version, "ExternalSecret", &empty, &[("n", "a")]);
            check(
                &version,
                "ExternalSecret",
                &json!({"target": {"creationPolicy": "None"}}),
                &[],
            );
            check(&version, "ClusterExternalSecret", &empty, &[]);
        }
        check("other.io/v1", "Certificate", &named, &[]);
    }

    #[test]
    fn a_bundle_promises_a_secret_in_every_namespace() {
        let spec = json!({"target": {"secret": {"key": "ca.crt"}}});
        check(
            "trust.cert-manager.io/v1alpha1",
            "Bundle",
            &spec,
            &[("*", "a")],
        );
        let spec = json!({"target": {"configMap": {"key": "ca.crt"}}});
        check("trust.cert-manager.io/v1alpha1", "Bundle", &spec, &[]);
    }

    #[track_caller]
    fn generates(document: &Value, secret: (&str, &str), expected: bool) {
        let mut document = document.clone();
        document["apiVersion"] = "kustomize.config.k8s.io/v1beta1".into();
        document["kind"] = "Kustomization".into();
        let made = promises(&Object::from_value(&document).unwrap());
        let covering = covering(&SecretRef::new(secret.0, secret.1));
        let covered = made.iter().any(|promise| covering.contains(promise));
        assert_eq!(covered, expected, "{made:?} {covering:?}");
    }

    #[test]
    fn a_generator_puts_a_hash_behind_the_name() {
        let hashed = json!({"namespace": "n", "secretGenerator": [{"name": "ca"}]});
        generates(&hashed, ("n", "ca-6ct58987ht"), true);
        generates(&hashed, ("n", "ca"), false);
        generates(&hashed, ("m", "ca-6ct58987ht"), false);
        let plain = json!({"secretGenerator": [{"name": "ca"}], "namePrefix": "x-",
            "generatorOptions": {"disableNameSuffixHash": true}});
        generates(&plain, ("n", "x-ca"), true);
        generates(&plain, ("n", "ca"), false);
        let own = json!({"secretGenerator": [{"name": "ca", "options": {"disableNameSuffixHash": true}}]});
        generates(&own, ("n", "ca"), true);
    }

    #[test]
    fn an_encrypted_secret_is_a_promise() {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "n"},
            "data": {"ca.crt": "ENC[AES256_GCM,data:YQ==]"}});
        let made = promises(&Object::from_value(&secret).unwrap());
        assert_eq!(made, [SecretRef::new("n", "a")]);
    }
}
