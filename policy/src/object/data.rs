//! The data of a Secret or ConfigMap: of a Secret nothing is held but certificates.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// Keys of a Secret or ConfigMap whose value a gateway may read as certificates.
const CERTIFICATE_KEYS: [&str; 5] = ["ca.crl", "ca.crt", "cert", "tls.ca", "tls.crt"];
/// How a value begins that SOPS has encrypted (getsops/sops, `aes/cipher.go`).
const ENCRYPTED: &str = "ENC[";

/// `data` of a Secret or ConfigMap: the values of certificate keys, of other keys the presence.
/// A private key is skipped by the parser and never held.
#[derive(Default)]
pub(super) struct Data(BTreeMap<String, Option<String>>);

impl Data {
    pub(super) fn is_encrypted(&self) -> bool {
        let mut values = self.0.values().flatten();
        values.any(|value| value.starts_with(ENCRYPTED))
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Data;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of data keys")
            }

            fn visit_unit<E>(self) -> Result<Data, E> {
                Ok(Data::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
                let mut data = Data::default();
                while let Some(key) = map.next_key::<String>()? {
                    let value = if CERTIFICATE_KEYS.contains(&key.as_str()) {
                        map.next_value::<Value>()?.as_str().map(str::to_owned)
                    } else {
                        map.next_value::<IgnoredAny>()?;
                        None
                    };
                    data.0.insert(key, value);
                }
                Ok(data)
            }
        }
        deserializer.deserialize_any(Keys)
    }
}

/// The values that are strings.
pub(super) fn texts(data: &Value) -> BTreeMap<String, String> {
    let data = data.as_object().into_iter().flatten();
    data.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Merges `stringData` over `data` as the API server does, decoding the base64 of a Secret.
pub(super) fn data(kind: &str, data: Data, string_data: Data) -> BTreeMap<String, Option<Vec<u8>>> {
    let decode = |value: String| match kind {
        "Secret" => {
            let packed: String = value.split_ascii_whitespace().collect();
            STANDARD.decode(packed).unwrap_or_default()
        }
        _ => value.into_bytes(),
    };
    let encoded = data
        .0
        .into_iter()
        .map(|(key, value)| (key, value.map(decode)));
    let plain = string_data
        .0
        .into_iter()
        .map(|(key, value)| (key, value.map(String::into_bytes)));
    encoded.chain(plain).collect()
}
