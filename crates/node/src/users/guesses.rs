//! Wrong passwords: counted so that no user is ever guessed at more often than the limit says, whatever happens to
//! the cluster meanwhile and however many guess at once (attacks.md A19).

use std::collections::HashMap;

use parking_lot::{Condvar, Mutex, MutexGuard};
use strongroom_model::{Role, UserName};

/// Guesses of this node: those under way, and wrong ones that couldn't be committed.
#[derive(Default)]
pub(crate) struct Guesses {
    tallies: Mutex<HashMap<Whom, Tally>>,
    done: Condvar,
    settling: Mutex<()>,
}

type Whom = (Role, UserName);

/// Users that exist and have been guessed at: there are few.
#[derive(Clone, Copy, Default)]
struct Tally {
    /// The user's epoch: a new password makes all of it void.
    epoch: u64,
    uncommitted: u32,
    under_way: u32,
}

/// A password that is being checked; it's over when this is dropped.
pub(super) struct Guess<'a> {
    guesses: &'a Guesses,
    whom: Whom,
    pub(super) epoch: u64,
}

impl Guesses {
    /// Waits until one more wrong password wouldn't be one too many, and takes its place. `None`: the user is locked.
    ///
    /// `recorded` tells how many wrong ones have been committed.
    pub(super) fn begin(
        &self,
        role: Role,
        name: &UserName,
        epoch: u64,
        limit: u32,
        recorded: impl Fn() -> u32,
    ) -> Option<Guess<'_>> {
        let whom = (role, name.clone());
        let mut tallies = self.tallies.lock();
        loop {
            let tally = tallies.entry(whom.clone()).or_default();
            if tally.epoch != epoch {
                tally.epoch = epoch;
                tally.uncommitted = 0;
            }
            let count = recorded().saturating_add(tally.uncommitted);
            if count < limit && count.saturating_add(tally.under_way) < limit {
                tally.under_way += 1;
                return Some(Guess { guesses: self, whom, epoch });
            }
            if count >= limit {
                forget_if_idle(&mut tallies, &whom);
                return None;
            }
            self.done.wait(&mut tallies);
        }
    }

    /// The place of somebody who commits the wrong passwords that couldn't be; `None` if there are none.
    pub(super) fn unsettled(&self, role: Role, name: &UserName, epoch: u64) -> Option<Guess<'_>> {
        let whom = (role, name.clone());
        let mut tallies = self.tallies.lock();
        let tally = tallies.get_mut(&whom).filter(|tally| tally.epoch == epoch && tally.uncommitted > 0)?;
        tally.under_way += 1;
        Some(Guess { guesses: self, whom, epoch })
    }

    /// Wrong passwords since the user got this epoch that couldn't be committed. Not to be asked with a lock on the
    /// replica, which [`Self::begin`] looks at.
    pub(crate) fn uncommitted(&self, role: Role, name: &UserName, epoch: u64) -> u32 {
        let tallies = self.tallies.lock();
        let tally = tallies.get(&(role, name.clone())).filter(|tally| tally.epoch == epoch);
        tally.map_or(0, |tally| tally.uncommitted)
    }
}

impl Guess<'_> {
    /// One guess after the other is settled.
    pub(super) fn settle(&self) -> MutexGuard<'_, ()> {
        self.guesses.settling.lock()
    }

    pub(super) fn uncommitted(&self) -> u32 {
        self.guesses.uncommitted(self.whom.0, &self.whom.1, self.epoch)
    }

    /// Notes how many wrong passwords couldn't be committed.
    pub(super) fn leave(&self, uncommitted: u32) {
        if let Some(tally) = self.guesses.tallies.lock().get_mut(&self.whom)
            && tally.epoch == self.epoch
        {
            tally.uncommitted = uncommitted;
        }
    }
}

impl Drop for Guess<'_> {
    fn drop(&mut self) {
        let mut tallies = self.guesses.tallies.lock();
        if let Some(tally) = tallies.get_mut(&self.whom) {
            tally.under_way = tally.under_way.saturating_sub(1);
        }
        forget_if_idle(&mut tallies, &self.whom);
        drop(tallies);
        self.guesses.done.notify_all();
    }
}

fn forget_if_idle(tallies: &mut HashMap<Whom, Tally>, whom: &Whom) {
    if tallies.get(whom).is_some_and(|tally| tally.uncommitted == 0 && tally.under_way == 0) {
        tallies.remove(whom);
    }
}
