//! Changes on their way to the store: checked in order, each seeing those before it, then sealed.

use std::collections::HashMap;

use strongroom_model::{Blob, Error, ReturnCode};
use strongroom_node::state::{Change, Committed, Expect, Key, Record, Replica, Revision};
use strongroom_store::{MAX_COMMIT, MAX_VALUE, StoreError, Write};

use crate::keys;
use crate::vault::{Fingerprint, OVERHEAD, Vault};

/// The most bytes in one change: all that a commit may have, but for what is added to each commit here.
const MAX_CHANGE: usize = MAX_COMMIT - 1024 * 1024;

/// A change as it waits to be committed: encoded, on its maker's thread.
pub(crate) struct Draft {
    writes: Vec<DraftWrite>,
    size: usize,
}

struct DraftWrite {
    key: Vec<u8>,
    /// Its new content; `None` deletes.
    plain: Option<Blob>,
    /// What the replicas get to see; `None` for what only the cluster knows.
    node: Option<(Key, Expect, Option<Record>)>,
}

impl Draft {
    /// A change of the nodes' state.
    ///
    /// # Errors
    ///
    /// What is too large for the store, and what no node should ask for.
    pub(crate) fn of(change: Change) -> Result<Self, Error> {
        let mut draft = Self { writes: Vec::with_capacity(change.writes.len()), size: 0 };
        for write in change.writes {
            if write.record.as_ref().is_some_and(|record| !keys::fits(&write.key, record)) {
                let message = "a record of one kind was written as another; this is a bug in strongroom";
                return Err(Error::new(ReturnCode::GENERAL_ERROR, message));
            }
            let plain = write.record.as_ref().map(encode).transpose()?;
            let key = keys::encode(&write.key);
            draft.push(DraftWrite { key, plain, node: Some((write.key, write.expect, write.record)) })?;
        }
        Ok(draft)
    }

    /// A change of one of the cluster's own records.
    pub(crate) fn note(key: &[u8], content: &impl serde::Serialize) -> Result<Self, Error> {
        Self { writes: Vec::new(), size: 0 }.and_note(key, content)
    }

    /// Adds a change of one of the cluster's own records.
    pub(crate) fn and_note(mut self, key: &[u8], content: &impl serde::Serialize) -> Result<Self, Error> {
        let plain = Some(encode(content)?);
        self.push(DraftWrite { key: key.to_owned(), plain, node: None })?;
        Ok(self)
    }

    /// How many bytes of the store's commit it takes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    fn push(&mut self, write: DraftWrite) -> Result<(), Error> {
        let len = write.plain.as_ref().map_or(0, |plain| plain.len() + OVERHEAD);
        within("value", len, MAX_VALUE)?;
        self.size += write.key.len() + len;
        within("change", self.size, MAX_CHANGE)?;
        self.writes.push(write);
        Ok(())
    }
}

/// Changes that are committed together, on top of a replica.
pub(crate) struct Batch<'a> {
    vault: &'a Vault,
    master: &'a Replica,
    notes: &'a HashMap<Vec<u8>, Revision>,
    base: Revision,
    /// What the changes so far do to the versions of records.
    versions: HashMap<Vec<u8>, Option<Revision>>,
    fingerprint: Fingerprint,
    changes: Vec<Vec<Write>>,
    committed: Vec<Committed>,
}

/// A batch that is ready for the store, and what holds once it's there.
pub(crate) struct Sealed {
    pub(crate) base: Revision,
    pub(crate) changes: Vec<Vec<Write>>,
    pub(crate) committed: Vec<Committed>,
    pub(crate) fingerprint: Fingerprint,
    /// The cluster's own records that were written, with their versions.
    pub(crate) notes: Vec<(Vec<u8>, Revision)>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(
        vault: &'a Vault,
        master: &'a Replica,
        notes: &'a HashMap<Vec<u8>, Revision>,
        fingerprint: Fingerprint,
    ) -> Self {
        Self {
            vault,
            master,
            notes,
            base: master.revision(),
            versions: HashMap::new(),
            fingerprint,
            changes: Vec::new(),
            committed: Vec::new(),
        }
    }

    /// Adds a change and returns its revision; `None` if what it builds on has changed.
    pub(crate) fn add(&mut self, draft: Draft) -> Option<Revision> {
        let permitted = draft.writes.iter().all(|write| match &write.node {
            None | Some((_, Expect::Anything, _)) => true,
            Some((key, Expect::Absent, _)) => self.version(&write.key, Some(key)).is_none(),
            Some((key, Expect::Version(version), _)) => self.version(&write.key, Some(key)) == Some(*version),
        });
        if !permitted {
            return None;
        }
        let revision = self.base + self.changes.len() as u64 + 1;
        self.changes.push(Vec::with_capacity(draft.writes.len() + 1));
        self.committed.push(Committed { revision, writes: Vec::with_capacity(draft.writes.len()) });
        for DraftWrite { key, plain, node } in draft.writes {
            self.write(revision, key, plain.as_ref(), node.map(|(key, _, record)| (key, record)));
        }
        Some(revision)
    }

    /// Adds deletions to the last change, of records that the batch leaves alone.
    pub(crate) fn sweep(&mut self, expired: impl Iterator<Item = Key>) {
        let Some(revision) = self.committed.last().map(|change| change.revision) else { return };
        for key in expired {
            let bytes = keys::encode(&key);
            if !self.versions.contains_key(&bytes) {
                self.write(revision, bytes, None, Some((key, None)));
            }
        }
    }

    /// Closes the batch; `None` if there's nothing in it.
    pub(crate) fn seal(mut self) -> Option<Sealed> {
        let revision = self.committed.last()?.revision;
        let state = encode(&self.fingerprint).ok()?;
        let value = self.vault.seal(keys::STATE, revision, &state);
        self.changes.last_mut()?.push(Write { key: keys::STATE.to_owned(), value: Some(value) });
        let notes = self
            .versions
            .into_iter()
            .filter_map(|(key, version)| keys::decode(&key).is_none().then_some((key, version?)))
            .collect();
        Some(Sealed {
            base: self.base,
            changes: self.changes,
            committed: self.committed,
            fingerprint: self.fingerprint,
            notes,
        })
    }

    fn write(
        &mut self,
        revision: Revision,
        key: Vec<u8>,
        plain: Option<&Blob>,
        node: Option<(Key, Option<Record>)>,
    ) {
        if let Some(old) = self.version(&key, node.as_ref().map(|(key, _)| key)) {
            self.fingerprint.remove(self.vault.mark(&key, old));
        }
        let value = plain.map(|plain| self.vault.seal(&key, revision, plain));
        if value.is_some() {
            self.fingerprint.add(self.vault.mark(&key, revision));
        }
        self.versions.insert(key.clone(), value.is_some().then_some(revision));
        if let (Some(change), Some(committed)) = (self.changes.last_mut(), self.committed.last_mut()) {
            change.push(Write { key, value });
            committed.writes.extend(node);
        }
    }

    /// The version of a record with the changes so far.
    fn version(&self, bytes: &[u8], key: Option<&Key>) -> Option<Revision> {
        match (self.versions.get(bytes), key) {
            (Some(version), _) => *version,
            (None, Some(key)) => self.master.version(key),
            (None, None) => self.notes.get(bytes).copied(),
        }
    }
}

/// A record's content in postcard's encoding.
pub(crate) fn encode(content: &impl serde::Serialize) -> Result<Blob, Error> {
    postcard::to_allocvec(content).map(Blob::from).map_err(|error| {
        Error::new(ReturnCode::GENERAL_ERROR, format!("a record can't be encoded ({error})"))
    })
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), Error> {
    if size <= limit { Ok(()) } else { Err(StoreError::TooLarge { what, size, limit }.into()) }
}
