//! What the API server refuses by itself, by the shipped admission policies, with no webhook.

mod examples;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use policy::dialect::{DIALECTS, Syntax};
use policy::{Facts, Harm, Object, Seen, Settings, Severity};
use serde_json::Value;
use tests::corpus::{Certificates, fixtures};
use tests::wait_until;

use crate::requests::{Answer, create_dry};
use crate::{applied, cluster};
use examples::{CLASSES, NAMESPACE, examples, variations};

/// How the policies under test are called, so that others may install the shipped ones.
const OWN: &str = ".by-policies.test";

/// The shipped policies for namespaces with a label alone, enforced for sure.
fn install() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../manifests/admission-policies.yaml");
    let shipped = std::fs::read_to_string(path).unwrap();
    let selected = shipped.replace(
        "    namespaceSelector:\n",
        "    namespaceSelector:\n      matchLabels: {policies: enforced}\n",
    );
    assert_ne!(selected, shipped);
    let selected = selected.replace(".kubectl-mtls.github.io\n", &format!("{OWN}\n"));
    applied(&format!(
        "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {NAMESPACE}, labels: {{policies: enforced}}}}\n---\n{}",
        examples::classes()
    ));
    applied(&selected);
    let bad: Vec<_> = examples().into_iter().map(|one| one.bad).collect();
    wait_until("enforced policies", Duration::from_secs(60), || {
        let answers = create_dry(cluster(), &bad)?;
        let admitted = answers.iter().position(|answer| answer.says.is_empty());
        ensure!(
            admitted.is_none(),
            "nothing is said of {}",
            bad[admitted.unwrap_or_default()]
        );
        Ok(())
    })
    .unwrap();
}

/// The policies whose expressions do not fit the schemas, with what the API server says.
fn ill_typed() -> Vec<String> {
    let listed = cluster()
        .must(&["get", "validatingadmissionpolicies", "-o", "json"])
        .unwrap();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let items = listed["items"].as_array().unwrap().iter();
    let warned =
        items.filter(|item| !item["status"]["typeChecking"]["expressionWarnings"].is_null());
    warned
        .map(|item| format!("{}: {}", item["metadata"]["name"], item["status"]))
        .collect()
}

fn checked() -> anyhow::Result<()> {
    let generations = cluster().must(&[
        "get",
        "validatingadmissionpolicies",
        "-o",
        "jsonpath={range .items[*]}{.metadata.generation}={.status.observedGeneration} {end}",
    ])?;
    let behind = generations
        .split_whitespace()
        .find(|pair| pair.split_once('=').is_none_or(|(one, other)| one != other));
    ensure!(behind.is_none(), "not checked yet: {generations}");
    Ok(())
}

fn rows() -> impl Iterator<Item = (&'static str, &'static Syntax)> {
    let of = |dialect: &&'static policy::dialect::Dialect| {
        let id = dialect.id;
        dialect.syntax.iter().map(move |row| (id, row))
    };
    DIALECTS.iter().flat_map(of)
}

/// What the table of forms says of an object: the rules that refuse it, and those that warn.
fn told(object: &Object) -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
    let broken = rows().filter(|(dialect, row)| {
        row.is_broken_by(object, |class| CLASSES.contains(&(class, dialect)))
    });
    let (warns, refuses): (Vec<_>, Vec<_>) =
        broken.partition(|(_, row)| row.harm == Harm::Harmless);
    let rules = |rows: Vec<(&str, &'static Syntax)>| rows.iter().map(|(_, row)| row.rule).collect();
    (rules(refuses), rules(warns))
}

/// The errors that `policy` finds in an object that stands alone.
fn errors(object: &Object) -> BTreeSet<&'static str> {
    let mut settings = Settings::default();
    for (class, dialect) in CLASSES {
        let controller = policy::dialect::by_id(dialect).unwrap().controller;
        let (class, controller) = ((*class).to_owned(), controller.to_owned());
        settings.classes.insert(class, controller);
    }
    let mut facts = Facts::new(settings, Seen::All);
    let read = policy::dialect::read(object, &facts.settings);
    facts.insert(read);
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let found = policy::report(&facts.view(), now).findings.into_iter();
    found
        .filter(|finding| finding.severity == Severity::Error && *finding.object() == object.id)
        .map(|finding| finding.rule)
        .collect()
}

/// The objects of the fixtures that some policy is about.
fn of_the_corpus() -> Vec<Value> {
    let all = fixtures(&Certificates::make().unwrap()).unwrap();
    let texts = all.iter().filter(|fixture| !fixture.files_only);
    let documents = texts.flat_map(|fixture| fixture.text.split("---\n"));
    let values = documents.map(|text| {
        let text = text
            .replace("shop", NAMESPACE)
            .replace(
                "ingressClassName: nginx\n",
                "ingressClassName: nginx-policies\n",
            )
            .replace(
                "ingressClassName: traefik\n",
                "ingressClassName: traefik-policies\n",
            );
        serde_saphyr::from_str::<Value>(&text).unwrap()
    });
    let kinds: BTreeSet<_> = rows()
        .flat_map(|(_, row)| row.kinds.iter().map(|kind| kind.kind))
        .collect();
    let concerned = values.filter(|value| {
        let here = value["metadata"]["namespace"] == NAMESPACE;
        here && value["kind"]
            .as_str()
            .is_some_and(|kind| kinds.contains(kind))
    });
    concerned.collect()
}

#[track_caller]
fn agrees(value: &Value, answer: &Answer) {
    let object = Object::from_value(value).unwrap();
    let (refuses, warns) = told(&object);
    assert_eq!(answer.refused, !refuses.is_empty(), "{value}: {answer:?}");
    let missing = warns
        .iter()
        .find(|rule| !answer.refused && !answer.says.contains(*rule));
    assert_eq!(missing, None, "{value}: {answer:?}");
    let errors = errors(&object);
    assert!(
        refuses.is_subset(&errors),
        "{value} is refused for {refuses:?}, but policy says {errors:?}"
    );
}

#[test]
fn the_api_server_refuses_by_itself_what_one_object_shows() {
    install();
    wait_until("checked types", Duration::from_secs(30), checked).unwrap();
    assert_eq!(ill_typed(), Vec::<String>::new());
    every_row_refuses_its_example();
    old_sins_do_not_count();
    a_class_can_be_left_out();
    big_objects_pass();
    let objects = [of_the_corpus(), variations()].concat();
    let answers = create_dry(cluster(), &objects).unwrap();
    let refused = answers.iter().filter(|answer| answer.refused).count();
    tests::say(&format!(
        "policies: {} objects, {refused} refused",
        objects.len()
    ));
    assert!(refused > 100 && objects.len() - refused > 200);
    for (object, answer) in objects.iter().zip(&answers) {
        agrees(object, answer);
    }
}

fn every_row_refuses_its_example() {
    let examples = examples();
    let shown: BTreeSet<_> = examples.iter().map(|one| (one.dialect, one.row)).collect();
    let known: BTreeSet<_> = rows().map(|(dialect, row)| (dialect, row.id)).collect();
    assert_eq!(shown, known);
    let bad: Vec<_> = examples.iter().map(|one| one.bad.clone()).collect();
    let good: Vec<_> = examples.iter().map(|one| one.good.clone()).collect();
    let answers = create_dry(cluster(), &[bad, good].concat()).unwrap();
    let (bad, good) = answers.split_at(examples.len());
    for ((one, bad), good) in examples.iter().zip(bad).zip(good) {
        let id = (one.dialect, one.row);
        let (_, row) = rows()
            .find(|(dialect, row)| (*dialect, row.id) == id)
            .unwrap();
        assert_eq!(bad.refused, row.harm != Harm::Harmless, "{id:?}: {bad:?}");
        // The CRD itself lists the types.
        let says = if row.id == "client-auth-type" {
            "Unsupported value"
        } else {
            row.rule
        };
        assert!(bad.says.contains(says), "{id:?}: {bad:?}");
        assert!(
            !good.refused && !good.says.contains(row.rule),
            "{id:?}: {good:?}"
        );
    }
}

/// What was bad before the policies came is edited freely; what was good does not become bad.
fn old_sins_do_not_count() {
    let label = |value: &str| {
        let label = format!("policies={value}");
        cluster()
            .must(&["label", "--overwrite", "namespace", NAMESPACE, &label])
            .unwrap();
    };
    let bad = examples::ingress("old", &[("auth-tls-secret", "a/b/c")]);
    let own = format!("{NAMESPACE}/ca");
    let good = examples::ingress("new", &[("auth-tls-secret", &own)]);
    label("off");
    wait_until(
        "a namespace without policies",
        Duration::from_secs(30),
        || {
            let output = cluster().apply(&bad.to_string())?;
            ensure!(output.success, "{}", output.all());
            Ok(())
        },
    )
    .unwrap();
    applied(&good.to_string());
    label("enforced");
    let patch = |name: &str, value: &str| {
        let patch = format!(
            "{{\"metadata\":{{\"annotations\":{{\"nginx.ingress.kubernetes.io/auth-tls-secret\":{value:?}}}}}}}"
        );
        cluster()
            .kubectl(&["patch", "ingress", name, "-n", NAMESPACE, "-p", &patch])
            .unwrap()
    };
    wait_until("a namespace with policies", Duration::from_secs(30), || {
        let output = patch("new", "a/b/c");
        ensure!(
            !output.success && output.stderr.contains("malformed-ca-reference"),
            "{}",
            output.all()
        );
        Ok(())
    })
    .unwrap();
    for edit in [["label", "x=y"], ["annotate", "x=y"]] {
        let [verb, what] = edit;
        cluster()
            .must(&[verb, "ingress", "old", "-n", NAMESPACE, what])
            .unwrap();
    }
    let other = patch("old", "d/e/f");
    assert!(other.success, "{}", other.all());
    assert!(patch("old", &own).success);
    assert!(!patch("old", "a/b/c").success);
}

fn a_class_can_be_left_out() {
    let value = &examples::ingress("x", &[("auth-tls-secret", "elsewhere/ca")]);
    let answer = |value: &Value| {
        create_dry(cluster(), std::slice::from_ref(value))
            .unwrap()
            .remove(0)
    };
    assert!(answer(value).refused);
    let mut other = value.clone();
    other["spec"]["ingressClassName"] = "crossing-policies".into();
    assert!(!answer(&other).refused);
    other["metadata"]["annotations"]["nginx.ingress.kubernetes.io/auth-tls-secret"] =
        "a/b/c".into();
    assert!(
        answer(&other).refused,
        "only what the class is told is left out"
    );
    other["spec"]["ingressClassName"] = "haproxy-policies".into();
    assert!(!answer(&other).refused, "another controller's class");
}

/// An object near the limits of annotations and size is not refused for the cost of judging it.
fn big_objects_pass() {
    let own = format!("{NAMESPACE}/ca");
    let mut value = examples::ingress("big", &[("auth-tls-secret", &own)]);
    value["metadata"]["annotations"]["note"] = "x".repeat(200 * 1024).into();
    let rule = value["spec"]["rules"][0].clone();
    let rules = (0..3000).map(|at| {
        let mut rule = rule.clone();
        rule["host"] = format!("h{at}.{NAMESPACE}.example.com").into();
        rule
    });
    value["spec"]["rules"] = rules.collect();
    let mut long = value.clone();
    long["metadata"]["annotations"]["note"] = "".into();
    long["metadata"]["annotations"]["nginx.ingress.kubernetes.io/auth-tls-match-cn"] =
        format!("CN={}", "a|".repeat(100 * 1024)).into();
    let answers = create_dry(cluster(), &[value, long]).unwrap();
    for answer in answers {
        assert!(!answer.refused, "{answer:?}");
    }
}
