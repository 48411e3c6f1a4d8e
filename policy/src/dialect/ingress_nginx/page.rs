//! Which error pages the controller takes.

/// `redirectRegex` (`authtls/main.go:45`): a name, or an optional host with an optional path.
pub(super) fn is_page(value: &str, named: bool) -> bool {
    if let Some(name) = value.strip_prefix('@') {
        let fine = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
        return named && !name.is_empty() && name.chars().all(fine);
    }
    let bare = value
        .strip_prefix("https://")
        .or_else(|| value.strip_prefix("http://"));
    let start = bare.unwrap_or(value);
    let (host, path) = start.split_at(start.find('/').unwrap_or(start.len()));
    is_authority(host, bare.is_some()) && is_path(path)
}

/// A host and a port; none at all only without a scheme.
fn is_authority(text: &str, demanded: bool) -> bool {
    let (host, port) = text
        .split_once(':')
        .map_or((text, None), |(host, port)| (host, Some(port)));
    let fine = |char: char| char.is_ascii_alphanumeric() || "-.".contains(char);
    let digits = |port: &str| !port.is_empty() && port.chars().all(|char| char.is_ascii_digit());
    let named = !host.is_empty() && host.chars().all(fine) && port.is_none_or(digits);
    named || (text.is_empty() && !demanded)
}

/// `(/[A-Za-z0-9\-_.]+)*/?`.
fn is_path(text: &str) -> bool {
    let fine = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    let text = text.strip_suffix('/').unwrap_or(text);
    let mut parts = text.split('/').skip(1);
    text.is_empty() || parts.all(|part| !part.is_empty() && part.chars().all(fine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_the_controller_takes() {
        for page in [
            "/",
            "/error",
            "/a/b.html",
            "/a/",
            "https://ok.com",
            "https://ok.com:8443/error",
            "ok.com/error",
            "@named-1_x",
            "ok.com",
            "http://a/",
        ] {
            assert!(is_page(page, true), "{page}");
        }
        for page in [
            "/a?b=c",
            "/a%20",
            "//",
            "/a//b",
            "https://",
            "https:///a",
            "@",
            "@a.b",
            "ftp://a/b",
            "/~a",
            ":80",
            "ok.com:",
            "a\n",
            "/a#b",
            "é",
        ] {
            assert!(!is_page(page, true), "{page}");
        }
        assert!(!is_page("@named", false));
    }
}
