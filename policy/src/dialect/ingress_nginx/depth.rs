//! How long a client's chain may be.

use super::PREFIX;
use crate::Object;
use crate::fact::Depth;
use crate::object::annotation_pointer;
use crate::site::Site;

/// `authtls/main.go:182-186`: where there is no number, or 0, the depth is 1; nginx refuses a
/// negative one.
pub(super) fn depth(object: &Object) -> Option<Depth> {
    let name = format!("{PREFIX}auth-tls-verify-depth");
    let stated = object.annotation(&name).map(str::trim);
    let number = stated.and_then(|value| value.parse::<i64>().ok());
    let allowed = match number {
        None | Some(0) => 1,
        Some(number) => u32::try_from(number).ok()?,
    };
    let name = match stated {
        Some(_) => name,
        None => format!("{PREFIX}auth-tls-secret"),
    };
    Some(Depth {
        site: Site::new(&object.id, annotation_pointer(&name)),
        allowed,
        stated: stated.is_some(),
    })
}
