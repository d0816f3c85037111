//! Waiting awake for a lone client's next request.
//!
//! A core that goes to sleep for the few microseconds until the next request costs 70 to 90 us to wake on
//! a virtual machine (performance.md). So a thread that has just answered polls its socket for a moment
//! before it sleeps. That pays only while
//!
//! - nobody else has anything done: the last two requests of the daemon were this connection's, or the last [`LONE`] if there
//!   weren't so many before somebody else's came in between, and no other is being carried out. With more, the cores stay awake
//!   by themselves, and polling takes them away. (With two in any case, a caller who had a core to himself beside a crowd on the
//!   other lost a sixth of his calls: he shares that core with the thread that serves him. A lone caller's runs on nodes in turn
//!   are longer.);
//! - there's a second core, for the client;
//! - nobody else wants the core. When someone did, nobody waits awake for a while;
//! - the request comes in that moment. After a wait in vain the next answer isn't waited after, then the
//!   next two, four, up to [`MAX_SKIPPED`]; a wait that paid makes up for all of them.
//!
//! Between polls the core is offered to whoever wants it.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// How many requests in a row make a connection the only one, and how many are enough where it was before.
const LONE: u32 = 32;
const LONE_AGAIN: u32 = 2;
/// The longest wait.
const BUDGET: Duration = Duration::from_micros(60);
/// How many answers go by at most before waiting is tried again.
const MAX_SKIPPED: u32 = 256;
/// A gap between two polls that means that others wanted the core: who offers it to them doesn't get it back
/// for a scheduler's turn, while who sleeps is woken at once.
const INTERRUPTED: Duration = Duration::from_micros(40);
/// How many times as long as the gap nobody waits awake then, so that such gaps cost little in all.
const REST: u32 = 32;

/// What all connections of a daemon know of each other.
#[derive(Debug)]
pub(crate) struct Activity {
    spare_core: bool,
    next: AtomicU64,
    /// Nobody waits awake until then.
    rests: Mutex<Option<Instant>>,
    shared: Shared,
}

/// Written with every request, so it has a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shared {
    /// The connection that had the last request.
    last: AtomicU64,
    /// Requests being carried out.
    in_flight: AtomicUsize,
}

impl Default for Activity {
    fn default() -> Self {
        Self::with_cores(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl Activity {
    fn with_cores(cores: usize) -> Self {
        Self {
            spare_core: cores > 1,
            next: AtomicU64::new(1),
            rests: Mutex::default(),
            shared: Shared::default(),
        }
    }

    /// A connection's part in it.
    pub(crate) fn join(&self) -> Waiter<'_> {
        let me = self.next.fetch_add(1, Ordering::Relaxed);
        Waiter { activity: self, me, in_a_row: 0, needed: LONE, skip: 0, penalty: 1 }
    }

    fn is_quiet(&self, now: Instant) -> bool {
        self.rests.lock().is_none_or(|until| now >= until)
    }

    /// Others wanted the core, for so long.
    fn interrupted(&self, now: Instant, gap: Duration) {
        *self.rests.lock() = Some(now + gap * REST);
    }
}

/// What one connection has learned about waiting.
#[derive(Debug)]
pub(crate) struct Waiter<'a> {
    activity: &'a Activity,
    me: u64,
    /// How many of the last requests were this connection's, up to [`LONE`].
    in_a_row: u32,
    /// How many must have been.
    needed: u32,
    /// Answers yet to go by.
    skip: u32,
    /// How many go by after the next wait in vain.
    penalty: u32,
}

/// A request that is being carried out.
#[derive(Debug)]
pub(crate) struct InFlight<'a>(&'a Shared);

impl<'a> Waiter<'a> {
    /// Notes that a request has come; it, and those that came with it, are done when the result is dropped.
    pub(crate) fn begin(&mut self) -> InFlight<'a> {
        let shared = &self.activity.shared;
        shared.in_flight.fetch_add(1, Ordering::Relaxed);
        let again = shared.last.load(Ordering::Relaxed) == self.me;
        if !again {
            shared.last.store(self.me, Ordering::Relaxed);
            self.needed = if self.in_a_row < LONE { LONE } else { LONE_AGAIN };
            self.in_a_row = 0;
        }
        self.in_a_row = (self.in_a_row + 1).min(LONE);
        InFlight(shared)
    }

    /// Notes that another request has come with it: a connection on which that happens has many callers.
    pub(crate) fn goes_on(&mut self) {
        self.in_a_row = 0;
        self.needed = LONE;
    }

    /// Waits for the first bytes of the next request, if that may pay; `None` if they didn't come.
    pub(crate) fn poll(
        &mut self,
        mut try_read: impl FnMut() -> io::Result<Option<usize>>,
    ) -> Option<io::Result<usize>> {
        if !self.is_due() {
            return None;
        }
        let begun = Instant::now();
        if !self.activity.is_quiet(begun) {
            return None;
        }
        let mut polled = begun;
        loop {
            match try_read() {
                Ok(Some(read)) => {
                    self.penalty = 1;
                    return Some(Ok(read));
                }
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
            std::thread::yield_now();
            let now = Instant::now();
            if now - polled >= INTERRUPTED {
                self.activity.interrupted(now, now - polled);
                return None;
            }
            polled = now;
            if !self.is_alone() {
                return None;
            }
            if now - begun >= BUDGET {
                self.in_vain();
                return None;
            }
        }
    }

    fn in_vain(&mut self) {
        self.skip = self.penalty;
        self.penalty = (self.penalty * 2).min(MAX_SKIPPED);
    }

    fn is_due(&mut self) -> bool {
        if self.in_a_row < self.needed || !self.activity.spare_core || !self.is_alone() {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        true
    }

    fn is_alone(&self) -> bool {
        let shared = &self.activity.shared;
        shared.in_flight.load(Ordering::Relaxed) == 0 && shared.last.load(Ordering::Relaxed) == self.me
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use strongroom_wire::Stream;

    use crate::channel::Channel;

    use super::*;

    #[test]
    fn only_a_lone_connection_with_a_spare_core_waits() {
        let activity = Activity::with_cores(2);
        let (mut one, mut two) = (activity.join(), activity.join());
        let requests = |waiter: &mut Waiter<'_>, count| (0..count).for_each(|_| drop(waiter.begin()));
        requests(&mut one, LONE - 1);
        assert!(!one.is_due(), "so few don't make it lone");
        requests(&mut one, 1);
        assert!(one.is_due());
        requests(&mut two, 1);
        assert!(!one.is_due() && !two.is_due());
        requests(&mut one, 1);
        assert!(!one.is_due());
        requests(&mut one, 1);
        assert!(one.is_due(), "it was lone before");
        requests(&mut two, LONE);
        assert!(two.is_due() && !one.is_due());
        requests(&mut one, LONE - 1);
        requests(&mut two, 1);
        requests(&mut one, LONE - 1);
        assert!(!one.is_due(), "another's came in between too soon");

        let busy = one.begin();
        requests(&mut two, LONE);
        assert!(!two.is_due(), "another request is being carried out");
        drop(busy);
        assert!(two.is_due());

        let several = two.begin();
        two.goes_on();
        drop(several);
        assert!(!two.is_due(), "many callers share the connection");

        let now = Instant::now();
        activity.interrupted(now, Duration::from_millis(3));
        assert!(!activity.is_quiet(now) && activity.is_quiet(now + Duration::from_millis(100)));

        let single = Activity::with_cores(1);
        let mut lone = single.join();
        requests(&mut lone, LONE);
        assert!(!lone.is_due());
    }

    #[test]
    fn waits_in_vain_become_rare_and_one_that_paid_forgives() {
        let activity = Activity::with_cores(2);
        let mut waiter = activity.join();
        let (mut near, far) = UnixStream::pair().unwrap();
        let far = Stream::new(far);
        let channel = Channel::plain(&far);
        let mut byte = [0; 9];
        let mut read = || channel.try_read(&mut byte);
        (1..LONE).for_each(|_| drop(waiter.begin()));
        let mut tried = Vec::new();
        for call in 0..40 {
            drop(waiter.begin());
            if waiter.is_due() {
                tried.push(call);
                waiter.in_vain();
            }
        }
        assert_eq!(tried, [0, 2, 5, 10, 19, 36]);
        waiter.penalty = 1;
        waiter.skip = 0;
        assert!(waiter.poll(&mut read).is_none(), "nothing was sent");

        *activity.rests.lock() = None;
        waiter.skip = 0;
        near.write_all(b"x").unwrap();
        assert!(matches!(waiter.poll(&mut read), Some(Ok(1))));
        assert_eq!(waiter.penalty, 1);
        drop(near);
        assert!(matches!(waiter.poll(&mut read), Some(Ok(0))));
    }
}
