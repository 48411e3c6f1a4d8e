//! How far a pattern for a certificate's subject reaches.

/// What a pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Every subject with a common name.
    Everybody,
    /// Every subject that begins like it.
    Beginning,
    /// What it says, to its end.
    Whole,
}

/// How far a regular expression reaches that begins with `CN=` and is searched, not matched whole.
/// What cannot be told from its text alone counts as whole.
pub(crate) fn reach(pattern: &str) -> Reach {
    let rest = pattern.trim_start_matches('^');
    let rest = rest.strip_prefix("CN=").unwrap_or(rest);
    let plain = rest.trim_end_matches('$');
    let anything = [
        "", ".*", ".+", ".", ".*?", "(.*)", "(.+)", "[^,]*", "[^,]+", "\\w+", "\\w*",
    ];
    if anything.contains(&plain) || has_empty_alternative(rest) {
        return Reach::Everybody;
    }
    let ends = ["$", "$)", ",", ",)", "|,)", "\\b"];
    match ends.iter().any(|end| rest.ends_with(end)) {
        true => Reach::Whole,
        false => Reach::Beginning,
    }
}

/// `(a|)`, `(|a)`, `a|`, `a||b`: nothing at all is enough.
fn has_empty_alternative(pattern: &str) -> bool {
    // An end of line beside a comma is an end, not nothing.
    let pattern = pattern.replace("|$", "!").replace("$|", "!");
    let inside = ["(|", "|)", "||"]
        .iter()
        .any(|empty| pattern.contains(empty));
    inside || pattern.starts_with('|') || pattern.ends_with('|')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_reach_as_far_as_they_do() {
        for pattern in [
            "CN=", "CN=.*", "CN=.*$", "CN=(a|)", "CN=(|a)", "CN=a|", "^CN=.+",
        ] {
            assert_eq!(reach(pattern), Reach::Everybody, "{pattern}");
        }
        for pattern in ["CN=alice", "CN=(alice|bob)", "CN=a.*b"] {
            assert_eq!(reach(pattern), Reach::Beginning, "{pattern}");
        }
        for pattern in ["CN=alice$", "CN=alice(,|$)", "CN=(alice|bob),O=Acme$"] {
            assert_eq!(reach(pattern), Reach::Whole, "{pattern}");
        }
    }
}
