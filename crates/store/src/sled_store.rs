//! The store on sled 0.34.
//!
//! sled alone isn't durable and doesn't notice what it lost; `docs/storage.md` has the rules that make
//! it so, and this module follows them.

use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sled::{Batch, Db};

use crate::disk::{self, check_space, is_full};
use crate::fingerprint::{Hash, State, hash_record};
use crate::layout::{STATE_KEY, entry_key, part_count, parts};
use crate::plan::{Plan, plan};
use crate::scan::scan;
use crate::witness::Witness;
use crate::{Revision, Snapshot, Store, StoreError, Write};

/// sled's page cache in bytes. Nodes keep all records in memory; this one serves commits only.
const CACHE: u64 = 16 * 1024 * 1024;
/// How often sled moves live pages out of old segments, in milliseconds. Without it the file only grows.
const CLEAN_EVERY: u64 = 500;
/// How long a database just closed in this process may keep sled's lock: a thread of sled's may still hold the file.
const CLOSING: Duration = Duration::from_secs(2);

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
    db: Option<Db>,
    /// A second descriptor of sled's data file: its flushes report what sled's own don't.
    data: File,
    witness: Witness,
    state: State,
    index: HashMap<Box<[u8]>, Entry>,
    poisoned: bool,
    #[cfg(test)]
    hooks: Hooks,
}

/// What a commit must know of a record that it replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    hash: Hash,
    parts: u16,
}

/// Failures that a test asks for.
#[cfg(test)]
#[derive(Debug, Default)]
struct Hooks {
    fail_flush: bool,
    flushes: u64,
}

impl SledStore {
    /// Opens the store in `dir` and verifies all of it; makes it if there's none.
    ///
    /// The directory gets mode 0700. No other process can open it meanwhile.
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
        let data_path = dir.join("db");
        let witness_path = Witness::path_for(&dir);
        let witness = Witness::open(&witness_path)?;
        if let Some(witness) = witness.as_ref().filter(|witness| !witness.is_fresh())
            && std::fs::metadata(&data_path).map_or(0, |data| data.len()) == 0
        {
            return Err(StoreError::behind(&dir, 0, witness.revision()));
        }
        disk::remove_unfinished_snapshots(&dir)?;
        disk::settle(&data_path)?;

        let db = open_sled(&dir)?;
        let mut index = HashMap::new();
        let scanned = scan(&db, &dir, |key, value| {
            let parts = part_count(value.len()) as u16;
            index.insert(key.into(), Entry { hash: hash_record(key, value), parts });
        });
        let state = match scanned {
            Ok(state) => state,
            Err(error) => {
                close(db);
                return Err(error);
            }
        };

        let data = File::options()
            .read(true)
            .write(true)
            .open(&data_path)
            .map_err(|error| StoreError::io("open", &data_path, error))?;
        data.sync_all().map_err(|error| StoreError::io("flush", &data_path, error))?;
        disk::sync_dir(&dir)?;
        if let Some(parent) = dir.parent() {
            disk::sync_dir(parent)?;
        }
        let witness = match witness {
            Some(mut witness) => witness.accept(&state, &dir).map(|()| witness),
            None if state == State::default() => Witness::create(&witness_path, &state),
            None => Err(StoreError::damaged(
                &witness_path,
                format!("it's missing, but the store holds revision {}", state.revision),
            )),
        };
        let witness = match witness {
            Ok(witness) => witness,
            Err(error) => {
                close(db);
                return Err(error);
            }
        };
        let inner = Inner {
            db: Some(db),
            data,
            witness,
            state,
            index,
            poisoned: false,
            #[cfg(test)]
            hooks: Hooks::default(),
        };
        Ok(Self { dir, inner: Mutex::new(inner), _lock: lock })
    }

    fn lock(&self) -> Result<MutexGuard<'_, Inner>, StoreError> {
        let inner = self.inner.lock().map_err(|_| StoreError::Poisoned)?;
        if inner.poisoned { Err(StoreError::Poisoned) } else { Ok(inner) }
    }
}

impl Store for SledStore {
    fn load(&self) -> Result<Snapshot, StoreError> {
        let mut inner = self.lock()?;
        let mut records = Vec::with_capacity(inner.index.len());
        let db = inner.db()?;
        let found = scan(db, &self.dir, |key, value| records.push((key.to_owned(), value.to_owned())))
            .and_then(|state| {
                if state == inner.state {
                    Ok(state)
                } else {
                    Err(StoreError::damaged(&self.dir, "it isn't what this process last wrote"))
                }
            });
        match found {
            Ok(state) => {
                records.sort_unstable();
                Ok(Snapshot { revision: state.revision, records })
            }
            Err(error) => Err(inner.poison(error)),
        }
    }

    fn commit(&self, base: Revision, changes: &[Vec<Write>]) -> Result<Revision, StoreError> {
        let mut inner = self.lock()?;
        let plan = plan(base, inner.state.revision, changes)?;
        if changes.is_empty() {
            return Ok(base);
        }
        let size = plan.iter().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len)).sum();
        check_space(&self.dir, size)?;

        let (batch, entries, state) = inner.prepare(&plan, changes.len());
        let written = catch_unwind(AssertUnwindSafe(|| inner.write(batch, &state, &self.dir)))
            .unwrap_or_else(|panic| Err(StoreError::damaged(&self.dir, describe(&*panic))));
        if let Err(error) = written {
            return Err(inner.poison(error));
        }
        for (key, entry) in entries {
            match entry {
                Some(entry) => inner.index.insert(key.into(), entry),
                None => inner.index.remove(key),
            };
        }
        inner.state = state;
        Ok(inner.state.revision)
    }
}

impl Inner {
    fn db(&self) -> Result<&Db, StoreError> {
        self.db.as_ref().ok_or(StoreError::Poisoned)
    }

    /// The batch for a plan, what the index becomes, and the state after it.
    #[expect(clippy::type_complexity, reason = "three results of one pass, taken apart at once")]
    fn prepare<'a>(&self, plan: &Plan<'a>, changes: usize) -> (Batch, Vec<(&'a [u8], Option<Entry>)>, State) {
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
            let new = value
                .map(|value| Entry { hash: hash_record(key, value), parts: part_count(value.len()) as u16 });
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
        (batch, entries, state)
    }

    /// Makes a batch durable: the data first, then the witness.
    fn write(&mut self, batch: Batch, state: &State, dir: &Path) -> Result<(), StoreError> {
        let db = self.db()?;
        db.apply_batch(batch).map_err(|error| from_sled(error, "write", dir))?;
        db.flush().map_err(|error| from_sled(error, "flush", dir))?;
        self.flush_data().map_err(|error| StoreError::io("flush", &dir.join("db"), error))?;
        self.witness.record(state)
    }

    /// sled's flush doesn't reach the disk (sled issue 1351); this does.
    fn flush_data(&mut self) -> std::io::Result<()> {
        #[cfg(test)]
        {
            self.hooks.flushes += 1;
            if self.hooks.fail_flush {
                return Err(std::io::Error::from_raw_os_error(5));
            }
        }
        self.data.sync_all()
    }

    /// What is on the disk is unknown from here on; a flush that failed is never tried again, since the
    /// kernel may have dropped the pages that it couldn't write.
    fn poison(&mut self, error: StoreError) -> StoreError {
        tracing::error!(%error, "the store accepts nothing any more");
        self.poisoned = true;
        error
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(db) = self.db.take() {
            close(db);
        }
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("revision", &self.state.revision)
            .field("records", &self.state.count)
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}

/// Opens sled; a panic of sled's over a damaged file is an error.
fn open_sled(dir: &Path) -> Result<Db, StoreError> {
    let deadline = Instant::now() + CLOSING;
    loop {
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(CACHE)
            .flush_every_ms(Some(CLEAN_EVERY))
            .use_compression(false);
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        match opened {
            Ok(Ok(db)) => return Ok(db),
            Ok(Err(error)) => match from_sled(error, "open", dir) {
                StoreError::Locked { .. } if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                error => return Err(error),
            },
            Err(panic) => return Err(StoreError::damaged(&dir.join("db"), describe(&*panic))),
        }
    }
}

/// Closes sled, which flushes, and panics if it can't.
fn close(db: Db) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(db))) {
        tracing::error!(what = describe(&*panic), "closing the store failed");
    }
}

/// What sled's error means for the store in `dir`.
pub(crate) fn from_sled(error: sled::Error, operation: &'static str, dir: &Path) -> StoreError {
    let data = dir.join("db");
    match error {
        sled::Error::Io(error) if is_full(&error) => {
            StoreError::Full { dir: dir.to_owned(), needed: 0, free: 0 }
        }
        // sled has no error of its own for a lock that is held; this text is 0.34.7's.
        sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock") => {
            StoreError::Locked { dir: dir.to_owned() }
        }
        sled::Error::Io(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::UnexpectedEof
                    | std::io::ErrorKind::NotFound
                    | std::io::ErrorKind::InvalidData
            ) =>
        {
            StoreError::damaged(&data, format!("sled can't read all of it ({error})"))
        }
        sled::Error::Io(error) => StoreError::io(operation, &data, error),
        sled::Error::Unsupported(why) => StoreError::damaged(&dir.join("conf"), why),
        error => StoreError::damaged(&data, error.to_string()),
    }
}

/// What a panic said.
pub(crate) fn describe(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given");
    format!("sled gave up on it ({text})")
}
