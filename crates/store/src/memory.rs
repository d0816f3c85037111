//! A store in memory, for tests and simulators.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::plan::plan;
use crate::{Revision, Snapshot, Store, StoreError, Write};

/// How a commit is to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// [`StoreError::Full`]; nothing is written, and the store goes on.
    Full,
    /// [`StoreError::Io`]; the changes are lost, and the store is poisoned.
    Lost,
    /// [`StoreError::Io`] although the changes are durable; the store is poisoned. This is what a
    /// caller must expect of every I/O error.
    Unacknowledged,
}

/// A store in memory: the semantics of [`SledStore`](crate::SledStore), with commits that fail when told to.
///
/// What it holds stands for what is on a disk: it survives [`MemoryStore::restart`].
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    revision: Revision,
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    fault: Option<(u64, Fault)>,
    full: bool,
    poisoned: bool,
}

impl MemoryStore {
    /// An empty store at revision 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes one commit fail: the next if `after` is 0, else the one after that many good ones.
    pub fn fail(&self, after: u64, fault: Fault) {
        self.lock().fault = Some((after, fault));
    }

    /// Fills the disk, so that every commit fails with [`StoreError::Full`], or frees it again.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// What a new process finds: the durable records, no poison, no fault pending.
    pub fn restart(&self) {
        let mut inner = self.lock();
        inner.poisoned = false;
        inner.fault = None;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock with the content half changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&self) -> Result<Snapshot, StoreError> {
        let inner = self.lock();
        if inner.poisoned {
            return Err(StoreError::Poisoned);
        }
        let records = inner.records.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(Snapshot { revision: inner.revision, records })
    }

    fn commit(&self, base: Revision, changes: &[Vec<Write>]) -> Result<Revision, StoreError> {
        let mut inner = self.lock();
        if inner.poisoned {
            return Err(StoreError::Poisoned);
        }
        let plan = plan(base, inner.revision, changes)?;
        if changes.is_empty() {
            return Ok(base);
        }
        let fault = inner.next_fault();
        if fault == Some(Fault::Full) {
            return Err(StoreError::Full { dir: PathBuf::from("memory"), needed: 1, free: 0 });
        }
        if fault != Some(Fault::Lost) {
            for (key, value) in plan {
                match value {
                    Some(value) => inner.records.insert(key.to_owned(), value.to_owned()),
                    None => inner.records.remove(key),
                };
            }
            inner.revision += changes.len() as u64;
        }
        if fault.is_some() {
            inner.poisoned = true;
            return Err(StoreError::io(
                "flush",
                Path::new("memory"),
                io::Error::other("a fault was asked for"),
            ));
        }
        Ok(inner.revision)
    }
}

impl Inner {
    fn next_fault(&mut self) -> Option<Fault> {
        if self.full {
            return Some(Fault::Full);
        }
        let (after, fault) = self.fault.take()?;
        if after == 0 {
            return Some(fault);
        }
        self.fault = Some((after - 1, fault));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, value: &str) -> Vec<Write> {
        vec![Write { key: key.into(), value: Some(value.into()) }]
    }

    #[test]
    fn faults_come_when_told_and_a_restart_shows_what_is_durable() {
        let store = MemoryStore::new();
        store.fail(1, Fault::Unacknowledged);
        assert_eq!(store.commit(0, &[put("a", "1")]).ok(), Some(1));
        assert!(matches!(store.commit(1, &[put("a", "2")]), Err(StoreError::Io { .. })));
        assert!(matches!(store.commit(1, &[put("a", "3")]), Err(StoreError::Poisoned)));
        assert!(matches!(store.load(), Err(StoreError::Poisoned)));
        store.restart();
        assert_eq!(store.load().unwrap().records, [(b"a".to_vec(), b"2".to_vec())]);

        store.fail(0, Fault::Lost);
        assert!(matches!(store.commit(2, &[put("a", "4")]), Err(StoreError::Io { .. })));
        store.restart();
        assert_eq!(store.load().unwrap().revision, 2);
    }

    #[test]
    fn a_full_store_goes_on_when_there_is_space() {
        let store = MemoryStore::new();
        store.set_full(true);
        assert!(matches!(store.commit(0, &[put("a", "1")]), Err(StoreError::Full { .. })));
        assert_eq!(store.load().unwrap(), Snapshot::default());
        store.set_full(false);
        assert_eq!(store.commit(0, &[put("a", "1"), put("b", "1")]).ok(), Some(2));
    }
}
