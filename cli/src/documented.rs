//! Every command line in the documentation is one that the program understands.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::ErrorKind;
use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

use crate::command::Cli;

/// A command line and where it stands.
struct Documented {
    place: String,
    /// In running text a verb may be named without what it needs.
    prose: bool,
    args: Vec<String>,
}

impl Documented {
    fn fault(&self) -> Option<String> {
        let named = std::iter::once("kubectl-mtls").chain(self.args.iter().map(String::as_str));
        let error = Cli::try_parse_from(named).err()?;
        let incomplete = [
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
            ErrorKind::MissingRequiredArgument,
            ErrorKind::MissingSubcommand,
        ];
        let fine = error.kind() == ErrorKind::DisplayHelp
            || self.prose && incomplete.contains(&error.kind());
        (!fine).then(|| format!("{}: {}\n{error}", self.place, self.args.join(" ")))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// Everything that a page says to type.
fn commands(page: &str, text: &str) -> Vec<Documented> {
    let mut found = Vec::new();
    let mut block: Option<bool> = None;
    for (event, place) in Parser::new(text).into_offset_iter() {
        let line = text[..place.start].matches('\n').count() + 1;
        let mut add = |code: &str, prose| {
            let lines = code.replace("\\\n", " ");
            let args = lines.lines().flat_map(invocations);
            found.extend(args.map(|args| Documented {
                place: format!("{page}:{line}"),
                prose,
                args,
            }));
        };
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(kind))) => {
                block = Some(&*kind == "text");
            }
            Event::End(TagEnd::CodeBlock) => block = None,
            Event::Text(code) => match block {
                // What is printed names commands in its own way; what was typed begins with $.
                Some(true) => {
                    let typed = code.lines().filter_map(|line| line.strip_prefix("$ "));
                    typed.for_each(|line| add(line, false));
                }
                Some(false) => add(&code, false),
                None => {}
            },
            Event::Code(code) => add(&code, true),
            _ => {}
        }
    }
    found
}

/// The arguments of every `kubectl mtls` in a line of shell.
fn invocations(line: &str) -> Vec<Vec<String>> {
    if line.trim_start().starts_with('#') {
        return Vec::new();
    }
    let direct = line.trim_start().strip_prefix("kubectl-mtls ");
    let plugin = line.split("kubectl mtls ").skip(1);
    plugin.chain(direct).filter_map(arguments).collect()
}

/// The words up to where the shell goes on; `None` where something is left out.
fn arguments(rest: &str) -> Option<Vec<String>> {
    let substitution = ["<(", "$("];
    let mut plain = String::new();
    let mut depth = 0;
    let mut chars = rest.chars().peekable();
    while let Some(char) = chars.next() {
        let opens = substitution.contains(&&*format!("{char}{}", chars.peek().unwrap_or(&' ')));
        match char {
            _ if opens => {
                chars.next();
                plain.push_str("substituted");
                depth += 1;
            }
            '(' if depth > 0 => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' => break,
            _ if depth > 0 => {}
            char => plain.push(char),
        }
    }
    let ends = |word: &String| {
        ["|", "||", "&&", "&", ";"].contains(&word.as_str())
            || word.starts_with(['>', '<'])
            || word.starts_with("2>")
    };
    let words = shlex::split(&plain).unwrap_or_else(|| panic!("quotes in {rest:?}"));
    let words: Vec<_> = words.into_iter().take_while(|word| !ends(word)).collect();
    let left_out = words.iter().any(|word| word.contains('…'));
    (!words.is_empty() && !left_out).then_some(words)
}

#[test]
fn every_documented_command_is_understood() {
    let mut files = vec![root().join("README.md")];
    pages(&root().join("docs"), &mut files);
    let all: Vec<_> = files
        .iter()
        .flat_map(|path| {
            let name = path.strip_prefix(root()).unwrap();
            commands(
                &name.display().to_string(),
                &fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    assert!(all.len() > 150, "only {} commands were found", all.len());
    let faults: Vec<_> = all.iter().filter_map(Documented::fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_not_understood_is_seen() {
    let faults = |text: &str| -> Vec<bool> {
        let found = commands("page", text);
        found.iter().map(|one| one.fault().is_some()).collect()
    };
    let sh = |line: &str| faults(&format!("```sh\n{line}\n```\n"));
    assert_eq!(sh("kubectl mtls get hosts -A # all"), [false]);
    assert_eq!(sh("kubectl mtls get hosst -A"), [true]);
    assert_eq!(sh("kubectl mtls lint -f a \\\n  --absent"), [true]);
    assert_eq!(sh("source <(kubectl mtls completion bash)"), [false]);
    assert_eq!(
        sh(
            "cat x | kubectl mtls verify - --ca-cert <(cat ca.crt) || kubectl mtls inspect x --absent | cat"
        ),
        [false, true]
    );
    assert_eq!(sh("kubectl mtls curl"), [true]);
    assert_eq!(
        faults("`kubectl mtls curl` calls, `kubectl mtls cull` does not\n"),
        [false, true]
    );
    assert_eq!(
        faults("```text\n$ kubectl mtls gte\nkubectl mtls is fine\n```\n"),
        [true]
    );
}
