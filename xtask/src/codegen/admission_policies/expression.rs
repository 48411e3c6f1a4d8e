//! A form as an expression in CEL.

use policy::dialect::{Form, Place, Syntax, When};

/// Words as the items of a list.
pub(super) fn words(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    quoted.join(", ")
}

/// The place as a JSON pointer; empty for names.
pub(super) fn place(place: Place) -> String {
    match place {
        Place::Annotation(name) => format!("/metadata/annotations/{}", name.replace('/', "~1")),
        Place::Names(_) => String::new(),
        Place::Text(path) | Place::Number(path) | Place::List(path) | Place::Section(path) => {
            format!("/spec/{}", path.join("/"))
        }
    }
}

/// That an object, of which `root` is the name, breaks a form.
pub(super) fn broken(row: &Syntax, root: &str) -> String {
    let when = row.when.iter().map(|when| holds(*when, root));
    let all: Vec<_> = when.chain([is_broken(row.place, row.form, root)]).collect();
    all.join(" && ")
}

fn annotation(root: &str, name: &str) -> String {
    format!("{root}.metadata.?annotations[?'{name}']")
}

/// A field below `spec`, which may be absent. It is not typed, because the versions of a custom
/// resource have different schemas.
fn below(root: &str, path: &[&str]) -> String {
    format!("dyn({root}).?spec.?{}", path.join(".?"))
}

fn holds(when: When, root: &str) -> String {
    match when {
        When::Says(name) => format!("{}.orValue('').trim() != ''", annotation(root, name)),
        When::Lacks(name) => format!("!{}.hasValue()", annotation(root, name)),
        When::Serves => format!("{root}.spec.?rules.orValue([]).exists(rule, has(rule.http))"),
        When::Not(name, list) => {
            let value = annotation(root, name);
            format!("!({value}.orValue('') in [{}])", words(list))
        }
        When::Has(path) => format!("{}.hasValue()", below(root, path)),
        When::Is(path, list) => {
            format!("{}.orValue('') in [{}]", below(root, path), words(list))
        }
    }
}

fn is_broken(place: Place, form: Form, root: &str) -> String {
    match (place, form) {
        (Place::Annotation(name), Form::NotBlank) => {
            format!("{}.orValue('x').trim() == ''", annotation(root, name))
        }
        (Place::Annotation(name), Form::Absent) => {
            format!("{}.orValue('').trim() != ''", annotation(root, name))
        }
        (Place::Annotation(name), form) => {
            let value = format!("{}.orValue('')", annotation(root, name));
            format!("{value}.trim() != '' && !({})", accepts(form, &value, root))
        }
        (Place::Names(prefix), form) => format!(
            "{root}.metadata.?annotations.orValue({{}}).exists(name, name.startsWith('{prefix}') && \
             !({}))",
            accepts(form, &format!("name.substring({})", prefix.len()), root)
        ),
        (Place::Text(path), form) => {
            let value = format!("{}.orValue('')", below(root, path));
            format!("{value} != '' && !({})", accepts(form, &value, root))
        }
        (Place::Number(path), Form::NotNegative) => {
            format!("{}.orValue(0) < 0", below(root, path))
        }
        (Place::List(path), Form::Present) => {
            format!("{}.orValue([]).size() == 0", below(root, path))
        }
        (Place::List(path), Form::Distinct) => {
            let list = format!("{}.orValue([])", below(root, path));
            format!("!{list}.all(one, {list}.exists_one(other, other == one))")
        }
        (Place::List(path), form) => format!(
            "!{}.orValue([]).all(item, item == '' || {})",
            below(root, path),
            accepts(form, "item", root)
        ),
        (Place::Section(path), _) | (Place::Number(path), _) => {
            format!("!{}.hasValue()", below(root, path))
        }
    }
}

/// That a text is of a form; the same as `Form::accepts` says.
fn accepts(form: Form, text: &str, root: &str) -> String {
    let parts = format!("{text}.trim().split('/')");
    let reference = format!("({parts}.size() == 2 && {parts}.all(part, part != ''))");
    match form {
        Form::OneOf(list) => format!("{text}.trim() in [{}]", words(list)),
        Form::Headed(list) => format!(
            "{text}.split('.')[0].split('[')[0].lowerAscii() in [{}]",
            words(list)
        ),
        Form::True => format!("{text}.lowerAscii() == 'true'"),
        Form::Begins(beginning) => format!("{text}.startsWith('{beginning}')"),
        Form::Reference => reference,
        Form::OwnNamespace => {
            format!("!{reference} || {parts}[0] == {root}.metadata.namespace")
        }
        Form::NotBlank => format!("{text}.trim() != ''"),
        Form::NotNegative => format!("!{text}.matches('^-0*[1-9][0-9]{{0,17}}$')"),
        Form::Qualified(provider) => qualified(text, provider),
        Form::Distinct | Form::Present | Form::Absent => "true".to_owned(),
    }
}

fn qualified(text: &str, provider: &str) -> String {
    let at = format!("{text}.indexOf('@')");
    let name = format!("{text}.substring(0, {at})");
    format!(
        "{at} < 0 ? {text} == 'default' : {text}.substring({at} + 1) != '{provider}' || \
         ({name} != 'default' && !{name}.matches('[/ ]'))"
    )
}
