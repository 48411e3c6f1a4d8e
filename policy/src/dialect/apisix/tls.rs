//! An ApisixTls: one SSL object, with or without a demand on clients.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;

use super::pattern::{is_anchored, is_broken};
use super::read::Reader;
use super::syntax::DEPTH as DEPTH_FORM;
use crate::dialect::host_name;
use crate::fact::{
    Demand, Depth, Harm, Malformed, Mode, ObjectFacts, Remark, RemarkKind, TrustRef,
};
use crate::object::{SecretRef, strings};
use crate::site::Site;

const CLIENT: &str = "/spec/client";
const CA_SECRET: &str = "/spec/client/caSecret";
const DEPTH: &str = "/spec/client/depth";
const SKIPPED: &str = "/spec/client/skip_mtls_uri_regex";

impl Reader<'_> {
    /// Reads the object into its facts.
    pub(super) fn tls(&self, facts: &mut ObjectFacts) {
        let spec = &self.object.spec;
        let hosts = strings(&spec["hosts"]);
        let hosts = hosts.iter().map(|host| host_name(host)).collect();
        let mut route = self.ssl("/spec/hosts", hosts);
        facts.server_secrets = secret_ref(&spec["secret"]).into_iter().collect();
        let client = &spec["client"];
        if client.is_object() {
            facts.depth = self.allowed_depth(client);
            route.mentions = true;
            route.demand = Some(self.demand(client));
            let refused = self.refused(client);
            let reason = refused.first().map(|remark| remark.message.clone());
            route.dropped = route.dropped.or(reason);
            facts.remarks.extend(refused);
            facts.remarks.extend(self.patterns(client));
            facts.remarks.extend(self.borrowed(client));
        }
        facts.routes = vec![Arc::new(route)];
    }

    /// `client` demands certificates; paths in `skip_mtls_uri_regex` do without.
    fn demand(&self, client: &Value) -> Demand {
        let skipped = strings(&client["skip_mtls_uri_regex"]);
        let (mode, pointer, spelt) = match skipped.iter().all(|pattern| is_broken(pattern)) {
            true => (Mode::Required, CLIENT, String::new()),
            false => {
                let spelt = format!("skip_mtls_uri_regex {}", skipped.join(" "));
                (Mode::Off, SKIPPED, spelt)
            }
        };
        Demand {
            mode,
            site: self.site(pointer),
            spelt,
            trust: vec![self.trust(client)],
            subject: None,
        }
    }

    /// The CRD does not demand the reference: without it the controller looks for `/`.
    fn trust(&self, client: &Value) -> TrustRef {
        let text = |field: &str| client["caSecret"][field].as_str().unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("name"));
        TrustRef {
            site: self.site(CA_SECRET),
            spelt: format!("{namespace}/{name}"),
            target: secret_ref(&client["caSecret"]).ok_or(Malformed::Empty),
            foreign: false,
            repair: None,
        }
    }

    /// The controller sends the depth whether it is set or not, and so 0 where it is not
    /// (`translator/apisixtls.go`, `depth := int64(tls.Spec.Client.Depth)`).
    fn allowed_depth(&self, client: &Value) -> Option<Depth> {
        let stated = client["depth"].as_i64();
        Some(Depth {
            site: self.site(stated.map_or(CLIENT, |_| DEPTH)),
            allowed: u32::try_from(stated.unwrap_or_default()).ok()?,
            stated: stated.is_some(),
        })
    }

    /// What the CRD lets pass and the schema of APISIX does not (`apisix/schema_def.lua`): a
    /// negative depth, a pattern twice. The object is then never synced.
    fn refused(&self, client: &Value) -> Vec<Remark> {
        let depth = Some(&client["depth"]).filter(|depth| !DEPTH_FORM.accepts_value(depth));
        let depth = depth.map(|depth| {
            let message = format!("depth {depth} is refused by APISIX: the object is not loaded");
            let hint = "write the number of CAs between the root and the clients, 0 or more";
            self.remark(DEPTH, RemarkKind::Invalid, Harm::Closes, message, hint)
        });
        let skipped = strings(&client["skip_mtls_uri_regex"]);
        let mut seen = HashSet::new();
        let mut numbered = skipped.iter().enumerate();
        let twice = numbered.find(|(_, one)| !seen.insert(one.as_str()));
        let twice = twice.map(|(at, one)| {
            let message = format!(
                "skip_mtls_uri_regex has {one} twice, which APISIX refuses: the object is not loaded"
            );
            let pointer = format!("{SKIPPED}/{at}");
            let hint = "write each pattern once";
            self.remark(&pointer, RemarkKind::Invalid, Harm::Closes, message, hint)
        });
        depth.into_iter().chain(twice).collect()
    }

    fn patterns(&self, client: &Value) -> Vec<Remark> {
        let skipped = strings(&client["skip_mtls_uri_regex"]);
        let remark = |(at, pattern): (usize, &String)| {
            let pointer = format!("{SKIPPED}/{at}");
            if is_broken(pattern) {
                let message =
                    format!("{pattern} is no regular expression: APISIX exempts no path by it");
                let hint = "correct the pattern, or take it out";
                return Some(self.remark(
                    &pointer,
                    RemarkKind::Invalid,
                    Harm::Harmless,
                    message,
                    hint,
                ));
            }
            let message = format!(
                "{pattern} is searched anywhere in the decoded path: it exempts every path that \
                 holds it"
            );
            let hint = "begin it with ^ and end it with $";
            (!is_anchored(pattern))
                .then(|| self.remark(&pointer, RemarkKind::Unanchored, Harm::Opens, message, hint))
        };
        skipped.iter().enumerate().filter_map(remark).collect()
    }

    /// `validateSecret` (`controller/apisixtls_controller.go`) asks for no permission: whoever may
    /// write an ApisixTls has the controller read any Secret.
    fn borrowed(&self, client: &Value) -> Option<Remark> {
        let secret = secret_ref(&client["caSecret"])?;
        (secret.namespace != self.object.id.namespace).then(|| {
            let message = format!(
                "Secret {secret} is in another namespace: APISIX follows the reference, and who may \
                 write there decides who gets in here"
            );
            let hint = "keep the CA in the namespace of the ApisixTls";
            self.remark(CA_SECRET, RemarkKind::Foreign, Harm::Harmless, message, hint)
        })
    }

    fn site(&self, pointer: &str) -> Site {
        Site::new(&self.object.id, pointer)
    }
}

/// Namespace and name, neither of them empty.
fn secret_ref(named: &Value) -> Option<SecretRef> {
    let text = |field: &str| named[field].as_str().filter(|text| !text.is_empty());
    Some(SecretRef::new(text("namespace")?, text("name")?))
}
