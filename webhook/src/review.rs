//! The envelope of an admission review, borrowed from the body: only the objects that are judged
//! are read further.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use json_patch::Patch;
use policy::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

const API_VERSION: &str = "admission.k8s.io/v1";
const KIND: &str = "AdmissionReview";

/// `admission.k8s.io/v1` `AdmissionReview`, as the API server sends it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Review<'a> {
    #[serde(borrow)]
    api_version: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    request: Option<Request<'a>>,
}

/// The part of the request that decides.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request<'a> {
    /// Comes back in the response.
    #[serde(borrow)]
    pub(crate) uid: Cow<'a, str>,
    /// What kind the object is of.
    #[serde(borrow, default)]
    pub(crate) kind: GroupKind<'a>,
    /// The object's name; empty while the API server still has to make one.
    #[serde(borrow, default)]
    pub(crate) name: Cow<'a, str>,
    /// CREATE, UPDATE, DELETE or CONNECT.
    pub(crate) operation: Operation,
    /// The namespace; empty for cluster-scoped objects.
    #[serde(borrow, default)]
    pub(crate) namespace: Cow<'a, str>,
    /// Who asks.
    #[serde(borrow, default)]
    pub(crate) user_info: UserInfo<'a>,
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
    #[serde(borrow, default)]
    old_object: Option<&'a RawValue>,
}

/// A kind, whatever its version.
#[derive(Default, Deserialize)]
pub(crate) struct GroupKind<'a> {
    /// The group; empty for the core group.
    #[serde(borrow, default)]
    pub(crate) group: Cow<'a, str>,
    /// The kind.
    #[serde(borrow, default)]
    pub(crate) kind: Cow<'a, str>,
}

#[derive(Default, Deserialize)]
pub(crate) struct UserInfo<'a> {
    /// The user's name.
    #[serde(borrow, default)]
    pub(crate) username: Cow<'a, str>,
}

/// What is to be done with the object.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Operation {
    /// To a subresource.
    Connect,
    /// A new object.
    Create,
    /// The object goes.
    Delete,
    /// The object changes.
    Update,
}

impl Operation {
    /// As the API server writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect => "CONNECT",
            Self::Create => "CREATE",
            Self::Delete => "DELETE",
            Self::Update => "UPDATE",
        }
    }
}

impl<'a> Review<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// What is wrong with it; the API server then follows the failure policy.
    pub(crate) fn read(body: &'a [u8]) -> Result<Request<'a>, String> {
        let review: Self = serde_json::from_slice(body)
            .map_err(|error| format!("the body is no AdmissionReview: {error}"))?;
        if review.api_version != API_VERSION || review.kind != KIND {
            return Err(format!(
                "{} {} is no {API_VERSION} {KIND}",
                review.api_version, review.kind
            ));
        }
        let request = review.request.ok_or("the AdmissionReview has no request")?;
        if request.uid.is_empty() {
            return Err("the request has an empty uid".to_owned());
        }
        Ok(request)
    }
}

impl Request<'_> {
    /// The object after the change; `None` when it goes, or cannot be read.
    pub(crate) fn object(&self) -> Option<Object> {
        self.read(self.object)
    }

    /// The whole object after the change.
    pub(crate) fn raw_object(&self) -> Option<Value> {
        serde_json::from_str(self.object?.get()).ok()
    }

    /// The object before the change; `None` when it is new, or cannot be read.
    pub(crate) fn old_object(&self) -> Option<Object> {
        self.read(self.old_object)
    }

    /// Why the object after the change cannot be read, if there is one. The API server stores what
    /// is nested deeper than it is read here, and the gateway reads it.
    pub(crate) fn unreadable(&self) -> Option<String> {
        let changes = matches!(self.operation, Operation::Create | Operation::Update);
        let raw = self.object.filter(|raw| changes && raw.get() != "null")?;
        Object::from_json(raw.get()).err().map(|error| error.reason)
    }

    /// What is sent does not always name the namespace.
    fn read(&self, raw: Option<&RawValue>) -> Option<Object> {
        let object = Object::from_json(raw?.get()).ok()?;
        Some(object.in_namespace(&self.namespace))
    }
}

/// The answer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Answer {
    /// Why the change is refused; `None`: it is allowed.
    pub(crate) denied: Option<String>,
    /// Shown to who asks.
    pub(crate) warnings: Vec<String>,
    /// What is repaired.
    pub(crate) patch: Option<Patch>,
    /// The rules behind the denial, else behind the warnings, each once.
    pub(crate) rules: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answered<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: Response<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
}

#[derive(Serialize)]
struct Status<'a> {
    code: u16,
    reason: &'static str,
    message: &'a str,
}

impl Answer {
    /// What cannot be read is not let through: it would be the way past everything else.
    pub(crate) fn unreadable(reason: &str) -> Self {
        Self {
            denied: Some(format!(
                "unreadable-object: the object cannot be judged: {reason}; hint: write an \
                 object of this kind, nested less than 128 deep"
            )),
            rules: vec!["unreadable-object"],
            ..Self::default()
        }
    }

    /// One word for the metrics.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            Self {
                denied: Some(_), ..
            } => "denied",
            Self { patch: Some(_), .. } => "repaired",
            Self { warnings, .. } if !warnings.is_empty() => "warned",
            Self { .. } => "allowed",
        }
    }

    /// The response body. A warning with a control character would be dropped by the API server.
    pub(crate) fn write(&self, uid: &str) -> String {
        let patch = self
            .patch
            .as_ref()
            .and_then(|patch| serde_json::to_vec(patch).ok());
        let response = Response {
            uid,
            allowed: self.denied.is_none(),
            status: self.denied.as_deref().map(|message| Status {
                code: 403,
                reason: "Forbidden",
                message,
            }),
            warnings: self.warnings.iter().map(|text| printable(text)).collect(),
            patch_type: patch.is_some().then_some("JSONPatch"),
            patch: patch.map(|patch| STANDARD.encode(patch)),
        };
        let answered = Answered {
            api_version: API_VERSION,
            kind: KIND,
            response,
        };
        // Nothing in it can fail to be written.
        serde_json::to_string(&answered).unwrap_or_default()
    }
}

fn printable(text: &str) -> String {
    let plain = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char });
    plain.take(250).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":
        {"uid":"u","operation":"DELETE","namespace":"shop","oldObject":
        {"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}}}"#;

    #[test]
    fn a_review_is_read() {
        let request = Review::read(GOOD.as_bytes()).unwrap();
        assert_eq!(request.operation, Operation::Delete);
        assert_eq!(request.old_object().unwrap().id.namespace, "shop");
        assert!(request.object().is_none());
    }

    #[test]
    fn bad_bodies_are_refused_with_a_reason() {
        let cut = &GOOD.as_bytes()[..60];
        let other = GOOD.replace("AdmissionReview", "Pod");
        let empty = GOOD.replace("\"uid\":\"u\"", "\"uid\":\"\"");
        for body in [
            cut,
            b"not json",
            other.as_bytes(),
            empty.as_bytes(),
            b"",
            b"[]",
        ] {
            assert!(Review::read(body).is_err());
        }
    }

    #[test]
    fn a_warning_has_no_control_characters() {
        let answer = Answer {
            warnings: vec!["a\nb".into()],
            ..Answer::default()
        };
        assert!(answer.write("u").contains("a b"));
    }
}
