//! Bodies in memory: so many bytes at most. Room is taken before a byte is read; who has been
//! sending for long is cut when others wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use http_body::Body as _;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

/// An object, its old self and managed fields: 3 + 3 + 1 MiB.
pub(super) const BODY_LIMIT: usize = 7 * 1024 * 1024;
/// All bodies together.
const ALL: usize = 32 * 1024 * 1024;
/// How long a body may take to arrive when others wait for room.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long it may take at all.
const SLOWEST: Duration = Duration::from_secs(10);

/// Why a body was not read.
pub(super) type Refusal = (StatusCode, &'static str);

const LENGTH: Refusal = (
    StatusCode::LENGTH_REQUIRED,
    "the length of the body is not told",
);
const LARGE: Refusal = (
    StatusCode::PAYLOAD_TOO_LARGE,
    "the body is larger than 7 MiB",
);
const BUSY: Refusal = (StatusCode::SERVICE_UNAVAILABLE, "too many bodies at once");
const SLOW: Refusal = (
    StatusCode::REQUEST_TIMEOUT,
    "the body did not arrive in time",
);
const BROKEN: Refusal = (StatusCode::BAD_REQUEST, "the body did not arrive");

/// The room for bodies.
pub(super) struct Bodies {
    most: usize,
    taken: Mutex<Taken>,
    freed: Notify,
}

#[derive(Default)]
struct Taken {
    bytes: usize,
    turn: u64,
    /// What still arrives, oldest first.
    arriving: BTreeMap<u64, (Instant, Arc<Notify>)>,
}

/// A body, and its room until it goes.
pub(super) struct Received {
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    _room: Room,
}

struct Room {
    bodies: Arc<Bodies>,
    size: usize,
    turn: u64,
    cut: Arc<Notify>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(ALL)
    }
}

impl Bodies {
    fn new(most: usize) -> Self {
        Self {
            most,
            taken: Mutex::default(),
            freed: Notify::new(),
        }
    }

    /// Reads a body.
    pub(super) async fn receive(
        self: &Arc<Self>,
        body: Body,
        deadline: Instant,
    ) -> Result<Received, Refusal> {
        let size = body.size_hint().exact().ok_or(LENGTH)?;
        let size = usize::try_from(size)
            .ok()
            .filter(|size| *size <= BODY_LIMIT)
            .ok_or(LARGE)?;
        let room = timeout_at(deadline, self.room(size))
            .await
            .map_err(|_| BUSY)?;
        let latest = deadline.min(Instant::now() + SLOWEST);
        let arrived = tokio::select! {
            arrived = timeout_at(latest, arrive(body, size)) => arrived.map_err(|_| SLOW)?,
            () = room.cut.notified() => return Err(SLOW),
        };
        let bytes = arrived.ok_or(BROKEN)?;
        room.arrived();
        Ok(Received { bytes, _room: room })
    }

    async fn room(self: &Arc<Self>, size: usize) -> Room {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(room) = self.take(size) {
                return room;
            }
            // Nobody may leave before somebody's patience is over.
            let _ = timeout(PATIENCE / 10, freed).await;
        }
    }

    fn take(self: &Arc<Self>, size: usize) -> Option<Room> {
        let mut taken = self.taken();
        if taken.bytes + size > self.most {
            let oldest = taken.arriving.first_entry();
            if let Some(oldest) = oldest.filter(|oldest| oldest.get().0.elapsed() >= PATIENCE) {
                oldest.remove().1.notify_one();
            }
            return None;
        }
        taken.bytes += size;
        taken.turn += 1;
        let (turn, cut) = (taken.turn, Arc::new(Notify::new()));
        taken
            .arriving
            .insert(turn, (Instant::now(), Arc::clone(&cut)));
        Some(Room {
            bodies: Arc::clone(self),
            size,
            turn,
            cut,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn arrive(body: Body, size: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size);
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        bytes.extend_from_slice(&part.ok()?);
    }
    Some(bytes)
}

impl Room {
    fn arrived(&self) {
        self.bodies.taken().arriving.remove(&self.turn);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.arrived();
        self.bodies.taken().bytes -= self.size;
        self.bodies.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::body::Bytes;
    use http_body_util::StreamBody;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(5)
    }

    /// Says that it is so long, and never comes.
    fn stalled(size: usize) -> Body {
        struct Stalled(u64);
        impl http_body::Body for Stalled {
            type Data = Bytes;
            type Error = std::convert::Infallible;
            fn poll_frame(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
                std::task::Poll::Pending
            }
            fn size_hint(&self) -> http_body::SizeHint {
                http_body::SizeHint::with_exact(self.0)
            }
        }
        Body::new(Stalled(size as u64))
    }

    #[tokio::test]
    async fn what_is_too_large_or_tells_no_length_is_refused() {
        let bodies = Arc::new(Bodies::default());
        let large = bodies
            .receive(Body::from(vec![0; BODY_LIMIT + 1]), soon())
            .await;
        assert_eq!(large.err(), Some(LARGE));
        let chunked = Body::new(StreamBody::new(
            futures_util::stream::empty::<Result<_, std::convert::Infallible>>()
                .map(|frame: Result<http_body::Frame<Bytes>, _>| frame),
        ));
        assert_eq!(bodies.receive(chunked, soon()).await.err(), Some(LENGTH));
        let most = bodies
            .receive(Body::from(vec![7; BODY_LIMIT]), soon())
            .await
            .unwrap();
        assert_eq!(most.bytes.len(), BODY_LIMIT);
        assert_eq!(bodies.taken().bytes, BODY_LIMIT);
        drop(most);
        assert_eq!(bodies.taken().bytes, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_slowly_makes_room_for_others() {
        let bodies = Arc::new(Bodies::new(1000));
        let slow = |size| {
            let bodies = Arc::clone(&bodies);
            tokio::spawn(async move { bodies.receive(stalled(size), soon()).await.err() })
        };
        let slow = [slow(600), slow(400)];
        tokio::task::yield_now().await;
        let begun = Instant::now();
        let got = bodies
            .receive(Body::from(vec![1; 500]), soon())
            .await
            .unwrap();
        assert!(begun.elapsed() < PATIENCE * 2, "{:?}", begun.elapsed());
        let [first, second] = slow;
        assert_eq!(first.await.unwrap(), Some(SLOW));
        drop(got);
        assert_eq!(second.await.unwrap(), Some(SLOW));
        assert!(begun.elapsed() >= Duration::from_secs(4));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_being_answered_is_waited_for() {
        let bodies = Arc::new(Bodies::new(1000));
        let held = bodies
            .receive(Body::from(vec![1; 900]), soon())
            .await
            .unwrap();
        assert_eq!(
            bodies.receive(Body::from(vec![1; 200]), soon()).await.err(),
            Some(BUSY)
        );
        drop(held);
        assert!(
            bodies
                .receive(Body::from(vec![1; 200]), soon())
                .await
                .is_ok()
        );
    }
}
