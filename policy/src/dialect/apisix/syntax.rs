//! What APISIX takes in an ApisixTls that its CRD lets pass.

use super::kind;
use crate::dialect::syntax::{Form, Place, Syntax, When};
use crate::dialect::{Kind, Role};
use crate::fact::Harm;

const TLS: &[Kind] = &[kind("ApisixTls", "apisixtlses", Role::Route)];

/// No number below 0.
pub(super) const DEPTH: Form = Form::NotNegative;

const fn row(id: &'static str, path: &'static [&'static str], form: Form) -> Syntax {
    Syntax {
        id,
        rule: "invalid-setting",
        harm: Harm::Closes,
        kinds: TLS,
        when: &[],
        place: Place::List(path),
        form,
        message: "",
    }
}

pub(super) static SYNTAX: &[Syntax] = &[
    Syntax {
        rule: "malformed-ca-reference",
        when: &[When::Has(&["hosts"]), When::Has(&["client"])],
        message: "is missing: APISIX does not accept the object, and the handshake fails",
        place: Place::Section(&["client", "caSecret"]),
        ..row("ca-named", &[], Form::Present)
    },
    Syntax {
        message: "is below 0: APISIX does not load the object",
        place: Place::Number(&["client", "depth"]),
        ..row("depth", &[], DEPTH)
    },
    Syntax {
        message: "has a pattern twice: APISIX does not load the object",
        ..row(
            "patterns",
            &["client", "skip_mtls_uri_regex"],
            Form::Distinct,
        )
    },
];
