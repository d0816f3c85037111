//! Changes on their way to the store: checked in order, each seeing those before it, then sealed.

use std::collections::HashMap;

use strongroom_model::{Blob, NodeId};
use strongroom_node::state::{Expect, Key, Pending, Replica, Revision, Written};
use strongroom_store::Write;

use crate::draft::{Draft, DraftWrite, encode};
use crate::keys;
use crate::lags::{Lag, Lags, may_lag};
use crate::vault::{Fingerprint, Vault};

/// What a batch builds on.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) master: &'a Replica,
    /// Versions of the cluster's own records.
    pub(crate) notes: &'a HashMap<Vec<u8>, Revision>,
    pub(crate) lags: &'a Lags,
    /// Nodes that can't be reached and don't catch up with users and policy by themselves.
    pub(crate) away: &'a [NodeId],
}

/// Changes that are committed together, on top of a replica.
pub(crate) struct Batch<'a> {
    ground: Ground<'a>,
    base: Revision,
    /// What the changes so far do to the versions of records.
    versions: HashMap<Vec<u8>, Option<Revision>>,
    /// What they do to users and objects.
    pending: Pending,
    fingerprint: Fingerprint,
    changes: Vec<Vec<Write>>,
    writes: Vec<Written>,
    lags: Vec<(NodeId, Key, Option<Lag>)>,
    replicated: Vec<Key>,
}

/// A batch that is ready for the store, and what holds once it's there.
pub(crate) struct Sealed {
    pub(crate) base: Revision,
    pub(crate) to: Revision,
    pub(crate) changes: Vec<Vec<Write>>,
    /// What it does to the nodes' state, in order.
    pub(crate) writes: Vec<Written>,
    pub(crate) fingerprint: Fingerprint,
    /// The cluster's own records that were written, with their versions; `None` for those deleted.
    pub(crate) notes: Vec<(Vec<u8>, Option<Revision>)>,
    /// What nodes miss from then on, and with `None` what they miss no more.
    pub(crate) lags: Vec<(NodeId, Key, Option<Lag>)>,
    /// Records that nodes get although they weren't written.
    pub(crate) replicated: Vec<Key>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new(ground: Ground<'a>, fingerprint: Fingerprint) -> Self {
        Self {
            ground,
            base: ground.master.revision(),
            versions: HashMap::new(),
            pending: Pending::default(),
            fingerprint,
            changes: Vec::new(),
            writes: Vec::new(),
            lags: Vec::new(),
            replicated: Vec::new(),
        }
    }

    /// Adds a change and returns its revision; `None` if what it builds on has changed.
    pub(crate) fn add(&mut self, draft: Draft) -> Option<Revision> {
        if !self.permits(&draft) {
            return None;
        }
        let revision = self.base + self.changes.len() as u64 + 1;
        self.changes.push(Vec::with_capacity(draft.writes.len() + 1));
        for DraftWrite { key, plain, node } in draft.writes {
            let Some((node_key, _, record)) = node else {
                self.write(revision, key, plain.as_ref(), None);
                continue;
            };
            self.pending.note(&node_key, record.as_ref());
            self.note_who_misses(revision, &node_key);
            self.write(revision, key, plain.as_ref(), Some(&node_key));
            self.writes.push(Written { key: node_key, version: revision, record });
        }
        for (node, key) in draft.ended {
            if self.end_lag(revision, node, &key) {
                self.replicated.push(key);
            }
        }
        Some(revision)
    }

    /// Whether a change still finds what it builds on, after those before it, and leaves what it demands.
    fn permits(&self, draft: &Draft) -> bool {
        let written = draft.writes.iter().filter_map(|write| {
            let (key, expect, _) = write.node.as_ref()?;
            Some((&write.key, key, *expect))
        });
        let checked = draft.checks.iter().map(|(bytes, key, expect)| (bytes, key, *expect));
        let finds = written.chain(checked).all(|(bytes, key, expect)| {
            expect == Expect::Anything || expect.is_met(self.version(bytes, Some(key)))
        });
        if !finds || draft.demands.is_empty() {
            return finds;
        }
        let mut own = Pending::default();
        for (key, _, record) in draft.writes.iter().filter_map(|write| write.node.as_ref()) {
            own.note(key, record.as_ref());
        }
        draft.demands.iter().all(|demand| demand.holds(self.ground.master, &self.pending, &own))
    }

    /// Adds deletions to the last change, of records that the batch leaves alone.
    pub(crate) fn sweep(&mut self, expired: impl Iterator<Item = Key>) {
        let revision = self.revision();
        if self.changes.is_empty() {
            return;
        }
        for key in expired {
            let bytes = keys::encode(&key);
            if !self.versions.contains_key(&bytes) {
                self.write(revision, bytes, None, Some(&key));
                self.writes.push(Written { key, version: revision, record: None });
            }
        }
    }

    /// Closes the batch; `None` if there's nothing in it.
    pub(crate) fn seal(mut self) -> Option<Sealed> {
        let to = self.revision();
        let state = encode(&self.fingerprint).ok()?;
        let value = self.ground.vault.seal(keys::STATE, to, &state);
        self.changes.last_mut()?.push(Write { key: keys::STATE.to_owned(), value: Some(value) });
        let notes = self.versions.into_iter().filter(|(key, _)| keys::decode(key).is_none()).collect();
        Some(Sealed {
            base: self.base,
            to,
            changes: self.changes,
            writes: self.writes,
            fingerprint: self.fingerprint,
            notes,
            lags: self.lags,
            replicated: self.replicated,
        })
    }

    fn revision(&self) -> Revision {
        self.base + self.changes.len() as u64
    }

    /// Before a record is written: who doesn't hear of it keeps what there was, who does has nothing to catch up with.
    fn note_who_misses(&mut self, revision: Revision, key: &Key) {
        if !may_lag(key) {
            return;
        }
        let Ground { master, lags, away, .. } = self.ground;
        for node in away {
            if !self.lags(*node, key) {
                let lag = master.get(key);
                let Ok(plain) = encode(&lag) else { continue };
                self.write(revision, keys::encode_lag(*node, key), Some(&plain), None);
                self.lags.push((*node, key.clone(), Some(lag)));
            }
        }
        for node in lags.nodes().filter(|node| !away.contains(node)) {
            self.end_lag(revision, node, key);
        }
    }

    fn end_lag(&mut self, revision: Revision, node: NodeId, key: &Key) -> bool {
        let lags = self.lags(node, key);
        if lags {
            self.write(revision, keys::encode_lag(node, key), None, None);
            self.lags.push((node, key.clone(), None));
        }
        lags
    }

    /// Whether a node lags behind in a record, with the changes so far.
    fn lags(&self, node: NodeId, key: &Key) -> bool {
        self.version(&keys::encode_lag(node, key), None).is_some()
    }

    fn write(&mut self, revision: Revision, bytes: Vec<u8>, plain: Option<&Blob>, key: Option<&Key>) {
        let vault = self.ground.vault;
        if let Some(old) = self.version(&bytes, key) {
            self.fingerprint.remove(vault.mark(&bytes, old));
        }
        let value = plain.map(|plain| vault.seal(&bytes, revision, plain));
        if value.is_some() {
            self.fingerprint.add(vault.mark(&bytes, revision));
        }
        self.versions.insert(bytes.clone(), value.is_some().then_some(revision));
        if let Some(change) = self.changes.last_mut() {
            change.push(Write { key: bytes, value });
        }
    }

    /// The version of a record with the changes so far.
    fn version(&self, bytes: &[u8], key: Option<&Key>) -> Option<Revision> {
        match (self.versions.get(bytes), key) {
            (Some(version), _) => *version,
            (None, Some(key)) => self.ground.master.version(key),
            (None, None) => self.ground.notes.get(bytes).copied(),
        }
    }
}
