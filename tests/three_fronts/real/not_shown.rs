//! Fixtures that the Traefik here cannot show, each with the reason.

const ANOTHER_VERSION: &str = "it is about another version than the one that runs here";
const REFUSED: &str = "the API server refuses the object (enum of clientAuthType)";
const NO_GATEWAYS: &str = "this Traefik runs without its provider for the Gateway API";

pub(super) const NOT_SHOWN: &[(&str, &str)] = &[
    ("both-groups", ANOTHER_VERSION),
    ("conflict-across-entry-points", ANOTHER_VERSION),
    ("excluded-host-since-3-7-13", ANOTHER_VERSION),
    ("fragmented-hello", ANOTHER_VERSION),
    ("fronted-wildcard", ANOTHER_VERSION),
    ("gateway", NO_GATEWAYS),
    ("gateway-default-option", NO_GATEWAYS),
    ("http3-capitals", ANOTHER_VERSION),
    ("nginx-before-3-7", ANOTHER_VERSION),
    ("nginx-two-ingresses-mended", ANOTHER_VERSION),
    ("nginx-verify-turned-off", ANOTHER_VERSION),
    (
        "old-group",
        "Traefik 3 does not read traefik.containo.us (docs, migration v2 to v3)",
    ),
    (
        "one-id",
        "which of two options with one id is listed last changes from run to run (crd/kubernetes.go:1335)",
    ),
    (
        "other-provider",
        "the option is one of a file provider, which this Traefik does not have",
    ),
    ("safe-naming", ANOTHER_VERSION),
    ("strict-conflict", ANOTHER_VERSION),
    (
        "settings-of-k3s",
        "its settings are chart values, which k3s makes arguments of, and Traefik never reads",
    ),
    (
        "under-wildcard",
        "routers of equal priority are taken in the order of Go's maps, another in each run (router.go:240)",
    ),
    ("unknown-type", REFUSED),
    ("wildcard-before-3-7", ANOTHER_VERSION),
    ("wildcard-host-before-3-7", ANOTHER_VERSION),
];

/// Whether the Traefik here could run a fixture at all, with other settings if need be.
pub(super) fn could_run(name: &str) -> bool {
    let reasons = NOT_SHOWN.iter().filter(|(not, _)| *not == name);
    reasons
        .map(|(_, why)| *why)
        .all(|why| ![ANOTHER_VERSION, REFUSED].contains(&why))
}
