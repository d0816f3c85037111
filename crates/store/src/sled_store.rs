//! The store on sled 0.34.
//!
//! sled alone isn't durable and doesn't notice what it lost; `docs/storage.md` has the rules that make
//! it so, and this module follows them.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use sled::Batch;

use crate::database::Database;
use crate::disk;
use crate::fingerprint::{Hash, State, hash_record};
use crate::layout::{STATE_KEY, entry_key, part_count, parts};
use crate::plan::{Plan, plan};
use crate::witness::Witness;
use crate::{Revision, Snapshot, Store, StoreError, Write};

#[cfg(test)]
mod tests;

/// A store in a directory of its own, on sled.
///
/// Beside the directory lies its witness, `<dir>.witness`: the two belong together.
#[derive(Debug)]
pub struct SledStore {
    dir: PathBuf,
    inner: Mutex<Inner>,
    // Released last: fields are dropped in order.
    _lock: File,
}

struct Inner {
    /// `None` while there's no space to open it again, and for good once the store is poisoned.
    database: Option<Database>,
    poisoned: bool,
    /// A second descriptor of sled's data file: its flushes report what sled's own don't.
    data: File,
    witness: Witness,
    state: State,
    index: Index,
    #[cfg(test)]
    hooks: tests::Hooks,
}

type Index = HashMap<Box<[u8]>, Entry>;

/// What a commit must know of a record that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    hash: Hash,
    parts: u16,
}

impl Entry {
    fn new(key: &[u8], value: &[u8]) -> Self {
        Self { hash: hash_record(key, value), parts: part_count(value.len()) as u16 }
    }
}

impl SledStore {
    /// Opens the store in `dir` and verifies all of it; makes it if there's none.
    ///
    /// A directory that it makes gets mode 0700. No other process can open it meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if another process has it. [`StoreError::Behind`] and
    /// [`StoreError::Damaged`] if what is there isn't what was last acknowledged; sled may have cut off
    /// what it took for a torn end by then, so a second try gives no more than the first.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        disk::create_dir(dir)?;
        let dir = dir.canonicalize().map_err(|error| StoreError::io("open", dir, error))?;
        let lock = disk::lock(&dir)?;
        let data = dir.join("db");
        let witness_path = Witness::path_for(&dir);
        let witness = Witness::open(&witness_path)?;
        // Otherwise sled would make an empty database.
        if let Some(witness) = witness.as_ref().filter(|witness| !witness.is_fresh())
            && disk::len(&data)? == 0
        {
            return Err(StoreError::behind(&dir, 0, witness.revision()));
        }
        disk::remove_unfinished_snapshots(&dir)?;
        disk::settle(&data)?;

        let (database, state, index) = read(&dir).or_else(|error| match error {
            // What is read without sled's snapshot is held against the witness like anything else.
            StoreError::Damaged { .. } => {
                tracing::warn!(%error, "trying again without sled's snapshot");
                disk::remove_all_snapshots(&dir)?;
                read(&dir)
            }
            error => Err(error),
        })?;
        let data = open_durable(&data)?;
        disk::sync_dir(&dir)?;
        if let Some(parent) = dir.parent() {
            disk::sync_dir(parent)?;
        }
        let witness = match witness {
            Some(mut witness) => witness.accept(&state, &dir).map(|()| witness)?,
            None if state == State::default() => Witness::create(&witness_path, &state)?,
            None => {
                let what = format!("it's missing, but the store holds revision {}", state.revision);
                return Err(StoreError::damaged(&witness_path, what));
            }
        };
        let inner = Inner {
            database: Some(database),
            poisoned: false,
            data,
            witness,
            state,
            index,
            #[cfg(test)]
            hooks: tests::Hooks::default(),
        };
        Ok(Self { dir, inner: Mutex::new(inner), _lock: lock })
    }

    fn lock(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        self.inner.lock().map_err(|_| StoreError::Poisoned)
    }
}

impl Store for SledStore {
    fn load(&self) -> Result<Snapshot, StoreError> {
        let mut inner = self.lock()?;
        let mut records = Vec::with_capacity(inner.index.len());
        match inner.ready(&self.dir) {
            // Without space sled can still read.
            Err(StoreError::Full { .. }) if inner.database.is_some() => {}
            ready => ready?,
        }
        let found = inner.database()?.scan(|key, value| records.push((key.to_owned(), value.to_owned())));
        match found {
            Ok(state) if state == inner.state => {
                records.sort_unstable();
                Ok(Snapshot { revision: state.revision, records })
            }
            Ok(_) => Err(inner.poison(not_ours(&self.dir))),
            Err(error @ StoreError::Full { .. }) => Err(error),
            Err(error) => Err(inner.poison(error)),
        }
    }

    fn commit(&self, base: Revision, changes: &[Vec<Write>]) -> Result<Revision, StoreError> {
        let mut inner = self.lock()?;
        if inner.poisoned {
            return Err(StoreError::Poisoned);
        }
        let plan = plan(base, inner.state.revision, changes)?;
        if changes.is_empty() {
            return Ok(base);
        }
        let size = plan.iter().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len)).sum();
        disk::check_space(&self.dir, size)?;

        inner.ready(&self.dir)?;
        let prepared = inner.prepare(&plan, changes.len());
        if let Err(error) = inner.write(prepared.batch, &prepared.state, &self.dir) {
            return Err(inner.poison(error));
        }
        for (key, entry) in prepared.entries {
            match entry {
                Some(entry) => inner.index.insert(key.into(), entry),
                None => inner.index.remove(key),
            };
        }
        inner.state = prepared.state;
        Ok(inner.state.revision)
    }
}

/// A commit worked out.
struct Prepared<'a> {
    batch: Batch,
    /// What becomes of the records in the index.
    entries: Vec<(&'a [u8], Option<Entry>)>,
    /// The state after it.
    state: State,
}

impl Inner {
    /// Makes sure of the database: opens it anew if sled's cleaner ran out of space and there's space again.
    ///
    /// No commit is under way then, so that what is read must be exactly what this process last wrote.
    fn ready(&mut self, dir: &Path) -> Result<(), StoreError> {
        if self.poisoned {
            return Err(StoreError::Poisoned);
        }
        let settled = self.database.as_ref().map(Database::settle);
        match settled {
            Some(Ok(())) => return Ok(()),
            Some(Err(error)) if !matches!(error, StoreError::Full { .. }) => return Err(self.poison(error)),
            _ => {}
        }
        disk::check_space(dir, 0)?;
        tracing::warn!(dir = %dir.display(), "sled's cleaner ran out of space; opening the store again");
        self.database = None;
        disk::remove_unfinished_snapshots(dir)?;
        match read(dir) {
            Ok((database, state, _)) if state == self.state => {
                self.flush_data().map_err(|error| self.poison(StoreError::io("flush", dir, error)))?;
                self.database = Some(database);
                Ok(())
            }
            Ok(_) => Err(self.poison(not_ours(dir))),
            Err(error @ StoreError::Full { .. }) => Err(error),
            Err(error) => Err(self.poison(error)),
        }
    }

    fn database(&self) -> Result<&Database, StoreError> {
        self.database.as_ref().ok_or(StoreError::Poisoned)
    }

    fn prepare<'a>(&self, plan: &Plan<'a>, changes: usize) -> Prepared<'a> {
        let mut batch = Batch::default();
        let mut entries = Vec::with_capacity(plan.len());
        let mut state = State {
            generation: self.state.generation + 1,
            revision: self.state.revision + changes as u64,
            previous: self.state.digest(),
            ..self.state.clone()
        };
        for (key, value) in plan {
            let old = self.index.get(*key);
            let new = value.map(|value| Entry::new(key, value));
            if let Some(old) = old {
                state.sum.subtract(&old.hash);
                state.count -= 1;
            }
            if let Some(new) = &new {
                state.sum.add(&new.hash);
                state.count += 1;
            }
            for (part, bytes) in value.map(parts).into_iter().flatten().enumerate() {
                batch.insert(entry_key(key, part), bytes);
            }
            for part in new.map_or(0, |new| new.parts)..old.map_or(0, |old| old.parts) {
                batch.remove(entry_key(key, part.into()));
            }
            entries.push((*key, new));
        }
        batch.insert(STATE_KEY, state.encode());
        Prepared { batch, entries, state }
    }

    /// Makes a batch durable: the data first, then the witness.
    fn write(&mut self, batch: Batch, state: &State, dir: &Path) -> Result<(), StoreError> {
        self.database()?.write(batch)?;
        self.flush_data().map_err(|error| StoreError::io("flush", &dir.join("db"), error))?;
        self.witness.record(state)
    }

    /// sled's flush doesn't reach the disk (sled issue 1351); this does.
    fn flush_data(&mut self) -> io::Result<()> {
        #[cfg(test)]
        self.hooks.before_flush(&self.witness)?;
        self.data.sync_all()
    }

    /// What is on the disk is unknown from here on; a flush that failed is never tried again, since the
    /// kernel may have dropped the pages that it couldn't write.
    fn poison(&mut self, error: StoreError) -> StoreError {
        tracing::error!(%error, "the store accepts nothing any more");
        self.poisoned = true;
        // Open, sled would go on moving pages about. Closing may take as long as a broken disk likes.
        if let Some(database) = self.database.take() {
            std::thread::spawn(move || drop(database));
        }
        error
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("revision", &self.state.revision)
            .field("records", &self.state.count)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

fn not_ours(dir: &Path) -> StoreError {
    StoreError::damaged(dir, "what is read isn't what this process wrote")
}

fn read(dir: &Path) -> Result<(Database, State, Index), StoreError> {
    let database = Database::open(dir)?;
    let mut index = Index::new();
    let state = database.scan(|key, value| {
        index.insert(key.into(), Entry::new(key, value));
    })?;
    Ok((database, state, index))
}

/// Opens sled's data file a second time and makes all of it durable, since a process that was killed
/// leaves data that nobody has flushed.
fn open_durable(path: &Path) -> Result<File, StoreError> {
    let file = File::options()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|error| StoreError::io("open", path, error))?;
    file.sync_all().map_err(|error| StoreError::io("flush", path, error))?;
    Ok(file)
}
