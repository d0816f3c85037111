//! The streams of a daemon.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use strongroom_crypto::seal::SealingKey;
use strongroom_model::NodeId;
use strongroom_node::Node;
use strongroom_node::audit::{AuditSink, Beginning, log_damaged};

use super::chain::ChainKey;
use super::settler::Settler;
use super::sink::{FileSink, Found};
use crate::home::make_directory;
use crate::{Home, ServeError};

/// The revision of a cluster that nothing was done to yet but to make it and to start it twice: it may have been killed
/// before it began its logs. At a later one there is something that a log would tell of.
const MAX_YOUNG: u64 = 3;

/// Where a stream ends that a daemon writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// The cluster.
    pub cluster: String,
    /// The node.
    pub node: NodeId,
    /// The stream.
    pub hsm: String,
    /// The last record's number, and its hash in hex; `None` if there is none.
    pub last: Option<(u64, String)>,
}

/// The streams of a home's nodes. One that a node left is kept for when it comes back.
pub(crate) struct Logs {
    home: Home,
    key: ChainKey,
    open: Arc<Open>,
    settler: Arc<Settler>,
    thread: Option<JoinHandle<()>>,
}

type Open = Mutex<BTreeMap<(String, NodeId), Arc<FileSink>>>;

impl Logs {
    pub(crate) fn new(home: &Home, root: &SealingKey) -> Result<Self, ServeError> {
        let (open, settler): (Arc<Open>, Arc<Settler>) = Default::default();
        let run = {
            let (open, settler) = (Arc::clone(&open), Arc::clone(&settler));
            move || settler.run(|| settle(&open))
        };
        let thread = std::thread::Builder::new().name("audit".to_owned()).spawn(run);
        let thread = thread.map_err(|error| ServeError::io("start a thread for", &home.audit(), error))?;
        Ok(Self { home: home.clone(), key: ChainKey::of(root), open, settler, thread: Some(thread) })
    }

    /// Has every log's head name its last record.
    pub(crate) fn settle(&self) {
        settle(&self.open);
    }

    /// Has a node keep its log, before it serves. `is_added` is whether it was added to a cluster that runs.
    pub(crate) fn attach(&self, cluster: &str, node: &Arc<Node>, is_added: bool) -> Result<(), ServeError> {
        let dir = self.home.audit_of_node(cluster, node.id());
        let failed = |error: strongroom_model::Error| {
            ServeError::io("write", &dir, std::io::Error::other(error.message))
        };
        let mut open = self.open.lock();
        let place = (cluster.to_owned(), node.id());
        if let Some(sink) = open.get(&place) {
            sink.restarted(node.boot());
            return node.record_to(Arc::<FileSink>::clone(sink), None).map_err(failed);
        }
        make_directory(&self.home.audit(), 0o700)?;
        make_directory(&self.home.audit_of(cluster), 0o700)?;
        let hsm = format!("{}-{}", node.serial(), node.id().0);
        let (sink, found) = FileSink::open(&dir, &hsm, &self.key, node.boot(), now)?;
        let sink = Arc::new(sink.settled_by(&self.settler));
        let is_young = node.revision() <= MAX_YOUNG;
        let begin = match found {
            Found::Records => None,
            _ if is_young && !is_added && node.id() == NodeId(0) => Some(Beginning::First),
            _ => Some(Beginning::Later),
        };
        if found == Found::Nothing && !is_young && !is_added {
            let note = "there was no log when the node started";
            sink.write(&[log_damaged(note.to_owned())]).map_err(failed)?;
        }
        node.record_to(Arc::<FileSink>::clone(&sink), begin).map_err(failed)?;
        open.insert(place, sink);
        Ok(())
    }

    /// Ends the log of a node that was removed from its cluster.
    pub(crate) fn end(&self, cluster: &str, node: &Node) {
        if let Err(error) = node.end_record() {
            tracing::error!("the log of node {} of cluster {cluster} has no end: {error}", node.id().0);
        }
        if let Some(sink) = self.open.lock().remove(&(cluster.to_owned(), node.id())) {
            sink.settle();
        }
    }

    /// Where the streams end that are being written, as their heads say from now on.
    pub(crate) fn heads(&self) -> Vec<AuditHead> {
        self.settle();
        let open = self.open.lock();
        let heads = open.iter().map(|((cluster, node), sink)| {
            let last = sink.last();
            AuditHead {
                cluster: cluster.clone(),
                node: *node,
                hsm: sink.hsm().to_owned(),
                last: last.map(|last| (last.sequence, last.hash)),
            }
        });
        heads.collect()
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.settler.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.settle();
    }
}

fn settle(open: &Open) {
    // Writing is left to the disk's pace; who opens a log meanwhile needn't wait for it.
    let sinks: Vec<_> = open.lock().values().cloned().collect();
    sinks.iter().for_each(|sink| sink.settle());
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
