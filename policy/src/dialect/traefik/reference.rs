//! What the name of a TLSOption or a Middleware means (`crd/kubernetes.go:1653-1677`,
//! `resolveReference`).

use super::version::{NORMALIZED, has};
use super::watch::names;
use crate::GatewayConfig;
use crate::fact::OptionTarget;

/// How objects of the CRD provider are named from elsewhere.
pub(super) const PROVIDER: &str = "@kubernetescrd";

/// What a name means, and whether Traefik forbids to use it.
pub(super) struct Resolved {
    pub(super) target: OptionTarget,
    pub(super) foreign: bool,
}

/// Resolves a name as it stands in an IngressRoute of the namespace `own`.
pub(super) fn resolve(
    own: &str,
    namespace: Option<&str>,
    name: &str,
    config: &GatewayConfig,
) -> Resolved {
    let crosses = config.is_on("providers.kubernetescrd.allowcrossnamespace");
    if let Some((id, provider)) = name.split_once('@') {
        return qualified(own, (id, provider), crosses, config);
    }
    let namespace = namespace.filter(|namespace| !namespace.is_empty());
    let namespace = namespace.unwrap_or(own);
    Resolved {
        target: named(namespace, name, config),
        foreign: namespace != own && !crosses,
    }
}

fn qualified(
    own: &str,
    (id, provider): (&str, &str),
    crosses: bool,
    config: &GatewayConfig,
) -> Resolved {
    let of_crd = provider == "kubernetescrd";
    let foreign = if has(config, NORMALIZED) {
        of_crd && !crosses || !may_cross(own, "kubernetescrd", config)
    } else {
        !crosses
    };
    let target = match (of_crd, id) {
        (true, "default") => OptionTarget::Never(NEVER_DEFAULT.to_owned()),
        (true, id) => OptionTarget::Id(id.to_owned()),
        (false, id) => OptionTarget::Elsewhere(format!("{id}@{provider}")),
    };
    Resolved { target, foreign }
}

/// `crossProviderNamespaces`: who may name things of other providers. Unset: everybody.
pub(super) fn may_cross(namespace: &str, provider: &str, config: &GatewayConfig) -> bool {
    let flag = format!("providers.{provider}.crossprovidernamespaces");
    let allowed = config.flag(&flag);
    allowed.is_none_or(|list| names(list).contains(&namespace))
}

fn named(namespace: &str, name: &str, config: &GatewayConfig) -> OptionTarget {
    if name == "default" {
        return OptionTarget::Never(NEVER_DEFAULT.to_owned());
    }
    let raw = id(namespace, name, config);
    let is_found = is_safe(config) || !has(config, NORMALIZED) || normalized(&raw) == raw;
    if is_found {
        OptionTarget::Id(raw)
    } else {
        OptionTarget::Never(format!(
            "an IngressRoute cannot find a TLSOption whose name has a dot or two dashes, as {name}"
        ))
    }
}

const NEVER_DEFAULT: &str = "the TLSOption named default is found only by a route that names none";

/// The id by which an object is found, `makeID`; with `safeNaming` one that no other can have.
pub(super) fn id(namespace: &str, name: &str, config: &GatewayConfig) -> String {
    let between = if is_safe(config) { '_' } else { '-' };
    format!("{namespace}{between}{name}")
}

fn is_safe(config: &GatewayConfig) -> bool {
    config.is_on("providers.kubernetescrd.safenaming")
}

/// `provider.Normalize` (`pkg/provider/configuration.go:126-132`).
pub(super) fn normalized(id: &str) -> String {
    let words = id.split(|char: char| !char.is_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &[&str], version: &str, name: &str, wanted: &OptionTarget, foreign: bool) {
        let config = GatewayConfig {
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            version: Some(version.to_owned()),
            ..GatewayConfig::default()
        };
        let (namespace, name) = match name.split_once('/') {
            Some((namespace, name)) => (Some(namespace), name),
            None => (None, name),
        };
        let found = resolve("shop", namespace, name, &config);
        assert_eq!((&found.target, found.foreign), (wanted, foreign), "{name}");
    }

    fn found(id: &str) -> OptionTarget {
        OptionTarget::Id(id.to_owned())
    }

    #[test]
    fn names_of_the_own_and_of_other_namespaces() {
        let cross = "--providers.kubernetesCRD.allowCrossNamespace=true";
        check(&[], "3.7.9", "mtls", &found("shop-mtls"), false);
        check(&[], "3.7.9", "pki/mtls", &found("pki-mtls"), true);
        check(&[cross], "3.7.9", "pki/mtls", &found("pki-mtls"), false);
    }

    #[test]
    fn names_with_a_provider() {
        let cross = "--providers.kubernetesCRD.allowCrossNamespace=true";
        let some = "--providers.kubernetescrd.crossProviderNamespaces=pki";
        let here = "--providers.kubernetescrd.crossProviderNamespaces=pki,shop";
        let file = OptionTarget::Elsewhere("mtls@file".to_owned());
        let crd = "shop-mtls@kubernetescrd";
        check(&[], "3.7.9", crd, &found("shop-mtls"), true);
        check(&[cross], "3.7.9", crd, &found("shop-mtls"), false);
        check(&[cross, some], "3.7.9", crd, &found("shop-mtls"), true);
        check(&[some], "3.7.9", "mtls@file", &file, true);
        check(&[here], "3.7.9", "mtls@file", &file, false);
        check(&[], "3.6.0", "mtls@file", &file, true);
    }

    #[test]
    fn names_that_are_not_found_as_they_stand() {
        let safe = "--providers.kubernetescrd.safeNaming=true";
        check(&[], "3.6.16", "mtls.v1", &found("shop-mtls.v1"), false);
        check(&[safe], "3.7.11", "mtls.v1", &found("shop_mtls.v1"), false);
        let config = GatewayConfig::default();
        for name in ["mtls.v1", "a--b", "default", "default@kubernetescrd"] {
            let target = resolve("shop", None, name, &config).target;
            assert!(matches!(target, OptionTarget::Never(_)), "{name}");
        }
    }
}
