//! The hosts of a router's rule, as Traefik's TLS looks at them: only `Host` and `HostSNI` count
//! (`pkg/muxer/http/mux.go:179-204`), wherever they stand in the expression.

/// What a rule matches.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Matched {
    /// Arguments of every call of the wanted matcher, in order.
    pub(super) hosts: Vec<String>,
    /// Whether the rule is a well-formed expression.
    pub(super) well_formed: bool,
}

/// Finds the arguments of one matcher, `Host` or `HostSNI`, in a rule.
pub(super) fn hosts(rule: &str, matcher: &str) -> Matched {
    let mut scan = Scan {
        rest: rule,
        hosts: Vec::new(),
        depth: 0,
    };
    let well_formed = scan.expression(matcher) && scan.depth == 0 && !rule.trim().is_empty();
    Matched {
        hosts: scan.hosts,
        well_formed,
    }
}

struct Scan<'a> {
    rest: &'a str,
    hosts: Vec<String>,
    depth: usize,
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
                '!' => self.skip(1),
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

    fn open(&mut self) -> bool {
        self.depth += 1;
        self.skip(1)
    }

    fn close(&mut self) -> bool {
        let open = self.depth > 0;
        self.depth = self.depth.saturating_sub(1);
        open && self.skip(1)
    }

    fn operator(&mut self, operator: &str) -> bool {
        self.rest.starts_with(operator) && self.skip(operator.len())
    }

    /// `Name(`arg`, "arg")`; names are compared without case.
    fn call(&mut self, matcher: &str) -> bool {
        let end = self.rest.find(|char: char| !char.is_ascii_alphanumeric());
        let Some(end) = end else { return false };
        let wanted = self.rest[..end].eq_ignore_ascii_case(matcher);
        self.skip(end);
        self.rest = self.rest.trim_start();
        if !self.rest.starts_with('(') {
            return false;
        }
        self.skip(1);
        self.arguments(wanted)
    }

    fn arguments(&mut self, wanted: bool) -> bool {
        loop {
            self.rest = self.rest.trim_start_matches([' ', ',', '\t', '\n', '\r']);
            match self.rest.chars().next() {
                Some(')') => return self.skip(1),
                Some(quote @ ('`' | '"')) => {
                    let Some(argument) = self.quoted(quote) else {
                        return false;
                    };
                    if wanted {
                        self.hosts.push(argument.to_owned());
                    }
                }
                _ => return false,
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
        let found = super::hosts(rule, "Host");
        assert_eq!(
            (found.hosts.as_slice(), found.well_formed),
            (
                hosts
                    .iter()
                    .map(|host| (*host).to_owned())
                    .collect::<Vec<_>>()
                    .as_slice(),
                well_formed
            )
        );
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
        check("Host(`a`", &["a"], false);
        check("Host(a)", &[], false);
        check("Host(`a`))", &["a"], false);
        check("", &[], false);
        check("Ho", &[], false);
    }
}
