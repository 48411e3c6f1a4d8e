//! The documentation holds together: every link leads somewhere, every page is in the book, and
//! what it points to outside is a list that a person can go through.
#![allow(clippy::unwrap_used)]

mod page;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use page::Page;

/// How files of this repository are named where a relative link would leave the book.
const REPOSITORY: &str = "https://github.com/kubectl-mtls/kubectl-mtls/blob/main/";
const SUMMARY: &str = "docs/SUMMARY.md";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every page by its path from the root.
fn pages() -> BTreeMap<PathBuf, Page> {
    let mut found = Vec::new();
    markdown(Path::new(""), &mut found);
    let page = |path: PathBuf| (path.clone(), Page::read(&root().join(path)));
    found.into_iter().map(page).collect()
}

fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = folder.join(&name);
        if entry.file_type().unwrap().is_dir() {
            if name != "target" && !name.starts_with('.') {
                markdown(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// Where a relative link leads, from the root; `None`: out of the tree.
fn resolved(page: &Path, link: &str) -> Option<PathBuf> {
    let mut path = page.parent()?.to_owned();
    for part in Path::new(link).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::ParentDir if !path.pop() => return None,
            Component::ParentDir | Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(path)
}

/// Why a link is dead, if it is.
fn fault(pages: &BTreeMap<PathBuf, Page>, from: &Path, link: &str) -> Option<String> {
    if let Some(path) = link.strip_prefix(REPOSITORY) {
        let path = path.split('#').next().unwrap_or(path);
        let there = root().join(path).exists();
        return (!there).then(|| "this file is not in the repository".to_owned());
    }
    if external(link) {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => Some(from.to_owned()),
        path => resolved(from, path),
    };
    let Some(target) = target.filter(|target| root().join(target).exists()) else {
        return Some("nothing is there".to_owned());
    };
    if from.starts_with("docs") && !target.starts_with("docs") {
        return Some(format!(
            "it leaves the book: write {REPOSITORY}{}",
            target.display()
        ));
    }
    let known = |page: &Page| anchor.is_empty() || page.anchors.contains(anchor);
    match pages.get(&target).is_none_or(known) {
        true => None,
        false => Some(format!("{} has no heading #{anchor}", target.display())),
    }
}

fn external(link: &str) -> bool {
    ["https://", "http://"]
        .iter()
        .any(|scheme| link.starts_with(scheme))
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let mut dead = Vec::new();
    let mut seen = 0;
    for (path, page) in &pages {
        for (line, link) in &page.links {
            seen += 1;
            if let Some(fault) = fault(&pages, path, link) {
                dead.push(format!("{}:{line}: {link}: {fault}", path.display()));
            }
        }
    }
    assert!(seen > 100, "only {seen} links were found");
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn every_page_is_in_the_book_once() {
    let pages = pages();
    let summary = Path::new(SUMMARY);
    let mut listed: Vec<_> = pages[summary]
        .links
        .iter()
        .map(|(_, link)| resolved(summary, link).unwrap())
        .collect();
    listed.sort();
    let below = |path: &&PathBuf| path.starts_with("docs") && path.as_path() != summary;
    let there: Vec<_> = pages.keys().filter(below).cloned().collect();
    assert_eq!(listed, there);
}

/// The network is not asked: whether an address is still right is for a person to see.
#[test]
fn external_links_are_listed() {
    let file = "tests/docs/external_links.txt";
    let listed = fs::read_to_string(root().join(file)).unwrap();
    let listed: BTreeSet<_> = listed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let pages = pages();
    let links = pages.values().flat_map(|page| &page.links);
    let used: BTreeSet<_> = links
        .map(|(_, link)| link.clone())
        .filter(|link| external(link) && !link.starts_with(REPOSITORY))
        .collect();
    let new: Vec<_> = used.difference(&listed).collect();
    let old: Vec<_> = listed.difference(&used).collect();
    assert!(
        new.is_empty() && old.is_empty(),
        "{file}: look at {new:#?} and add them, take out {old:#?}"
    );
}

#[test]
fn dead_links_are_seen() {
    let pages = pages();
    let from = Path::new("docs/webhook.md");
    let fault = |link: &str| fault(&pages, from, link);
    for good in [
        "rules.md",
        "rules.md#missing-ca",
        "#install",
        "guides/README.md",
    ] {
        assert_eq!(fault(good), None);
    }
    for dead in [
        "absent.md",
        "rules.md#absent",
        "#absent",
        "../README.md",
        "../../elsewhere.md",
    ] {
        assert!(fault(dead).is_some(), "{dead}");
    }
    assert!(fault(&format!("{REPOSITORY}absent")).is_some());
    assert_eq!(fault(&format!("{REPOSITORY}Cargo.toml")), None);
}
