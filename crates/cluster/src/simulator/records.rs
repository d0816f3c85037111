//! What the store holds and what nodes hold, opened and laid side by side.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use strongroom_model::{Blob, NodeId};
use strongroom_node::Node;
use strongroom_node::state::{Key, Record, Revision};

use super::disk::State;
use crate::draft::encode;
use crate::keys;
use crate::lags::Lag;
use crate::vault::Vault;

/// A record, its version and its encoding.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) version: Revision,
    pub(super) record: Record,
    plain: Blob,
}

/// What the store holds at one revision.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) records: BTreeMap<Key, Arc<Opened>>,
    /// What nodes have instead; `None`: nothing.
    pub(super) lags: BTreeMap<(NodeId, Key), Option<Arc<Opened>>>,
}

impl Content {
    /// What a node has that has everything but what it can't catch up with.
    pub(super) fn of(&self, node: NodeId, key: &Key) -> Option<&Arc<Opened>> {
        match self.lags.get(&(node, key.clone())) {
            Some(lag) => lag.as_ref(),
            None => self.records.get(key),
        }
    }

    fn count(&self, node: NodeId) -> usize {
        let lags = self.lags.iter().filter(|((lagging, _), _)| *lagging == node);
        lags.fold(self.records.len(), |count, ((_, key), lag)| {
            count + usize::from(lag.is_some()) - usize::from(self.records.contains_key(key))
        })
    }
}

/// Opens records, each once.
pub(super) struct Library {
    vault: Vault,
    opened: HashMap<usize, (Arc<[u8]>, Page)>,
    contents: HashMap<usize, (Arc<State>, Arc<Content>)>,
    /// Encodings of what nodes share in memory, by where it is.
    encoded: HashMap<usize, (Record, Blob)>,
}

#[derive(Clone)]
enum Page {
    Record(Key, Arc<Opened>),
    Lag(NodeId, Key, Option<Arc<Opened>>),
    Note,
}

impl Library {
    pub(super) fn new(vault: Vault) -> Self {
        Self { vault, opened: HashMap::new(), contents: HashMap::new(), encoded: HashMap::new() }
    }

    /// What a state is.
    pub(super) fn content(&mut self, state: &Arc<State>) -> Result<Arc<Content>, String> {
        let at = Arc::as_ptr(state) as usize;
        if let Some((_, content)) = self.contents.get(&at) {
            return Ok(Arc::clone(content));
        }
        let mut content = Content::default();
        for (key, value) in state.iter() {
            match self.page(key, value)? {
                Page::Record(key, opened) => {
                    content.records.insert(key, opened);
                }
                Page::Lag(node, key, lag) => {
                    content.lags.insert((node, key), lag);
                }
                Page::Note => {}
            }
        }
        let content = Arc::new(content);
        self.contents.insert(at, (Arc::clone(state), Arc::clone(&content)));
        Ok(content)
    }

    fn page(&mut self, key: &[u8], value: &Arc<[u8]>) -> Result<Page, String> {
        let at = value.as_ptr() as usize;
        if let Some((_, page)) = self.opened.get(&at) {
            return Ok(page.clone());
        }
        let kind = keys::kind(key);
        let page = if key.starts_with(b"m/") {
            Page::Note
        } else {
            let (version, plain) =
                self.vault.open(key, value).map_err(|_| format!("{kind} doesn't open in the store"))?;
            let unreadable = |_| format!("{kind} can't be read in the store");
            match (keys::decode(key), keys::decode_lag(key)) {
                (Some(key), _) => {
                    let record = postcard::from_bytes(&plain).map_err(unreadable)?;
                    Page::Record(key, Arc::new(Opened { version, record, plain }))
                }
                (None, Some((node, key))) => {
                    let lag: Lag = postcard::from_bytes(&plain).map_err(unreadable)?;
                    let lag = lag.map(|(version, record)| {
                        let plain = encode(&record).unwrap_or_default();
                        Arc::new(Opened { version, record, plain })
                    });
                    Page::Lag(node, key, lag)
                }
                (None, None) => return Err(format!("{kind} is in the store")),
            }
        };
        self.opened.insert(at, (Arc::clone(value), page.clone()));
        Ok(page)
    }

    /// Compares a node with what the store held at the node's revision, byte for byte.
    pub(super) fn compare(&mut self, node: &Node, content: &Content) -> Result<(), String> {
        let records: Vec<_> = node.read(|replica| replica.records().collect());
        let (id, revision) = (node.id(), node.revision());
        let place = |key: &Key| format!("node {} at revision {revision}: {}", id.0, Named(key));
        let count = records.len();
        for (key, version, record) in records {
            let expected =
                content.of(id, &key).ok_or_else(|| format!("{} shouldn't be there", place(&key)))?;
            if expected.version != version {
                return Err(format!("{} has version {version}, not {}", place(&key), expected.version));
            }
            if self.encoding(&record) != expected.plain {
                return Err(format!("{} differs from the store", place(&key)));
            }
        }
        if count == content.count(id) {
            return Ok(());
        }
        Err(format!("node {} at revision {revision} has {count} records, not {}", id.0, content.count(id)))
    }

    fn encoding(&mut self, record: &Record) -> Blob {
        let at = match record {
            Record::Policy(shared) => Arc::as_ptr(shared) as usize,
            Record::User(shared) => Arc::as_ptr(shared) as usize,
            Record::Object(shared) => Arc::as_ptr(shared) as usize,
            Record::Token(shared) => Arc::as_ptr(shared) as usize,
            Record::Identity(shared) => Arc::as_ptr(shared) as usize,
            Record::ClientTrust(shared) => Arc::as_ptr(shared) as usize,
            Record::Revocation(_) | Record::Failures(_) => return encode(record).unwrap_or_default(),
        };
        // The record is kept, so that nothing else gets to be at its place.
        let fresh = || (record.clone(), encode(record).unwrap_or_default());
        self.encoded.entry(at).or_insert_with(fresh).1.clone()
    }
}

/// A key in words.
pub(super) struct Named<'a>(pub(super) &'a Key);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Key::Policy => write!(f, "the policy"),
            Key::User(role, name) => write!(f, "{role} {name}"),
            Key::Object(handle) => write!(f, "object {handle}"),
            Key::Revocation(instance) => write!(f, "the logout of client {}", instance.0[0]),
            Key::Token(_) => write!(f, "a quorum token"),
            Key::Identity => write!(f, "the cluster's key and certificates"),
            Key::ClientTrust => write!(f, "the clients that are accepted"),
            Key::Failures(node, role, name) => write!(f, "node {}'s count for {role} {name}", node.0),
        }
    }
}
