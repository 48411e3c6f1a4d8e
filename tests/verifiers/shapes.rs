//! What `kubectl mtls test` says of nginx, Traefik and Envoy that do not ask for certificates, or have
//! nothing behind them.

use std::path::Path;

use tests::gateways::{Behind, Demand, Files, Gateway, envoy_as, nginx_as, traefik_as};

use super::proof::{CA, prepared, prove, verdict};

/// The three gateways that can be had in every shape.
type Shape = fn(&Files, Demand, Behind) -> anyhow::Result<Gateway>;
const SHAPES: [(&str, Shape); 3] = [
    ("nginx", nginx_as),
    ("traefik", traefik_as),
    ("envoy", envoy_as),
];

/// Exit code, verdict and reason of a proof with a given expectation.
fn said(folder: &Path, port: u16, expect: &str) -> (i32, String, String) {
    let said = prove(folder, port, &[&CA[..], &["--expect", expect]].concat());
    let proof = verdict(&said);
    let text = |key: &str| proof[key].as_str().unwrap().to_owned();
    (said.code, text("verdict"), text("reason"))
}

#[test]
fn an_optional_gateway_is_a_hole_until_it_is_meant() {
    for (name, start) in SHAPES {
        let (folder, files) = prepared();
        let gateway = start(&files, Demand::Optional, Behind::Hello).unwrap();
        let (code, verdict, reason) = said(folder.path(), gateway.port, "required");
        assert_eq!((code, verdict.as_str()), (1, "hole"), "{name}: {reason}");
        assert!(reason.contains("none"), "{name}: {reason}");
        assert!(!reason.contains("other-ca"), "{name}: {reason}");
        let (code, verdict, reason) = said(folder.path(), gateway.port, "optional");
        assert_eq!((code, verdict.as_str()), (0, "proven"), "{name}: {reason}");
    }
}

#[test]
fn a_gateway_that_asks_nobody_is_a_hole() {
    for (name, start) in SHAPES {
        let (folder, files) = prepared();
        let gateway = start(&files, Demand::None, Behind::Hello).unwrap();
        for expect in ["required", "optional"] {
            let (code, verdict, reason) = said(folder.path(), gateway.port, expect);
            assert_eq!((code, verdict.as_str()), (1, "hole"), "{name}: {reason}");
            assert!(reason.contains("other-ca"), "{name}: {reason}");
        }
        let (code, verdict, reason) = said(folder.path(), gateway.port, "none");
        assert_eq!((code, verdict.as_str()), (0, "proven"), "{name}: {reason}");
    }
}

/// The gateway refuses strangers, but what it answers clients proves nothing: so nothing is.
#[test]
fn a_gateway_without_a_backend_proves_nothing() {
    for (name, start) in SHAPES {
        let (folder, files) = prepared();
        let gateway = start(&files, Demand::Required, Behind::Nobody).unwrap();
        let (code, verdict, reason) = said(folder.path(), gateway.port, "required");
        let found = (code, verdict.as_str());
        assert_eq!(found, (3, "inconclusive"), "{name}: {reason}");
        assert!(reason.contains("HTTP 50"), "{name}: {reason}");
        assert!(reason.contains("good"), "{name}: {reason}");
    }
}
