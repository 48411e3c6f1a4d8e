//! What a page of Markdown links to, and where one can link to in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// A page.
pub(crate) struct Page {
    /// Line and target of every link and picture.
    pub(crate) links: Vec<(usize, String)>,
    /// The ids of its headings.
    pub(crate) anchors: BTreeSet<String>,
}

impl Page {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Self {
        Self::parse(&fs::read_to_string(path).unwrap())
    }

    fn parse(text: &str) -> Self {
        let mut page = Self {
            links: Vec::new(),
            anchors: BTreeSet::new(),
        };
        let mut heading: Option<String> = None;
        for (event, place) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    page.anchor(&slug(&heading.take().unwrap_or_default()));
                }
                Event::Text(words) | Event::Code(words) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&words);
                    }
                }
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = text[..place.start].matches('\n').count() + 1;
                    page.links.push((line, dest_url.into_string()));
                }
                _ => {}
            }
        }
        page
    }

    /// A heading that comes again gets a number.
    fn anchor(&mut self, slug: &str) {
        let more = (1..).map(|number| format!("{slug}-{number}"));
        let mut names = std::iter::once(slug.to_owned()).chain(more);
        let free = names.find(|name| !self.anchors.contains(name));
        self.anchors.extend(free);
    }
}

/// The id that mdBook and GitHub give a heading.
fn slug(heading: &str) -> String {
    let chars = heading.trim().chars();
    chars
        .filter_map(|char| match char {
            char if char.is_alphanumeric() || char == '-' || char == '_' => {
                Some(char.to_ascii_lowercase())
            }
            char if char.is_whitespace() => Some('-'),
            _ => None,
        })
        .collect()
}

#[test]
fn pages_are_read_as_they_are_shown() {
    let page = Page::parse(
        "# Self-managed (`--cert-mode`, the default)\n\n[a](b.md)\n\n## Twice\n\n## Twice\n\n```sh\n# [no](link)\n```\n\n| ![c](d.svg) |\n|---|\n",
    );
    assert_eq!(
        page.links,
        [(3, "b.md".to_owned()), (13, "d.svg".to_owned())]
    );
    let anchors: Vec<_> = page.anchors.iter().map(String::as_str).collect();
    assert_eq!(
        anchors,
        ["self-managed---cert-mode-the-default", "twice", "twice-1"]
    );
}
