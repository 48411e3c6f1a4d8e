//! Where the fields of a document stand: one walk over it, however many are asked for.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

/// Where one field stands.
#[derive(Clone, Debug)]
pub(crate) struct Spot {
    /// Line of the key or item, from 1 within the document.
    line: usize,
    /// Column, from 1.
    column: usize,
    /// Its value, where that is a scalar.
    scalar: Option<Scalar>,
    /// The anchors that it lies within.
    anchors: Vec<usize>,
}

/// A scalar as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    /// Where it stands in the document, in bytes.
    pub(crate) range: Range<usize>,
    /// Its quotes.
    pub(crate) style: ScalarStyle,
}

/// The fields of one document by JSON pointer. Of keys that stand twice the last counts.
pub(crate) struct Index {
    spots: HashMap<String, Spot>,
    /// Anchors that are repeated.
    repeated: HashSet<usize>,
}

impl Index {
    /// Walks over a document; what cannot be read is not reached.
    pub(crate) fn new(text: &str) -> Self {
        let mut walk = Walk {
            parser: Parser::new_from_str(text),
            text,
            bytes: Bytes::default(),
            key_end: 0,
            index: Self {
                spots: HashMap::new(),
                repeated: HashSet::new(),
            },
        };
        walk.document();
        walk.index
    }

    /// Line and column of a field, or of the nearest one above it that exists.
    pub(crate) fn locate(&self, pointer: &str) -> (usize, usize) {
        let mut pointer = pointer;
        loop {
            if let Some(spot) = self.spots.get(pointer) {
                return (spot.line, spot.column);
            }
            match pointer.rsplit_once('/') {
                Some((above, _)) => pointer = above,
                None => return (1, 1),
            }
        }
    }

    /// The scalar under a pointer.
    pub(crate) fn scalar(&self, pointer: &str) -> Option<&Scalar> {
        self.spots.get(pointer)?.scalar.as_ref()
    }

    /// Whether a change of the field would change other places too.
    pub(crate) fn is_shared(&self, pointer: &str) -> bool {
        let anchors = self.spots.get(pointer).map(|spot| &spot.anchors);
        anchors.is_some_and(|anchors| anchors.iter().any(|id| self.repeated.contains(id)))
    }
}

/// Characters to bytes; asked for in rising order, it costs one pass.
#[derive(Default)]
struct Bytes {
    char: usize,
    byte: usize,
}

impl Bytes {
    fn of(&mut self, text: &str, char: usize) -> usize {
        if char < self.char {
            *self = Self::default();
        }
        let further = text[self.byte..].chars().take(char - self.char);
        self.byte += further.map(char::len_utf8).sum::<usize>();
        self.char = char;
        self.byte
    }
}

struct Walk<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
    bytes: Bytes,
    /// Where the last key ended, in bytes.
    key_end: usize,
    index: Index,
}

impl<'a> Walk<'a> {
    fn next(&mut self) -> Option<(Event<'a>, Span)> {
        self.parser.next_event()?.ok()
    }

    fn document(&mut self) {
        while let Some((event, span)) = self.next() {
            if !matches!(
                event,
                Event::StreamStart | Event::DocumentStart(_) | Event::Nothing
            ) {
                let start = span;
                self.node(&event, span, start, &mut String::new(), &mut Vec::new());
                return;
            }
        }
    }

    /// Takes note of a node; `key` is where it is called by its name.
    fn node(
        &mut self,
        event: &Event<'a>,
        span: Span,
        key: Span,
        pointer: &mut String,
        anchors: &mut Vec<usize>,
    ) {
        let outer = anchors.len();
        match event {
            Event::Scalar(_, _, id, _)
            | Event::MappingStart(id, _)
            | Event::SequenceStart(id, _)
                if *id > 0 =>
            {
                anchors.push(*id);
            }
            Event::Alias(id) => drop(self.index.repeated.insert(*id)),
            _ => {}
        }
        let scalar = match event {
            Event::Scalar(_, style, ..) => self.scalar(span, *style),
            _ => None,
        };
        let spot = Spot {
            line: key.start.line().max(1),
            column: key.start.col() + 1,
            scalar,
            anchors: anchors.clone(),
        };
        self.index.spots.insert(pointer.clone(), spot);
        match event {
            Event::MappingStart(..) => self.mapping(pointer, anchors),
            Event::SequenceStart(..) => self.sequence(pointer, anchors),
            _ => {}
        }
        anchors.truncate(outer);
    }

    fn mapping(&mut self, pointer: &mut String, anchors: &mut Vec<usize>) {
        let length = pointer.len();
        while let Some((event, key)) = self.next() {
            let Event::Scalar(name, ..) = event else {
                return;
            };
            pointer.push('/');
            pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
            self.key_end = self.bytes.of(self.text, key.end.index());
            let Some((value, span)) = self.next() else {
                return;
            };
            self.node(&value, span, key, pointer, anchors);
            pointer.truncate(length);
        }
    }

    fn sequence(&mut self, pointer: &mut String, anchors: &mut Vec<usize>) {
        let length = pointer.len();
        let mut position = 0;
        while let Some((event, span)) = self.next() {
            if matches!(event, Event::SequenceEnd | Event::StreamEnd) {
                return;
            }
            pointer.push_str(&format!("/{position}"));
            self.node(&event, span, span, pointer, anchors);
            pointer.truncate(length);
            position += 1;
        }
    }

    fn scalar(&mut self, span: Span, style: ScalarStyle) -> Option<Scalar> {
        let start = self.bytes.of(self.text, span.start.index());
        let end = self.bytes.of(self.text, span.end.index()).max(start);
        let content = self.text.get(start..end)?;
        let own = start + own_length(content, style);
        let start = match style {
            // The parser leaves the header of a block out.
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let head = self.text.get(self.key_end..start)?;
                self.key_end + head.rfind(['|', '>'])?
            }
            _ => start,
        };
        Some(Scalar {
            range: start..own.max(start),
            style,
        })
    }
}

/// The parser's span goes on to the next token: what follows the scalar itself is cut off.
fn own_length(text: &str, style: ScalarStyle) -> usize {
    let end = match style {
        ScalarStyle::DoubleQuoted => double_quoted(text),
        ScalarStyle::SingleQuoted => single_quoted(text),
        ScalarStyle::Plain => text.find(" #"),
        ScalarStyle::Literal | ScalarStyle::Folded => None,
    };
    text[..end.unwrap_or(text.len())].trim_end().len()
}

/// Behind the closing quote; a tag may go before the opening one.
fn double_quoted(text: &str) -> Option<usize> {
    let open = text.find('"')? + 1;
    let mut escaped = false;
    let close = text[open..].find(|char| {
        let closes = char == '"' && !escaped;
        escaped = char == '\\' && !escaped;
        closes
    })?;
    Some(open + close + 1)
}

fn single_quoted(text: &str) -> Option<usize> {
    let mut at = text.find('\'')? + 1;
    loop {
        at += text[at..].find('\'')? + 1;
        if !text[at..].starts_with('\'') {
            return Some(at);
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_scalar_is_found_whatever_its_style() {
        let text = "a:\n  é: x\n  b: \"on\" # why\n  c: 'it''s'\n  d: [plain value , 2]\n  e:\n  \
                    i: !!str \"a\\\"b\" # c\n  f: |- # why\n    On\n\n  g: >2\n      x\n    y\n  h: !!str z\n";
        let index = Index::new(text);
        let found = |pointer: &str| Some(&text[index.scalar(pointer)?.range.clone()]);
        assert_eq!(found("/a/é"), Some("x"));
        assert_eq!(found("/a/b"), Some("\"on\""));
        assert_eq!(found("/a/c"), Some("'it''s'"));
        assert_eq!(found("/a/d/0"), Some("plain value"));
        assert_eq!(found("/a/d/1"), Some("2"));
        assert_eq!(found("/a/f"), Some("|- # why\n    On"));
        assert_eq!(found("/a/g"), Some(">2\n      x\n    y"));
        assert_eq!(found("/a/i"), Some("!!str \"a\\\"b\""));
        assert_eq!(found("/a/h"), Some("!!str z"));
        assert_eq!((found("/a"), found("/a/x")), (None, None));
    }

    #[test]
    fn a_field_or_what_is_above_it() {
        let index = Index::new("a:\n  b/c:\n  - x\n  - y\n");
        assert_eq!(index.locate("/a/b~1c/1"), (4, 5));
        assert_eq!(index.locate("/a/none/x"), (1, 1));
        assert_eq!(Index::new("").locate("/a"), (1, 1));
    }

    #[test]
    fn what_an_alias_repeats_is_shared() {
        let text = "a: &a {b: &b 1, c: 2}\nd: *a\ne: &e 3\nf: 4\nf: 5\n";
        let index = Index::new(text);
        assert!(index.is_shared("/a/b") && index.is_shared("/a/c"));
        assert!(!index.is_shared("/e") && !index.is_shared("/f"));
        assert_eq!(index.scalar("/d"), None);
        assert_eq!(&text[index.scalar("/f").unwrap().range.clone()], "5");
    }
}
