//! What the cluster demands of its hosts: policies, exceptions, and the labels of namespaces.

use policy::Facts;
use policy::client_auth_policy::{EXCEPTION, NAMESPACE, POLICY};
use policy::dialect::Kind;

use super::Cluster;
use crate::problem::say;

impl Cluster {
    /// Reads them where they are served and may be listed.
    pub(super) async fn learn_policies(&self, facts: &mut Facts) -> anyhow::Result<()> {
        self.learn_all(&POLICY, "hosts are judged without policies", facts)
            .await?;
        if facts.policies.is_empty() {
            return Ok(());
        }
        self.learn_all(&EXCEPTION, "policies are judged without exceptions", facts)
            .await?;
        let without = "policies that select namespaces by label are judged by their names alone";
        self.learn_all(&NAMESPACE, without, facts).await
    }

    async fn learn_all(&self, kind: &Kind, without: &str, facts: &mut Facts) -> anyhow::Result<()> {
        match self.list(kind, None).await? {
            Ok(objects) => objects.iter().for_each(|object| facts.learn(object)),
            Err(why) => say(
                "note",
                &format!("{} cannot be listed ({why}): {without}", kind.plural),
            ),
        }
        Ok(())
    }
}
