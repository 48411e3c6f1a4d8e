//! The manifest for krew: `krew/mtls.yaml`, whose placeholders are those of krew's release bot.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};

/// What begins the part of one platform.
const PLATFORM: &str = "  - selector:\n";

/// What stands for an address and its checksum.
const PLACE: &str = "{{ addURIAndSha \"";

/// A manifest, and the archives that it lacks.
pub(super) struct Filled {
    /// With the platforms whose archives are there.
    pub(super) manifest: String,
    /// The archives that are not.
    pub(super) missing: Vec<String>,
}

/// Fills the template from the checksums of archives.
pub(super) fn fill(
    template: &str,
    version: &str,
    sums: &BTreeMap<String, String>,
) -> anyhow::Result<Filled> {
    let text = template.replace("{{ .TagName }}", version);
    let mut parts = text.split(PLATFORM);
    let mut manifest = parts.next().unwrap_or_default().to_owned();
    let mut missing = Vec::new();
    for part in parts {
        let (before, address, after) = places(part)?;
        let name = address.rsplit('/').next().unwrap_or_default();
        let Some(sum) = sums.get(name) else {
            missing.push(name.to_owned());
            continue;
        };
        manifest.push_str(PLATFORM);
        manifest.push_str(&format!("{before}uri: {address}\n    sha256: {sum}{after}"));
    }
    ensure!(
        !manifest.contains("{{"),
        "a placeholder of krew/mtls.yaml is left"
    );
    Ok(Filled { manifest, missing })
}

/// The address of a platform, and what stands before and after its placeholder.
fn places(part: &str) -> anyhow::Result<(&str, &str, &str)> {
    let places = || {
        let (before, rest) = part.split_once(PLACE)?;
        let (address, rest) = rest.split_once('"')?;
        let (_, after) = rest.split_once("}}")?;
        Some((before, address, after))
    };
    places().with_context(|| format!("a platform of krew/mtls.yaml has no address: {part}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::platform::Platform;
    use super::fill;

    const TEMPLATE: &str = include_str!("../../../krew/mtls.yaml");

    #[test]
    fn every_platform_gets_its_address_and_checksum() {
        let targets = [
            "aarch64-apple-darwin",
            "x86_64-apple-darwin",
            "aarch64-unknown-linux-musl",
            "x86_64-unknown-linux-musl",
            "x86_64-pc-windows-msvc",
        ];
        let archives = targets.map(|target| Platform::of(target).unwrap().archive());
        let sums = archives
            .map(|name| (name.clone(), format!("sum-of-{name}")))
            .into();
        let filled = fill(TEMPLATE, "v9.8.7", &sums).unwrap();
        assert_eq!(filled.missing, Vec::<String>::new());
        for name in sums.keys() {
            let place = format!("/releases/download/v9.8.7/{name}\n    sha256: sum-of-{name}\n");
            assert!(
                filled.manifest.contains(&place),
                "{name} in {}",
                filled.manifest
            );
        }
        assert_eq!(filled.manifest.matches("selector:").count(), targets.len());
    }

    #[test]
    fn a_platform_without_archive_is_left_out_and_named() {
        let sums = [(
            "kubectl-mtls-linux-amd64.tar.gz".to_owned(),
            "00".to_owned(),
        )]
        .into();
        let filled = fill(TEMPLATE, "v1.0.0", &sums).unwrap();
        assert_eq!(filled.manifest.matches("selector:").count(), 1);
        assert_eq!(filled.missing.len(), 4);
    }
}
