//! `spec` as the dialects need it: without the Services behind the paths of an Ingress. Which one
//! answers decides nothing, and there can be thousands of paths.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads a `spec`.
pub(super) fn spec<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    At::Anywhere.deserialize(deserializer)
}

/// Where a value stands.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Anywhere,
    /// Below `backend`.
    Backend,
    /// Below `backend.service`: of a mapping nothing is kept but that it is one.
    Service,
}

impl<'de> DeserializeSeed<'de> for At {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for At {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self::Anywhere)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        if self == Self::Service {
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Value::Object(map));
        }
        while let Some(key) = entries.next_key::<String>()? {
            let at = match key.as_str() {
                "backend" => Self::Backend,
                "service" if self == Self::Backend => Self::Service,
                _ => Self::Anywhere,
            };
            map.insert(key, entries.next_value_seed(at)?);
        }
        Ok(Value::Object(map))
    }
}
