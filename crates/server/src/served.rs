//! A cluster as the daemon serves it: which of its nodes listen, which are members, and what is wrong with them on
//! purpose.

mod ending;
mod ills;
mod members;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use strongroom_cluster::{Certificates, Cluster};
use strongroom_model::NodeId;
use strongroom_node::{Clock, Node};
use strongroom_wire::Member;

use crate::ServeError;
use crate::audit::Logs;
use crate::backups::Backups;
use crate::control::{BackupInfo, BackupReason, ClusterStatus, NodeState, NodeStatus};
use crate::daemon::SystemClock;
use crate::faults::Faults;
use crate::home::{Home, check_socket_path};
use crate::listener::{Common, Listener};
use crate::network::Addresses;
use crate::terms;
use crate::tls::Terms;

/// How long calls in flight may take on a node that is removed.
const REMOVAL_GRACE: Duration = Duration::from_secs(30);

/// A cluster and its nodes' sockets. What it says when it refuses is a sentence.
pub(crate) struct Served {
    home: Home,
    common: Arc<Common>,
    logs: Arc<Logs>,
    addresses: Arc<Addresses>,
    cluster: Arc<Cluster>,
    terms: Arc<Terms>,
    seats: Mutex<BTreeMap<NodeId, Seat>>,
    /// Held, beside and before the seats, by who changes which nodes there are or backs up: that may take half a minute, and
    /// who only looks doesn't wait for it.
    turn: Mutex<Turn>,
}

/// What is to be known before anything is changed.
#[derive(Default)]
struct Turn {
    has_ended: bool,
}

/// A node and its socket.
struct Seat {
    /// `None` while it's stopped.
    running: Option<Running>,
    is_cut: bool,
    faults: Arc<Faults>,
}

struct Running {
    node: Arc<Node>,
    listener: Listener,
}

impl Served {
    /// Has all nodes listen.
    pub(crate) fn start(
        home: &Home,
        cluster: Cluster,
        common: &Arc<Common>,
        logs: &Arc<Logs>,
        addresses: &Arc<Addresses>,
    ) -> Result<Self, ServeError> {
        if addresses.network().enabled && cluster.certificates().is_some() {
            for node in cluster.members() {
                addresses.allot(cluster.name(), node, None).map_err(|problem| ServeError::Cluster {
                    name: cluster.name().to_owned(),
                    path: home.cluster(cluster.name()),
                    problem,
                })?;
            }
        }
        let nodes = cluster.nodes();
        let (home, common, logs) = (home.clone(), Arc::clone(common), Arc::clone(logs));
        let (addresses, cluster) = (Arc::clone(addresses), Arc::new(cluster));
        // All logs are kept before any node serves: what one does the others tell of, too.
        nodes.iter().try_for_each(|node| logs.attach(cluster.name(), node, false))?;
        let terms = terms::of(&cluster, addresses.network().tls12);
        let (seats, turn) = Default::default();
        let served = Self { home, common, logs, addresses, cluster, terms, seats, turn };
        served.publish();
        for node in nodes {
            served.seat(node)?;
        }
        Ok(served)
    }

    /// Tells clients where nodes are.
    fn publish(&self) {
        let (home, name) = (self.home.clone(), self.cluster.name().to_owned());
        let addresses = Arc::clone(&self.addresses);
        self.cluster.set_sockets(move |node| Member {
            node,
            socket: home.socket(&name, node).to_string_lossy().into_owned(),
            address: addresses.of(&name, node).map(|address| address.to_string()),
        });
    }

    /// The cluster itself.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What there is of the cluster's certificates.
    pub(crate) fn certificates(&self) -> Option<Certificates> {
        self.cluster.certificates()
    }

    /// Takes the certificate that the customer has signed.
    pub(crate) fn initialize(&self, signed_cert: &str, trust_anchor: &str) -> Result<(), String> {
        self.cluster.initialize(signed_cert, trust_anchor).map_err(|error| error.to_string())
    }

    /// Backs the cluster up.
    pub(crate) fn back_up(&self, backups: &Backups, reason: BackupReason) -> Result<BackupInfo, String> {
        let _turn = self.turn()?;
        self.make_backup(backups, reason)
    }

    /// Backs the cluster up, unless it was for the same reason.
    pub(crate) fn back_up_once(&self, backups: &Backups, reason: BackupReason) -> Result<BackupInfo, String> {
        let _turn = self.turn()?;
        let serial = self.cluster.info().serial;
        let same = |info: &BackupInfo| info.reason == reason && info.serial == serial;
        match backups.list(Some(self.cluster.name())).into_iter().find(same) {
            Some(info) => Ok(info),
            None => self.make_backup(backups, reason),
        }
    }

    /// Backs the cluster up if it's time; later if it's being changed.
    pub(crate) fn back_up_if_due(&self, backups: &Backups, now: u64) -> Result<(), String> {
        let Some(_turn) = self.turn.try_lock().filter(|turn| !turn.has_ended) else { return Ok(()) };
        match backups.due(&self.cluster, now) {
            Some(reason) => backups.make(&self.cluster, reason, now).map(drop),
            None => Ok(()),
        }
    }

    /// How it is.
    pub(crate) fn status(&self) -> ClusterStatus {
        let info = self.cluster.info();
        ClusterStatus {
            label: info.label,
            serial: info.serial,
            profile: info.profile,
            variant: info.variant,
            initialized: info.initialized,
            revision: info.revision,
            objects: info.objects as u64,
            nodes: self.seats.lock().iter().map(|(id, seat)| self.node_status(*id, seat)).collect(),
            name: info.name,
        }
    }

    /// Takes no more calls. [`Self::wait`] for those in flight.
    pub(crate) fn stop(&self) {
        let mut seats = self.seats.lock();
        seats
            .values_mut()
            .filter_map(|seat| seat.running.as_mut())
            .for_each(|running| running.listener.stop());
    }

    /// Waits for calls in flight, or for the deadline; how many connections are left.
    pub(crate) fn wait(&self, deadline: Instant) -> usize {
        let seats = self.seats.lock();
        let running = seats.values().filter_map(|seat| seat.running.as_ref());
        let leaving: Vec<_> = running.map(|running| running.listener.connections()).collect();
        drop(seats);
        leaving.iter().map(|connections| connections.wait(deadline)).sum()
    }

    /// Waits until nobody else changes the cluster.
    fn turn(&self) -> Result<MutexGuard<'_, Turn>, String> {
        let turn = self.turn.lock();
        if turn.has_ended {
            return Err(format!("cluster {} was ended meanwhile", self.cluster.name()));
        }
        Ok(turn)
    }

    fn make_backup(&self, backups: &Backups, reason: BackupReason) -> Result<BackupInfo, String> {
        backups.make(&self.cluster, reason, SystemClock.now())
    }

    /// Has a node listen that doesn't.
    fn seat(&self, node: Arc<Node>) -> Result<(), ServeError> {
        let id = node.id();
        let path = self.socket(id);
        check_socket_path(&path)?;
        let faults = self.seats.lock().get(&id).map(|seat| Arc::clone(&seat.faults)).unwrap_or_default();
        let mut listener = Listener::start(self.cluster.name(), &node, &path, &faults, &self.common)?;
        if let Some(address) = self.address(id) {
            listener.start_tls(address, &self.terms)?;
        }
        let mut seats = self.seats.lock();
        let seat = seats.entry(id).or_insert(Seat { running: None, is_cut: false, faults });
        seat.running = Some(Running { node, listener });
        Ok(())
    }

    fn node_status(&self, id: NodeId, seat: &Seat) -> NodeStatus {
        let running = seat.running.as_ref();
        let state = match running {
            None => NodeState::Stopped,
            Some(_) if seat.is_cut => NodeState::Cut,
            Some(_) => NodeState::Running,
        };
        NodeStatus {
            node: id,
            socket: self.socket(id),
            state,
            faults: seat.what_is_wrong(),
            revision: running.map_or(0, |running| running.node.revision()),
            connections: running.map_or(0, |running| running.listener.connection_count() as u64),
            requests: running.map_or(0, |running| running.listener.request_count()),
            lags: self.cluster.node_status(id).map_or(0, |status| status.lags as u64),
            address: self.address(id),
        }
    }

    fn socket(&self, id: NodeId) -> std::path::PathBuf {
        self.home.socket(self.cluster.name(), id)
    }

    /// Where a node is reached by TCP.
    fn address(&self, id: NodeId) -> Option<SocketAddrV4> {
        self.addresses.of(self.cluster.name(), id)
    }

    fn has(&self, id: NodeId) -> bool {
        self.seats.lock().contains_key(&id)
    }

    fn name_of(&self, id: NodeId) -> String {
        format!("node {} of cluster {}", id.0, self.cluster.name())
    }

    fn no_such(&self, id: NodeId) -> String {
        let nodes: Vec<_> = self.seats.lock().keys().map(|id| id.0.to_string()).collect();
        format!("cluster {} has no node {}; its nodes are {}", self.cluster.name(), id.0, nodes.join(", "))
    }
}
