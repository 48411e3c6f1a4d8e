//! Objects of every shape, and the annotations on Ingresses.

use policy::{Facts, Object, ObjectFacts, Report, Seen, Settings, dialect};
use serde_json::{Map, Value, json};

/// The moment of the verdicts, in Unix seconds.
const NOW: i64 = 1_800_000_000;

/// One object or an array of them: read, settled and judged, as files that are all there is and as
/// files that are not.
pub fn policy_check(text: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        return;
    };
    let values = match value {
        Value::Array(values) => values,
        value => vec![value],
    };
    // Both ways in read the same of an object, but for what only files have.
    let read = |value: &Value| {
        let object = Object::from_value(value).ok()?;
        let streamed = Object::from_json(&value.to_string());
        assert!(
            streamed.is_ok() || object.id.kind == "Kustomization",
            "{value}"
        );
        Some(object)
    };
    let objects: Vec<_> = values.iter().filter_map(read).collect();
    for seen in [Seen::All, Seen::Some] {
        judge(&objects, seen);
    }
}

/// Lines `NAME: VALUE`, each an annotation in the words of a gateway; the first byte says whose.
pub fn annotations(text: &[u8]) {
    let Some((which, text)) = text.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let dialects = dialect::DIALECTS;
    let dialect = dialects[usize::from(*which) % dialects.len()];
    let mut annotations = Map::new();
    for line in text.lines() {
        if let Some((name, value)) = line.split_once(": ") {
            let name = match name.contains('/') {
                true => name.to_owned(),
                false => format!("{}{name}", dialect.prefix),
            };
            // A backslash and an n is a line's end: values may have several lines.
            annotations.insert(name, value.replace("\\n", "\n").into());
        }
    }
    let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {"name": "api", "namespace": "shop", "annotations": annotations},
        "spec": {"ingressClassName": dialect.class,
            "tls": [{"hosts": ["a.example"], "secretName": "server"}],
            "rules": [{"host": "a.example", "http": {"paths": [
                {"path": "/", "pathType": "Prefix",
                    "backend": {"service": {"name": "a", "port": {"number": 80}}}}]}}]}});
    let object = Object::from_value(&ingress).expect("it is an Ingress");
    let facts = judge(std::slice::from_ref(&object), Seen::All);
    repair(ingress, facts.object(&object.id).map(|facts| &**facts));
}

/// Reads and judges; what is said of the same objects twice is the same.
fn judge(objects: &[Object], seen: Seen) -> Facts {
    let mut settings = Settings::default();
    objects.iter().for_each(|object| settings.learn(object));
    let mut facts = Facts::new(settings, seen);
    for object in objects {
        facts.learn(object);
        let read = dialect::read(object, &facts.settings);
        facts.insert(read);
    }
    let report = policy::report(&facts.view(), NOW);
    let again = policy::report(&facts.view(), NOW);
    assert_eq!(report.findings, again.findings);
    sound(&report);
    let mut hosts = report.hosts;
    policy::assume(&mut hosts, &facts, &objects.iter().collect::<Vec<_>>(), NOW);
    facts
}

/// A finding tells what is wrong and what to do; a verdict says no more than the doors.
fn sound(report: &Report) {
    for finding in &report.findings {
        assert!(
            !finding.message.is_empty() && !finding.hint.is_empty(),
            "{finding:?}"
        );
        assert!(policy::rule::by_id(finding.rule).is_some(), "{finding:?}");
    }
    let mut keys: Vec<_> = report.findings.iter().map(policy::Finding::key).collect();
    keys.sort();
    let all = keys.len();
    keys.dedup();
    assert_eq!(keys.len(), all, "a finding stands twice");
    for host in &report.hosts {
        assert_eq!(host.verdict, host.host.verdict());
        assert!(host.host.mentioned || !host.host.doors.is_empty());
    }
}

/// What is repaired has a place, and is repaired for good.
fn repair(mut ingress: Value, facts: Option<&ObjectFacts>) {
    let remarks = facts.into_iter().flat_map(|facts| &facts.remarks);
    let repairs: Vec<_> = remarks.filter_map(|remark| remark.repair.clone()).collect();
    for repair in &repairs {
        let place = ingress.pointer_mut(&repair.pointer);
        *place.expect("a repair has a place") = repair.value.clone();
    }
    if repairs.is_empty() {
        return;
    }
    let object = Object::from_value(&ingress).expect("it is still an Ingress");
    let again = dialect::read(&object, &Settings::default());
    for remark in &again.remarks {
        let left = remark.repair.as_ref();
        let twice = left.filter(|left| repairs.iter().any(|done| done.pointer == left.pointer));
        assert_eq!(twice, None, "repaired twice: {ingress}");
    }
}
