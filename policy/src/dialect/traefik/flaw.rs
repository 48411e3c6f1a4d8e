//! Flaws of Traefik that let clients past an option, where the version is told.

use std::sync::Arc;

use super::conflict::{Conflicts, has_tls};
use super::entry_point::EntryPoint;
use super::version::{Since, Version, is_at_least, is_early, told};
use crate::fact::{Harm, Remark, RemarkKind, Route};
use crate::host::{Admits, Because, Door, Host};

/// One flaw.
struct Flaw {
    id: &'static str,
    /// The releases of each line that mend it.
    mended: Since,
    /// Whether a host on an entry point meets it.
    meets: fn(&Host, &EntryPoint) -> bool,
    what: &'static str,
}

static FLAWS: [Flaw; 3] = [
    Flaw {
        id: "CVE-2026-32305",
        mended: &[(2, 11, 41), (3, 6, 11), (3, 7, 0)],
        meets: |_, _| true,
        what: "a ClientHello in fragments gets the default option",
    },
    Flaw {
        id: "CVE-2026-48491",
        mended: &[(3, 7, 3)],
        meets: |host, _| host.key.host.starts_with("*."),
        what: "with the server name of another host a client gets that host's option",
    },
    Flaw {
        id: "CVE-2026-53622",
        mended: &[(2, 11, 48), (3, 6, 19), (3, 7, 3)],
        meets: |_, entry| entry.http3,
        what: "over HTTP/3 a server name in capitals gets the default option",
    },
];

/// Opens a door where a flaw of the version does. All of them lead to the default option: where
/// that asks for certificates too, nothing is gained.
pub(super) fn settle(host: &mut Host, routes: &[Arc<Route>], conflicts: &Conflicts<'_>) {
    let Some(version) = told(conflicts.config) else {
        return;
    };
    let defaults = conflicts.view.options(&host.key.gateway, "default");
    if defaults.iter().any(|option| option.mentions()) {
        return;
    }
    for entry in conflicts.entries {
        let asks = host
            .doors
            .iter()
            .any(|door| door.entry == entry.name && !door.plain && asks(door.admits));
        let route = routes
            .iter()
            .find(|route| route.option.is_some() && has_tls(route, entry));
        let (true, Some(route)) = (asks, route) else {
            continue;
        };
        let early = is_early(conflicts.config);
        let flaws = FLAWS.iter().filter(|flaw| flaw.has(version, early));
        for flaw in flaws
            .filter(|flaw| (flaw.meets)(host, entry))
            .collect::<Vec<_>>()
        {
            flaw.open(host, route, entry);
        }
    }
}

fn asks(admits: Admits) -> bool {
    matches!(
        admits,
        Admits::Trusted | Admits::AnySubject | Admits::AnyCertificate
    )
}

impl Flaw {
    fn has(&self, version: Version, early: bool) -> bool {
        // Wildcards with options came with 3.7.
        let has_it = self.id != "CVE-2026-48491" || version >= (3, 7, 0);
        has_it && (!is_at_least(version, self.mended) || (early && self.mended.contains(&version)))
    }

    fn open(&self, host: &mut Host, route: &Route, entry: &EntryPoint) {
        let site = route
            .option
            .as_ref()
            .map_or(&route.site, |option| &option.site);
        host.doors.push(Door {
            entry: entry.name.clone(),
            plain: false,
            admits: Admits::Everyone,
            because: Because::Flaw,
            site: site.clone(),
            unseen: None,
        });
        let mended = self.mended.iter().map(|(a, b, c)| format!("{a}.{b}.{c}"));
        host.remarks.push(Remark {
            site: site.clone(),
            kind: RemarkKind::Outdated,
            harm: Harm::Opens,
            message: format!("{}: {}, which asks nobody for a certificate", self.id, self.what),
            hint: format!("update Traefik to {} or later, or demand certificates in the TLSOption named default", mended.collect::<Vec<_>>().join(", ")),
            repair: None,
        });
    }
}
