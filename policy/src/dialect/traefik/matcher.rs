//! A router's rule, as Traefik's TLS looks at it: only `Host` and `HostSNI` count
//! (`pkg/muxer/http/mux.go:179-204`), wherever they stand in the expression.

/// What a rule matches.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Matched {
    /// Arguments of the wanted matcher, in order, without those that are excluded.
    pub(super) hosts: Vec<String>,
    /// Arguments of the wanted matcher under a `!`.
    pub(super) excluded: Vec<String>,
    /// Whether it is about hosts alone, or every path of them.
    pub(super) whole: bool,
    /// Whether the wanted matcher is called with other than one argument, as version 2 allows.
    pub(super) several: bool,
    /// Whether the rule is a well-formed expression.
    pub(super) well_formed: bool,
}

/// Looks for the arguments of one matcher, `Host` or `HostSNI`, in a rule.
pub(super) fn matched(rule: &str, matcher: &str) -> Matched {
    let mut scan = Scan {
        rest: rule,
        negations: vec![false],
        negated: false,
        found: Matched {
            whole: true,
            ..Matched::default()
        },
    };
    let well_formed =
        scan.expression(matcher) && scan.negations.len() == 1 && !rule.trim().is_empty();
    Matched {
        well_formed,
        ..scan.found
    }
}

struct Scan<'a> {
    rest: &'a str,
    /// Of each parenthesis that is open, whether its content is negated.
    negations: Vec<bool>,
    /// Whether the next term is negated.
    negated: bool,
    found: Matched,
}

impl<'a> Scan<'a> {
    fn expression(&mut self, matcher: &str) -> bool {
        loop {
            self.rest = self.rest.trim_start();
            let Some(first) = self.rest.chars().next() else {
                return true;
            };
            let going = match first {
                '(' => self.open(),
                ')' => self.close(),
                '!' => self.negate(),
                '&' => self.operator("&&"),
                '|' => self.operator("||"),
                _ if first.is_ascii_alphabetic() => self.call(matcher),
                _ => false,
            };
            if !going {
                return false;
            }
        }
    }

    fn skip(&mut self, count: usize) -> bool {
        self.rest = &self.rest[count..];
        true
    }

    fn negate(&mut self) -> bool {
        self.negated = !self.negated;
        self.skip(1)
    }

    /// Whether the next term is negated, all told.
    fn is_negated(&mut self) -> bool {
        let around = self.negations.last().copied().unwrap_or_default();
        around != std::mem::take(&mut self.negated)
    }

    fn open(&mut self) -> bool {
        let negated = self.is_negated();
        self.negations.push(negated);
        self.skip(1)
    }

    fn close(&mut self) -> bool {
        self.negations.len() > 1 && self.negations.pop().is_some() && self.skip(1)
    }

    fn operator(&mut self, operator: &str) -> bool {
        self.rest.starts_with(operator) && self.skip(operator.len())
    }

    /// `Name(`arg`, "arg")`; names are compared without case.
    fn call(&mut self, matcher: &str) -> bool {
        let end = self.rest.find(|char: char| !char.is_ascii_alphanumeric());
        let Some(end) = end else { return false };
        let name = &self.rest[..end];
        self.skip(end);
        self.rest = self.rest.trim_start();
        if !self.rest.starts_with('(') {
            return false;
        }
        self.skip(1);
        let negated = self.is_negated();
        let Some(arguments) = self.arguments() else {
            return false;
        };
        self.note(name.eq_ignore_ascii_case(matcher), name, negated, arguments);
        true
    }

    fn note(&mut self, wanted: bool, name: &str, negated: bool, arguments: Vec<&str>) {
        let found = &mut self.found;
        let everything = name.eq_ignore_ascii_case("PathPrefix") && arguments == ["/"];
        found.whole &= !negated && (wanted || everything);
        if !wanted {
            return;
        }
        found.several |= arguments.len() != 1;
        let list = if negated {
            &mut found.excluded
        } else {
            &mut found.hosts
        };
        list.extend(arguments.into_iter().map(str::to_owned));
    }

    fn arguments(&mut self) -> Option<Vec<&'a str>> {
        let mut arguments = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',', '\t', '\n', '\r']);
            match self.rest.chars().next() {
                Some(')') => {
                    self.skip(1);
                    return Some(arguments);
                }
                Some(quote @ ('`' | '"')) => arguments.push(self.quoted(quote)?),
                _ => return None,
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Option<&'a str> {
        let inner = &self.rest[1..];
        let end = inner.find(quote)?;
        self.rest = &inner[end + 1..];
        Some(&inner[..end])
    }
}

#[cfg(test)]
mod tests {
    #[track_caller]
    fn check(rule: &str, hosts: &[&str], well_formed: bool) {
        let found = super::matched(rule, "Host");
        assert_eq!(found.hosts, hosts, "{rule}");
        assert_eq!(found.well_formed, well_formed, "{rule}");
    }

    #[test]
    fn hosts_of_rules() {
        check("Host(`a.example`)", &["a.example"], true);
        check(
            "(Host(`a`) || host(\"b\")) && !PathPrefix(`/x`)",
            &["a", "b"],
            true,
        );
        check("Host(`a`,`b`)", &["a", "b"], true);
        check("HostRegexp(`^a$`) && Header(`Host`, `Host(x)`)", &[], true);
        check("PathPrefix(`/`)", &[], true);
        check("Host(`a`", &[], false);
        check("Host(a)", &[], false);
        check("Host(`a`))", &["a"], false);
        check("", &[], false);
        check("Ho", &[], false);
        check("Host(`ä", &[], false);
    }

    #[test]
    fn excluded_hosts() {
        let excluded = |rule| super::matched(rule, "Host").excluded;
        assert_eq!(excluded("PathPrefix(`/`) && !Host(`a`)"), ["a"]);
        assert_eq!(excluded("!(Host(`a`) || !Host(`b`))"), ["a"]);
        assert!(excluded("!(!Host(`a`)) && Host(`b`)").is_empty());
    }

    #[test]
    fn rules_about_hosts_alone() {
        let whole = |rule| super::matched(rule, "Host").whole;
        assert!(whole("Host(`a`)") && whole("(Host(`a`) || Host(`b`)) && PathPrefix(`/`)"));
        assert!(!whole("Host(`a`) && PathPrefix(`/docs`)") && !whole("!Host(`a`)"));
        assert!(super::matched("Host(`a`,`b`)", "Host").several);
    }

    #[test]
    fn a_huge_rule_is_read_without_recursion() {
        let rule = format!("{}Host(`a`){}", "!(".repeat(200_000), ")".repeat(200_000));
        check(&rule, &["a"], true);
    }
}
