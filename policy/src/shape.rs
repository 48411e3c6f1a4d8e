//! Types that the API server demands of the fields that decide. What is of another type is read
//! as if it were absent, and said.

use serde_json::Value;

use crate::dialect::{INGRESS, kind_of};
use crate::object::{ObjectRef, Unreadable, at};

/// What a field must be.
#[derive(Clone, Copy)]
enum Type {
    List,
    Mapping,
    Text,
}

/// The fields of an Ingress (`networking.k8s.io/v1`, `staging/src/k8s.io/api/networking/v1/types.go`);
/// `*` stands for every item.
const INGRESS_FIELDS: &[(&str, Type)] = &[
    ("ingressClassName", Type::Text),
    ("defaultBackend", Type::Mapping),
    ("rules", Type::List),
    ("rules/*", Type::Mapping),
    ("rules/*/host", Type::Text),
    ("rules/*/http", Type::Mapping),
    ("rules/*/http/paths", Type::List),
    ("rules/*/http/paths/*", Type::Mapping),
    ("rules/*/http/paths/*/path", Type::Text),
    ("tls", Type::List),
    ("tls/*", Type::Mapping),
    ("tls/*/hosts", Type::List),
    ("tls/*/hosts/*", Type::Text),
    ("tls/*/secretName", Type::Text),
];

/// The fields of `spec` whose type is refused.
pub(crate) fn misfits(id: &ObjectRef, spec: &Value) -> Vec<Unreadable> {
    let mut misfits = Vec::new();
    if kind_of(id).is_none() || spec.is_null() {
        return misfits;
    }
    check(
        &vec![Step::Field("spec")],
        spec,
        Type::Mapping,
        &mut misfits,
    );
    if INGRESS.is(id) {
        for (path, wanted) in INGRESS_FIELDS {
            let steps: Vec<_> = path.split('/').collect();
            let mut place = vec![Step::Field("spec")];
            walk(&mut place, spec, &steps, *wanted, &mut misfits);
        }
    }
    misfits
}

/// The steps to a value; only what is wrong gets a pointer written out.
type Place<'a> = Vec<Step<'a>>;

enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

fn pointer(place: &Place<'_>) -> String {
    let steps = place.iter().map(|step| match step {
        Step::Field(name) => format!("/{name}"),
        Step::Item(number) => format!("/{number}"),
    });
    steps.collect()
}

fn walk<'a>(
    place: &mut Place<'a>,
    value: &Value,
    steps: &[&'a str],
    wanted: Type,
    misfits: &mut Vec<Unreadable>,
) {
    match steps {
        [] => check(place, value, wanted, misfits),
        ["*", rest @ ..] => {
            let items = value.as_array().map_or(&[][..], Vec::as_slice);
            for (number, item) in items.iter().enumerate() {
                place.push(Step::Item(number));
                walk(place, item, rest, wanted, misfits);
                place.pop();
            }
        }
        [name, rest @ ..] => {
            if let Some(field) = value.get(name) {
                place.push(Step::Field(name));
                walk(place, field, rest, wanted, misfits);
                place.pop();
            }
        }
    }
}

fn check(place: &Place<'_>, value: &Value, wanted: Type, misfits: &mut Vec<Unreadable>) {
    let (fits, reason) = match wanted {
        Type::List => (value.is_array(), "is not a list; the API server refuses it"),
        Type::Mapping => (
            value.is_object(),
            "is not a mapping; the API server refuses it",
        ),
        Type::Text => (
            value.is_string(),
            "is not a string; the API server refuses it: put it in quotes",
        ),
    };
    if !fits && !value.is_null() {
        misfits.push(at(&pointer(place), reason));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::Object;
    use serde_json::{Value, json};

    fn odd(spec: &Value) -> Vec<String> {
        let ingress = json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {"name": "a"}, "spec": spec});
        let object = Object::from_value(&ingress).unwrap();
        let pointers = object.oddities.into_iter().map(|oddity| oddity.pointer);
        pointers.collect()
    }

    #[test]
    fn a_wrong_type_is_found_where_it_stands() {
        assert_eq!(odd(&json!("x")), ["/spec"]);
        assert_eq!(odd(&json!({"rules": {}})), ["/spec/rules"]);
        assert_eq!(
            odd(&json!({"rules": [{"host": "a"}, {"host": 5}], "tls": [{"hosts": [true]}]})),
            ["/spec/rules/1/host", "/spec/tls/0/hosts/0"]
        );
    }

    #[test]
    fn what_is_right_or_absent_is_not() {
        let right = json!({"ingressClassName": "n", "tls": [{"hosts": ["a"], "secretName": null}],
            "rules": [{"host": "a", "http": {"paths": [{"path": "/"}]}}, {"http": null}]});
        assert!(odd(&right).is_empty() && odd(&Value::Null).is_empty());
    }
}
