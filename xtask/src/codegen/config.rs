//! `docs/reference/config.md`: the fields of a Config, and the defaults that hold where it says nothing.

use std::fmt::Write as _;

use policy::GatewayConfig;
use policy::dialect::{DIALECTS, Dialect};
use policy::settings::Part;

use super::api;

const INTRODUCTION: &str = "# Config

Generated from the types that read it and from the gateways' tables. What a Config is for, and where else settings come from, is in
[what the gateways are told](../settings.md). A document has `apiVersion: kubectl-mtls.github.io/v1alpha1` and `kind: Config`; a
field that is not here is refused.

| field | type | |
|---|---|---|
";

const DEFAULTS: &str = "
## Where nothing is told

What a verdict takes for granted, by gateway. A part that is told is told whole: `args` that do not name an argument say that it
has the controller's default.
";

pub(super) fn text() -> String {
    let mut text = INTRODUCTION.to_owned();
    let list = serde_json::json!({"type": "array", "items": GatewayConfig::schema(),
        "description": "One entry for every controller."});
    api::fields(&list, "gateways", false, &mut text);
    text.push_str(DEFAULTS);
    for dialect in DIALECTS {
        text.push_str(&section(dialect));
    }
    text
}

fn section(dialect: &Dialect) -> String {
    let mut text = format!(
        "\n### {}\n\n`dialect: {}`, usual class `{}`, controller `{}`.\n\n| part | what is assumed |\n|---|---|\n",
        dialect.name, dialect.id, dialect.class, dialect.controller
    );
    for assumption in dialect.assumptions {
        let part = match assumption.part {
            Part::Args => "args",
            Part::Config => "config",
            Part::Version => "version",
        };
        let _ = writeln!(text, "| `{part}` | {} |", assumption.says);
    }
    text
}
