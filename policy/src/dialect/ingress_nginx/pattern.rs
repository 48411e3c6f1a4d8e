//! Whether a pattern for the subject is one for Go's `regexp`, which checks it, and for PCRE,
//! with which nginx then searches the subject.

use std::collections::HashSet;

use regex_syntax::ast::{
    Ast, ErrorKind, FlagsItemKind, RepetitionKind, RepetitionRange, Visitor, parse, visit,
};
use regex_syntax::hir::translate::Translator;

/// Go allows as many repetitions, and as deep a nesting.
const MOST: u32 = 1000;

/// Whether `regexp.Compile` takes it (`parser/validators.go:129-139`).
pub(super) fn go_accepts(pattern: &str) -> bool {
    let Some(pattern) = rewritten(pattern) else {
        return false;
    };
    let parsed = parse::ParserBuilder::new()
        .nest_limit(MOST)
        .build()
        .parse(&pattern);
    match parsed {
        Ok(ast) => {
            visit(&ast, Syntax { left: vec![MOST] }).is_ok() && has_known_classes(&pattern, &ast)
        }
        // Go lets two groups have one name.
        Err(error) => matches!(error.kind(), ErrorKind::GroupNameDuplicate { .. }),
    }
}

/// The names of Unicode classes are looked up last.
fn has_known_classes(pattern: &str, ast: &Ast) -> bool {
    let named = pattern.contains("\\p") || pattern.contains("\\P");
    !named || Translator::new().translate(pattern, ast).is_ok()
}

/// Whether PCRE takes what Go takes: without UTF mode it knows bytes alone; the names of groups
/// are different ones and begin with no digit.
pub(super) fn pcre_accepts(pattern: &str) -> bool {
    let wide = pattern.match_indices("\\x{").any(|(at, _)| {
        let digits = pattern[at + 3..].split('}').next().unwrap_or_default();
        u32::from_str_radix(digits, 16).is_ok_and(|code| code > 0xff)
    });
    let mut names = HashSet::new();
    let after = pattern.split("(?P<").skip(1);
    let after = after.chain(pattern.split("(?<").skip(1));
    let mut found = after.filter_map(|rest| rest.split_once('>').map(|(name, _)| name));
    !wide && found.all(|name| !name.starts_with(|c: char| c.is_ascii_digit()) && names.insert(name))
}

/// In the spelling of `regex-syntax` what Go spells otherwise; `None` where Go refuses what
/// `regex-syntax` would take.
fn rewritten(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut class = false;
    while let Some(char) = rest.chars().next() {
        let mut taken = char.len_utf8();
        match char {
            '\\' => taken = escape(rest, &mut out)?,
            '[' if class && !rest.starts_with("[:") => out.push_str("\\["),
            '[' if class => {
                let end = rest.find(":]")? + 2;
                out.push_str(&rest[..end]);
                taken = end;
            }
            '[' => {
                class = true;
                taken = opening(rest);
                out.push_str(&rest[..taken]);
            }
            ']' => {
                class = false;
                out.push(']');
            }
            '&' | '~' if class => out.extend(['\\', char]),
            '{' if !class && !is_count(rest) => out.push_str("\\{"),
            _ => out.push(char),
        }
        rest = &rest[taken..];
    }
    Some(out)
}

/// `[`, `[^`, and the bracket that may stand first in a class.
fn opening(rest: &str) -> usize {
    let negated = 1 + usize::from(rest[1..].starts_with('^'));
    negated + usize::from(rest[negated..].starts_with(']'))
}

/// `{2}`, `{2,}`, `{2,3}`; anything else stands for itself.
fn is_count(rest: &str) -> bool {
    let Some((inside, _)) = rest[1..].split_once('}') else {
        return false;
    };
    let (from, to) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.chars().all(|char| char.is_ascii_digit());
    !from.is_empty() && digits(from) && digits(to)
}

/// What a backslash begins, and how many bytes that is.
fn escape(rest: &str, out: &mut String) -> Option<usize> {
    let mut chars = rest[1..].chars();
    let next = chars.next()?;
    match next {
        'Q' => {
            let literal = rest[2..].split("\\E").next().unwrap_or_default();
            out.push_str(&regex_syntax::escape(literal));
            let end = 2 + literal.len();
            Some(end + if rest[end..].is_empty() { 0 } else { 2 })
        }
        'x' | 'p' | 'P' if rest[2..].starts_with('{') => {
            let end = rest.find('}')? + 1;
            out.push_str(&rest[..end]);
            Some(end)
        }
        // A back reference; with a second octal digit it is a character.
        '0'..='7' => octal(rest, out),
        // Known here and not to Go.
        '8' | '9' | 'u' | 'U' => None,
        '<' | '>' => {
            out.push(next);
            Some(2)
        }
        _ => {
            out.extend(['\\', next]);
            Some(1 + next.len_utf8())
        }
    }
}

fn octal(rest: &str, out: &mut String) -> Option<usize> {
    let digits: String = rest[1..]
        .chars()
        .take(3)
        .take_while(|digit| ('0'..='7').contains(digit))
        .collect();
    if digits.len() == 1 && digits != "0" {
        return None;
    }
    let code = u32::from_str_radix(&digits, 8).ok()?;
    out.push_str(&format!("\\x{{{code:x}}}"));
    Some(1 + digits.len())
}

/// Refuses what Go refuses: stacked repetitions, too many of them, and flags that it lacks.
struct Syntax {
    /// How many repetitions are left at each depth (`regexp/syntax`, `repeatIsValid`).
    left: Vec<u32>,
}

impl Visitor for Syntax {
    type Output = ();
    type Err = ();

    fn finish(self) -> Result<(), ()> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), ()> {
        let fine = match ast {
            Ast::Repetition(repetition) => {
                let left = self.left.last().copied().unwrap_or(MOST);
                let most = most(&repetition.op.kind);
                self.left.push(left / most.max(1));
                most <= left && !matches!(*repetition.ast, Ast::Repetition(_))
            }
            Ast::Flags(set) => set.flags.items.iter().all(|item| is_known(&item.kind)),
            Ast::Group(group) => group
                .flags()
                .is_none_or(|flags| flags.items.iter().all(|item| is_known(&item.kind))),
            _ => true,
        };
        if fine { Ok(()) } else { Err(()) }
    }

    fn visit_post(&mut self, ast: &Ast) -> Result<(), ()> {
        if matches!(ast, Ast::Repetition(_)) {
            self.left.pop();
        }
        Ok(())
    }
}

/// How often a counted repetition repeats; others count as one.
fn most(kind: &RepetitionKind) -> u32 {
    match kind {
        RepetitionKind::Range(
            RepetitionRange::Exactly(most)
            | RepetitionRange::AtLeast(most)
            | RepetitionRange::Bounded(_, most),
        ) => *most,
        _ => 1,
    }
}

fn is_known(flag: &FlagsItemKind) -> bool {
    use regex_syntax::ast::Flag::{CRLF, IgnoreWhitespace, Unicode};
    !matches!(flag, FlagsItemKind::Flag(CRLF | IgnoreWhitespace | Unicode))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each as `regexp.Compile` of Go 1.26 takes or refuses it.
    #[test]
    fn as_go_compiles() {
        for pattern in [
            "alice",
            "(alice|bob)(,|$)",
            "(a|)",
            "",
            "a{,3}",
            "a{",
            "{",
            "}",
            "]",
            "[[]",
            "[]a]",
            "[^]a]",
            "[[:alpha:]_]",
            "[a&&b]",
            "[a~~b]",
            "\\Qa.b\\E+",
            "\\Q(",
            "\\x{1F600}",
            "\\101",
            "\\0",
            "(?i)a",
            "(?s:.)",
            "(?P<n>a)",
            "(?<n>a)",
            "(?P<n>a)(?P<n>b)",
            "\\pL",
            "a{1000}",
            "\\.",
            "\\_",
            "^*",
            "\\z",
            "\\<a",
            "(a*)*",
            "a*?",
            "\\p{Greek}",
        ] {
            assert!(go_accepts(pattern), "{pattern}");
        }
        for pattern in [
            "(alice", "alice)", "[a", "a**", "a*+", "a++", "*a", "(?=a)", "(?!a)", "(?<=a)",
            "(?>a)", "\\1", "(a)\\1", "a{1001}", "a{2,1}", "a{2}{3}", "\\Z", "\\C", "\\u0041",
            "(?x)a", "(?u)a", "[b-a]", "\\", "\\pX{", "(?P=n)", "\\K", "\\h", "(?R)", "\\8",
            "(*UTF8)a",
        ] {
            assert!(!go_accepts(pattern), "{pattern}");
        }
    }

    #[test]
    fn nothing_is_too_deep_or_too_long() {
        assert!(!go_accepts(&"(".repeat(200_000)));
        assert!(!go_accepts(&format!(
            "{}{}",
            "(".repeat(5_000),
            ")".repeat(5_000)
        )));
        assert!(go_accepts(&"a|".repeat(100_000)));
        assert!(go_accepts("(a{10}){100}") && !go_accepts("((a{10}){100}){2}"));
    }

    #[test]
    fn what_pcre_lacks() {
        assert!(!pcre_accepts("\\x{1F600}") && pcre_accepts("\\x{e9}"));
        assert!(!pcre_accepts("(?P<n>a)(?P<n>b)"));
        assert!(!pcre_accepts("(?P<1a>b)") && pcre_accepts("(?P<a1>b)"));
    }
}
