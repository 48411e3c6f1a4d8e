//! What Traefik takes, field by field.

use super::super::INGRESS;
use super::words::{CIPHERS, CURVES, VERSIONS};
use super::{GROUP, OLD_GROUP, kind};
use crate::dialect::syntax::{Form, Place, Syntax, When};
use crate::dialect::{Kind, Role};
use crate::fact::Harm;

const OPTIONS: &[Kind] = &[
    kind(GROUP, "TLSOption", "tlsoptions", Role::Option),
    kind(OLD_GROUP, "TLSOption", "tlsoptions", Role::Option),
];
const INGRESSES: &[Kind] = &[INGRESS];
const TLS: &str = "traefik.ingress.kubernetes.io/router.tls";
const OPTION: &str = "traefik.ingress.kubernetes.io/router.tls.options";
const TYPE: &[&str] = &["clientAuth", "clientAuthType"];
const SECRETS: &[&str] = &["clientAuth", "secretNames"];

/// The modes of Go's crypto/tls.
const TYPES: &[&str] = &[
    "NoClientCert",
    "RequestClientCert",
    "RequireAnyClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
];

/// Those of them that Traefik does not take without a CA (`tlsmanager.go:466-482`).
pub(super) const VERIFYING: &[&str] = &["VerifyClientCertIfGiven", "RequireAndVerifyClientCert"];

/// Settings under `router.tls.` that Traefik knows; another makes it skip the Ingress.
pub(super) const SETTINGS: &[&str] = &["certresolver", "domains", "options"];

/// The form of a reference in an annotation.
const REFERENCE: Form = Form::Qualified("kubernetescrd");

const fn option(id: &'static str, path: &'static [&'static str], form: Form) -> Syntax {
    Syntax {
        id,
        rule: "invalid-setting",
        harm: Harm::Closes,
        kinds: OPTIONS,
        when: &[],
        place: Place::Text(path),
        form,
        message: "",
    }
}

const fn list(id: &'static str, path: &'static [&'static str], form: Form) -> Syntax {
    Syntax {
        place: Place::List(path),
        ..option(id, path, form)
    }
}

const fn ingress(id: &'static str, rule: &'static str, name: &'static str, form: Form) -> Syntax {
    Syntax {
        rule,
        kinds: INGRESSES,
        place: Place::Annotation(name),
        ..option(id, &[], form)
    }
}

const UNKNOWN_VERSION: &str = "is no version of TLS: Traefik ignores it";

pub(super) static SYNTAX: &[Syntax] = &[
    Syntax {
        message: "does not exist: Traefik does not build the option",
        ..option("client-auth-type", TYPE, Form::OneOf(TYPES))
    },
    Syntax {
        when: &[When::Is(TYPE, VERIFYING)],
        message: "names no Secret: Traefik closes every connection to the hosts of this TLSOption",
        ..list("ca-named", SECRETS, Form::Present)
    },
    Syntax {
        message: "has a name that Traefik does not know: it closes every connection to the hosts of this TLSOption",
        ..list("cipher-suites", &["cipherSuites"], Form::OneOf(CIPHERS))
    },
    Syntax {
        message: "has a name that Traefik does not know: it closes every connection to the hosts of this TLSOption",
        ..list("curves", &["curvePreferences"], Form::OneOf(CURVES))
    },
    Syntax {
        harm: Harm::Harmless,
        message: UNKNOWN_VERSION,
        ..option("min-version", &["minVersion"], Form::OneOf(VERSIONS))
    },
    Syntax {
        harm: Harm::Harmless,
        message: UNKNOWN_VERSION,
        ..option("max-version", &["maxVersion"], Form::OneOf(VERSIONS))
    },
    Syntax {
        place: Place::Names("traefik.ingress.kubernetes.io/router.tls."),
        message: "an annotation router.tls.… that Traefik does not know: it skips the whole Ingress",
        ..ingress("known-name", "invalid-setting", "", Form::Headed(SETTINGS))
    },
    Syntax {
        when: &[When::Serves],
        message: "is not of the form namespace-name@kubernetescrd: Traefik never finds the TLSOption",
        ..ingress("option-reference", "unresolved-option", OPTION, REFERENCE)
    },
    Syntax {
        harm: Harm::Opens,
        when: &[When::Says(OPTION)],
        message: "is not true: Traefik reads no TLS setting of the Ingress",
        ..ingress("tls-on", "setting-without-effect", TLS, Form::True)
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_the_provider() {
        let good = [
            "shop-mtls@kubernetescrd",
            "mtls@file",
            "default",
            "shop/mtls@file",
        ];
        assert!(good.iter().all(|text| REFERENCE.accepts(text, "shop")));
        let bad = [
            "shop-mtls",
            "shop/mtls@kubernetescrd",
            "default@kubernetescrd",
            "shop/mtls",
        ];
        assert!(!bad.iter().any(|text| REFERENCE.accepts(text, "shop")));
    }
}
