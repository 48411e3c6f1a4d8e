//! Patterns for the paths that do without a client certificate: PCRE, searched in the decoded
//! path (`uri_matches_skip_mtls_route_patterns` in `apisix/init.lua`).

/// Whether the pattern holds for the beginning of a path alone.
pub(super) fn is_anchored(pattern: &str) -> bool {
    let alternatives = split(pattern);
    alternatives
        .iter()
        .all(|one| one.starts_with('^') || one.starts_with("\\A"))
}

/// Whether no version of PCRE compiles it: the gateway then takes it for one that matches nothing.
/// What is doubtful counts as valid, because a valid pattern opens.
pub(super) fn is_broken(pattern: &str) -> bool {
    let mut depth = 0_i32;
    let mut class = None;
    let mut chars = pattern.chars().enumerate();
    let first = pattern.chars().next();
    if first.is_some_and(|char| "*+?".contains(char)) {
        return true;
    }
    while let Some((at, char)) = chars.next() {
        match (char, class) {
            ('\\', _) if chars.next().is_none() => return true,
            ('\\', _) => {}
            // A bracket at the beginning of a class is one of its characters.
            (']', Some(start)) if at > start + 1 => class = None,
            (_, Some(_)) => {}
            ('[', None) => class = Some(at),
            ('(', None) => depth += 1,
            (')', None) => depth -= 1,
            (_, None) => {}
        }
        if depth < 0 {
            return true;
        }
    }
    depth != 0 || class.is_some()
}

/// The alternatives outside groups and classes.
fn split(pattern: &str) -> Vec<&str> {
    let (mut depth, mut class, mut escaped, mut start) = (0_i32, false, false, 0);
    let mut alternatives = Vec::new();
    for (at, char) in pattern.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            '(' if !class => depth += 1,
            ')' if !class => depth -= 1,
            '|' if !class && depth == 0 => {
                alternatives.push(&pattern[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    alternatives.push(&pattern[start..]);
    alternatives
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alternative_must_be_anchored() {
        for pattern in ["^/healthz$", "^/a|^/b", "^/(a|b)", "\\A/x", "^[a|b]"] {
            assert!(is_anchored(pattern), "{pattern}");
        }
        for pattern in ["/healthz", "^/a|/b", "(^/a)", "a^"] {
            assert!(!is_anchored(pattern), "{pattern}");
        }
    }

    #[test]
    fn only_what_never_compiles_is_broken() {
        for pattern in ["*", "(", "a)", "[a", "a\\", "(a))", "[]"] {
            assert!(is_broken(pattern), "{pattern}");
        }
        for pattern in ["^/x$", "(?!a)b", "[]a]", "\\(", "[(]", "a{2,", ""] {
            assert!(!is_broken(pattern), "{pattern}");
        }
    }
}
