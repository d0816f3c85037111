//! Memory for messages, shared by all connections of a daemon.
//!
//! A connection's buffers grow with what it sends and what it's answered: up to a frame each, and anybody may connect.
//! So buffers beyond a connection's [`FREE`] part come out of one budget. Who doesn't fit in waits for others to be
//! done, and is dropped if that takes too long. Connections that speak for nobody get half of it, and leave the rest to users.

use std::io;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use strongroom_model::limits::{FREE_BUFFERS as FREE, MAX_BUFFERS};

/// How long to wait for memory.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often who waits looks whether its connection was closed meanwhile.
const LOOK: Duration = Duration::from_millis(100);
/// The part of the budget that connections get that speak for nobody.
const STRANGERS: usize = 2;

/// The budget of a daemon.
#[derive(Debug)]
pub(crate) struct Budget {
    max: usize,
    used: Mutex<usize>,
    less: Condvar,
}

/// What one connection has of it.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    budget: &'a Budget,
    held: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(MAX_BUFFERS)
    }
}

impl Budget {
    fn of(max: usize) -> Self {
        Self { max, used: Mutex::default(), less: Condvar::new() }
    }

    /// A connection's share.
    pub(crate) fn join(&self) -> Share<'_> {
        Share { budget: self, held: 0 }
    }
}

impl Share<'_> {
    /// Asks for a buffer of this size, all of the connection's buffers together, and waits until it fits in.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` if that takes too long; `ConnectionAborted` if the connection is closed meanwhile.
    pub(crate) fn ask(
        &mut self,
        size: usize,
        speaks_for_user: bool,
        is_closed: impl Fn() -> bool,
    ) -> io::Result<()> {
        self.ask_within(PATIENCE, size, speaks_for_user, is_closed)
    }

    fn ask_within(
        &mut self,
        patience: Duration,
        size: usize,
        speaks_for_user: bool,
        is_closed: impl Fn() -> bool,
    ) -> io::Result<()> {
        let Some(more) = counted(size).checked_sub(self.held).filter(|more| *more > 0) else { return Ok(()) };
        let max = if speaks_for_user { self.budget.max } else { self.budget.max / STRANGERS };
        let deadline = Instant::now() + patience;
        let mut used = self.budget.used.lock();
        while *used + more > max {
            if is_closed() {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if Instant::now() >= deadline {
                return Err(io::Error::new(
                    io::ErrorKind::OutOfMemory,
                    format!("messages take {used} bytes of memory already, and {max} is the most for it"),
                ));
            }
            self.budget.less.wait_for(&mut used, LOOK);
        }
        *used += more;
        self.held += more;
        Ok(())
    }

    /// Notes how large the connection's buffers are now. Whether that's too much to be kept while it's idle.
    pub(crate) fn note(&mut self, size: usize) -> bool {
        let now = counted(size);
        if now == self.held {
            return now > 0 && self.is_tight();
        }
        let mut used = self.budget.used.lock();
        *used = *used - self.held + now;
        if now < self.held {
            self.budget.less.notify_all();
        }
        self.held = now;
        now > 0 && *used > self.budget.max / 2
    }

    fn is_tight(&self) -> bool {
        *self.budget.used.lock() > self.budget.max / 2
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.note(0);
    }
}

/// The part of buffers that comes out of the budget.
const fn counted(size: usize) -> usize {
    if size <= FREE { 0 } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn small_buffers_are_free_and_large_ones_wait() {
        let budget = Budget::of(16 * MIB);
        let mut small: Vec<_> = (0..10_000).map(|_| budget.join()).collect();
        small.iter_mut().for_each(|share| share.ask(FREE, false, || false).unwrap());
        let (mut large, mut other) = (budget.join(), budget.join());
        large.ask(10 * MIB, true, || false).unwrap();
        large.ask(16 * MIB, true, || false).unwrap();
        let moment = Duration::from_millis(50);
        let full = other.ask_within(moment, MIB, true, || false).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::OutOfMemory);
        assert!(full.to_string().contains(&(16 * MIB).to_string()), "{full}");
        let closed = other.ask(MIB, true, || true).unwrap_err();
        assert_eq!(closed.kind(), io::ErrorKind::ConnectionAborted);

        std::thread::scope(|scope| {
            scope.spawn(|| other.ask(MIB, true, || false).unwrap());
            std::thread::sleep(moment);
            large.note(FREE);
        });
        assert_eq!(*budget.used.lock(), MIB);
        drop(other);
        assert_eq!(*budget.used.lock(), 0);
    }

    #[test]
    fn strangers_leave_half_of_it_to_users() {
        let budget = Budget::of(16 * MIB);
        let (mut stranger, mut other, mut user) = (budget.join(), budget.join(), budget.join());
        stranger.ask(8 * MIB, false, || false).unwrap();
        other.ask_within(Duration::ZERO, MIB, false, || false).unwrap_err();
        user.ask(8 * MIB, true, || false).unwrap();
    }

    #[test]
    fn what_was_sent_counts_too_and_is_given_back_when_it_gets_tight() {
        let budget = Budget::of(16 * MIB);
        let (mut one, mut two) = (budget.join(), budget.join());
        assert!(!one.note(2 * MIB), "there's room");
        assert!(two.note(20 * MIB), "what exists is counted, whether it fits or not");
        assert!(one.note(2 * MIB) && !one.note(FREE));
        assert_eq!(*budget.used.lock(), 20 * MIB);
    }
}
