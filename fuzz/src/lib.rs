//! What must hold of any bytes, one function for each place where bytes of others come in. The fuzz
//! targets call them with what libFuzzer makes up; the tests, where this file is a module, with
//! what is kept in `corpus/`.

mod admission;
mod objects;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use admission::admission_body;
pub use objects::{annotations, policy_check};

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target; the name is that of its folder in `corpus/` and of its file in `fuzz_targets/`.
pub const TARGETS: &[Target] = &[
    ("admission_body", admission_body),
    ("annotations", annotations),
    ("crl", crl),
    ("pem_bundle", pem_bundle),
    ("policy_check", policy_check),
    ("yaml", yaml),
];

/// The content of one revocation list.
pub fn crl(der: &[u8]) {
    let text = format!(
        "-----BEGIN X509 CRL-----\n{}\n-----END X509 CRL-----\n",
        STANDARD.encode(der)
    );
    let bundle = x509::read_bundle(text.as_bytes());
    if text.len() <= x509::MAX_BYTES {
        assert_eq!(bundle.crls.len() + bundle.other.len(), 1, "{bundle:?}");
    }
}

/// What stands under a key of a Secret.
pub fn pem_bundle(pem: &[u8]) {
    let bundle = x509::read_bundle(pem);
    let read = bundle.certificates.len()
        + bundle.private_keys
        + bundle.crls.len()
        + bundle.unreadable
        + bundle.other.len();
    assert!(read <= x509::MAX_BLOCKS, "{read} blocks");
    assert_eq!(
        read == 0,
        bundle.problem.is_some() && !many(&bundle),
        "{bundle:?}"
    );
    assert_eq!(bundle, x509::read_bundle(pem), "read twice, it is the same");
    for certificate in &bundle.certificates {
        // What is shown of it is text, whatever its bytes are.
        let _ = (certificate.fingerprint_hex(), certificate.key.to_string());
        let _ = (certificate.remaining(0), x509::public_root(certificate));
    }
    if pem.len() <= x509::MAX_BYTES {
        assert!(x509::der_blocks(pem).len() >= bundle.certificates.len());
    }
}

fn many(bundle: &x509::Bundle) -> bool {
    let problem = bundle.problem.as_deref();
    problem.is_some_and(|problem| problem.contains("more than"))
}

/// A file that people write. What is read of it can be written as JSON: it holds no number that
/// JSON has not, and reading it ends.
pub fn yaml(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Ok(value) = policy::yaml::parse(text) else {
        return;
    };
    let json = value.to_string();
    let again: Result<serde_json::Value, _> = serde_json::from_str(&json);
    assert!(again.is_ok(), "{json}");
}
