//! Bytes to text, and text to documents.

use std::io::{self, Read};

use serde::de::IgnoredAny;

/// A longer file is not read.
const LONGEST: u64 = 256 * 1024 * 1024;

/// Why a file cannot be read.
pub(super) struct Fault {
    /// Line and column, from 1.
    pub(super) position: (usize, usize),
    /// What is wrong.
    pub(super) reason: String,
    /// What to do.
    pub(super) hint: &'static str,
}

impl Fault {
    /// The file system says no.
    pub(super) fn io(error: &io::Error) -> Self {
        Self {
            position: (1, 1),
            reason: format!("cannot be read: {error}"),
            hint: "check that the file exists and who may read it",
        }
    }
}

/// Reads a file whole.
pub(super) fn read(file: impl Read) -> Result<String, Fault> {
    let mut bytes = Vec::new();
    let read = file.take(LONGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| Fault::io(&error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LONGEST {
        return Err(Fault {
            position: (1, 1),
            reason: "is longer than 256 MiB, and is not read".to_owned(),
            hint: "split it, or leave it out",
        });
    }
    decode(bytes)
}

fn decode(bytes: Vec<u8>) -> Result<String, Fault> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Fault {
            position: (1, 1),
            reason: "is UTF-16, not UTF-8".to_owned(),
            hint: "save it as UTF-8; Windows PowerShell writes UTF-16 with >: use Out-File -Encoding utf8",
        });
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Fault {
            position: position(&bytes, at),
            reason: "has a NUL byte, so it is no text".to_owned(),
            hint: "take it out of the folder, or save it as UTF-8 text",
        });
    }
    String::from_utf8(bytes).map_err(|error| Fault {
        position: position(error.as_bytes(), error.utf8_error().valid_up_to()),
        reason: "is not UTF-8".to_owned(),
        hint: "save it as UTF-8",
    })
}

/// Line and column, from 1, of a byte.
fn position(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = &bytes[..at];
    let line_start = before.iter().rposition(|byte| *byte == b'\n');
    let line_start = line_start.map_or(0, |newline| newline + 1);
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(&before[line_start..])
        .chars()
        .count()
        + 1;
    (line, column)
}

/// Start, end, and line (from 0) of each document. They are split at lines of `---`, as kubectl
/// does; JSON objects may follow each other without.
pub(super) fn documents(text: &str) -> Vec<(usize, usize, usize)> {
    let mut documents = Vec::new();
    let (mut start, mut first_line, mut at) = (0, 0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let separator = line.strip_prefix("---").map(str::trim);
        if separator.is_some_and(|rest| rest.is_empty() || rest.starts_with('#')) {
            push(text, start, at, first_line, &mut documents);
            start = at + line.len();
            first_line = number + 1;
        }
        at += line.len();
    }
    push(text, start, text.len(), first_line, &mut documents);
    documents
}

fn push(
    text: &str,
    start: usize,
    end: usize,
    line: usize,
    documents: &mut Vec<(usize, usize, usize)>,
) {
    let whole = &text[start..end];
    if is_preface(whole) {
        return;
    }
    let objects = match whole.trim_start().starts_with('{') {
        true => objects(whole),
        false => Vec::new(),
    };
    if objects.len() < 2 {
        documents.push((start, end, line));
        return;
    }
    let (mut counted, mut line) = (0, line);
    for (from, to) in objects {
        line += whole[counted..from].matches('\n').count();
        counted = from;
        documents.push((start + from, start + to, line));
    }
}

/// `%YAML 1.2` and comments before the first `---`.
fn is_preface(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.all(|line| line.starts_with(['%', '#']))
}

/// Start and end of JSON values that follow each other; none where something else stands there.
fn objects(text: &str) -> Vec<(usize, usize)> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    let mut objects = Vec::new();
    loop {
        let before = stream.byte_offset();
        match stream.next() {
            Some(Ok(_)) => {
                let gap = text[before..].len() - text[before..].trim_start().len();
                objects.push((before + gap, stream.byte_offset()));
            }
            Some(Err(_)) => return Vec::new(),
            None => return objects,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn documents_are_split_as_kubectl_does() {
        let text = "a: 1\n---\nb: 2\n--- # c\nc: |\n  ---\n";
        let lines: Vec<_> = documents(text).iter().map(|(_, _, line)| *line).collect();
        assert_eq!(lines, [0, 2, 4]);
        assert_eq!(documents("%YAML 1.2\n# x\n---\na: 1\n"), [(18, 23, 3)]);
    }

    #[test]
    fn json_objects_follow_each_other() {
        let text = "{\"a\": {}}\n{\"b\":\n1} {\"c\": 2}\n";
        let found = documents(text);
        let texts: Vec<_> = found
            .iter()
            .map(|(start, end, _)| &text[*start..*end])
            .collect();
        assert_eq!(texts, ["{\"a\": {}}", "{\"b\":\n1}", "{\"c\": 2}"]);
        let lines: Vec<_> = found.iter().map(|(_, _, line)| *line).collect();
        assert_eq!(lines, [0, 1, 2]);
        assert_eq!(documents("{a: 1}\n").len(), 1);
        assert_eq!(documents("{\"a\": 1}\n").len(), 1);
    }

    #[test]
    fn what_is_no_text_has_a_position() {
        let fault = |bytes: &[u8]| {
            let fault = decode(bytes.to_vec()).err().unwrap();
            (fault.position, fault.reason)
        };
        assert_eq!(
            fault(b"a: 1\n\xc3\xa9: \0"),
            ((2, 4), "has a NUL byte, so it is no text".to_owned())
        );
        assert_eq!(fault(b"a: \xe9"), ((1, 4), "is not UTF-8".to_owned()));
        assert!(fault(&[0xff, 0xfe, b'a', 0]).1.contains("UTF-16"));
    }
}
