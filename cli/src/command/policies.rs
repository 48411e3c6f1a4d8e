//! The policies of a host, as `get hosts` and `describe host` show them.

use policy::HostReport;
use policy::client_auth_policy::{Applied, Spared};
use serde_json::{Value, json};

use crate::validity::{now, time};

/// One for each policy that matches the host.
pub(super) fn rows(report: &HostReport) -> Vec<Value> {
    let row = |applied: &Applied| {
        let exception = match &applied.spared {
            Spared::By(exception) => Some(exception.name()),
            Spared::No | Spared::NoLonger(_) => None,
        };
        json!({"name": applied.policy.name(), "exception": exception, "met": is_met(report, applied)})
    };
    report.host.policies.iter().map(row).collect()
}

/// The same as text.
pub(super) fn texts(report: &HostReport) -> Vec<String> {
    let text = |applied: &Applied| {
        let name = applied.policy.name();
        match (&applied.spared, is_met(report, applied)) {
            (Spared::By(exception), _) => {
                let (exception, end) = (exception.name(), time(exception.end));
                format!("{name}: does not hold here until {end} (exception {exception})")
            }
            (_, true) => format!("{name}: met"),
            (_, false) => format!("{name}: not met"),
        }
    };
    report.host.policies.iter().map(text).collect()
}

fn is_met(report: &HostReport, applied: &Applied) -> bool {
    report.host.shortfalls(applied, now()).is_empty()
}
