//! sled, with its panics caught and nothing that it returns taken on trust.

use std::any::Any;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sled::{Batch, Db};

use crate::StoreError;
use crate::disk::{self, is_full};
use crate::fingerprint::{State, Sum, hash_record};
use crate::layout::{STATE_KEY, part_count, split_entry_key};

/// sled's page cache in bytes. Nodes keep all records in memory; this one serves commits only.
const CACHE: u64 = 16 * 1024 * 1024;
/// How often sled moves live pages out of old segments, in milliseconds. Without it the file only grows.
const CLEAN_EVERY: u64 = 500;
/// How long a database just closed in this process may keep sled's lock: a thread of sled's may still hold the file.
const CLOSING: Duration = Duration::from_secs(2);

/// An open sled database.
pub(crate) struct Database {
    /// `None` only while it's being closed.
    db: Option<Db>,
    dir: PathBuf,
}

impl Database {
    /// Opens what is in `dir`, or makes it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] also where sled panics.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let deadline = Instant::now() + CLOSING;
        loop {
            match guarded(dir, "open", || configuration(dir).open()) {
                Err(StoreError::Locked { .. }) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                opened => return opened.map(|db| Self { db: Some(db), dir: dir.to_owned() }),
            }
        }
    }

    /// Calls `visit` with every record and returns the state that the records were checked against.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if the records aren't those that the state's sum and count are of. `visit`
    /// has seen some of them by then.
    pub(crate) fn scan(&self, mut visit: impl FnMut(&[u8], &[u8])) -> Result<State, StoreError> {
        // A damaged page can make sled panic only when it's read.
        guarded(&self.dir, "read", || Ok(self.scan_entries(&mut visit)))?
    }

    /// Waits for what sled's cleaner is writing.
    ///
    /// # Errors
    ///
    /// Also those that met the cleaner since the last call; sled does nothing any more after one.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        guarded(&self.dir, "write", || self.db()?.flush().map(drop))
    }

    /// Applies a batch, and has sled write it to its file; that doesn't make it durable yet.
    pub(crate) fn write(&self, batch: Batch) -> Result<(), StoreError> {
        guarded(&self.dir, "write", || {
            let db = self.db()?;
            db.apply_batch(batch)?;
            db.flush().map(drop)
        })
    }

    pub(crate) fn db(&self) -> sled::Result<&Db> {
        self.db.as_ref().ok_or_else(|| sled::Error::ReportableBug("used after it was closed".into()))
    }

    fn scan_entries(&self, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<State, StoreError> {
        let damaged = |what: &str| StoreError::damaged(&self.dir.join("db"), what);
        let failed = |error| from_sled(error, "read", &self.dir);
        let mut state = State::default();
        let mut count = 0;
        let mut sum = Sum::default();
        let mut finish = |key: &[u8], value: &[u8], parts| {
            if parts != part_count(value.len()) {
                return Err(damaged("a record doesn't have the parts that its size demands"));
            }
            sum.add(&hash_record(key, value));
            count += 1;
            visit(key, value);
            Ok(())
        };
        let mut record: Option<(Vec<u8>, Vec<u8>, usize)> = None;
        for entry in self.db().map_err(failed)?.iter() {
            let (entry, bytes) = entry.map_err(failed)?;
            if entry == STATE_KEY {
                state = State::decode(&bytes).ok_or_else(|| damaged("the record of its state is invalid"))?;
                continue;
            }
            let (key, part) =
                split_entry_key(&entry).ok_or_else(|| damaged("it has an entry of no known kind"))?;
            match &mut record {
                Some((current, value, parts)) if current == key && *parts == part => {
                    value.extend_from_slice(&bytes);
                    *parts += 1;
                }
                _ if part == 0 => {
                    if let Some((key, value, parts)) = record.replace((key.to_owned(), bytes.to_vec(), 1)) {
                        finish(&key, &value, parts)?;
                    }
                }
                _ => return Err(damaged("part of a record is missing")),
            }
        }
        if let Some((key, value, parts)) = record {
            finish(&key, &value, parts)?;
        }
        if (count, sum) == (state.count, state.sum) {
            return Ok(state);
        }
        let State { revision, count: expected, .. } = state;
        Err(damaged(&format!(
            "its records aren't those of revision {revision} ({count} were read, {expected} written)"
        )))
    }
}

impl Drop for Database {
    /// Closing flushes, and sled panics if it can't.
    fn drop(&mut self) {
        let db = self.db.take();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(db))) {
            tracing::error!(dir = %self.dir.display(), what = describe(&*panic), "closing the store failed");
        }
    }
}

fn configuration(dir: &Path) -> sled::Config {
    sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE)
        .flush_every_ms(Some(CLEAN_EVERY))
        .use_compression(false)
}

/// Calls into sled; its panics are errors.
fn guarded<T>(
    dir: &Path,
    operation: &'static str,
    call: impl FnOnce() -> sled::Result<T>,
) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| from_sled(error, operation, dir)),
        Err(panic) => Err(StoreError::damaged(&dir.join("db"), describe(&*panic))),
    }
}

/// What sled's error means for the store in `dir`.
fn from_sled(error: sled::Error, operation: &'static str, dir: &Path) -> StoreError {
    let data = dir.join("db");
    match error {
        sled::Error::Io(error) if is_full(&error) => disk::full(dir),
        // sled has no error of its own for a lock that is held; this text is 0.34.7's.
        sled::Error::Io(error) if error.to_string().starts_with("could not acquire lock") => {
            StoreError::Locked { dir: dir.to_owned() }
        }
        sled::Error::Io(error) if is_about_content(&error) => {
            StoreError::damaged(&data, format!("sled can't read all of it ({error})"))
        }
        sled::Error::Io(error) => StoreError::io(operation, &data, error),
        sled::Error::Unsupported(why) => StoreError::damaged(&dir.join("conf"), why),
        error => StoreError::damaged(&data, error.to_string()),
    }
}

/// Whether sled means that it found something else than it looked for.
fn is_about_content(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::NotFound | ErrorKind::InvalidData)
}

/// What a panic said.
fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given");
    format!("sled gave up on it ({text})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_disk_keep_their_meaning() {
        let dir = Path::new("store");
        for code in [28, 122, 27] {
            let error = from_sled(sled::Error::Io(io::Error::from_raw_os_error(code)), "write", dir);
            assert!(matches!(error, StoreError::Full { .. }), "{error}");
        }
        let error = from_sled(sled::Error::Io(io::Error::from_raw_os_error(5)), "write", dir);
        assert!(matches!(error, StoreError::Io { operation: "write", .. }), "{error}");
    }

    #[test]
    fn a_panic_of_sleds_is_an_error() {
        let error = guarded::<()>(Path::new("store"), "read", || panic!("no page {}", 7)).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }));
        assert!(error.to_string().contains("no page 7"), "{error}");
    }

    #[test]
    fn a_lock_that_sled_finds_held_is_told_as_such() {
        let home = tempfile::tempdir().unwrap();
        let _other = configuration(home.path()).open().unwrap();
        let refused = Database::open(home.path()).map(drop);
        assert!(matches!(refused, Err(StoreError::Locked { .. })), "{refused:?}");
    }
}
