//! The reference to the client CA is not in the form that the gateway demands.

use super::{Rule, Subject};
use crate::fact::{Malformed, TrustRef};
use crate::finding::{Finding, Severity};

pub(super) static RULE: Rule = Rule {
    id: "malformed-ca-reference",
    summary: "the reference to the client CA is not in the form that the gateway demands",
    why: "ingress-nginx wants namespace/name, exactly two parts, and answers 403 for the whole host otherwise. A TLSOption wants the name of a Secret in its own namespace.",
    remedy: "Write namespace/name for ingress-nginx, and the plain name for a TLSOption.",
    of_content: false,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let used = subject.host.iter().flat_map(|host| &host.trust);
    findings.extend(used.filter_map(|used| {
        let problem = used.reference.target.as_ref().err()?;
        let message = format!("{}: {}", what(&used.reference, *problem), used.consequence);
        let hint = match &used.reference.repair {
            Some(repair) => format!("write {}", repair.value),
            None => RULE.remedy.to_owned(),
        };
        let finding = RULE.finding(Severity::Error, &used.reference.site, message, &hint);
        Some(Finding {
            repair: used.reference.repair.clone(),
            ..finding
        })
    }));
}

fn what(reference: &TrustRef, problem: Malformed) -> String {
    match problem {
        Malformed::Empty => "the reference to the CA is empty".to_owned(),
        Malformed::NoNamespace => format!("{:?} names no namespace", reference.spelt),
        Malformed::OtherKind => format!(
            "{} is of a kind that the gateway reads no CA from",
            reference.spelt
        ),
        Malformed::WrongParts => {
            format!(
                "{:?} is not of the form that the gateway reads",
                reference.spelt
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn a_name_alone_is_repaired() {
        let findings = check(
            &[ingress(&[("auth-tls-secret", "partners-trust")])],
            "malformed-ca-reference",
            "names no namespace",
        );
        let repair = findings[0]
            .repair
            .as_ref()
            .map(|repair| repair.value.clone());
        assert_eq!(repair, Some("shop/partners-trust".into()));
    }

    #[test]
    fn three_parts_are_not() {
        let findings = check(
            &[ingress(&[("auth-tls-secret", "a/b/c")])],
            "malformed-ca-reference",
            "a/b/c",
        );
        assert_eq!(findings[0].repair, None);
    }

    #[test]
    fn a_slash_in_a_tls_option() {
        check(
            &[route("mtls"), tls_option("mtls", "", &["shop/ca"])],
            "malformed-ca-reference",
            "shop/ca",
        );
    }
}
