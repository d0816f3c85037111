//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom_model::{Error, ReturnCode};

use crate::{Revision, disk};

/// A store's refusal or failure: what happened, to what, and what to do.
///
/// It can be cloned, since one failed flush is the answer to every call that waited for it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There's too little space. Nothing was written, and the store goes on once there's space again.
    /// Only if the disk filled up in the very moment of a write, the store is poisoned, as the next commit tells.
    #[error(
        "no space to write {}: {needed} bytes must be free, {free} are; free some space, the store then goes on",
        dir.display()
    )]
    Full {
        /// The store's directory, or the file in it that couldn't be written.
        dir: PathBuf,
        /// Bytes that must be free, reserve included.
        needed: u64,
        /// Bytes that are.
        free: u64,
    },
    /// The operating system refused to read, write or flush.
    #[error("cannot {operation} {}: {error}; look at the disk, then start again", file.display())]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The file or directory.
        file: PathBuf,
        /// What the system said.
        #[source]
        error: Arc<io::Error>,
    },
    /// A file isn't what was written.
    #[error("{} is damaged: {what}; {remedy}", file.display())]
    Damaged {
        /// The file or directory.
        file: PathBuf,
        /// What is wrong with it.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// The data is older than what was acknowledged: part of it is lost, or an old copy was put back.
    #[error(
        "{} holds revision {have}, but revision {acknowledged} was acknowledged: the newest {} changes are missing; {remedy}",
        file.display(),
        acknowledged.saturating_sub(*have)
    )]
    Behind {
        /// The store's directory.
        file: PathBuf,
        /// The revision of what is there.
        have: Revision,
        /// The revision that was last acknowledged, as the witness has it.
        acknowledged: Revision,
        /// What to do.
        remedy: String,
    },
    /// The commit built on another revision than the store has. Nothing was done.
    #[error("the commit builds on revision {base}, but the store is at revision {revision}; load it again")]
    Conflict {
        /// The revision that the caller knew.
        base: Revision,
        /// The store's revision.
        revision: Revision,
    },
    /// Another process has the store open.
    #[error("{} is in use by another process; stop that one, or choose another home", dir.display())]
    Locked {
        /// The store's directory.
        dir: PathBuf,
    },
    /// A key, a value or a commit is past its limit. Nothing was done.
    #[error(
        "a {what} of {size} bytes is outside the store's limits (at most {limit}, and keys aren't empty)"
    )]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// An earlier error left it unknown what is on the disk; nothing is accepted any more.
    #[error("the store stopped after an earlier error, which the log tells; restart the daemon")]
    Poisoned,
}

impl StoreError {
    pub(crate) fn io(operation: &'static str, file: &Path, error: io::Error) -> Self {
        if disk::is_full(&error) {
            return disk::full(file);
        }
        Self::Io { operation, file: file.to_owned(), error: Arc::new(error) }
    }

    pub(crate) fn damaged(file: &Path, what: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), what: what.into(), remedy: REMEDY.to_owned() }
    }

    pub(crate) fn behind(dir: &Path, have: Revision, acknowledged: Revision) -> Self {
        Self::Behind { file: dir.to_owned(), have, acknowledged, remedy: REMEDY.to_owned() }
    }
}

const REMEDY: &str = "keep a copy of the directory and its witness, then restore the newest backup; \
    what is left is never used on its own, only where the loss is accepted explicitly (docs/storage.md)";

/// What a PKCS#11 caller gets.
impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Full { .. } => ReturnCode::DEVICE_MEMORY,
            StoreError::TooLarge { .. } => ReturnCode::DATA_LEN_RANGE,
            _ => ReturnCode::DEVICE_ERROR,
        };
        Self::new(code, error.to_string())
    }
}
