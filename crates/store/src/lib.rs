//! Where committed state lives: the Store trait and its sled implementation.
//!
//! A store keeps records (key, value) at a revision. What it accepted is on the disk before
//! [`Store::commit`] returns, and what it gives back from [`Store::load`] is exactly that or an
//! error: never an older state, never half a change. `docs/storage.md` says how, and what was tested.

#![forbid(unsafe_code)]

mod database;
mod disk;
mod error;
mod fingerprint;
mod layout;
mod memory;
mod plan;
mod sled_store;
mod witness;

pub use error::StoreError;
pub use memory::{Fault, MemoryStore};
pub use sled_store::SledStore;

/// How many changes a store has accepted since it was made.
pub type Revision = u64;

/// The longest key, in bytes; the shortest is 1.
pub const MAX_KEY: usize = 256;
/// The longest value, in bytes.
pub const MAX_VALUE: usize = 500 * 1024;
/// The most bytes of keys and values in one commit, all its changes together.
pub const MAX_COMMIT: usize = 64 * 1024 * 1024;

/// One record's new value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The record: 1 to [`MAX_KEY`] bytes.
    pub key: Vec<u8>,
    /// What it becomes, at most [`MAX_VALUE`] bytes; `None` deletes it, which is no error where there is none.
    pub value: Option<Vec<u8>>,
}

/// All that a store holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The store's revision.
    pub revision: Revision,
    /// Key and value of every record, in the order of the keys.
    pub records: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A place where committed state is kept.
pub trait Store: Send + Sync {
    /// Everything, verified.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if what is there isn't what was committed; [`StoreError::Poisoned`]
    /// after an error that left it unknown what is on the disk; [`StoreError::Full`] if even reading
    /// needs space that isn't there.
    fn load(&self) -> Result<Snapshot, StoreError>;

    /// Applies the changes in order, all made durable by one flush before it returns; returns the
    /// new revision, which is `base` plus the number of changes.
    ///
    /// No change is ever on the disk in part. If the process dies meanwhile, either all changes of
    /// the call are there afterwards or none is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if `base` isn't the store's revision, [`StoreError::TooLarge`] and
    /// [`StoreError::Full`]: nothing was done, and the store goes on. After any other error it's
    /// unknown whether the changes are durable, and the store is poisoned: it must be opened again.
    fn commit(&self, base: Revision, changes: &[Vec<Write>]) -> Result<Revision, StoreError>;
}
