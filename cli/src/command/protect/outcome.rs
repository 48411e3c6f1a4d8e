//! What came of it: the verdict of each host, who else opens it, and the command that ends that.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::dialect::{Removal, argument};
use policy::rule;
use policy::{Admits, Door, HostReport, Mode, ObjectRef, Report, Severity, Verdict};

use super::Args;
use crate::globals::DryRun;
use crate::problem::say;

/// The rule whose remedy closes plain HTTP.
const PLAIN: &str = "plaintext-bypass";

/// A field that is gone, or ought to go.
pub(super) fn say_removal(removal: &Removal, dry_run: DryRun) {
    let Removal { object, field, why } = removal;
    match dry_run {
        DryRun::None => say(
            "note",
            &format!("spec.{field} is taken out of {object}: {why}"),
        ),
        DryRun::Client | DryRun::Server => {
            let kind = object.kind.to_lowercase();
            let text = format!(
                "spec.{field} of {object} has to go ({why}): `kubectl patch {kind} {} -n {} \
                 --type=merge -p '{}'`",
                object.name,
                object.namespace,
                removal.patch()
            );
            say("note", &text);
        }
    }
}

/// What each host of the objects is now, and why where it is not as asked for; whether there is
/// an error among the reasons.
pub(super) fn say_verdicts(
    args: &Args,
    touched: &BTreeSet<Arc<ObjectRef>>,
    report: &Report,
) -> bool {
    let mut failed = false;
    let is = match args.dry_run {
        DryRun::None => "is",
        DryRun::Client | DryRun::Server => "would be",
    };
    let mut told = BTreeSet::new();
    let hosts = report.hosts.iter().filter(|report| {
        let objects = &report.host.rests_on;
        touched.iter().any(|object| objects.contains(object))
    });
    for report in hosts {
        let name = &report.host.key.host;
        if args
            .except
            .iter()
            .any(|except| except.eq_ignore_ascii_case(name))
        {
            say("note", &format!("host {name} {is} excepted"));
            continue;
        }
        let optional = args.mode == Mode::Optional && report.verdict == Verdict::Weak;
        let as_asked = match optional {
            true => openings(report).is_empty(),
            false => report.verdict == Verdict::Enforced,
        };
        let why = match as_asked && optional {
            true => ": certificates are optional, as asked",
            false => "",
        };
        say("note", &format!("host {name} {is} {}{why}", report.verdict));
        if !as_asked {
            explain(args, touched, report, &mut told);
            let mut findings = report.findings.iter();
            failed |= findings.any(|finding| finding.severity == Severity::Error);
        }
    }
    failed
}

/// The doors through which a client comes that shows nothing.
fn openings(report: &HostReport) -> Vec<&Door> {
    let doors = report.host.doors.iter();
    doors
        .filter(|door| door.admits == Admits::Everyone)
        .collect()
}

fn explain(
    args: &Args,
    touched: &BTreeSet<Arc<ObjectRef>>,
    report: &HostReport,
    told: &mut BTreeSet<String>,
) {
    let mut once = |what: &str, text: String| {
        if told.insert(text.clone()) {
            say(what, &text);
        }
    };
    for what in report.host.unseen() {
        once(
            "note",
            format!("{what} was not seen, and could change the answer"),
        );
    }
    for door in openings(report) {
        let object = &door.site.object;
        let plain = if door.plain { " without TLS" } else { "" };
        once(
            "warning",
            format!(
                "{object} still opens {} on {}{plain}",
                report.host.key.host, door.entry
            ),
        );
        if let (true, Some(rule)) = (door.plain, rule::by_id(PLAIN)) {
            once("hint", rule.remedy.to_owned());
        }
        // One that has been protected is opened by another.
        if let (false, false, Some(route)) =
            (door.plain, touched.contains(object), argument(object))
        {
            let whole = match touched.iter().any(|own| own.namespace == object.namespace) {
                true => "; --whole-host protects all of its namespace at once",
                false => "",
            };
            once(
                "hint",
                format!(
                    "`kubectl mtls protect {route} --trust {}`{whole}",
                    args.trust
                ),
            );
        }
    }
    for finding in &report.findings {
        once(
            &finding.severity.to_string(),
            format!("{}: {}", finding.rule, finding.message),
        );
        once("hint", finding.hint.clone());
    }
}
