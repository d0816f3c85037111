//! Reading a whole database, with nothing taken on trust.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use sled::Db;

use crate::StoreError;
use crate::fingerprint::{State, Sum, hash_record};
use crate::layout::{STATE_KEY, split_entry_key};
use crate::sled_store::{describe, from_sled};

/// Calls `visit` with every record and returns the state that the records were checked against.
///
/// # Errors
///
/// [`StoreError::Damaged`] if the records aren't those that the state's sum and count are of. `visit`
/// has seen some of them by then.
pub(crate) fn scan(db: &Db, dir: &Path, mut visit: impl FnMut(&[u8], &[u8])) -> Result<State, StoreError> {
    // A damaged page can make sled panic only when it's read.
    catch_unwind(AssertUnwindSafe(|| scan_unguarded(db, dir, &mut visit)))
        .unwrap_or_else(|panic| Err(StoreError::damaged(&dir.join("db"), describe(&*panic))))
}

fn scan_unguarded(db: &Db, dir: &Path, visit: &mut dyn FnMut(&[u8], &[u8])) -> Result<State, StoreError> {
    let damaged = |what: &str| StoreError::damaged(&dir.join("db"), what);
    let mut state = State::default();
    let mut count = 0;
    let mut sum = Sum::default();
    let mut finish = |key: &[u8], value: &[u8]| {
        sum.add(&hash_record(key, value));
        count += 1;
        visit(key, value);
    };
    let mut record: Option<(Vec<u8>, Vec<u8>, usize)> = None;
    for entry in db.iter() {
        let (entry, bytes) = entry.map_err(|error| from_sled(error, "read", dir))?;
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
                if let Some((key, value, _)) = record.replace((key.to_owned(), bytes.to_vec(), 1)) {
                    finish(&key, &value);
                }
            }
            _ => return Err(damaged("part of a record is missing")),
        }
    }
    if let Some((key, value, _)) = record {
        finish(&key, &value);
    }
    if (count, sum) != (state.count, state.sum) {
        return Err(damaged(&format!(
            "its records aren't those of revision {}: {count} were read, {} were written, and the sums differ",
            state.revision, state.count
        )));
    }
    Ok(state)
}
