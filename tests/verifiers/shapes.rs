//! What `kubectl mtls test` says of nginx, Traefik and Envoy that do not ask for certificates, or have
//! nothing behind them, and of a name that nobody has.

use std::path::Path;
use std::process::Command;

use tests::cluster::run;
use tests::gateways::{Behind, Demand, Files, Gateway, envoy_as, nginx_as, traefik_as};
use tests::traefik::binary;

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

/// A name that no one answers for is a matter of the name, not of certificates.
#[test]
fn a_name_that_resolves_nowhere_is_said_as_such() {
    let (folder, _) = prepared();
    let mut command = Command::new(binary("kubectl-mtls").unwrap());
    command
        .current_dir(folder.path())
        .args(["test", "https://nowhere.invalid/", "--timeout", "2s"])
        .args(["--server-ca", "server-ca.crt", "-o", "json"])
        .args(CA);
    let output = run(&mut command, "").unwrap();
    assert_eq!(output.code, 3, "{}", output.all());
    let proof = verdict(&output);
    let reason = proof["reason"].as_str().unwrap();
    assert!(reason.contains("nowhere.invalid:443"), "{reason}");
    assert!(!reason.contains("certificate"), "{reason}");
    let items = proof["items"].as_array().unwrap().iter();
    for item in items.filter(|item| item["over"] != "HTTP") {
        assert_eq!(item["outcome"], "inconclusive", "{item}");
    }
}
