//! Which of Traefik's changes a version has.

use crate::GatewayConfig;

/// Major, minor, patch.
pub(super) type Version = (u32, u32, u32);

/// The version that is meant where none is told; what stands here was read in its source.
const ASSUMED: Version = (3, 7, 9);

/// Releases of each line that brought a change.
pub(super) type Since = &'static [Version];

/// Wildcards in `Host` and in the hosts of an Ingress, with options.
pub(super) const WILDCARDS: Since = &[(3, 7, 0)];
/// References are normalized, and `@` is subject to rules of its own (`resolveReference`).
pub(super) const NORMALIZED: Since = &[(2, 11, 46), (3, 6, 17), (3, 7, 1)];
/// Each router compares the option of the handshake with its own (`middlewares/snicheck`).
pub(super) const SNI_CHECK: Since = &[(2, 11, 48), (3, 6, 19), (3, 7, 3)];
/// The releases that look for conflicts of options across entry points, and those that do not.
const ACROSS: Since = &[(2, 11, 48), (3, 6, 19), (3, 7, 3)];
const NOT_ACROSS: Since = &[(2, 11, 50), (3, 6, 21), (3, 7, 5)];
/// A host that a rule excludes is no longer taken for one that it serves.
pub(super) const EXCLUSIONS: Since = &[(3, 7, 13)];
/// The provider for Ingresses of ingress-nginx reads `auth-tls-*`.
pub(super) const NGINX_CLIENT_AUTH: Since = &[(3, 7, 0)];
/// That provider no longer takes `proxy-ssl-verify: on` for off (CVE-2025-66491).
pub(super) const NGINX_VERIFY: Since = &[(3, 6, 3)];

/// The version as told; a part that is not told counts as the newest.
pub(super) fn told(config: &GatewayConfig) -> Option<Version> {
    let version = config.version.as_deref()?.trim_start_matches('v');
    let release = version.split(['-', '+']).next().unwrap_or(version);
    let mut parts = release.split('.').map(|part| part.parse().ok());
    let major = parts.next()??;
    let mut next = || parts.next().flatten().unwrap_or(u32::MAX);
    Some((major, next(), next()))
}

/// Whether it is one of the versions before a release.
pub(super) fn is_early(config: &GatewayConfig) -> bool {
    let version = config.version.as_deref().unwrap_or_default();
    version.contains("-ea.") || version.contains("-rc.")
}

/// Whether the version has a change.
pub(super) fn has(config: &GatewayConfig, since: Since) -> bool {
    is_at_least(told(config).unwrap_or(ASSUMED), since)
}

/// A line that the change came to has it from that release on, others if they are newer than all.
pub(super) fn is_at_least(version: Version, since: Since) -> bool {
    let line = |release: &&Version| (release.0, release.1) == (version.0, version.1);
    match since.iter().find(line) {
        Some(release) => version >= *release,
        None => since.iter().all(|release| version > *release),
    }
}

/// Whether routers of one host conflict although they are on different entry points.
pub(super) fn conflicts_across(config: &GatewayConfig) -> bool {
    has(config, ACROSS) && !has(config, NOT_ACROSS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: &str) -> GatewayConfig {
        GatewayConfig {
            version: Some(version.to_owned()),
            ..GatewayConfig::default()
        }
    }

    #[test]
    fn lines_have_changes_of_their_own() {
        assert!(has(&of("v2.11.46"), NORMALIZED) && !has(&of("2.11.45"), NORMALIZED));
        assert!(has(&of("3.8"), NORMALIZED) && !has(&of("3.5.9"), NORMALIZED));
        assert!(has(&GatewayConfig::default(), WILDCARDS));
        assert!(!has(&of("3.6"), WILDCARDS) && has(&of("3.7.0-ea.1"), WILDCARDS));
        assert!(is_early(&of("3.7.0-ea.1")));
    }

    #[test]
    fn the_windows_of_conflicts_across_entry_points() {
        for version in ["3.7.3", "3.7.4", "3.6.20", "2.11.49"] {
            assert!(conflicts_across(&of(version)), "{version}");
        }
        for version in ["3.7.2", "3.7.5", "3.6.18", "2.11.50", "latest"] {
            assert!(!conflicts_across(&of(version)), "{version}");
        }
    }
}
