//! The status of policies and exceptions.

use std::sync::Arc;

use futures_util::future::{BoxFuture, FutureExt as _};

use super::{Round, Sink};
use crate::policy_status;
use crate::state::State;

/// Writes what each policy comes to.
pub(super) struct Policies {
    state: Arc<State>,
}

impl Policies {
    pub(super) fn new(state: &Arc<State>) -> Self {
        Self {
            state: Arc::clone(state),
        }
    }
}

impl Sink for Policies {
    fn name(&self) -> &'static str {
        "policies"
    }

    fn take<'a>(&'a mut self, round: &'a Round) -> BoxFuture<'a, anyhow::Result<()>> {
        policy_status::write(&self.state, round).boxed()
    }
}
