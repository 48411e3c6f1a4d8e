//! `explain`.

use policy::rule::{RULES, Rule, by_id};
use serde_json::json;

use crate::output::{self, Format};
use crate::problem::Problem;

/// Explain a rule: what is wrong, why it matters, what to do
#[derive(clap::Args)]
#[command(after_help = "Examples:
  # One rule
  kubectl mtls explain missing-ca
  # All rules, a line each
  kubectl mtls explain")]
pub(crate) struct Args {
    /// The rule's id; without it all are listed
    rule: Option<String>,
    /// Output format: human, json or yaml
    #[arg(short, long, default_value = "human")]
    output: Format,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<u8> {
    let Some(id) = &args.rule else {
        let list: String = RULES
            .iter()
            .map(|rule| format!("{:24}{}\n", rule.id, rule.summary))
            .collect();
        let items: Vec<_> = RULES.iter().map(|rule| value(rule)).collect();
        output::story(
            args.output,
            &json!({"schemaVersion": 1, "items": items}),
            24,
            || list,
        )?;
        return Ok(0);
    };
    let rule = by_id(id).ok_or_else(|| {
        Problem::usage(format!("there is no rule {id:?}"))
            .hint("`kubectl mtls explain` lists the rules")
    })?;
    output::story(args.output, &value(rule), 0, || {
        format!(
            "{}: {}\n\n{}\n\n{}\n",
            rule.id, rule.summary, rule.why, rule.remedy
        )
    })?;
    Ok(0)
}

fn value(rule: &Rule) -> serde_json::Value {
    json!({"schemaVersion": 1, "rule": rule.id, "summary": rule.summary, "why": rule.why,
        "remedy": rule.remedy})
}
