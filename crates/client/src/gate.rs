//! State that survives a fork.
//!
//! A fork copies locks as they are: one that another thread held stays locked for ever in the
//! child. So all writing goes through a gate. Before a fork the gate is shut and those inside are
//! waited for; the child then finds the lock free of writers, and readers don't keep it from reading.
//! Inside the gate nobody does I/O, so the wait is short.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

/// One fork under way, in the upper half of the count; writers are counted in the lower.
const FORK: u32 = 1 << 16;
const PAUSE: Duration = Duration::from_micros(20);
/// How often [`PAUSE`] is waited at most, so that no mistake of the host's can hang it.
const PAUSES: u32 = 5000;

/// A value that is read often and written seldom.
#[derive(Debug)]
pub(crate) struct Shared<T> {
    value: RwLock<T>,
    gate: AtomicU32,
}

impl<T> Shared<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self { value: RwLock::new(value), gate: AtomicU32::new(0) }
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        self.value.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the value. `change` must be quick and do no I/O.
    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let _inside = Inside::enter(&self.gate);
        change(&mut self.value.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// To be called before a fork: keeps writers out, and waits for those inside.
    pub(crate) fn shut(&self) {
        self.gate.fetch_add(FORK, Ordering::SeqCst);
        wait_until(|| self.gate.load(Ordering::SeqCst).is_multiple_of(FORK));
    }

    /// To be called in the parent after the fork.
    pub(crate) fn open(&self) {
        self.gate.fetch_sub(FORK, Ordering::SeqCst);
    }

    /// Reads in the child of a fork, where nobody is left who could unlock what is locked: `None` if
    /// the fork was made without [`Self::shut`], in the middle of a change.
    pub(crate) fn read_in_child(&self) -> Option<RwLockReadGuard<'_, T>> {
        match self.value.try_read() {
            Ok(value) => Some(value),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }
}

struct Inside<'a>(&'a AtomicU32);

impl<'a> Inside<'a> {
    fn enter(gate: &'a AtomicU32) -> Self {
        let open = |count: u32| (count < FORK).then_some(count + 1);
        let entered = || gate.fetch_update(Ordering::SeqCst, Ordering::SeqCst, open).is_ok();
        if !entered() && !wait_until(entered) {
            gate.fetch_add(1, Ordering::SeqCst);
        }
        Self(gate)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn wait_until(mut done: impl FnMut() -> bool) -> bool {
    for _ in 0..PAUSES {
        if done() {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    false
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn a_shut_gate_keeps_writers_out_until_it_opens() {
        let shared = Shared::new(0);
        let written = AtomicBool::new(false);
        std::thread::scope(|scope| {
            shared.shut();
            scope.spawn(|| {
                shared.write(|value| *value += 1);
                written.store(true, Ordering::SeqCst);
            });
            std::thread::sleep(Duration::from_millis(10));
            assert!(!written.load(Ordering::SeqCst));
            assert_eq!(shared.read_in_child().map(|value| *value), Some(0));
            shared.open();
        });
        assert_eq!(*shared.read(), 1);
    }

    #[test]
    fn shutting_waits_for_the_writer_inside() {
        let shared = Shared::new(0);
        std::thread::scope(|scope| {
            let (inside, entered) = std::sync::mpsc::channel();
            let shared = &shared;
            scope.spawn(move || {
                shared.write(|value| {
                    inside.send(()).unwrap();
                    std::thread::sleep(Duration::from_millis(20));
                    *value = 7;
                });
            });
            entered.recv().unwrap();
            assert!(shared.read_in_child().is_none());
            shared.shut();
            assert_eq!(shared.read_in_child().map(|value| *value), Some(7));
            shared.open();
        });
    }
}
