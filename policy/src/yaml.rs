//! YAML to JSON as kubectl reads it: scalars by YAML 1.1 (an unquoted `on` is a boolean), the
//! last of duplicate keys, anchors, aliases and merge keys.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};
use serde_json::{Map, Number, Value};

/// More nodes than this, aliases counted as what they stand for, are an attack.
const MAX_NODES: usize = 2_000_000;
/// Deeper nesting than this is an attack; what is read can be read again as JSON, which ends at 127.
const MAX_DEPTH: usize = 120;

/// Line (from 0), column (from 1) and reason.
pub type Error = (usize, usize, String);

/// A document as it was read.
pub struct Document {
    /// Its content; an empty one is `Null`.
    pub value: Value,
    /// Keys that stand twice in one mapping: line, column and key.
    pub twice: Vec<Error>,
}

/// Reads one document for its content.
///
/// # Errors
/// When the text is no YAML, more than one document, or an attack.
pub fn parse(text: &str) -> Result<Value, Error> {
    read(text).map(|document| document.value)
}

/// Reads one document.
///
/// # Errors
/// As [`parse`].
pub fn read(text: &str) -> Result<Document, Error> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        nodes: 0,
        twice: Vec::new(),
    };
    let value = reader.document()?;
    reader.end()?;
    Ok(Document {
        value,
        twice: reader.twice,
    })
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, (Value, usize)>,
    nodes: usize,
    twice: Vec<Error>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Value, Error> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
                (Event::StreamEnd | Event::DocumentEnd, _) => return Ok(Value::Null),
                (event, span) => return self.node(event, span, 0),
            }
        }
    }

    /// What stands behind the document's end must not be passed over in silence.
    fn end(&mut self) -> Result<(), Error> {
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => return Ok(()),
                (Event::DocumentStart(_), span) => {
                    let reason = "a second document begins here: put --- on a line of its own";
                    return Err(at(span, reason.to_owned()));
                }
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Error> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Value, Error> {
        self.count(1, span)?;
        if depth > MAX_DEPTH {
            return Err(at(span, format!("nested deeper than {MAX_DEPTH}")));
        }
        let before = self.nodes;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let value = if plain {
                    resolve(&text)
                } else {
                    Value::String(text.into_owned())
                };
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => (Value::Null, 0),
        };
        if anchor > 0 {
            self.anchors
                .insert(anchor, (value.clone(), self.nodes - before + 1));
        }
        Ok(value)
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Error> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(at(
                span,
                format!("more than {MAX_NODES} nodes, aliases included"),
            ));
        }
        Ok(())
    }

    /// An alias costs as much as what it stands for.
    fn alias(&mut self, anchor: usize, span: Span) -> Result<Value, Error> {
        let known = self.anchors.get(&anchor);
        let (value, size) = known
            .cloned()
            .ok_or_else(|| at(span, "unknown alias".to_owned()))?;
        self.count(size, span)?;
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, Error> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Value::Array(items)),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, Error> {
        let mut map = Map::new();
        let mut merged = Map::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd | Event::StreamEnd) {
                break;
            }
            let (key, plain) = match event {
                Event::Scalar(text, style, ..) => (text.into_owned(), style == ScalarStyle::Plain),
                _ => return Err(at(span, "a key must be a scalar".to_owned())),
            };
            let place = at(span, key.clone());
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            if plain && key == "<<" {
                merge(&mut merged, value)
            } else if map.insert(key, value).is_some() {
                self.twice.push(place);
            }
        }
        for (key, value) in merged {
            map.entry(key).or_insert(value);
        }
        Ok(Value::Object(map))
    }
}

/// Earlier mappings of a merge go before later ones.
fn merge(into: &mut Map<String, Value>, value: Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                into.entry(key).or_insert(value);
            }
        }
        Value::Array(items) => items.into_iter().for_each(|item| merge(into, item)),
        _ => {}
    }
}

/// A plain scalar by YAML 1.1.
pub fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => {
            Value::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => {
            Value::Bool(false)
        }
        _ => number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number),
    }
}

fn number(text: &str) -> Option<Number> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || b"+-.".contains(&first)) {
        return None;
    }
    let digits = text.replace('_', "");
    let negative = digits.starts_with('-');
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(&digits);
    let radix = |prefix: &str, radix| {
        let digits = unsigned.strip_prefix(prefix)?;
        // The sign stands before the prefix, and nowhere else.
        if digits.starts_with(['+', '-']) {
            return None;
        }
        i64::from_str_radix(digits, radix).ok()
    };
    let octal = (unsigned.len() > 1).then(|| radix("0", 8)).flatten();
    let special = radix("0x", 16)
        .or(radix("0b", 2))
        .or(radix("0o", 8))
        .or(octal);
    if let Some(value) = special {
        return Some(Number::from(if negative { -value } else { value }));
    }
    if let Ok(value) = digits.parse::<i64>() {
        return Some(Number::from(value));
    }
    let float = unsigned
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    let float = float && unsigned.bytes().any(|byte| byte.is_ascii_digit());
    float
        .then(|| digits.parse::<f64>().ok().and_then(Number::from_f64))
        .flatten()
}

fn syntax(error: &ScanError) -> Error {
    let marker = error.marker();
    (
        marker.line().saturating_sub(1),
        marker.col() + 1,
        error.info().to_owned(),
    )
}

fn at(span: Span, reason: String) -> Error {
    (
        span.start.line().saturating_sub(1),
        span.start.col() + 1,
        reason,
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_are_read_as_kubectl_does() {
        let value =
            parse("a: on\nb: \"on\"\nc: 0x10\nd: 1_000\ne: 1.5\nf: ~\ng: 010\nh: 1.2.3\ni: a\n");
        assert_eq!(
            value.unwrap(),
            json!({"a": true, "b": "on", "c": 16, "d": 1000, "e": 1.5,
            "f": null, "g": 8, "h": "1.2.3", "i": "a"})
        );
    }

    #[test]
    fn signs_do_not_make_a_number_overflow() {
        for text in [
            "-0x-8000000000000000",
            "-0o-1",
            "0x+1",
            "-0-7",
            "+-5",
            "--0x5",
        ] {
            assert_eq!(resolve(text), text, "{text}");
        }
        assert_eq!(resolve("-0x7fffffffffffffff"), -i64::MAX);
        assert_eq!(resolve(&i64::MIN.to_string()), i64::MIN);
    }

    #[test]
    fn merges_aliases_and_duplicates() {
        let text = "base: &b {x: 1, y: 2}\nmade:\n  <<: *b\n  y: 3\ntwice: 1\ntwice: 2\n";
        assert_eq!(parse("\"<<\": {x: 1}").unwrap(), json!({"<<": {"x": 1}}));
        let Document { value, twice } = read(text).unwrap();
        assert_eq!(twice, [(5, 1, "twice".to_owned())]);
        assert_eq!(value["made"], json!({"x": 1, "y": 3}));
        assert_eq!(value["twice"], 2);
    }

    #[test]
    fn aliases_that_explode_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = format!("*a{}", level - 1);
            let items = [below.as_str(); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(parse(&text).err().unwrap().2.contains("nodes"));
        assert!(parse(&"[".repeat(5000)).is_err());
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        let deepest = parse(&nested(MAX_DEPTH + 1)).unwrap().to_string();
        assert!(serde_json::from_str::<Value>(&deepest).is_ok());
        assert!(parse(&nested(MAX_DEPTH + 2)).is_err());
    }

    #[test]
    fn a_fault_has_a_line() {
        for (text, line) in [
            ("a: 1\nb: [\n", 2),
            ("a: 1\n]\n", 1),
            ("a: 1\n...\nb: 2\n", 2),
        ] {
            assert_eq!(parse(text).err().unwrap().0, line, "{text}");
        }
    }
}
