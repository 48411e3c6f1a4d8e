//! `report`: the page as a parser of HTML reads it, which is what the standard says.

use std::collections::BTreeSet;

use html5ever::tendril::TendrilSink as _;
use markup5ever_rcdom::{Handle, NodeData, RcDom};

use crate::mtls;

/// The elements that the page is made of; none of them fetches or runs anything.
const ELEMENTS: &str = "a article b bdi body caption code details h1 h2 h3 head header html i li \
    main meta p section span strong style summary table tbody td th thead title tr ul";
/// The attributes that the page uses; none of them runs anything, and `style` would be against the
/// page's own policy.
const ATTRIBUTES: &str = "aria-hidden aria-labelledby charset class content dir href http-equiv id \
    lang name open scope";

struct Element {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The elements in their order, and what the parser had to put right.
fn read(page: &str) -> (Vec<Element>, Vec<String>) {
    let dom = html5ever::parse_document(RcDom::default(), Default::default()).one(page);
    let mut elements = Vec::new();
    walk(&dom.document, &mut elements);
    let errors = dom.errors.take().iter().map(ToString::to_string).collect();
    (elements, errors)
}

fn walk(node: &Handle, elements: &mut Vec<Element>) {
    if let NodeData::Element { name, attrs, .. } = &node.data {
        let attributes = attrs.borrow();
        let attributes = attributes.iter();
        elements.push(Element {
            name: name.local.to_string(),
            attributes: attributes
                .map(|own| (own.name.local.to_string(), own.value.to_string()))
                .collect(),
        });
    }
    for child in node.children.borrow().iter() {
        walk(child, elements);
    }
}

/// Whatever is wrong with a page.
fn faults(page: &str) -> Vec<String> {
    let (elements, mut faults) = read(page);
    let count = |name: &str| elements.iter().filter(|own| own.name == name).count();
    for name in ["h1", "title", "main", "style"] {
        if count(name) != 1 {
            faults.push(format!("{} elements {name}", count(name)));
        }
    }
    if count("table") != count("caption") {
        faults.push("a table without a caption".to_owned());
    }
    faults.extend(elements.iter().flat_map(of_element));
    faults.extend(of_names(&elements));
    faults.extend(of_headings(&elements));
    faults
}

/// What is not allowed, and header cells of which a screen reader does not know what they head.
fn of_element(element: &Element) -> Vec<String> {
    let mut faults = Vec::new();
    let name = &element.name;
    if !ELEMENTS.split_whitespace().any(|allowed| allowed == name) {
        faults.push(format!("element {name}"));
    }
    for (attribute, value) in &element.attributes {
        let mut allowed = ATTRIBUTES.split_whitespace();
        if !allowed.any(|allowed| allowed == attribute) {
            faults.push(format!("attribute {attribute}=\"{value}\""));
        }
        if attribute == "href" && !value.starts_with('#') {
            faults.push(format!("a link away from the page: {value}"));
        }
        if attribute == "http-equiv" && value != "Content-Security-Policy" {
            faults.push(format!("http-equiv {value}"));
        }
    }
    if name == "th" && !matches!(element.get("scope"), Some("col" | "row")) {
        faults.push("a th without scope".to_owned());
    }
    faults
}

/// Every id stands once, and what refers to one finds it.
fn of_names(elements: &[Element]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut ids = BTreeSet::new();
    for id in elements.iter().filter_map(|own| own.get("id")) {
        if !ids.insert(id) {
            faults.push(format!("the id {id} stands twice"));
        }
    }
    for element in elements {
        let link = element.get("href").map(|link| link.trim_start_matches('#'));
        for id in [link, element.get("aria-labelledby")].into_iter().flatten() {
            if !ids.contains(id) {
                faults.push(format!("no element has the id {id}"));
            }
        }
    }
    faults
}

/// No level of headings is left out.
fn of_headings(elements: &[Element]) -> Vec<String> {
    let levels = elements.iter().filter_map(|own| own.name.strip_prefix('h'));
    let levels: Vec<u8> = levels.filter_map(|level| level.parse().ok()).collect();
    let jumps = levels.windows(2).filter(|pair| pair[1] > pair[0] + 1);
    jumps
        .map(|pair| format!("h{} after h{}", pair[1], pair[0]))
        .collect()
}

fn report(manifests: &str, title: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let args = ["report", "-f", "-", "--complete", "--title", title];
    let said = mtls(folder.path(), &args, manifests);
    assert!(
        said.stdout.trim_end().ends_with("</html>"),
        "{}",
        said.stderr
    );
    said.stdout
}

/// A route behind a real CA, one behind what was not seen, one that asks for nothing, and a
/// document that cannot be read.
fn manifests() -> String {
    let ca =
        include_str!("../../../policy/tests/certificates/isrg-root-x2.pem").replace('\n', "\\n");
    let route = |name: &str, host: &str, annotation: &str| {
        format!(
            r#"---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: {name}, namespace: shop, annotations: {{{annotation}}}}}
spec:
  ingressClassName: nginx
  tls: [{{hosts: ["{host}"], secretName: server}}]
  rules: [{{host: "{host}", http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}}}]
"#
        )
    };
    let key = "nginx.ingress.kubernetes.io/auth-tls-secret";
    [
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: ca, namespace: shop}}\nstringData: {{ca.crt: \"{ca}\"}}\n"
        ),
        route("good", "a.example", &format!("{key}: shop/ca")),
        route("lost", "b.example", &format!("{key}: shop/gone")),
        route("bare", "c.example", ""),
        route("bad", "d.example", &format!("{key}: \"<script>alert(1)</script>\\\" onload=x\"")),
        "---\na: [\n".to_owned(),
    ]
    .concat()
}

#[test]
fn the_page_is_what_the_standard_says() {
    let full = report(&manifests(), "Client certificates");
    let (elements, _) = read(&full);
    let count = |name: &str| elements.iter().filter(|own| own.name == name).count();
    assert!(count("table") >= 3 && count("article") >= 2, "{full}");
    let empty = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    for page in [
        full,
        report(empty, "Nothing"),
        report(
            &manifests(),
            "</title><script src=http://a.example/x></script><h1 onclick=x>",
        ),
    ] {
        assert_eq!(faults(&page), Vec::<String>::new(), "{page}");
    }
}

#[test]
fn what_is_wrong_with_a_page_is_seen() {
    let page = report(&manifests(), "Client certificates");
    for (from, to, fault) in [
        ("</h1>", "</h2>", "Closing wrong heading"),
        ("<!DOCTYPE html>", "", "Unexpected token"),
        ("<main>", "<main><h1>more</h1>", "2 elements h1"),
        ("<main>", "<main><script>1</script>", "element script"),
        (
            "<main>",
            "<main><img src=\"http://a.example/x\">",
            "element img",
        ),
        ("<main>", "<main onclick=\"x\">", "attribute onclick"),
        ("<main>", "<main style=\"color: red\">", "attribute style"),
        (
            "<main>",
            "<main><a href=\"//a.example\">a</a>",
            "a link away",
        ),
        ("<main>", "<main id=\"cas\">", "the id cas stands twice"),
        ("href=\"#", "href=\"#x-", "no element has the id x-"),
        ("scope=\"row\"", "", "a th without scope"),
        ("<caption>", "<p>", "a table without a caption"),
        ("<h2 id", "<h3 id", "h3 after h1"),
        ("Content-Security-Policy", "refresh", "http-equiv refresh"),
    ] {
        let bait = page.replacen(from, to, 1);
        assert_ne!(bait, page, "{from}");
        let seen = faults(&bait);
        assert!(
            seen.iter().any(|seen| seen.contains(fault)),
            "{fault}: {seen:?}"
        );
    }
}
