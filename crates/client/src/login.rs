//! Who is logged in, and the ticket that proves it.

use std::time::{SystemTime, UNIX_EPOCH};

use strongroom_model::{Role, UserName};
use strongroom_wire::Ticket;

use crate::conn::Generation;

/// A login that's in force, as far as the client knows.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    /// Its number in this process. A renewed ticket gets a new one.
    pub(crate) generation: Generation,
    pub(crate) role: Role,
    /// `None`: the default user of the role.
    pub(crate) user: Option<UserName>,
    pub(crate) ticket: Ticket,
    /// Whether the ticket was made for the process that this one was forked from. A logout would end
    /// that one's login, so such a ticket is only exchanged or forgotten.
    pub(crate) inherited: bool,
}

/// When a ticket received at `now_ms` is to be renewed: at half of what is left of it.
pub(crate) fn renewal(ticket: &Ticket, now_ms: u64) -> u64 {
    let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let left_ms = ticket.expires.saturating_sub(today).saturating_mul(1000);
    now_ms.saturating_add((left_ms / 2).max(MIN_RENEWAL_MS))
}

/// Tickets aren't renewed more often than this, however short they are.
const MIN_RENEWAL_MS: u64 = 500;

#[cfg(test)]
mod tests {
    use strongroom_model::Blob;

    use super::*;

    #[test]
    fn a_ticket_is_renewed_at_half_its_life() {
        let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let at = |expires| renewal(&Ticket { expires, sealed: Blob::new() }, 7);
        assert!((999_000..=1_001_000).contains(&at(today + 2000)), "{}", at(today + 2000));
        assert_eq!(at(today - 5), 507);
    }
}
