//! What is said of options besides the table: the default named, replaced, or defined twice.

use std::sync::Arc;

use super::entry_point::EntryPoint;
use crate::GatewayConfig;
use crate::fact::{Filter, Harm, OptionUse, Remark, RemarkKind, Route, TlsOption};
use crate::host::Host;
use crate::lookup::Lookup;
use crate::site::Site;
use crate::view::View;

/// A route that names the default option believes in one.
pub(super) fn named_default(host: &mut Host, option: &OptionUse, found: &Lookup<Arc<TlsOption>>) {
    if matches!(found, Lookup::Found(_)) {
        return;
    }
    host.mentioned = true;
    if matches!(found, Lookup::Missing) {
        host.remarks.push(Remark {
            site: option.site.clone(),
            kind: RemarkKind::NoEffect,
            harm: Harm::Opens,
            message: "the default option is named, and no TLSOption has the name default: Traefik's own asks nobody for a certificate".to_owned(),
            hint: "create a TLSOption named default, or name another".to_owned(),
            repair: None,
        });
    }
}

/// A router with a TLS section of its own, and no option in it, loses that of the entry point.
pub(super) fn replaced_option(host: &mut Host, route: &Route, entry: &EntryPoint) {
    let (Some(name), None, true) = (&entry.option, &route.option, route.tls) else {
        return;
    };
    if name == "default" {
        return;
    }
    host.mentioned = true;
    let object = &route.site.object;
    let site = match object.kind.as_str() {
        "Ingress" => route.site.clone(),
        _ => Site::new(object, "/spec/tls"),
    };
    host.remarks.push(Remark {
        site,
        kind: RemarkKind::Overruled,
        harm: Harm::Opens,
        message: format!(
            "the TLS settings here replace those of entry point {}, and with them its option {name}: the default option holds",
            entry.name
        ),
        hint: "name the option here too, or leave TLS to the entry point".to_owned(),
        repair: None,
    });
}

/// Whether the file provider's configuration, where it is told, defines the default option.
pub(super) fn file_has_default(config: &GatewayConfig) -> bool {
    let reads_files = config.args.iter().any(|arg| {
        let arg = arg.trim_start_matches('-').to_lowercase();
        arg.starts_with("providers.file.")
    });
    reads_files && config.config.values().any(|text| has_default(text))
}

/// `tls: {options: {default: …}}`, by the indentation of its lines.
fn has_default(text: &str) -> bool {
    let mut wanted = ["tls:", "options:", "default:"].into_iter().peekable();
    let mut indents: Vec<usize> = Vec::new();
    for line in text.lines() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        let below = indents.last().is_none_or(|last| indent > *last);
        let next = wanted.peek().is_some_and(|word| content.starts_with(word));
        if below && next {
            wanted.next();
            indents.push(indent);
        }
    }
    wanted.peek().is_none()
}

/// Two providers define the default option: it is deleted, and what depends on it is not built
/// (`aggregator.go:167-171`).
pub(super) fn two_providers(host: &mut Host, option: &TlsOption) {
    host.mentioned = true;
    host.remarks.push(Remark {
        site: option.site.clone(),
        kind: RemarkKind::Overruled,
        harm: Harm::Closes,
        message: "the file provider defines the default option too: Traefik deletes both, and closes every connection that needs it".to_owned(),
        hint: "define the default option in one place".to_owned(),
        repair: None,
    });
}

/// How deep chains of middlewares are followed.
const DEPTH: usize = 8;

/// The middlewares that a chain is made of, and the chains in it.
pub(super) fn parts(filter: &Filter, view: &View<'_>) -> Vec<Arc<Filter>> {
    let mut all: Vec<Arc<Filter>> = Vec::new();
    let mut level = filter.parts.clone();
    for _ in 0..DEPTH {
        let found = level.iter().map(|id| view.filter(&filter.gateway, id));
        let found = found.filter_map(|found| match found {
            Lookup::Found(part) => Some(part),
            Lookup::Missing | Lookup::Unknown(_) => None,
        });
        let found: Vec<_> = found
            .filter(|part| !all.iter().any(|known| known.id == part.id))
            .collect();
        level = found.iter().flat_map(|part| part.parts.clone()).collect();
        all.extend(found);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_option_of_a_file() {
        assert!(has_default(
            "tls:\n  options:\n    mtls: {}\n    default:\n      sniStrict: true\n"
        ));
        assert!(!has_default(
            "tls:\n  options:\n    mtls: {}\nhttp:\n  default: {}\n"
        ));
    }
}
