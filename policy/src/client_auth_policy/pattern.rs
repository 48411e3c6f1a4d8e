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

/// Something that is not blank.
pub(super) const TEXT: &str = r"\S";

/// What a text is that has not the form.
const FORMS: [(&str, &str); 5] = [
    (HOST, "no host: a name in lower case, *. before one, or *"),
    (LABEL, "no key of a label"),
    (NAME, "no name of an object"),
    (
        PIN,
        "no SHA-256 in lower-case hexadecimal: `kubectl mtls inspect -o json` shows it",
    ),
    (TEXT, "empty"),
];

/// A pattern of the schemas, and what a text is that does not match it.
pub(super) fn form(pattern: &str) -> Option<(&'static Regex, &'static str)> {
    static REGEXES: LazyLock<Vec<(&str, Regex, &str)>> = LazyLock::new(|| {
        let forms = FORMS.iter();
        let forms = forms.filter_map(|(form, words)| Some((*form, Regex::new(form).ok()?, *words)));
        forms.collect()
    });
    let mut forms = REGEXES.iter();
    let (_, regex, words) = forms.find(|(form, ..)| *form == pattern)?;
    Some((regex, words))
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

    fn matches(pattern: &str, text: &str) -> bool {
        form(pattern).is_some_and(|(regex, _)| regex.is_match(text))
    }

    #[test]
    fn hosts_and_pins() {
        for host in ["*", "*.example.com", "a.b", "a"] {
            assert!(matches(HOST, host), "{host}");
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
            assert!(!matches(HOST, host), "{host}");
        }
        assert_eq!(pin(&"0a".repeat(32)), Some([10; 32]));
        assert_eq!((pin("0a"), pin(&"zz".repeat(32))), (None, None));
    }
}
