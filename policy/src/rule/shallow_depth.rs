//! Chains may not be as long as the CAs in the bundle make them.

use super::{Rule, Subject};
use crate::fact::Depth;
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::trust::TrustUse;

pub(super) static RULE: Rule = Rule {
    id: "shallow-depth",
    summary: "the verification depth is smaller than the chains of the CAs in the bundle",
    why: "The depth is the number of intermediate CAs that may stand between a client's certificate and the root. ingress-nginx allows 1 where nothing is said; an ApisixTls without depth allows none, because the controller sends 0. Clients of a CA further down are refused.",
    remedy: "Set the depth to the number of intermediate CAs between the root and the clients.",
    of_content: true,
    check,
};

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    let found = host.trust.iter().filter_map(|used| finding(host, used));
    findings.extend(found);
}

fn finding(host: &Host, used: &TrustUse) -> Option<Finding> {
    let object = &used.reference.site.object;
    let depth = host
        .depths
        .iter()
        .find(|depth| depth.site.object == *object)?;
    let message = too_deep(host, used, depth).or_else(|| unsaid(used, depth))?;
    Some(RULE.finding(Severity::Warning, &depth.site, message, RULE.remedy))
}

/// A CA in the bundle whose clients cannot get in.
fn too_deep(host: &Host, used: &TrustUse, depth: &Depth) -> Option<String> {
    let trusted = host.trusted(used)?;
    let cas = trusted.certificates.iter().filter(|ca| ca.is_ca);
    let lowest = cas.max_by_key(|ca| trusted.below_root(ca))?;
    let needed = trusted.below_root(lowest);
    let allowed = usize::try_from(depth.allowed).unwrap_or(usize::MAX);
    (needed > allowed).then(|| {
        format!(
            "clients of {} have {needed} intermediate CAs above them, and the depth allows \
             {allowed}: they are refused",
            lowest.subject
        )
    })
}

/// A depth of 0 that nobody wrote, below a root that may have CAs below it.
fn unsaid(used: &TrustUse, depth: &Depth) -> Option<String> {
    let mut roots = used.anchors().iter();
    let root = roots.find(|root| root.is_ca && root.path_len != Some(0))?;
    (depth.allowed == 0 && !depth.stated).then(|| {
        format!(
            "no depth is set, which means 0: clients of any CA below {} are refused",
            root.subject
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use serde_json::json;

    #[test]
    fn two_intermediates_at_depth_1() {
        let [root, middle, lowest] = chain_pems();
        let ca = secret("ca", &[("ca.crt", &(root + &middle + &lowest))]);
        let depth = |depth| {
            let settings = [
                ("auth-tls-secret", "shop/ca"),
                ("auth-tls-verify-depth", depth),
            ];
            [ingress(&settings), ca.clone()]
        };
        check(&depth("1"), "shallow-depth", "the depth allows 1");
        silent(&depth("2"), "shallow-depth");
        let unsaid = [ingress(&[("auth-tls-secret", "shop/ca")]), ca.clone()];
        check(&unsaid, "shallow-depth", "the depth allows 1");
    }

    #[test]
    fn no_depth_in_apisix_is_0() {
        let [root, ..] = chain_pems();
        let ca = secret("ca", &[("ca.crt", &root)]);
        let mut tls = apisix_tls("ca");
        check(&[tls.clone(), ca.clone()], "shallow-depth", "which means 0");
        tls["spec"]["client"]["depth"] = json!(0);
        silent(&[tls, ca], "shallow-depth");
    }
}
