//! The TLSOption that a route names does not exist.

use super::{Rule, Subject};
use crate::fact::OptionTarget;
use crate::finding::{Finding, Severity};
use crate::host::OptionState;
use crate::lookup::Lookup;

pub(super) static RULE: Rule = Rule {
    id: "unresolved-option",
    summary: "the TLSOption that a route names does not exist",
    why: "Traefik builds no route for a name that it cannot resolve and closes every connection to the host; beside another route of the host it falls back to the default option, which asks nobody for a certificate.",
    remedy: "Create the TLSOption, or name one that exists: NAME in an IngressRoute, NAMESPACE-NAME@kubernetescrd in an Ingress annotation.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let options = subject.host.iter().flat_map(|host| &host.options);
    let missing =
        options.filter(|state| !state.option.foreign && matches!(state.found, Lookup::Missing));
    findings.extend(missing.map(finding));
}

fn finding(state: &OptionState) -> Finding {
    let option = &state.option;
    let why = match &option.target {
        OptionTarget::Never(why) => format!("can never be found: {why}"),
        OptionTarget::Default | OptionTarget::Id(_) | OptionTarget::Elsewhere(_) => {
            "does not exist".to_owned()
        }
    };
    let message = format!(
        "TLSOption {} {why}; Traefik closes every connection to the host",
        option.spelt
    );
    let finding = RULE.finding(Severity::Error, &option.site, message, RULE.remedy);
    Finding {
        repair: option.repair.clone(),
        ..finding
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn a_name_that_nothing_has() {
        check(&[route("none")], "unresolved-option", "does not exist");
    }

    #[test]
    fn the_name_default() {
        check(
            &[
                route("default"),
                tls_option("default", "", &["ca"]),
                ca("ca"),
            ],
            "unresolved-option",
            "never",
        );
    }

    #[test]
    fn an_annotation_without_provider() {
        check(
            &[
                traefik_ingress("shop-mtls"),
                tls_option("mtls", "", &["ca"]),
                ca("ca"),
            ],
            "unresolved-option",
            "kubernetescrd",
        );
    }

    #[test]
    fn a_name_that_is_there() {
        silent(
            &[route("mtls"), tls_option("mtls", "", &["ca"]), ca("ca")],
            "unresolved-option",
        );
    }
}
