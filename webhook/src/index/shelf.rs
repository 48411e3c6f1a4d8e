//! Where in the index the objects of a kind belong.

use policy::client_auth_policy::{self, Policies};
use policy::dialect::{self, CLASSES, Kind};
use policy::{Object, ObjectRef};

use crate::state::State;

/// A part of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shelf {
    /// Which controller serves which class: what other objects mean hangs on it.
    Classes,
    /// Policies, exceptions, and the namespaces by whose labels policies select.
    Policies,
    /// What the dialects read.
    Facts,
}

/// Every part.
pub(super) const SHELVES: [Shelf; 3] = [Shelf::Classes, Shelf::Policies, Shelf::Facts];

impl Shelf {
    /// The kinds whose objects belong here.
    pub(super) fn kinds(self) -> Vec<Kind> {
        match self {
            Self::Classes => CLASSES.to_vec(),
            Self::Policies => client_auth_policy::KINDS.to_vec(),
            Self::Facts => dialect::kinds(),
        }
    }

    /// Puts an object in the place of its old self. `false`: the index is as it was.
    pub(super) fn put(self, state: &State, object: &Object) -> bool {
        match self {
            Self::Classes => state.tell(|settings| settings.learn(object)),
            Self::Policies => {
                let mut read = Policies::default();
                read.learn(object);
                state.govern(|policies| policies.adopt(read))
            }
            Self::Facts => {
                let read = dialect::read(object, &state.settings());
                state.change(|facts| facts.insert(read));
                true
            }
        }
    }

    /// Forgets an object. `false`: the index is as it was.
    pub(super) fn forget(self, state: &State, id: &ObjectRef) -> bool {
        match self {
            Self::Classes => state.tell(|settings| settings.forget(id)),
            Self::Policies => state.govern(|policies| policies.forget(id)),
            Self::Facts => {
                state.change(|facts| facts.remove(id));
                true
            }
        }
    }
}
