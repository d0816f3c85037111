//! Changes to the state, and the way to get one committed.

use strongroom_model::{Error, Handle, Role, UserName};

use super::{Demand, Key, Record};

/// The number of a committed change. A record's version is the revision that last wrote it.
pub type Revision = u64;

/// What a write builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// There is no such record.
    Absent,
    /// There is one.
    Present,
    /// The record was last written by this revision.
    Version(Revision),
    /// Whatever is there.
    Anything,
}

impl Expect {
    /// Whether it's so of a record that was last written by this revision, or isn't there.
    pub fn is_met(self, version: Option<Revision>) -> bool {
        match self {
            Self::Absent => version.is_none(),
            Self::Present => version.is_some(),
            Self::Version(expected) => version == Some(expected),
            Self::Anything => true,
        }
    }
}

/// One record written or, with `None`, deleted.
#[derive(Clone, Debug)]
pub struct Write {
    /// Which record.
    pub key: Key,
    /// What must still hold when it's committed.
    pub expect: Expect,
    /// Its new content.
    pub record: Option<Record>,
}

/// A set of writes that is committed whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// The writes; at most one per key.
    pub writes: Vec<Write>,
    /// Records that it builds on without writing them: what must still hold of them when it's committed.
    pub checks: Vec<(Key, Expect)>,
    /// What must be true of the state as a whole once it's done.
    pub demands: Vec<Demand>,
}

impl Change {
    /// A change of one record.
    pub fn of(key: Key, expect: Expect, record: Option<Record>) -> Self {
        Self::default().and(key, expect, record)
    }

    /// Adds a write.
    #[must_use]
    pub fn and(mut self, key: Key, expect: Expect, record: Option<Record>) -> Self {
        self.writes.push(Write { key, expect, record });
        self
    }

    /// Adds a check of a record that it doesn't write.
    #[must_use]
    pub fn given(mut self, key: Key, expect: Expect) -> Self {
        self.checks.push((key, expect));
        self
    }

    /// Adds a demand.
    #[must_use]
    pub fn demanding(mut self, demand: Demand) -> Self {
        self.demands.push(demand);
        self
    }
}

/// A change that was committed, as it's applied to every replica.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its number; one more than that of the change before.
    pub revision: Revision,
    /// What it wrote; `None` deletes.
    pub writes: Vec<(Key, Option<Record>)>,
}

/// Why a change wasn't committed. Nothing of it was.
#[derive(Clone, Debug)]
pub enum CommitError {
    /// What a write built on has changed: read again and decide again.
    Conflict,
    /// The store refused: `CKR_DEVICE_MEMORY` when it's full, else `CKR_DEVICE_ERROR`.
    Failed(Error),
}

/// The cluster as a node sees it.
pub trait Port: Send + Sync {
    /// Makes a change durable and applies it to every node that can be reached, this one included, before it
    /// returns. Must not be called with a lock on the node's replica.
    ///
    /// # Errors
    ///
    /// See [`CommitError`].
    fn commit(&self, change: Change) -> Result<Revision, CommitError>;

    /// A number that no token object has had, at most [`Handle::MAX_TOKEN`].
    ///
    /// # Errors
    ///
    /// Those of the store, when a new range of numbers had to be reserved.
    fn fresh_handle(&self) -> Result<Handle, Error>;

    /// The cluster's nodes and the number of the membership's last change.
    fn members(&self) -> (Vec<strongroom_wire::Member>, u64);

    /// The number of the membership's last change; asked on every request.
    fn epoch(&self) -> u64;

    /// How many nodes have every committed change, this one included if it has. Asked on requests that use token keys
    /// for clients that want two nodes to have them.
    fn reachable(&self) -> usize;

    /// Whether this node hears of changes; if not, what it has may be out of date.
    fn is_connected(&self) -> bool;

    /// Whether this node has these records as they are committed, as far as users and policy are concerned.
    ///
    /// # Errors
    ///
    /// `CKR_FUNCTION_FAILED` if it has an older version of one, from when it couldn't be reached.
    fn must_be_up_to_date(&self, _keys: &[Key]) -> Result<(), Error> {
        Ok(())
    }

    /// Whether a user is logged in on another node, as far as others can be asked.
    fn is_logged_in(&self, _role: Role, _user: &UserName) -> bool {
        false
    }

    /// Brings a user's record, and the policy, to the nodes that missed changes of them.
    ///
    /// # Errors
    ///
    /// `CKR_ARGUMENTS_BAD` if there's no such user, `CKR_DEVICE_ERROR` if a node can't be reached.
    fn replicate_user(&self, role: Role, user: &UserName) -> Result<(), Error>;
}
