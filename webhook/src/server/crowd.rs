//! Who is connected: so many at most, and who comes too much takes the place of who has been idle
//! for longest. Strangers and clients that have sent a review have places of their own, so that
//! ten thousand idle connections do not shut out the API server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Connections that have sent no review yet.
const STRANGERS: usize = 512;
/// Connections that have.
const CLIENTS: usize = 1024;

/// Everybody.
pub(super) struct Crowd {
    strangers: Arc<Room>,
    clients: Arc<Room>,
}

/// A connection.
pub(super) struct Guest {
    /// Told when its place goes to another.
    pub(super) cut: Arc<Notify>,
    clients: Arc<Room>,
    place: Mutex<(Place, bool)>,
}

/// So many places.
struct Room {
    most: usize,
    seated: Mutex<Seated>,
}

#[derive(Default)]
struct Seated {
    count: usize,
    turn: u64,
    /// Who may be cut, longest idle first.
    idle: BTreeMap<u64, Arc<Notify>>,
}

/// One place in a room.
struct Place {
    room: Arc<Room>,
    turn: Option<u64>,
}

impl Default for Crowd {
    fn default() -> Self {
        Self::new(STRANGERS, CLIENTS)
    }
}

impl Crowd {
    fn new(strangers: usize, clients: usize) -> Self {
        Self {
            strangers: Room::new(strangers),
            clients: Room::new(clients),
        }
    }

    /// A new connection; it takes the place of the oldest stranger when there is none left.
    pub(super) fn enter(&self) -> Arc<Guest> {
        let cut = Arc::new(Notify::new());
        let mut place = self.strangers.squeeze();
        place.rest(&cut);
        Arc::new(Guest {
            cut,
            clients: Arc::clone(&self.clients),
            place: Mutex::new((place, false)),
        })
    }
}

impl Guest {
    /// It has sent a review, which is being answered: it is not cut meanwhile. `false`: there are
    /// as many clients as may be, and all are at work.
    pub(super) fn begins(&self) -> bool {
        let mut place = self.place();
        let (seat, known) = &mut *place;
        if !*known {
            let Some(client) = self.clients.sit() else {
                return false;
            };
            (*seat, *known) = (client, true);
        }
        seat.work();
        true
    }

    /// The answer is ready.
    pub(super) fn rests(&self) {
        self.place().0.rest(&self.cut);
    }

    fn place(&self) -> MutexGuard<'_, (Place, bool)> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            seated: Mutex::default(),
        })
    }

    fn seated(&self) -> MutexGuard<'_, Seated> {
        self.seated.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place, perhaps that of who has been idle for longest.
    fn sit(self: &Arc<Self>) -> Option<Place> {
        let mut seated = self.seated();
        if seated.count >= self.most {
            seated.idle.pop_first()?.1.notify_one();
        }
        seated.count += 1;
        Some(Place {
            room: Arc::clone(self),
            turn: None,
        })
    }

    /// A place where there may be none left: who is cut leaves it in a moment.
    fn squeeze(self: &Arc<Self>) -> Place {
        let mut seated = self.seated();
        seated.count += 1;
        if seated.count > self.most
            && let Some((_, cut)) = seated.idle.pop_first()
        {
            cut.notify_one();
        }
        Place {
            room: Arc::clone(self),
            turn: None,
        }
    }
}

impl Place {
    fn work(&mut self) {
        if let Some(turn) = self.turn.take() {
            self.room.seated().idle.remove(&turn);
        }
    }

    fn rest(&mut self, cut: &Arc<Notify>) {
        self.work();
        let mut seated = self.room.seated();
        seated.turn += 1;
        let turn = seated.turn;
        seated.idle.insert(turn, Arc::clone(cut));
        self.turn = Some(turn);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.work();
        self.room.seated().count -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn is_cut(guest: &Guest) -> bool {
        guest.cut.notified().now_or_never().is_some()
    }

    #[test]
    fn the_oldest_stranger_goes_and_no_client() {
        let crowd = Crowd::new(3, 2);
        let client = crowd.enter();
        assert!(client.begins());
        client.rests();
        let strangers: Vec<_> = (0..10).map(|_| crowd.enter()).collect();
        let cut: Vec<_> = strangers.iter().map(|guest| is_cut(guest)).collect();
        assert_eq!(cut.iter().filter(|cut| **cut).count(), 7);
        assert!(cut[..7].iter().all(|cut| *cut) && !is_cut(&client));
    }

    #[test]
    fn the_longest_idle_client_goes_and_none_at_work() {
        let crowd = Crowd::new(9, 2);
        let guests: Vec<_> = (0..3).map(|_| crowd.enter()).collect();
        assert!(guests[0].begins());
        assert!(guests[1].begins());
        guests[1].rests();
        assert!(guests[2].begins());
        assert!(is_cut(&guests[1]) && !is_cut(&guests[0]) && !is_cut(&guests[2]));
        guests[0].rests();
        guests[2].rests();
        assert!(guests[0].begins());
        guests[0].rests();
        let late = crowd.enter();
        assert!(late.begins());
        assert!(is_cut(&guests[2]) && !is_cut(&guests[0]));
    }

    #[test]
    fn when_all_are_at_work_nobody_is_taken_in() {
        let crowd = Crowd::new(9, 2);
        let guests: Vec<_> = (0..3).map(|_| crowd.enter()).collect();
        let begun: Vec<_> = guests.iter().map(|guest| guest.begins()).collect();
        assert_eq!(begun, [true, true, false]);
        assert!(guests[0].begins() && !guests[2].begins());
        guests[0].rests();
        assert!(guests[2].begins() && is_cut(&guests[0]));
    }

    #[test]
    fn who_leaves_makes_room() {
        let crowd = Crowd::new(2, 2);
        drop(crowd.enter());
        let one = crowd.enter();
        let two = crowd.enter();
        assert!(!is_cut(&one) && !is_cut(&two));
        drop(one);
        let three = crowd.enter();
        assert!(!is_cut(&two) && !is_cut(&three));
    }
}
