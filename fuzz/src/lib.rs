//! What must hold of any bytes, one function for each place where bytes of others come in. The fuzz
//! targets call them with what libFuzzer makes up; the tests, where this file is a module, with
//! what is kept in `corpus/`.

mod admission;
mod objects;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

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

/// A file that people write. What is read of it, written as JSON, means the same: to a reader of
/// JSON, and as YAML, of which JSON is a part.
pub fn yaml(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Ok(value) = policy::yaml::parse(text) else {
        return;
    };
    let json = value.to_string();
    let again: Value = serde_json::from_str(&json).expect("it is JSON");
    assert!(same(&value, &again), "{json}");
    assert_eq!(policy::yaml::parse(&json), Ok(value), "{json}");
}

/// The same, but for the last bit of a fraction: reading JSON, `serde_json` is quick rather than
/// exact there.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(key, one)| other.get(key).is_some_and(|other| same(one, other));
            one.len() == other.len() && one.iter().all(same)
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let bits = |number: &serde_json::Number| number.as_f64().map(f64::to_bits);
            let apart = bits(one).zip(bits(other)).map(|(a, b)| a.abs_diff(b));
            apart.is_some_and(|apart| apart <= 1)
        }
        _ => one == other,
    }
}
