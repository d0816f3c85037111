//! How those who wait in a lane are woken: all whom there is news for by one call of the system, after which they run one
//! after another without the waker in between.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::futex;

/// A lane's bell.
#[derive(Debug)]
pub(super) struct Bell {
    rung: AtomicU32,
    places: AtomicU32,
}

/// Those whom a ring is for: a set of 32 places. Two who wait at the same time may share one; then one of them wakes for nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Called(u32);

impl Bell {
    pub(super) const fn new() -> Self {
        Self { rung: AtomicU32::new(0), places: AtomicU32::new(0) }
    }

    /// A place for somebody about to wait.
    pub(super) fn place(&self) -> Called {
        Called(1 << (self.places.fetch_add(1, Ordering::Relaxed) % u32::BITS))
    }

    /// How often it has been rung.
    pub(super) fn count(&self) -> u32 {
        self.rung.load(Ordering::Acquire)
    }

    /// Waits until it's rung for one of `who`. Returns at once if it was rung since `count` was read, and may for no reason.
    pub(super) fn wait(&self, count: u32, who: Called) {
        if let Some(who) = who.set() {
            let _ = futex::wait_bitset(&self.rung, futex::Flags::PRIVATE, count, None, who);
        }
    }

    pub(super) fn ring(&self, who: Called) {
        if let Some(who) = who.set() {
            self.rung.fetch_add(1, Ordering::Release);
            let _ = futex::wake_bitset(&self.rung, futex::Flags::PRIVATE, i32::MAX.unsigned_abs(), who);
        }
    }
}

impl Called {
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    const fn set(self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.0)
    }
}
