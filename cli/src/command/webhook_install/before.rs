//! What is installed already, and what of it stands against the present flags.

use serde_json::Value;

use super::Args;
use crate::cluster::{Cluster, item};
use crate::installation::{BINDING, CertMode, NAME, Policy, VALIDATING, enforcement, inventory};
use crate::problem::Problem;

/// What was there before.
pub(super) struct Before {
    configuration: Option<Value>,
    binding: Option<Value>,
    deployment: Option<Value>,
}

/// Reads it.
pub(super) async fn look(cluster: &Cluster, namespace: &str) -> anyhow::Result<Before> {
    let deployment = item("apps/v1", "deployments", namespace, NAME);
    Ok(Before {
        configuration: cluster.value(VALIDATING).await?,
        binding: cluster.value(BINDING).await?,
        deployment: cluster.value(&deployment).await?,
    })
}

impl Before {
    /// The failure policy that holds.
    pub(super) fn policy(&self) -> Option<Policy> {
        enforcement::policy(self.configuration.as_ref()?)
    }

    /// Where the certificate comes from that is served now.
    fn mode(&self) -> Option<CertMode> {
        const INJECTED: &str = "/metadata/annotations/cert-manager.io~1inject-ca-from";
        let pod = &self.deployment.as_ref()?["spec"]["template"]["spec"];
        let mut args = pod["containers"][0]["args"].as_array()?.iter();
        let files = args.any(|arg| arg == "--cert-mode=files");
        let injected = self.configuration.as_ref()?.pointer(INJECTED).is_some();
        Some(match (files, injected) {
            (false, _) => CertMode::SelfManaged,
            (true, true) => CertMode::CertManager,
            (true, false) => CertMode::Files,
        })
    }
}

/// Refuses what would tear down what is there.
pub(super) fn check(before: &Before, args: &Args, namespace: &str) -> anyhow::Result<()> {
    let home = inventory::home(before.configuration.as_ref(), before.binding.as_ref());
    if let Some(home) = home.filter(|home| home != namespace) {
        let text = format!(
            "the webhook is installed in namespace {home}, and what is cluster-wide of it cannot lead \
             to namespace {namespace} too; nothing was changed"
        );
        return Err(Problem::world(text).hint(format!(
            "install again with -n {home}; or take that one away first: `kubectl mtls webhook \
             uninstall -n {home}`"
        )));
    }
    let to = args.shape.cert_mode;
    let torn = before.mode().is_some_and(|from| from != to) && to != CertMode::SelfManaged;
    if torn && before.policy() == Some(Policy::Fail) && args.fail_policy == Policy::Fail {
        return Err(Problem::world(
            "the certificate comes from elsewhere now, and while one takes the other's place the API \
             server would trust only one of them: with failurePolicy Fail changes of routes would be \
             refused; nothing was changed",
        )
        .hint(
            "run this with --fail-policy Ignore first, and then without it: that proves, and turns \
             to Fail again",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::installation::ROUTES;
    use clap::Parser as _;
    use serde_json::json;

    #[derive(clap::Parser)]
    struct Flags {
        #[command(flatten)]
        args: Args,
    }

    fn before(policy: &str, mode: &str) -> Before {
        let entry = json!({"name": ROUTES, "failurePolicy": policy,
            "clientConfig": {"service": {"namespace": "a"}}});
        Before {
            configuration: Some(json!({"webhooks": [entry]})),
            binding: None,
            deployment: Some(json!({"spec": {"template": {"spec": {"containers": [
                {"args": [format!("--cert-mode={mode}")]}]}}}})),
        }
    }

    #[track_caller]
    fn said(before: &Before, namespace: &str, flags: &[&str]) -> Option<String> {
        let args = Flags::parse_from([&["x"], flags].concat()).args;
        check(before, &args, namespace)
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn there_is_one_installation() {
        let error = said(&before("Ignore", "self-managed"), "b", &[]).unwrap();
        assert!(error.contains("installed in namespace a"), "{error}");
        assert_eq!(said(&before("Fail", "self-managed"), "a", &[]), None);
        let mut bound = before("Fail", "files");
        bound.configuration = None;
        bound.binding = Some(json!({"subjects": [{"namespace": "a"}]}));
        assert!(said(&bound, "b", &[]).is_some() && said(&bound, "a", &[]).is_none());
    }

    #[test]
    fn the_source_of_the_certificate_changes_under_ignore() {
        let manager = &["--cert-mode=cert-manager"][..];
        let ignore = &["--cert-mode=cert-manager", "--fail-policy=Ignore"][..];
        let own = before("Fail", "self-managed");
        assert!(
            said(&own, "a", manager)
                .unwrap()
                .contains("failurePolicy Fail")
        );
        assert_eq!(said(&own, "a", ignore), None);
        assert_eq!(said(&before("Ignore", "self-managed"), "a", manager), None);
        // The webhook's own CA comes beside the one that is trusted.
        assert_eq!(said(&before("Fail", "files"), "a", &[]), None);
        let mut injected = before("Fail", "files");
        let annotations = json!({"annotations": {"cert-manager.io/inject-ca-from": "a/b"}});
        injected.configuration.as_mut().unwrap()["metadata"] = annotations;
        assert_eq!(said(&injected, "a", manager), None);
    }
}
