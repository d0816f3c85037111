//! The witness: a small file beside the store that tells what was last acknowledged.
//!
//! sled can't tell a torn tail from a damaged one and goes back to an older state without a word. The
//! witness is written, and flushed, after the data of every commit and before the commit is acknowledged,
//! so data that is older than the witness has lost something. Two slots take turns: a crash while one is
//! written leaves the other.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::disk::sync_dir;
use crate::fingerprint::{Hash, State};
use crate::{Revision, StoreError};

const MAGIC: &[u8; 16] = b"strongroom wit 1";
/// Each slot has a block of its own, so that no write touches both.
const SLOT: usize = 4096;
const BODY: usize = 16 + 8 + 8 + 32;

/// What was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    generation: u64,
    revision: Revision,
    digest: Hash,
}

/// The open witness file.
#[derive(Debug)]
pub(crate) struct Witness {
    path: PathBuf,
    file: File,
    newest: Mark,
}

impl Witness {
    /// The witness of the store in `dir`: beside the directory, so that an old copy of the
    /// directory doesn't bring its own witness.
    pub(crate) fn path_for(dir: &Path) -> PathBuf {
        let mut name = dir.file_name().unwrap_or_default().to_owned();
        name.push(".witness");
        dir.with_file_name(name)
    }

    /// Opens a witness; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if neither slot is valid.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, StoreError> {
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("open", path, error)),
        };
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(&file, 2 * SLOT as u64), &mut bytes)
            .map_err(|error| StoreError::io("read", path, error))?;
        let slots = bytes.chunks(SLOT).zip(0u64..);
        let newest = slots
            .filter_map(|(slot, at)| Mark::decode(slot).filter(|mark| mark.generation % 2 == at))
            .max_by_key(|mark| mark.generation)
            .ok_or_else(|| StoreError::damaged(path, "neither of its two slots is valid"))?;
        Ok(Some(Self { path: path.to_owned(), file, newest }))
    }

    /// Makes the witness of a store; it appears whole or not at all.
    pub(crate) fn create(path: &Path, state: &State) -> Result<Self, StoreError> {
        let failed = |error| StoreError::io("create", path, error);
        let fresh = path.with_extension("witness.new");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&fresh)
            .map_err(failed)?;
        file.write_all_at(&[0; 2 * SLOT], 0).map_err(failed)?;
        let newest = Mark::of(state);
        file.write_all_at(&newest.encode(), newest.offset()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&fresh, path).map_err(failed)?;
        if let Some(parent) = path.parent() {
            sync_dir(parent)?;
        }
        Ok(Self { path: path.to_owned(), file, newest })
    }

    /// The revision that was last acknowledged.
    pub(crate) fn revision(&self) -> Revision {
        self.newest.revision
    }

    /// Whether any commit was ever acknowledged.
    pub(crate) fn is_fresh(&self) -> bool {
        self.newest.generation == 0
    }

    /// Says whether what was read from `dir` is what was acknowledged, and makes it the acknowledged state.
    ///
    /// The data may be one commit ahead: the process died between data and witness. That commit is
    /// whole, and the digest that it carries of the state before must be the witness's.
    pub(crate) fn accept(&mut self, state: &State, dir: &Path) -> Result<(), StoreError> {
        let acknowledged = &self.newest;
        if state.generation < acknowledged.generation {
            return Err(StoreError::behind(dir, state.revision, acknowledged.revision));
        }
        match state.generation - acknowledged.generation {
            0 if state.digest() == acknowledged.digest => Ok(()),
            1 if state.previous == acknowledged.digest => {
                tracing::info!(revision = state.revision, "the last commit before the crash is whole; kept");
                self.record(state)
            }
            0 | 1 => Err(StoreError::damaged(
                dir,
                format!(
                    "revision {} isn't the one that its witness {} acknowledged",
                    state.revision,
                    self.path.display()
                ),
            )),
            _ => Err(StoreError::damaged(
                &self.path,
                format!(
                    "it knows of revision {} only, the store holds {}",
                    acknowledged.revision, state.revision
                ),
            )),
        }
    }

    /// Writes and flushes what is now acknowledged.
    pub(crate) fn record(&mut self, state: &State) -> Result<(), StoreError> {
        let mark = Mark::of(state);
        self.file
            .write_all_at(&mark.encode(), mark.offset())
            .and_then(|()| self.file.sync_data())
            .map_err(|error| StoreError::io("flush", &self.path, error))?;
        self.newest = mark;
        Ok(())
    }
}

impl Mark {
    fn of(state: &State) -> Self {
        Self { generation: state.generation, revision: state.revision, digest: state.digest() }
    }

    fn offset(&self) -> u64 {
        (self.generation % 2) * SLOT as u64
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(BODY + 32);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(&self.revision.to_le_bytes());
        bytes.extend_from_slice(&self.digest);
        bytes.extend_from_slice(&Sha256::digest(&bytes));
        bytes
    }

    fn decode(slot: &[u8]) -> Option<Self> {
        let (body, rest) = slot.split_at_checked(BODY)?;
        if rest.get(..32)? != Sha256::digest(body).as_slice() {
            return None;
        }
        let (magic, body) = body.split_first_chunk::<16>()?;
        let (generation, body) = body.split_first_chunk::<8>()?;
        let (revision, digest) = body.split_first_chunk::<8>()?;
        (magic == MAGIC).then_some(Self {
            generation: u64::from_le_bytes(*generation),
            revision: u64::from_le_bytes(*revision),
            digest: digest.try_into().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(state: &State) -> State {
        State {
            generation: state.generation + 1,
            revision: state.revision + 3,
            count: state.count + 1,
            sum: state.sum,
            previous: state.digest(),
        }
    }

    /// A witness with the states 0 to `commits` recorded, and those states.
    fn witness(path: &Path, commits: usize) -> (Witness, Vec<State>) {
        let mut states = vec![State::default()];
        let mut witness = Witness::create(path, &states[0]).unwrap();
        for at in 0..commits {
            states.push(next(&states[at]));
            witness.record(&states[at + 1]).unwrap();
        }
        (witness, states)
    }

    #[test]
    fn the_newest_slot_counts_and_the_other_stands_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.witness");
        for commits in 1..6 {
            let (_, states) = witness(&path, commits);
            assert_eq!(Witness::open(&path).unwrap().unwrap().revision(), states[commits].revision);
            for (slot, expected) in [(commits % 2, commits - 1), (1 - commits % 2, commits)] {
                let (_, states) = witness(&path, commits);
                let file = OpenOptions::new().write(true).open(&path).unwrap();
                file.write_all_at(&[1], (slot * SLOT + 30) as u64).unwrap();
                assert_eq!(Witness::open(&path).unwrap().unwrap().revision(), states[expected].revision);
            }
        }
    }

    #[test]
    fn two_bad_slots_and_a_wrong_place_are_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.witness");
        witness(&path, 4);
        let bytes = std::fs::read(&path).unwrap();
        let swapped = [&bytes[SLOT..], &bytes[..SLOT]].concat();
        for bad in [vec![], vec![0; 2 * SLOT], bytes[..50].to_vec(), swapped] {
            std::fs::write(&path, bad).unwrap();
            assert!(matches!(Witness::open(&path), Err(StoreError::Damaged { .. })));
        }
        std::fs::remove_file(&path).unwrap();
        assert!(Witness::open(&path).unwrap().is_none());
    }

    #[test]
    fn only_the_acknowledged_state_and_the_one_after_it_are_accepted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.witness");
        let (mut at_four, states) = witness(&path, 4);
        assert!(matches!(
            at_four.accept(&states[3], dir.path()),
            Err(StoreError::Behind { have: 9, acknowledged: 12, .. })
        ));
        at_four.accept(&states[4], dir.path()).unwrap();

        let other = State { count: 99, ..states[4].clone() };
        assert!(matches!(at_four.accept(&other, dir.path()), Err(StoreError::Damaged { .. })));
        assert!(matches!(at_four.accept(&next(&other), dir.path()), Err(StoreError::Damaged { .. })));
        assert!(matches!(
            at_four.accept(&next(&next(&states[4])), dir.path()),
            Err(StoreError::Damaged { .. })
        ));

        at_four.accept(&next(&states[4]), dir.path()).unwrap();
        assert_eq!(Witness::open(&path).unwrap().unwrap().revision(), 15);
    }
}
