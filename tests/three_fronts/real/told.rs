//! What a fixture tells Traefik outside the objects, in the form that a Traefik here can be started
//! with.

use std::fs;
use std::path::Path;

use tests::corpus::Fixture;

/// The arguments of a fixture's configuration.
pub(super) fn args(fixture: &Fixture) -> Vec<String> {
    let config = fixture.config.as_deref().unwrap_or_default();
    let args = config
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- --"));
    args.map(|arg| format!("--{arg}")).collect()
}

/// With the ports and the folder of this machine; the provider for ingress-nginx watches what the
/// others do.
pub(super) fn adapted(args: &[String], namespaces: &str, folder: &Path) -> Vec<String> {
    let address = |arg: &&String| arg.to_lowercase().contains(".address=");
    let mut adapted: Vec<_> = args
        .iter()
        .filter(|arg| !address(arg))
        .map(|arg| match arg.split_once('=') {
            Some((key, _)) if key.eq_ignore_ascii_case("--providers.file.filename") => {
                format!("{key}={}", folder.join("dynamic.yaml").display())
            }
            _ => arg.clone(),
        })
        .collect();
    if args
        .iter()
        .any(|arg| arg.contains("kubernetesIngressNGINX"))
    {
        let first = namespaces.split(',').next().unwrap_or(namespaces);
        adapted.push(format!(
            "--providers.kubernetesingressnginx.watchnamespace={first}"
        ));
    }
    adapted
}

/// Writes the file of the file provider, where a fixture has one.
pub(super) fn write_file(fixture: &Fixture, folder: &Path) -> std::io::Result<()> {
    let config = fixture.config.as_deref().unwrap_or_default();
    let Some((_, file)) = config.split_once("dynamic.yaml: |\n") else {
        return Ok(());
    };
    let lines = file
        .lines()
        .map(|line| line.strip_prefix("      ").unwrap_or(line));
    fs::write(
        folder.join("dynamic.yaml"),
        lines.collect::<Vec<_>>().join("\n"),
    )
}
