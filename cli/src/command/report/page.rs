//! The page: what the template shows, in its order.

mod authorities;
mod findings;
mod hosts;

use askama::Template as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use policy::Verdict;

use super::Content;
use crate::output::printable;
use crate::validity::time;
use authorities::{Authority, authorities};
use findings::{Group, groups};
use hosts::{Section, sections};

const STYLE: &str = include_str!("../../../templates/report.css");

/// What the template shows. Every text from outside has gone through `printable`; the template
/// escapes it for HTML.
#[derive(askama::Template)]
#[template(path = "report.html", whitespace = "minimize")]
struct Page {
    title: String,
    of: String,
    made: String,
    version: &'static str,
    /// The answer in one sentence.
    answer: String,
    hosts: usize,
    sections: Vec<Section>,
    authorities: Vec<Authority>,
    findings: usize,
    silenced: usize,
    groups: Vec<Group>,
    /// What was not seen, and how many verdicts hang on it.
    unseen: Vec<(String, usize)>,
    /// Defaults that verdicts rest on, and how many.
    assumed: Vec<(String, usize)>,
    /// What could not be read.
    broken: Vec<String>,
    style: &'static str,
    style_hash: String,
}

/// Writes the page.
pub(super) fn write(content: &Content<'_>) -> anyhow::Result<String> {
    let report = &content.judged.report;
    let names = |names: Vec<String>| hosts::counted(names.into_iter());
    let unseen = report.hosts.iter().flat_map(|host| host.host.unseen());
    let assumed = report.hosts.iter().flat_map(|host| &host.assumed);
    let broken = content.judged.manifests.broken.iter();
    let page = Page {
        title: printable(content.title),
        of: printable(&content.of),
        made: time(content.now).replace('T', " ").replace('Z', " UTC"),
        version: env!("CARGO_PKG_VERSION"),
        answer: answer(content),
        hosts: report.hosts.len(),
        sections: sections(&report.hosts, content.now),
        authorities: authorities(&report.hosts, content.now),
        findings: content.rows.len(),
        silenced: content.silenced,
        groups: groups(&content.rows),
        unseen: names(unseen.map(printable).collect()),
        assumed: names(assumed.map(|says| printable(says)).collect()),
        broken: broken
            .map(|broken| {
                let line = broken.position.0;
                printable(&format!(
                    "{}, line {line}: {}",
                    broken.place.file(),
                    broken.reason
                ))
            })
            .collect(),
        style: STYLE,
        style_hash: hash(STYLE),
    };
    Ok(page.render()?)
}

/// As a Content-Security-Policy names a style that it allows.
fn hash(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    format!("sha256-{}", STANDARD.encode(digest))
}

/// What one wants to know first.
fn answer(content: &Content<'_>) -> String {
    let report = &content.judged.report;
    let all = report.hosts.len();
    let strangers = report.count(Verdict::Open) + report.count(Verdict::Weak);
    let unknown = report.count(Verdict::Unknown);
    let meant = all - report.count(Verdict::None);
    match (all, strangers, unknown) {
        (0, ..) => "There is no host here.".to_owned(),
        _ if meant == 0 => format!("None of {all} hosts asks for client certificates."),
        (_, 0, 0) => format!(
            "No stranger gets in at any of the {meant} hosts that ask for client certificates."
        ),
        (_, 0, _) => format!(
            "No host is known to let strangers in; for {unknown} of {meant} that ask for client certificates something was not seen."
        ),
        _ => format!(
            "{strangers} of {meant} hosts that ask for client certificates let strangers in all the same."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_cannot_end_itself() {
        // It stands in the page as it is, and its hash is over all of it.
        assert!(!STYLE.contains("</") && !STYLE.contains("url(") && !STYLE.contains("@import"));
        assert_eq!(
            hash(""),
            "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
    }
}
