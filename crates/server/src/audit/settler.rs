//! Writing heads a moment after their records, so that many records share one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How long a head may be behind. Who kills the daemon in between, and cuts off the records behind the head, isn't found
/// by the files alone.
pub(crate) const DELAY: Duration = Duration::from_millis(20);

/// Wakes the thread that writes heads.
#[derive(Debug, Default)]
pub(crate) struct Settler {
    is_due: AtomicBool,
    ended: Mutex<bool>,
    changed: Condvar,
}

impl Settler {
    /// A head is behind. Costs one exchange while another is, too.
    pub(crate) fn wake(&self) {
        if !self.is_due.swap(true, Ordering::AcqRel) {
            let _ended = self.ended.lock();
            self.changed.notify_all();
        }
    }

    /// Ends [`Self::run`].
    pub(crate) fn end(&self) {
        *self.ended.lock() = true;
        self.changed.notify_all();
    }

    /// Has heads written until [`Self::end`].
    pub(crate) fn run(&self, settle: impl Fn()) {
        let mut ended = self.ended.lock();
        while !*ended {
            if self.is_due.load(Ordering::Acquire) {
                self.changed.wait_for(&mut ended, DELAY);
                // What comes from here on wakes anew.
                self.is_due.store(false, Ordering::Release);
                drop(ended);
                settle();
                ended = self.ended.lock();
            } else {
                self.changed.wait(&mut ended);
            }
        }
    }
}
