//! The forms of names, as the schema demands them and as files are checked.

use std::sync::LazyLock;

use regex::Regex;

/// A host name in lower case, `*.` below one, or `*` for every host.
pub(super) const HOST: &str =
    r"^(\*|(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$";
/// A label's key.
pub(super) const LABEL: &str =
    r"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";
/// The name of an object.
pub(super) const NAME: &str = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$";
/// SHA-256 in hexadecimal.
pub(super) const PIN: &str = r"^[0-9a-f]{64}$";

static HOSTS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(HOST).ok());

pub(super) fn is_host(text: &str) -> bool {
    HOSTS.as_ref().is_some_and(|regex| regex.is_match(text))
}

/// The 32 octets of a pin.
pub(super) fn pin(text: &str) -> Option<[u8; 32]> {
    let mut octets = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (octet, pair) in octets.iter_mut().zip(text.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_pins() {
        for host in ["*", "*.example.com", "a.b", "a"] {
            assert!(is_host(host), "{host}");
        }
        for host in [
            "",
            "*.*.a",
            "A.b",
            "a..b",
            "-a",
            "https://a",
            "a.b:80",
            "a.*",
        ] {
            assert!(!is_host(host), "{host}");
        }
        assert_eq!(pin(&"0a".repeat(32)), Some([10; 32]));
        assert_eq!((pin("0a"), pin(&"zz".repeat(32))), (None, None));
    }
}
