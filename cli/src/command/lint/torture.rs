//! Manifests that were mutilated at random: whatever stands in a file, reading, judging, telling
//! and mending end, without a panic, and a mended file is mended for good.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use policy::{Facts, Seen, Settings};

use super::{fix, form, ignore, row::rows};
use crate::command::source::Judged;
use crate::manifests::Manifests;

const ROUNDS: usize = 150;

/// What a file may be mutilated with.
const SHARDS: &[&str] = &[
    "\u{feff}",
    "\0",
    "\t",
    "\r\n",
    "---\n",
    "...\n",
    "- ",
    "? ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: *a\n",
    "!!binary ",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "\\",
    "#",
    "%YAML 9\n",
    "on",
    "~",
    "-1",
    "1e999",
    "0x",
    "\u{202e}",
    "ſ",
    "CN=(",
    "CN=((((a+)+)+)+)$",
    "{{ .x }}",
    "${A}",
    "\u{1b}[2J",
    "kind: List\n",
    "items: [*a]\n",
    "spec: x\n",
    "host: 5\n",
];

/// Values of every type and quote.
const VALUES: &[&str] = &[
    "on",
    "'On'",
    "\"true\"",
    "bare-name",
    "shop/ partners",
    "a/b/c",
    "5",
    "~",
    "[]",
    "{}",
    "[5]",
    "{a: b}",
    "'CN=('",
    "'\u{202e}'",
    "\"\\0\"",
    "-1",
    "'*'",
    "*a",
    "&a x",
    "!!str On",
];

/// xorshift64: the same manifests at every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// A place between two characters.
    fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }

    /// Puts another value behind some key, which leaves YAML what it is.
    fn swap(&mut self, text: &mut String) {
        let keys: Vec<_> = text.match_indices(": ").map(|(at, _)| at + 2).collect();
        let Some(at) = keys.get(self.below(keys.len())).copied() else {
            return;
        };
        let value = text[at..].split([',', '}', ']', '\n']).next().unwrap_or("");
        let value = at..at + value.len();
        text.replace_range(value, VALUES[self.below(VALUES.len())]);
    }

    fn mutilate(&mut self, text: &mut String, other: &str) {
        for _ in 0..self.below(4) {
            self.swap(text);
        }
        for _ in 0..self.below(3) {
            let (a, b) = (self.place(text), self.place(text));
            let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 40));
            let to = (from..=to)
                .rev()
                .find(|at| text.is_char_boundary(*at))
                .unwrap();
            match self.below(5) {
                0 => text.replace_range(from..to, ""),
                1 => text.insert_str(from, SHARDS[self.below(SHARDS.len())]),
                2 => text.replace_range(from..to, SHARDS[self.below(SHARDS.len())]),
                3 => {
                    let again = text[from..to].to_owned();
                    text.insert_str(from, &again);
                }
                _ => {
                    let start = self.place(other);
                    text.insert_str(from, &other[start..]);
                }
            }
        }
    }
}

fn fixtures() -> Vec<String> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus");
    let folders = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = folders
        .filter(|path| path.is_dir())
        .flat_map(|folder| {
            fs::read_dir(folder)
                .unwrap()
                .map(|entry| entry.unwrap().path())
        })
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "yaml")
        })
        .collect();
    files.sort();
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap());
    // Certificates are put in there when the fixtures are judged.
    let plain = |text: String| text.replace("\"{{", "\"").replace("}}\"", "\"");
    texts.map(plain).collect()
}

fn judge(manifests: Manifests) -> Judged {
    let mut facts = Facts::new(Settings::default(), Seen::All);
    for manifest in &manifests.objects {
        facts.settings_mut().learn(&manifest.object);
    }
    for manifest in &manifests.objects {
        facts.insert(policy::dialect::read(&manifest.object, &facts.settings));
    }
    Judged {
        report: policy::report(&facts.view(), 1_800_000_000),
        manifests,
    }
}

/// Everything that `lint` does; how many files were mended.
fn lint(text: &str) -> usize {
    let judged = judge(Manifests::of_text(text));
    let mut found = rows(&judged);
    ignore::apply(&judged, &mut found);
    for name in ["human", "json", "yaml", "sarif", "junit", "github"] {
        form::by_name(name).unwrap().write(&found).unwrap();
    }
    let fixed = fix::plan(&judged);
    let mended = fixed.files.len();
    if mended > 0 {
        let again = judge(judged.manifests.with(&fixed.files, "shop"));
        assert!(fix::plan(&again).files.is_empty(), "mended twice: {text}");
    }
    mended
}

#[test]
fn whatever_stands_in_a_file() {
    let fixtures = fixtures();
    assert!(fixtures.len() > 20, "{}", fixtures.len());
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mended: usize = fixtures.iter().map(|text| lint(text)).sum();
    let mut read = 0;
    for _ in 0..ROUNDS {
        let mut text = fixtures[random.below(fixtures.len())].clone();
        let other = random.below(fixtures.len());
        random.mutilate(&mut text, &fixtures[other]);
        read += usize::from(!judge(Manifests::of_text(&text)).report.hosts.is_empty());
        lint(&text);
    }
    // What is only ever broken shows nothing.
    assert!(read > ROUNDS / 4 && mended > 0, "{read} {mended}");
}

#[test]
fn bytes_that_are_no_text_at_all() {
    let mut random = Random(42);
    for length in 0..300 {
        let text: String = (0..length)
            .map(|_| char::from_u32(u32::try_from(random.below(0x300)).unwrap()).unwrap_or('x'))
            .collect();
        lint(&text);
    }
}
