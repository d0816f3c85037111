//! The way between the ledger and one node, for as long as the node runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use strongroom_model::{NodeId, Role, UserName};
use strongroom_node::Node;
use strongroom_node::state::{Revision, Update};

/// A node that runs, as the ledger sees it. A node that is started anew gets another.
#[derive(Debug)]
pub(crate) struct Link {
    id: NodeId,
    node: OnceLock<Weak<Node>>,
    /// The last revision that the node said it has.
    acked: AtomicU64,
    /// Cut off on purpose.
    cut: AtomicBool,
    /// It didn't answer when it was last told something.
    lost: AtomicBool,
    /// Stopped, or removed.
    closed: AtomicBool,
}

impl Link {
    /// The way to a node that is about to start from this revision.
    pub(crate) fn new(id: NodeId, revision: Revision, cut: bool) -> Arc<Self> {
        Arc::new(Self {
            id,
            node: OnceLock::new(),
            acked: AtomicU64::new(revision),
            cut: AtomicBool::new(cut),
            lost: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        })
    }

    /// Says which node is at its end, once.
    pub(crate) fn lead_to(&self, node: &Arc<Node>) {
        let _ = self.node.set(Arc::downgrade(node));
    }

    pub(crate) fn id(&self) -> NodeId {
        self.id
    }

    /// Whether messages go through.
    pub(crate) fn is_open(&self) -> bool {
        !self.cut.load(Ordering::Acquire) && !self.closed.load(Ordering::Acquire)
    }

    /// Whether the node has every committed change, or will have before the commit returns.
    pub(crate) fn is_connected(&self) -> bool {
        self.is_open() && !self.lost.load(Ordering::Acquire)
    }

    #[cfg(any(test, feature = "simulator"))]
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn set_cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Release);
    }

    pub(crate) fn set_lost(&self, lost: bool) {
        self.lost.store(lost, Ordering::Release);
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn acked(&self) -> Revision {
        self.acked.load(Ordering::Acquire)
    }

    /// Hands a message to the node; returns what the node answers, which is the revision that it has then.
    pub(crate) fn deliver(&self, update: &Update) -> Option<Revision> {
        if !self.is_open() {
            return None;
        }
        Some(self.node.get()?.upgrade()?.receive(update))
    }

    /// Whether a user is logged in there, as far as the node can be asked.
    pub(crate) fn is_logged_in(&self, role: Role, user: &UserName) -> bool {
        let node = self.node.get().filter(|_| self.is_open()).and_then(Weak::upgrade);
        node.is_some_and(|node| node.is_logged_in(role, user))
    }

    /// The node's answer has come.
    pub(crate) fn answered(&self, revision: Revision) {
        if self.is_open() {
            self.acked.fetch_max(revision, Ordering::AcqRel);
        }
    }
}
