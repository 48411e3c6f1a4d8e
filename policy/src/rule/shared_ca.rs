//! The client CA has another office too.

use super::{Rule, Subject};
use crate::finding::{Finding, Severity};
use crate::host::Host;
use crate::trust::TrustUse;

pub(super) static RULE: Rule = Rule {
    id: "shared-ca",
    summary: "the client CA is the one of the servers, or of the cluster",
    why: "Every certificate of the CA that may stand for a client is let in: certificates that were given to servers (without an extendedKeyUsage, or with clientAuth in it), and, for the cluster's CA, those of every node and of everybody whose request is approved.",
    remedy: "Make a CA for the clients alone: `kubectl mtls create ca NAME`.",
    of_content: true,
    check,
};

/// The subject of the CA that kubeadm and its like make for a cluster.
const CLUSTER: &str = "CN=kubernetes";

fn check(subject: &Subject<'_>, findings: &mut Vec<Finding>) {
    let Some(host) = subject.host else { return };
    let found = host.trust.iter().filter_map(|used| finding(host, used));
    findings.extend(found);
}

fn finding(host: &Host, used: &TrustUse) -> Option<Finding> {
    let mut cas = used.anchors().iter().filter(|ca| ca.is_ca);
    let message = cas.find_map(|ca| of_cluster(host, ca).or_else(|| of_server(host, ca)))?;
    Some(RULE.finding(
        Severity::Warning,
        &used.reference.site,
        message,
        RULE.remedy,
    ))
}

fn of_cluster(host: &Host, ca: &x509::Certificate) -> Option<String> {
    let known = ca.subject == CLUSTER || host.cluster_keys.contains(&ca.spki);
    known.then(|| {
        format!(
            "{} is the CA of a Kubernetes cluster: its nodes and users are let in",
            ca.subject
        )
    })
}

fn of_server(host: &Host, ca: &x509::Certificate) -> Option<String> {
    let mut served = host.served.iter();
    let server = served.find(|server| server.names_as_issuer(ca))?;
    let then = match server.client_auth {
        x509::Usage::Refused => "a certificate of it that names clientAuth is let in",
        x509::Usage::Allowed | x509::Usage::Unrestricted => "this very certificate is let in",
    };
    Some(format!(
        "{} also signed the server certificate of the host ({}): {then}",
        ca.subject, server.subject
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;

    #[test]
    fn the_server_certificate_is_of_the_client_ca() {
        let mut object = ingress(&[("auth-tls-secret", "shop/ca")]);
        object["spec"]["tls"][0]["secretName"] = "api-tls".into();
        let [ca, leaf] = ca_and_leaf_pems();
        let objects = [
            object.clone(),
            secret("ca", &[("ca.crt", &ca)]),
            secret("api-tls", &[("tls.crt", &leaf), ("tls.key", "")]),
        ];
        check(&objects, "shared-ca", "this very certificate is let in");
        let other = [
            object,
            secret("ca", &[("ca.crt", &other_ca_pem())]),
            secret("api-tls", &[("tls.crt", &leaf), ("tls.key", "")]),
        ];
        silent(&other, "shared-ca");
    }

    #[test]
    fn the_ca_of_the_cluster() {
        let mut map = secret("kube-root-ca.crt", &[]);
        map["kind"] = "ConfigMap".into();
        let pem = other_ca_pem();
        map["data"]["ca.crt"] = pem.as_str().into();
        let trust = secret("ca", &[("ca.crt", &pem)]);
        let object = ingress(&[("auth-tls-secret", "shop/ca")]);
        check(
            &[object.clone(), trust, map.clone()],
            "shared-ca",
            "Kubernetes cluster",
        );
        silent(&[object, ca("ca"), map], "shared-ca");
    }
}
