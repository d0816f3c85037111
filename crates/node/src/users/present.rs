//! Who is logged in on this node's connections.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use strongroom_model::{Role, UserName};

use crate::node::Node;
use crate::ticket::Principal;

/// For whom this node's connections speak.
#[derive(Default)]
pub(crate) struct Present {
    next: AtomicU64,
    seats: Mutex<HashMap<u64, Principal>>,
}

/// A connection's number among the others.
pub(crate) struct Seat(u64);

impl Present {
    pub(crate) fn enter(&self) -> Seat {
        Seat(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Notes for whom a connection speaks now.
    pub(crate) fn set(&self, seat: &Seat, principal: Option<&Principal>) {
        let mut seats = self.seats.lock();
        match principal {
            Some(principal) => seats.insert(seat.0, principal.clone()),
            None => seats.remove(&seat.0),
        };
    }
}

impl Node {
    /// Whether a connection of this node speaks for a user by a login that still holds. A program that has only spoken
    /// to other nodes doesn't count.
    pub fn is_logged_in(&self, role: Role, user: &UserName) -> bool {
        let seats: Vec<Principal> = {
            let seats = self.desk.present.seats.lock();
            let same = |principal: &&Principal| principal.role == role && principal.user == *user;
            seats.values().filter(same).cloned().collect()
        };
        let now = self.clock.now();
        let replica = self.replica.read();
        seats.iter().any(|principal| principal.is_valid(&replica) && !principal.has_expired(now))
    }
}
