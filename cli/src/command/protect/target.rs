//! What is to be protected: a route by kind and name, or a whole gateway.

use policy::Object;
use policy::dialect::{self, Dialect, Kind, Role};

use crate::problem::Problem;

/// What is to be protected.
pub(super) enum Subject<'a> {
    /// Every host of a gateway.
    Gateway(&'static Dialect),
    /// A route.
    Route(Target<'a>),
}

impl<'a> Subject<'a> {
    /// `gateway/ID`, or `KIND/NAME`.
    pub(super) fn parse(text: &'a str) -> anyhow::Result<Self> {
        let Some(id) = text.strip_prefix("gateway/") else {
            return Target::parse(text).map(Self::Route);
        };
        let found = dialect::by_id(id).map(Self::Gateway);
        found.ok_or_else(|| {
            let ids: Vec<_> = dialect::DIALECTS.iter().map(|known| known.id).collect();
            Problem::usage(format!("there is no gateway {id:?}")).hint(format!(
                "name gateway/ID, where ID is one of {}",
                ids.join(", ")
            ))
        })
    }
}

/// A route to be protected: its kind in each API group that has it, and its name.
pub(super) struct Target<'a> {
    pub(super) kinds: Vec<Kind>,
    pub(super) name: &'a str,
}

impl<'a> Target<'a> {
    fn parse(text: &'a str) -> anyhow::Result<Self> {
        let (kind, name) = text.split_once('/').unwrap_or((text, ""));
        let routes = dialect::kinds()
            .into_iter()
            .filter(|kind| kind.role == Role::Route);
        let (named, others): (Vec<_>, Vec<_>) = routes.partition(|known| is_called(known, kind));
        if !named.is_empty() && !name.is_empty() && !name.contains('/') {
            return Ok(Self { kinds: named, name });
        }
        let mut known: Vec<_> = named.iter().chain(&others).map(singular).collect();
        known.sort();
        known.dedup();
        Err(
            Problem::usage(format!("{text:?} cannot be protected")).hint(format!(
                "name gateway/ID, or KIND/NAME, where KIND is one of {}",
                known.join(", ")
            )),
        )
    }

    /// Whether an object is meant.
    pub(super) fn is(&self, object: &Object) -> bool {
        object.id.name == self.name && self.kinds.iter().any(|kind| kind.is(&object.id))
    }
}

/// As kubectl names one.
pub(super) fn singular(kind: &Kind) -> String {
    kind.kind.to_lowercase()
}

/// As kubectl names kinds: singular, plural, or plural and group.
fn is_called(kind: &Kind, name: &str) -> bool {
    let full = format!("{}.{}", kind.plural, kind.group);
    [kind.kind, kind.plural, &full]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}
