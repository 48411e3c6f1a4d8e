//! A panic ends what it came from, and not the process. What it says stays out of the log, because
//! it may quote an object: the hook of the process tells the place.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt as _;

/// What others are told of a panic.
pub(crate) const BUG: &str = "the webhook has a bug: its log tells where";

/// What comes of some work.
///
/// # Errors
/// [`BUG`] where it panics.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Result<T, &'static str> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| BUG)
}

/// As [`caught`], of work that does not wait.
///
/// # Errors
/// As [`caught`].
pub(crate) fn caught_now<T>(work: impl FnOnce() -> T) -> Result<T, &'static str> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| BUG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_work_alone() {
        assert_eq!(caught(async { 1 }).await, Ok(1));
        let panicked: Result<(), _> = caught(async { panic!("for the test") }).await;
        assert_eq!(panicked, Err(BUG));
        let panicked: Result<(), _> = caught_now(|| panic!("for the test"));
        assert_eq!(panicked, Err(BUG));
    }
}
