//! What nodes missed while they couldn't be reached, where users and policy don't catch up by themselves.
//!
//! Under the profile `cloudhsm` a change of a user or of the policy that is committed while a node can't be reached writes
//! a note, in the same commit, of what that node still has. The node's state is then the committed one overlaid by its
//! notes, across restarts too, until a later change of the record reaches it or somebody replicates it.

use std::collections::BTreeMap;

use strongroom_model::NodeId;
use strongroom_node::state::{Key, Record, Revision};

/// What a node has in the place of a record: an older version, or nothing.
pub(crate) type Lag = Option<(Revision, Record)>;

/// The notes of all nodes.
#[derive(Debug, Default)]
pub(crate) struct Lags(BTreeMap<NodeId, BTreeMap<Key, Lag>>);

impl Lags {
    /// Notes what a node has, or with `None` that it has what was committed.
    pub(crate) fn set(&mut self, node: NodeId, key: Key, lag: Option<Lag>) {
        match lag {
            Some(lag) => {
                self.0.entry(node).or_default().insert(key, lag);
            }
            None => {
                if let Some(lags) = self.0.get_mut(&node) {
                    lags.remove(&key);
                    if lags.is_empty() {
                        self.0.remove(&node);
                    }
                }
            }
        }
    }

    /// Nodes that have notes.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.0.keys().copied()
    }

    /// What a node has in the place of a record; `None` if it has what was committed.
    pub(crate) fn get(&self, node: NodeId, key: &Key) -> Option<&Lag> {
        self.0.get(&node)?.get(key)
    }

    /// A node's notes.
    pub(crate) fn of(&self, node: NodeId) -> impl Iterator<Item = (&Key, &Lag)> {
        self.0.get(&node).into_iter().flatten()
    }

    /// All notes, by node and record.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (NodeId, &Key)> {
        self.0.iter().flat_map(|(node, lags)| lags.keys().map(|key| (*node, key)))
    }
}

/// Whether nodes may lag behind in this record: users, policy and the clients that are accepted (cloudhsm.md 2.3, "user sync").
pub(crate) const fn may_lag(key: &Key) -> bool {
    matches!(key, Key::Policy | Key::ClientTrust | Key::User(..))
}
