//! Changes as they wait to be committed: encoded, on their makers' threads.

use strongroom_model::{Blob, Error, NodeId, ReturnCode};
use strongroom_node::state::{Change, Demand, Expect, Key, Record};
use strongroom_store::{MAX_COMMIT, MAX_VALUE, StoreError};

use crate::keys;
use crate::vault::OVERHEAD;

/// The most bytes in one change: all that a commit may have, but for what is added to each commit here.
const MAX_CHANGE: usize = MAX_COMMIT - 1024 * 1024;

/// A change as it waits to be committed: encoded, on its maker's thread.
#[derive(Default)]
pub(crate) struct Draft {
    pub(crate) writes: Vec<DraftWrite>,
    /// Records that it builds on without writing them.
    pub(crate) checks: Vec<(Vec<u8>, Key, Expect)>,
    pub(crate) demands: Vec<Demand>,
    /// Notes of what a node missed that end with it.
    pub(crate) ended: Vec<(NodeId, Key)>,
    size: usize,
}

/// One of its writes.
pub(crate) struct DraftWrite {
    pub(crate) key: Vec<u8>,
    /// Its new content; `None` deletes.
    pub(crate) plain: Option<Blob>,
    /// What the replicas get to see; `None` for what only the cluster knows.
    pub(crate) node: Option<(Key, Expect, Option<Record>)>,
}

impl Draft {
    /// A change of the nodes' state.
    ///
    /// # Errors
    ///
    /// What is too large for the store, and what no node should ask for.
    pub(crate) fn of(change: Change) -> Result<Self, Error> {
        let checks = change.checks.into_iter().map(|(key, expect)| (keys::encode(&key), key, expect));
        let mut draft = Self {
            writes: Vec::with_capacity(change.writes.len()),
            checks: checks.collect(),
            demands: change.demands,
            ..Self::default()
        };
        for write in change.writes {
            if write.record.as_ref().is_some_and(|record| !record.fits(&write.key)) {
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
        Self::default().and_note(key, content)
    }

    /// Adds a change of one of the cluster's own records.
    pub(crate) fn and_note(mut self, key: &[u8], content: &impl serde::Serialize) -> Result<Self, Error> {
        let plain = Some(encode(content)?);
        self.push(DraftWrite { key: key.to_owned(), plain, node: None })?;
        Ok(self)
    }

    /// Ends notes of what nodes missed: they get what was committed.
    pub(crate) fn and_end(mut self, lags: impl IntoIterator<Item = (NodeId, Key)>) -> Self {
        self.ended.extend(lags);
        self
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

/// A record's content in postcard's encoding.
pub(crate) fn encode(content: &impl serde::Serialize) -> Result<Blob, Error> {
    postcard::to_allocvec(content).map(Blob::from).map_err(|error| {
        Error::new(ReturnCode::GENERAL_ERROR, format!("a record can't be encoded ({error})"))
    })
}

fn within(what: &'static str, size: usize, limit: usize) -> Result<(), Error> {
    if size <= limit { Ok(()) } else { Err(StoreError::TooLarge { what, size, limit }.into()) }
}
