//! A store that fails when told to, and that shows what is really on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use strongroom_store::{Fault, MemoryStore, Revision, Snapshot, Store, StoreError, Write};

use super::Planted;

/// What a store holds: sealed records.
pub(super) type State = BTreeMap<Vec<u8>, Arc<[u8]>>;

/// The store of a simulated cluster.
#[derive(Default)]
pub(super) struct SimDisk {
    memory: MemoryStore,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    revision: Revision,
    state: Arc<State>,
    /// What it held at each revision that a commit led to.
    history: BTreeMap<Revision, Arc<State>>,
    armed: Option<(u64, Fault)>,
    /// An I/O error was reported: nothing is taken until a restart.
    broken: bool,
    full: bool,
    planted: Option<Planted>,
    struck: usize,
}

impl SimDisk {
    pub(super) fn new(planted: Option<Planted>) -> Self {
        let disk = Self::default();
        disk.inner.lock().planted = planted;
        disk
    }

    /// Has a commit fail: the next if `after` is 0.
    pub(super) fn arm(&self, after: u64, fault: Fault) {
        self.inner.lock().armed = Some((after, fault));
    }

    pub(super) fn set_full(&self, full: bool) {
        self.memory.set_full(full);
        self.inner.lock().full = full;
    }

    /// Whether commits succeed for certain.
    pub(super) fn takes_commits(&self) -> bool {
        let inner = self.inner.lock();
        !inner.broken && !inner.full && inner.armed.is_none()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.inner.lock().broken
    }

    pub(super) fn struck(&self) -> usize {
        self.inner.lock().struck
    }

    /// What a new process finds.
    pub(super) fn restart(&self) {
        self.memory.restart();
        let mut inner = self.inner.lock();
        inner.armed = None;
        inner.broken = false;
    }

    /// What it really holds now.
    pub(super) fn state(&self) -> (Revision, Arc<State>) {
        let inner = self.inner.lock();
        (inner.revision, Arc::clone(&inner.state))
    }

    /// What it held at a revision.
    pub(super) fn at(&self, revision: Revision) -> Option<Arc<State>> {
        self.inner.lock().history.get(&revision).cloned()
    }
}

impl Store for SimDisk {
    fn load(&self) -> Result<Snapshot, StoreError> {
        self.memory.load()
    }

    fn commit(&self, base: Revision, changes: &[Vec<Write>]) -> Result<Revision, StoreError> {
        let mut inner = self.inner.lock();
        let fault = match inner.armed.take().filter(|_| !inner.full) {
            Some((0, fault)) => Some(fault),
            Some((after, fault)) => {
                inner.armed = Some((after - 1, fault));
                None
            }
            None => None,
        };
        if inner.planted == Some(Planted::LoseCommit) && base > 8 {
            inner.planted = None;
            inner.struck += 1;
            return Ok(base + changes.len() as u64);
        }
        if let Some(fault) = fault {
            self.memory.fail(0, fault);
        }
        let outcome = self.memory.commit(base, changes);
        inner.broken |= matches!(outcome, Err(StoreError::Io { .. }));
        let durable = outcome.is_ok()
            || matches!((&outcome, fault), (Err(StoreError::Io { .. }), Some(Fault::Unacknowledged)));
        if durable {
            inner.apply(base + changes.len() as u64, changes);
        }
        outcome
    }
}

impl Inner {
    fn apply(&mut self, revision: Revision, changes: &[Vec<Write>]) {
        let mut state = (*self.state).clone();
        for write in changes.iter().flatten() {
            match &write.value {
                Some(value) => state.insert(write.key.clone(), Arc::from(value.as_slice())),
                None => state.remove(&write.key),
            };
        }
        self.revision = revision;
        self.state = Arc::new(state);
        self.history.insert(revision, Arc::clone(&self.state));
    }
}
