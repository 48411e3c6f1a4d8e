//! Traefik's entry points, from its static arguments.

use super::reference::PROVIDER;
use super::watch::names;
use crate::GatewayConfig;

/// One entry point, as far as it decides about TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryPoint {
    /// Its name.
    pub(super) name: String,
    /// Whether routers on it have TLS without asking (`http.tls`).
    pub(super) tls: bool,
    /// The option that such routers get (`http.tls.options`).
    pub(super) option: Option<String>,
    /// Whether all plain HTTP is sent to another entry point.
    pub(super) redirects: bool,
    /// The priority of that redirect, where it is set; a longer rule goes before it.
    pub(super) redirect_priority: Option<usize>,
    /// Whether routers that name no entry point are on it.
    pub(super) default: bool,
    /// Whether it answers HTTP/3 too.
    pub(super) http3: bool,
    /// Whether it believes the headers that tell who forwarded a request.
    pub(super) trusts_headers: bool,
    /// Middlewares of every router on it.
    pub(super) filters: Vec<String>,
}

impl EntryPoint {
    pub(super) fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            tls: false,
            option: None,
            redirects: false,
            redirect_priority: None,
            // The entry point `traefik` is the internal one (`getDefaultsEntrypoints`).
            default: name != "traefik",
            http3: false,
            trusts_headers: false,
            filters: Vec::new(),
        }
    }

    /// Whether a router of a priority is behind the redirect.
    pub(super) fn redirects_before(&self, priority: usize) -> bool {
        self.redirects && self.redirect_priority.is_none_or(|own| own > priority)
    }
}

/// The entry points of the arguments; without any, those of the Helm chart and of k3s:
/// `web` without TLS, and `websecure` with it.
pub(super) fn entry_points(config: &GatewayConfig) -> Vec<EntryPoint> {
    let mut entries: Vec<EntryPoint> = Vec::new();
    for arg in &config.args {
        let arg = arg.trim_start_matches('-');
        let (key, value) = arg.split_once('=').unwrap_or((arg, "true"));
        let parts: Vec<_> = key.split('.').collect();
        let [first, name, setting @ ..] = parts.as_slice() else {
            continue;
        };
        if first.eq_ignore_ascii_case("entrypoints") {
            set(
                find(&mut entries, name),
                &setting.join(".").to_lowercase(),
                value,
            );
        }
    }
    if entries.is_empty() {
        return vec![
            EntryPoint::named("web"),
            EntryPoint {
                tls: true,
                ..EntryPoint::named("websecure")
            },
        ];
    }
    mark_defaults(&mut entries, config);
    entries
}

fn find<'a>(entries: &'a mut Vec<EntryPoint>, name: &str) -> &'a mut EntryPoint {
    let at = entries
        .iter()
        .position(|entry| entry.name.eq_ignore_ascii_case(name));
    let at = at.unwrap_or_else(|| {
        entries.push(EntryPoint::named(name));
        entries.len() - 1
    });
    &mut entries[at]
}

fn set(entry: &mut EntryPoint, setting: &str, value: &str) {
    let on = !value.eq_ignore_ascii_case("false");
    match setting {
        "http.tls" => entry.tls = on,
        "http.tls.options" => {
            entry.tls = true;
            entry.option = Some(value.to_owned());
        }
        "http.redirections.entrypoint.to" => entry.redirects = true,
        "http.redirections.entrypoint.priority" => {
            entry.redirect_priority = value.parse().ok().or(entry.redirect_priority);
        }
        "address" if value.ends_with("/udp") => entry.default = false,
        "http.middlewares" => entry.filters = filters(value),
        "forwardedheaders.insecure" => entry.trusts_headers = on,
        "http3" => entry.http3 = on,
        _ if setting.starts_with("http3.") => entry.http3 = true,
        _ if setting.starts_with("http.tls.") => entry.tls = true,
        _ => {}
    }
}

/// Middlewares of the CRD provider by id, others as they stand.
fn filters(list: &str) -> Vec<String> {
    let names = names(list).into_iter();
    names
        .map(|name| name.strip_suffix(PROVIDER).unwrap_or(name).to_owned())
        .collect()
}

/// Only those with `asDefault`, if any has it.
fn mark_defaults(entries: &mut [EntryPoint], config: &GatewayConfig) {
    let marked =
        |entry: &EntryPoint| config.is_on(&format!("entrypoints.{}.asdefault", entry.name));
    if entries.iter().any(marked) {
        for entry in entries {
            entry.default = marked(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_make_entry_points() {
        let args = [
            "--entryPoints.web.address=:80",
            "--entrypoints.web.http.redirections.entryPoint.to=s",
            "--entryPoints.s.address=:443",
            "--entryPoints.s.http.tls=true",
        ];
        let config = GatewayConfig {
            args: args.map(str::to_owned).to_vec(),
            ..GatewayConfig::default()
        };
        let entries = entry_points(&config);
        assert!(entries[0].redirects && !entries[0].tls && entries[1].tls && entries[1].default);
    }

    #[test]
    fn what_else_arguments_say() {
        let args = [
            "--entryPoints.web.address=:80",
            "--entryPoints.web.http.redirections.entryPoint.to=s",
            "--entryPoints.web.http.redirections.entryPoint.priority=20",
            "--entryPoints.web.forwardedHeaders.insecure",
            "--entryPoints.web.http.middlewares=shop-a@kubernetescrd,b@file",
            "--entryPoints.s.http3.advertisedPort=443",
            "--entryPoints.u.address=:53/udp",
        ];
        let config = GatewayConfig {
            args: args.map(str::to_owned).to_vec(),
            ..GatewayConfig::default()
        };
        let entries = entry_points(&config);
        assert!(entries[0].trusts_headers && entries[1].http3 && !entries[2].default);
        assert_eq!(entries[0].filters, ["shop-a", "b@file"]);
        assert!(entries[0].redirects_before(10) && !entries[0].redirects_before(20));
    }
}
