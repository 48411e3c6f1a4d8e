//! How far a pattern for a certificate's subject reaches.

use regex::RegexBuilder;

/// A longer pattern is not tried on subjects, and judged by its text alone.
const LONGEST: usize = 4096;

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

/// Subjects that have nothing in common but a common name: a pattern that finds something in
/// each of them was made for nobody.
const STRANGERS: [&str; 4] = [
    "CN=q",
    "CN=4820917365",
    "CN=Xw-vk_zj.qx",
    "CN=kx qz,O=Zq Jxv",
];

/// How far a regular expression reaches that begins with `CN=` and is searched, not matched whole.
/// What cannot be told counts as whole.
pub(crate) fn reach(pattern: &str) -> Reach {
    let rest = pattern.trim_start_matches('^');
    let rest = rest.strip_prefix("CN=").unwrap_or(rest);
    let void = !names_somebody(pattern)
        && finds_all(pattern, &STRANGERS).unwrap_or_else(|| has_empty_alternative(rest));
    if void {
        return Reach::Everybody;
    }
    let ends = ["$", "$)", ",", ",)", "|,)", "\\b"];
    match ends.iter().any(|end| rest.ends_with(end)) {
        true => Reach::Whole,
        false => Reach::Beginning,
    }
}

/// Whether it finds something in no subject at all, as that of a client without a certificate.
pub(crate) fn finds_nobody(pattern: &str) -> bool {
    !names_somebody(pattern) && finds_all(pattern, &[""]).unwrap_or_default()
}

/// `CN=alice…`, `CN=(alice|bob)…`: what everybody writes, told without trying it. Each name has a
/// first letter that must be there, and no alternative stands beside the whole.
fn names_somebody(pattern: &str) -> bool {
    let Some(rest) = pattern.strip_prefix("CN=") else {
        return false;
    };
    let (names, after) = match rest.strip_prefix('(') {
        Some(group) => group.split_once(')').unwrap_or((group, "*")),
        None => (rest, ""),
    };
    let counts = |char: char| "*?{".contains(char);
    let named = |name: &str| {
        let mut chars = name.chars();
        let first = chars
            .next()
            .is_some_and(|char| char.is_ascii_alphanumeric());
        first && !chars.next().is_some_and(counts)
    };
    let alone = ["", "$", "(,|$)", "($|,)", ",", "(,|\\Z)"].contains(&after);
    let plain = !names.contains(['(', '[', '\\']);
    match rest.starts_with('(') {
        true => plain && alone && names.split('|').all(named),
        false => plain && !names.contains('|') && named(names),
    }
}

/// `None`: that cannot be tried.
fn finds_all(pattern: &str, subjects: &[&str]) -> Option<bool> {
    if pattern.len() > LONGEST {
        return None;
    }
    let pattern = RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .ok()?;
    Some(subjects.iter().all(|subject| pattern.is_match(subject)))
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
            "CN=",
            "CN=.*",
            "CN=.*$",
            "CN=(a|)",
            "CN=(|a)",
            "CN=a|",
            "^CN=.+",
            "CN=[^,]*",
            "CN=\\w+",
            "CN=[A-Za-z0-9]",
            "CN=(alice|.)",
            "CN=a?",
            "CN=(a|b)*",
        ] {
            assert_eq!(reach(pattern), Reach::Everybody, "{pattern}");
        }
        for pattern in ["CN=alice", "CN=(alice|bob)", "CN=a.*b", "CN=[a-z]+"] {
            assert_eq!(reach(pattern), Reach::Beginning, "{pattern}");
        }
        for pattern in [
            "CN=alice$",
            "CN=alice(,|$)",
            "CN=(alice|bob),O=Acme$",
            "CN=(alice|)(,|$)",
            "CN=a\\|b$",
        ] {
            assert_eq!(reach(pattern), Reach::Whole, "{pattern}");
        }
    }

    #[test]
    fn some_patterns_find_something_in_no_subject() {
        for pattern in ["CN=a|", "CN=a|.*", "CN=a|(b)?", ""] {
            assert!(finds_nobody(pattern), "{pattern}");
        }
        for pattern in ["CN=", "CN=(a|)", "CN=.*", "alice"] {
            assert!(!finds_nobody(pattern), "{pattern}");
        }
    }

    #[test]
    fn a_huge_pattern_is_judged_by_its_text() {
        assert_eq!(
            reach(&format!("CN={}", "(a{1000}){1000}".repeat(20_000))),
            Reach::Beginning
        );
        assert_eq!(reach("CN=((\\pL{1000}){1000}){1000}"), Reach::Beginning);
    }
}
