//! What the controller's parsers take, annotation by annotation.

use super::super::INGRESS;
use crate::dialect::Kind;
use crate::dialect::syntax::{Form, Place, Syntax, When};
use crate::fact::Harm;

const SECRET: &str = "nginx.ingress.kubernetes.io/auth-tls-secret";
const MODE: &str = "nginx.ingress.kubernetes.io/auth-tls-verify-client";
const DEPTH: &str = "nginx.ingress.kubernetes.io/auth-tls-verify-depth";
const PAGE: &str = "nginx.ingress.kubernetes.io/auth-tls-error-page";
const PASS: &str = "nginx.ingress.kubernetes.io/auth-tls-pass-certificate-to-upstream";
const SUBJECT: &str = "nginx.ingress.kubernetes.io/auth-tls-match-cn";
const CANARY: &str = "nginx.ingress.kubernetes.io/canary";

const INGRESSES: &[Kind] = &[INGRESS];
/// A canary takes the settings of another Ingress.
const ROUTES: &[When] = &[When::Serves, When::Not(CANARY, BOOLEANS.split_at(6).0)];
const WITH_SECRET: &[When] = &[When::Says(SECRET)];
const WITHOUT_SECRET: &[When] = &[When::Lacks(SECRET)];

/// The modes; any other word is taken for the first.
const MODES: &[&str] = &["on", "off", "optional", "optional_no_ca"];

/// `strconv.ParseBool`, the true ones first.
pub(super) const BOOLEANS: &[&str] = &[
    "1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False",
];

/// How a subject begins.
pub(super) const SUBJECT_START: &str = "CN=";

/// The annotations about client certificates that the controller knows, without the prefix.
pub(super) const KNOWN: &[&str] = &[
    "auth-tls-error-page",
    "auth-tls-match-cn",
    "auth-tls-pass-certificate-to-upstream",
    "auth-tls-secret",
    "auth-tls-verify-client",
    "auth-tls-verify-depth",
];

/// The same, without what all of them have in common.
const ENDS: &[&str] = &[
    "-error-page",
    "-match-cn",
    "-pass-certificate-to-upstream",
    "-secret",
    "-verify-client",
    "-verify-depth",
];

const fn row(id: &'static str, rule: &'static str, place: Place, form: Form) -> Syntax {
    Syntax {
        id,
        rule,
        harm: Harm::Closes,
        kinds: INGRESSES,
        when: WITH_SECRET,
        place,
        form,
        message: "",
    }
}

/// A setting that nobody reads without the Secret.
const fn orphan(id: &'static str, name: &'static str) -> Syntax {
    Syntax {
        harm: Harm::Opens,
        when: WITHOUT_SECRET,
        message: "has no effect without auth-tls-secret: nobody is asked for a certificate",
        ..row(
            id,
            "setting-without-effect",
            Place::Annotation(name),
            Form::Absent,
        )
    }
}

pub(super) static SYNTAX: &[Syntax] = &[
    Syntax {
        when: ROUTES,
        message: "is not of the form namespace/name: the host answers 403",
        ..row(
            "ca-reference",
            "malformed-ca-reference",
            Place::Annotation(SECRET),
            Form::Reference,
        )
    },
    Syntax {
        when: ROUTES,
        message: "is in another namespace, which the controller forbids: the host answers 403",
        ..row(
            "ca-namespace",
            "foreign-namespace",
            Place::Annotation(SECRET),
            Form::OwnNamespace,
        )
    },
    Syntax {
        harm: Harm::Opens,
        when: &[],
        message: "is empty: the controller ignores it and asks nobody for a certificate",
        ..row(
            "ca-empty",
            "setting-without-effect",
            Place::Annotation(SECRET),
            Form::NotBlank,
        )
    },
    Syntax {
        message: "is neither true nor false: the controller does not load the Ingress",
        ..row(
            "pass-certificate",
            "invalid-setting",
            Place::Annotation(PASS),
            Form::OneOf(BOOLEANS),
        )
    },
    Syntax {
        message: "does not begin with CN=: the controller does not load the Ingress",
        ..row(
            "subject",
            "invalid-setting",
            Place::Annotation(SUBJECT),
            Form::Begins(SUBJECT_START),
        )
    },
    Syntax {
        message: "is below 0: nginx refuses the whole configuration",
        ..row(
            "depth",
            "invalid-setting",
            Place::Annotation(DEPTH),
            Form::NotNegative,
        )
    },
    Syntax {
        harm: Harm::Harmless,
        message: "is not one of on, off, optional and optional_no_ca: the controller takes it for on",
        ..row(
            "mode",
            "invalid-setting",
            Place::Annotation(MODE),
            Form::OneOf(MODES),
        )
    },
    orphan("mode-alone", MODE),
    orphan("depth-alone", DEPTH),
    orphan("page-alone", PAGE),
    orphan("pass-alone", PASS),
    orphan("subject-alone", SUBJECT),
    Syntax {
        harm: Harm::Opens,
        when: WITHOUT_SECRET,
        message: "an annotation auth-tls… that ingress-nginx does not know, and ignores",
        ..row(
            "known-name",
            "setting-without-effect",
            Place::Names("nginx.ingress.kubernetes.io/auth-tls"),
            Form::OneOf(ENDS),
        )
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_once() {
        let whole = ENDS.iter().map(|end| format!("auth-tls{end}"));
        assert!(whole.eq(KNOWN.iter().copied()));
    }
}
