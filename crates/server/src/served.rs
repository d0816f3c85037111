//! A cluster as the daemon serves it: which of its nodes listen, which are members, and what is wrong with them on
//! purpose.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom_cluster::{Certificates, Cluster};
use strongroom_model::NodeId;
use strongroom_node::{Clock, Node};
use strongroom_wire::Member;

use crate::ServeError;
use crate::audit::Logs;
use crate::backups::Backups;
use crate::control::{BackupInfo, BackupReason, ClusterStatus, Fault, NodeState, NodeStatus};
use crate::daemon::SystemClock;
use crate::faults::{Faults, Ill, MAX_DELAY_MS};
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
    seats: BTreeMap<NodeId, Seat>,
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
        let mut served = Self { home, common, logs, addresses, cluster, terms, seats: BTreeMap::new() };
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

    /// Has all nodes listen for TLS, too, at addresses that they have or get.
    pub(crate) fn listen(&mut self) -> Result<(), String> {
        if self.cluster.certificates().is_none() {
            return Err(format!(
                "cluster {} has no key for TLS, since it was made by an earlier version: make a new cluster for clients that \
                 come by TCP",
                self.cluster.name()
            ));
        }
        let nodes: Vec<_> = self.seats.keys().copied().collect();
        nodes.iter().try_for_each(|id| self.addresses.allot(self.cluster.name(), *id, None).map(drop))?;
        self.listen_where_told()
    }

    /// Has those nodes listen for TLS that have an address.
    pub(crate) fn listen_where_told(&mut self) -> Result<(), String> {
        for (id, seat) in &mut self.seats {
            let address = self.addresses.of(self.cluster.name(), *id);
            if let (Some(address), Some(running)) = (address, &mut seat.running) {
                running.listener.start_tls(address, &self.terms).map_err(|error| error.to_string())?;
            }
        }
        self.publish();
        Ok(())
    }

    /// Makes something go wrong with a node, or right again.
    pub(crate) fn fault(&mut self, id: NodeId, fault: Fault) -> Result<(), String> {
        let name = self.name_of(id);
        if !self.seats.contains_key(&id) {
            return Err(self.no_such(id));
        }
        match fault {
            Fault::Stop => self.stop_node(id)?,
            Fault::Start => self.start_node(id)?,
            Fault::Cut => self.cut(id, true)?,
            Fault::Heal => self.cut(id, false)?,
            Fault::Delay { ms } if ms > MAX_DELAY_MS => {
                return Err(format!("an answer can be delayed by up to {MAX_DELAY_MS} ms, not {ms}"));
            }
            Fault::Drop { percent } | Fault::Throttle { percent } if percent > 100 => {
                return Err(format!("{percent} % is more than all calls"));
            }
            Fault::Delay { ms } => self.change(id, |ill| ill.delay_ms = ms),
            Fault::Drop { percent } => self.change(id, |ill| ill.drop_percent = percent),
            Fault::Throttle { percent } => self.change(id, |ill| ill.throttle_percent = percent),
            Fault::Hang => self.change(id, |ill| ill.hangs = true),
            Fault::Clear => {
                self.change(id, |ill| *ill = Ill::default());
                self.start_node(id)?;
                self.cut(id, false)?;
            }
        }
        let what = self.faults_of(id);
        if what.is_empty() {
            tracing::info!("{name} has no faults any more");
        } else {
            tracing::warn!("{name} has been given faults: it {}", what.join(", "));
        }
        Ok(())
    }

    /// Makes a further node, and has it listen, at a TCP address if one is wanted or all nodes have one.
    pub(crate) fn add_node(&mut self, address: Option<Ipv4Addr>) -> Result<NodeId, String> {
        let next = self.cluster.next_node();
        // Clients learn where it is as soon as it's a member.
        if address.is_some() || self.has_addresses() {
            self.addresses.allot(self.cluster.name(), next, address)?;
        }
        let node = self.cluster.add_node().map_err(|error| {
            self.addresses.free(self.cluster.name(), next);
            error.to_string()
        })?;
        let id = node.id();
        let seated = self.logs.attach(self.cluster.name(), &node, true).and_then(|()| self.seat(node));
        if let Err(error) = seated {
            let undone = self.cluster.remove_node(id);
            self.addresses.free(self.cluster.name(), id);
            if let Err(problem) = undone {
                tracing::error!("{} can't listen and can't be removed: {problem}", self.name_of(id));
            }
            return Err(error.to_string());
        }
        tracing::info!("{} was added", self.name_of(id));
        Ok(id)
    }

    /// Takes a node out of the cluster when the calls that it has have ended. What it alone had is gone.
    pub(crate) fn remove_node(&mut self, id: NodeId) -> Result<(), String> {
        self.may_remove(id)?;
        let name = self.name_of(id);
        // Clients go elsewhere at once; what they had sent is still carried out and answered.
        if let Some(running) = self.seats.get_mut(&id).and_then(|seat| seat.running.as_mut()) {
            running.listener.stop();
            let left = running.listener.wait(Instant::now() + REMOVAL_GRACE);
            if left > 0 {
                tracing::warn!(
                    "{name}: {left} calls weren't done after {} s and were cut off",
                    REMOVAL_GRACE.as_secs()
                );
            }
        }
        if let Err(error) = self.cluster.remove_node(id) {
            let still = format!("{name} wasn't removed: {error}");
            return Err(match self.listen_again(id) {
                Ok(()) => still,
                Err(problem) => format!("{still}; and it doesn't listen any more: {problem}"),
            });
        }
        if let Some(Running { node, .. }) = self.seats.remove(&id).and_then(|seat| seat.running) {
            self.logs.end(self.cluster.name(), &node);
        }
        self.addresses.free(self.cluster.name(), id);
        tracing::info!("{name} was removed");
        Ok(())
    }

    /// Has all nodes take no more calls, and waits for those in flight.
    pub(crate) fn close(&mut self) {
        self.stop();
        let left = self.wait(Instant::now() + REMOVAL_GRACE);
        if left > 0 {
            tracing::warn!(
                "cluster {}: {left} calls weren't done after {} s and were cut off",
                self.cluster.name(),
                REMOVAL_GRACE.as_secs()
            );
        }
    }

    /// Has all nodes listen again that were closed.
    pub(crate) fn open_again(&mut self) {
        let ids: Vec<_> = self.seats.keys().copied().collect();
        for id in ids {
            if let Err(problem) = self.listen_again(id) {
                tracing::error!("{} doesn't listen any more: {problem}", self.name_of(id));
            }
        }
    }

    /// Ends the nodes of a cluster that is closed, with their logs, and gives their addresses back.
    pub(crate) fn end(self) {
        for (id, seat) in self.seats {
            if let Some(Running { node, .. }) = seat.running {
                self.logs.end(self.cluster.name(), &node);
            }
            self.addresses.free(self.cluster.name(), id);
        }
    }

    /// The cluster itself.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Whether a node can be taken out of the cluster.
    pub(crate) fn may_remove(&self, id: NodeId) -> Result<(), String> {
        if !self.seats.contains_key(&id) {
            return Err(self.no_such(id));
        }
        if self.seats.len() == 1 {
            return Err(format!(
                "node {} is the last of cluster {}, and a cluster has one at least: nothing was changed; `strongroom node add` \
                 makes another",
                id.0,
                self.cluster.name()
            ));
        }
        self.must_leave_one_that_runs(id)
    }

    /// What there is of the cluster's certificates.
    pub(crate) fn certificates(&self) -> Option<Certificates> {
        self.cluster.certificates()
    }

    /// Takes the certificate that the customer has signed.
    pub(crate) fn initialize(&mut self, signed_cert: &str, trust_anchor: &str) -> Result<(), String> {
        self.cluster.initialize(signed_cert, trust_anchor).map_err(|error| error.to_string())
    }

    /// Backs the cluster up.
    pub(crate) fn back_up(&self, backups: &Backups, reason: BackupReason) -> Result<BackupInfo, String> {
        backups.make(&self.cluster, reason, SystemClock.now())
    }

    /// Backs the cluster up if it's time.
    pub(crate) fn back_up_if_due(&self, backups: &Backups, now: u64) -> Result<(), String> {
        match backups.due(&self.cluster, now) {
            Some(reason) => self.back_up(backups, reason).map(drop),
            None => Ok(()),
        }
    }

    /// Refuses to remove a node that serves while no other does as well.
    fn must_leave_one_that_runs(&self, id: NodeId) -> Result<(), String> {
        let worth = |seat: &Seat| match (&seat.running, seat.is_cut) {
            (None, _) => 0,
            (Some(_), true) => 1,
            (Some(_), false) => 2,
        };
        let own = self.seats.get(&id).map_or(0, worth);
        let others = || self.seats.iter().filter(|(other, _)| **other != id);
        if own == 0 || others().any(|(_, seat)| worth(seat) >= own) {
            return Ok(());
        }
        let ill: Vec<_> = others()
            .map(|(other, seat)| {
                format!("node {} is {}", other.0, if worth(seat) == 0 { "stopped" } else { "cut off" })
            })
            .collect();
        let first = others().next().map_or(0, |(other, _)| other.0);
        Err(format!(
            "node {} is the only one of cluster {} that serves ({}): nothing was changed; `strongroom fault node clear {first}` \
             has another back",
            id.0,
            self.cluster.name(),
            ill.join(", ")
        ))
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
            nodes: self.seats.iter().map(|(id, seat)| self.node_status(*id, seat)).collect(),
            name: info.name,
        }
    }

    /// Takes no more calls. [`Self::wait`] for those in flight.
    pub(crate) fn stop(&mut self) {
        self.listeners().for_each(|listener| listener.stop());
    }

    /// Waits for calls in flight, or for the deadline; how many connections are left.
    pub(crate) fn wait(&mut self, deadline: Instant) -> usize {
        self.listeners().map(|listener| listener.wait(deadline)).sum()
    }

    fn listeners(&mut self) -> impl Iterator<Item = &mut Listener> {
        let running = self.seats.values_mut().filter_map(|seat| seat.running.as_mut());
        running.map(|running| &mut running.listener)
    }

    fn stop_node(&mut self, id: NodeId) -> Result<(), String> {
        if let Some(running) = self.seats.get_mut(&id).and_then(|seat| seat.running.take()) {
            running.node.crash();
            running.listener.crash();
            self.cluster.stop_node(id).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn start_node(&mut self, id: NodeId) -> Result<(), String> {
        if self.seats.get(&id).is_some_and(|seat| seat.running.is_some()) {
            return Ok(());
        }
        let node = self.cluster.start_node(id).map_err(|error| error.to_string())?;
        let kept = self.logs.attach(self.cluster.name(), &node, false);
        kept.and_then(|()| self.seat(node)).map_err(|error| error.to_string())
    }

    fn cut(&mut self, id: NodeId, cut: bool) -> Result<(), String> {
        let Some(seat) = self.seats.get_mut(&id).filter(|seat| seat.is_cut != cut) else { return Ok(()) };
        seat.is_cut = cut;
        let done = if cut { self.cluster.cut(id) } else { self.cluster.heal(id) };
        done.map_err(|error| error.to_string())
    }

    fn change(&self, id: NodeId, change: impl FnOnce(&mut Ill)) {
        if let Some(seat) = self.seats.get(&id) {
            seat.faults.change(change);
        }
    }

    /// Has a node listen that doesn't.
    fn seat(&mut self, node: Arc<Node>) -> Result<(), ServeError> {
        let id = node.id();
        let path = self.socket(id);
        check_socket_path(&path)?;
        let faults = self.seats.get(&id).map(|seat| Arc::clone(&seat.faults)).unwrap_or_default();
        let mut listener = Listener::start(self.cluster.name(), &node, &path, &faults, &self.common)?;
        if let Some(address) = self.address(id) {
            listener.start_tls(address, &self.terms)?;
        }
        let seat = self.seats.entry(id).or_insert(Seat { running: None, is_cut: false, faults });
        seat.running = Some(Running { node, listener });
        Ok(())
    }

    fn listen_again(&mut self, id: NodeId) -> Result<(), ServeError> {
        match self.seats.get_mut(&id).and_then(|seat| seat.running.take()) {
            Some(Running { node, listener }) => {
                drop(listener);
                self.seat(node)
            }
            None => Ok(()),
        }
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
            faults: self.faults_of(id),
            revision: running.map_or(0, |running| running.node.revision()),
            connections: running.map_or(0, |running| running.listener.connection_count() as u64),
            requests: running.map_or(0, |running| running.listener.request_count()),
            lags: self.cluster.node_status(id).map_or(0, |status| status.lags as u64),
            address: self.address(id),
        }
    }

    /// What is wrong with a node on purpose; each goes with "it".
    fn faults_of(&self, id: NodeId) -> Vec<String> {
        let Some(seat) = self.seats.get(&id) else { return Vec::new() };
        let stopped = seat.running.is_none().then(|| "is stopped".to_owned());
        let cut = seat.is_cut.then(|| "is cut off from its cluster".to_owned());
        let ill = seat.faults.now().map(Ill::describe).unwrap_or_default();
        stopped.into_iter().chain(cut).chain(ill).collect()
    }

    fn socket(&self, id: NodeId) -> std::path::PathBuf {
        self.home.socket(self.cluster.name(), id)
    }

    /// Where a node is reached by TCP.
    fn address(&self, id: NodeId) -> Option<SocketAddrV4> {
        self.addresses.of(self.cluster.name(), id)
    }

    /// Whether its nodes are reached by TCP.
    fn has_addresses(&self) -> bool {
        self.addresses.network().enabled || self.seats.keys().any(|id| self.address(*id).is_some())
    }

    fn name_of(&self, id: NodeId) -> String {
        format!("node {} of cluster {}", id.0, self.cluster.name())
    }

    fn no_such(&self, id: NodeId) -> String {
        let nodes: Vec<_> = self.seats.keys().map(|id| id.0.to_string()).collect();
        format!("cluster {} has no node {}; its nodes are {}", self.cluster.name(), id.0, nodes.join(", "))
    }
}
