//! A cluster's nodes: added and removed, stopped and started, cut off and healed.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Handle, NodeId};
use strongroom_node::state::{Change, Expect, Key, Replica, Revision};
use strongroom_node::{Clock, Node, NodeParts};
use strongroom_wire::Member;

use crate::draft::Draft;
use crate::keys;
use crate::ledger::Ledger;
use crate::members::Members;
use crate::port::NodePort;
use crate::replication::no_such_node;
use crate::{Cluster, ClusterError};

/// How one node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// Whether it runs.
    pub running: bool,
    /// Whether it has every committed change but those that it lags behind in.
    pub connected: bool,
    /// The last change that it has; 0 while it doesn't run.
    pub revision: Revision,
    /// How many users, and whether the policy, it has in an older version than the cluster. They don't catch up by
    /// themselves under the profile `cloudhsm`.
    pub lags: usize,
}

/// The nodes of a cluster, and what is needed to make one.
pub(crate) struct Nodes {
    pub(crate) serial: String,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) masking: Arc<SealingKey>,
    /// The members; `None` for those that don't run.
    seats: RwLock<BTreeMap<NodeId, Seat>>,
    /// What changes when nodes come and go, one at a time.
    control: Mutex<Control>,
    socket: RwLock<Box<Socket>>,
}

type Socket = dyn Fn(NodeId) -> Member + Send + Sync;

#[derive(Default)]
struct Seat {
    node: Option<Arc<Node>>,
    cut: bool,
}

struct Control {
    members: Members,
    /// How many starts there have been.
    boots: u64,
}

impl Nodes {
    pub(crate) fn new(
        serial: String,
        clock: Arc<dyn Clock>,
        masking: SealingKey,
        members: Members,
        boots: u64,
    ) -> Self {
        Self {
            serial,
            clock,
            masking: Arc::new(masking),
            seats: RwLock::new(members.nodes.iter().map(|node| (*node, Seat::default())).collect()),
            control: Mutex::new(Control { members, boots }),
            socket: RwLock::new(Box::new(|node| Member { node, socket: String::new(), address: None })),
        }
    }

    /// Starts a node under a number that no other start has; below [`Handle::MAX_BOOTS`].
    pub(crate) fn run(&self, ledger: &Arc<Ledger>, id: NodeId, boot: u64) -> Arc<Node> {
        let cut = self.seats.read().get(&id).is_some_and(|seat| seat.cut);
        let node = ledger.attach(id, cut, |link, replica| {
            let node = Node::new(NodeParts {
                id,
                boot,
                cluster: ledger.cluster().to_owned(),
                serial: self.serial.clone(),
                port: NodePort::new(Arc::clone(ledger), Arc::clone(link)),
                clock: Arc::clone(&self.clock),
                masking: Arc::clone(&self.masking),
                replica,
            });
            link.lead_to(&node);
            node
        });
        self.seats.write().entry(id).or_default().node = Some(Arc::clone(&node));
        node
    }

    /// Tells the ledger which nodes there are, and where.
    pub(crate) fn publish(&self, ledger: &Ledger, members: &Members) {
        let socket = self.socket.read();
        let members = (members.nodes.iter().map(|node| socket(*node)).collect(), members.epoch);
        ledger.set_members(members.0, members.1);
    }
}

impl Cluster {
    /// Its nodes that run, in the order of their numbers.
    pub fn nodes(&self) -> Vec<Arc<Node>> {
        self.nodes.seats.read().values().filter_map(|seat| seat.node.clone()).collect()
    }

    /// The numbers of all its nodes, ascending.
    pub fn members(&self) -> Vec<NodeId> {
        self.nodes.seats.read().keys().copied().collect()
    }

    /// The number of the node that [`Cluster::add_node`] makes next.
    pub fn next_node(&self) -> NodeId {
        self.nodes.control.lock().members.next()
    }

    /// Says where each node listens, also those that come later, so that clients can be told.
    pub fn set_sockets(&self, socket: impl Fn(NodeId) -> Member + Send + Sync + 'static) {
        let control = self.nodes.control.lock();
        *self.nodes.socket.write() = Box::new(socket);
        self.nodes.publish(&self.ledger, &control.members);
    }

    /// How a node is.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Refused`] if there's no such node.
    pub fn node_status(&self, id: NodeId) -> Result<NodeStatus, ClusterError> {
        let seats = self.nodes.seats.read();
        let seat = seats.get(&id).ok_or_else(|| no_such_node(self.name(), id))?;
        let node = seat.node.as_ref();
        Ok(NodeStatus {
            running: node.is_some(),
            connected: self.ledger.link(id).is_some_and(|link| link.is_connected()),
            revision: node.map_or(0, |node| node.revision()),
            lags: self.ledger.lag_count(id),
        })
    }

    /// Stops a node as a crash would: its session objects and its replica are gone. It's still a member, and is
    /// back with [`Cluster::start_node`], or after the cluster is opened again. Nothing happens if it doesn't run.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Refused`] if there's no such node.
    pub fn stop_node(&self, id: NodeId) -> Result<(), ClusterError> {
        let _control = self.nodes.control.lock();
        self.must_have(id)?;
        self.ledger.detach(id);
        if let Some(seat) = self.nodes.seats.write().get_mut(&id) {
            seat.node = None;
        }
        Ok(())
    }

    /// Starts a node that was stopped, with the cluster's present state. If it was cut off it still is: it has what there
    /// was at its start, and hears of no change.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Refused`] if there's no such node, or it runs; those of the store, since the start is noted
    /// there.
    pub fn start_node(&self, id: NodeId) -> Result<Arc<Node>, ClusterError> {
        let mut control = self.nodes.control.lock();
        self.must_have(id)?;
        if self.nodes.seats.read().get(&id).is_some_and(|seat| seat.node.is_some()) {
            return Err(ClusterError::Refused(format!(
                "node {} of cluster {} runs already",
                id.0,
                self.name()
            )));
        }
        let boot = self.next_boot(&control)?;
        self.ledger.write(Draft::note(keys::BOOTS, &(boot + 1))?)?;
        control.boots = boot + 1;
        Ok(self.nodes.run(&self.ledger, id, boot))
    }

    /// Cuts a node off from its cluster: it hears of no change and gets none committed.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Refused`] if there's no such node.
    pub fn cut(&self, id: NodeId) -> Result<(), ClusterError> {
        let _control = self.nodes.control.lock();
        self.set_cut(id, true)?;
        self.ledger.cut(id);
        Ok(())
    }

    /// Ends a cut. The node has caught up when this returns.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Refused`] if there's no such node, or it doesn't answer.
    pub fn heal(&self, id: NodeId) -> Result<(), ClusterError> {
        let _control = self.nodes.control.lock();
        self.set_cut(id, false)?;
        if self.ledger.heal(id) {
            return Ok(());
        }
        let message = format!("node {} of cluster {} doesn't answer: it's tried again", id.0, self.name());
        Err(ClusterError::Refused(message))
    }

    /// Makes a further node, with all that the cluster has and a number that none has had.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Refused`] if there are as many as there may be; those of the store.
    pub fn add_node(&self) -> Result<Arc<Node>, ClusterError> {
        let mut control = self.nodes.control.lock();
        let (members, id) = control.members.with_another(self.name())?;
        let boot = self.next_boot(&control)?;
        self.ledger.write(Draft::note(keys::BOOTS, &(boot + 1))?.and_note(keys::MEMBERS, &members)?)?;
        *control = Control { members, boots: boot + 1 };
        let node = self.nodes.run(&self.ledger, id, boot);
        self.nodes.publish(&self.ledger, &control.members);
        Ok(node)
    }

    /// Takes a node out of the cluster for good, whether it runs or not. What it alone had is gone.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Refused`] if there's no such node, or no other; those of the store. The node is still a member then.
    pub fn remove_node(&self, id: NodeId) -> Result<(), ClusterError> {
        let mut control = self.nodes.control.lock();
        self.must_have(id)?;
        let members = control.members.without(self.name(), id)?;
        let draft = self.ledger.leftovers(&members.nodes)?.and_note(keys::MEMBERS, &members)?;
        self.ledger.write(draft)?;
        control.members = members;
        self.ledger.detach(id);
        self.nodes.seats.write().remove(&id);
        self.nodes.publish(&self.ledger, &control.members);
        Ok(())
    }

    fn must_have(&self, id: NodeId) -> Result<(), ClusterError> {
        let known = self.nodes.seats.read().contains_key(&id);
        if known { Ok(()) } else { Err(no_such_node(self.name(), id)) }
    }

    fn set_cut(&self, id: NodeId, cut: bool) -> Result<(), ClusterError> {
        match self.nodes.seats.write().get_mut(&id) {
            Some(seat) => {
                seat.cut = cut;
                Ok(())
            }
            None => Err(no_such_node(self.name(), id)),
        }
    }

    fn next_boot(&self, control: &Control) -> Result<u64, ClusterError> {
        check_boot(self.name(), control.boots)
    }
}

/// The number of the next start, by how many there were.
pub(crate) fn check_boot(cluster: &str, boots: u64) -> Result<u64, ClusterError> {
    // A number that counts starts is the start's number too, from 0.
    if boots < Handle::MAX_BOOTS {
        Ok(boots)
    } else {
        Err(ClusterError::WornOut { cluster: cluster.to_owned(), starts: boots })
    }
}

impl Ledger {
    /// A draft that deletes what ended with the daemon before: what is kept of nodes that aren't among these, and the
    /// quorum tokens, whose requesters have lost their connections (cloudhsm.md 3.2).
    pub(crate) fn remains(&self, members: &[NodeId]) -> Result<Draft, ClusterError> {
        self.ended(members, |key| matches!(key, Key::Token(_)))
    }

    /// A draft that deletes what is kept of nodes that aren't among these.
    pub(crate) fn leftovers(&self, members: &[NodeId]) -> Result<Draft, ClusterError> {
        self.ended(members, |_| false)
    }

    fn ended(&self, members: &[NodeId], also: impl Fn(&Key) -> bool) -> Result<Draft, ClusterError> {
        let gone = |node: &NodeId| !members.contains(node);
        let counts = |state: &Replica| {
            let has_ended = |key: &Key| matches!(key, Key::Failures(node, ..) if gone(node)) || also(key);
            state
                .keys()
                .filter(has_ended)
                .fold(Change::default(), |change, key| change.and(key, Expect::Anything, None))
        };
        let lags: Vec<_> = {
            let lags = self.lags.read();
            lags.iter().filter(|(node, _)| gone(node)).map(|(node, key)| (node, key.clone())).collect()
        };
        Ok(Draft::of(self.read(counts))?.and_end(lags))
    }
}
