//! What was seen of a host, in the words of the verdicts.

use std::process::Command;

use anyhow::Context as _;
use serde_json::Value;
use tests::cluster::run;
use tests::traefik::binary;

/// What was seen, from the items of proofs: `case` and `outcome` as `kubectl-mtls test` tells them,
/// and `other-subject`, a good certificate whose subject nobody asked for.
pub(crate) fn seen(items: &[Value]) -> &'static str {
    let accepted = |case: &str| {
        items
            .iter()
            .any(|item| item["case"] == case && item["outcome"] == "accepted")
    };
    let strangers = ["none", "none-http2", "plain-http", "no-sni", "other-sni"];
    let strangers = strangers.into_iter().any(accepted);
    let any = accepted("other-ca") || accepted("other-subject");
    match (strangers, any, accepted("good")) {
        (true, false, true) if !accepted("expired") => "optional",
        (true, ..) => "open",
        (false, true, _) => "weak",
        (false, false, true) => "enforced",
        (false, false, false) => "broken",
    }
}

/// Whether what was seen is what was said. Optional certificates are weak, and let strangers in; a
/// host that is open or of which nothing is said lets everybody in.
pub(crate) fn agrees(said: &str, seen: &str) -> bool {
    match said {
        "open" | "none" => ["open", "optional"].contains(&seen),
        "weak" => ["weak", "optional", "open"].contains(&seen),
        other => other == seen,
    }
}

/// The items of a proof. What the gateway itself answers with 404 reaches nobody, and is left out.
pub(crate) fn proof(command: &mut Command) -> anyhow::Result<Vec<Value>> {
    let said = run(command.args(["-o", "json"]), "")?;
    let proof: Value = serde_json::from_str(&said.stdout).with_context(|| said.all())?;
    let items = proof["items"].as_array().context("a proof has items")?;
    let reaches = |item: &&Value| item["status"] != 404;
    Ok(items.iter().filter(reaches).cloned().collect())
}

/// `kubectl-mtls test` of a URL.
pub(crate) fn test(url: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(binary("kubectl-mtls")?);
    command.args(["test", url, "--timeout", "3s"]);
    Ok(command)
}
