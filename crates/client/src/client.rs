//! The client of one cluster.

mod authentication;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use strongroom_model::{Error, NodeId, Result, ReturnCode};
use strongroom_wire::{ClusterInfo, Extras, InstanceId, Request, Response};

use crate::choice;
pub use crate::choice::Route;
use crate::config::ClusterConfig;
use crate::conn::NOBODY;
use crate::gate::Shared;
use crate::log::{Level, Log, LogFn};
use crate::state::State;
use crate::wait::{Busy, Wait};

/// What `renew_at` is when there is no ticket to renew.
const NEVER: u64 = u64::MAX;

/// The client of one cluster: connections to its nodes, and the login of this process.
///
/// Any number of threads may use it at once; calls don't wait for one another.
#[derive(Debug)]
pub struct Client {
    pub(crate) config: ClusterConfig,
    pub(crate) log: Log,
    /// `None` if the system gave no randomness; then no connection is made.
    pub(crate) instance: Option<InstanceId>,
    pub(crate) family: Option<InstanceId>,
    pub(crate) state: Shared<State>,
    /// The generation of the login in `state`.
    pub(crate) generation: AtomicU64,
    /// The last generation given out.
    generations: AtomicU64,
    /// When to renew the ticket, in milliseconds since `born`.
    renew_at: AtomicU64,
    pub(crate) revision: AtomicU64,
    pub(crate) epoch: AtomicU64,
    /// Counts calls, so that nodes take turns.
    pub(crate) turn: Busy<AtomicUsize>,
    /// Whether there has been a connection.
    pub(crate) established: AtomicBool,
    pub(crate) wait: Wait,
    born: Instant,
}

impl Client {
    /// A client. Nothing is connected until the first call.
    pub fn new(config: ClusterConfig) -> Self {
        let instance = random_id();
        let state = State::new(&config);
        Self::with(config, Log::NONE, instance, instance, state)
    }

    fn with(
        config: ClusterConfig,
        log: Log,
        instance: Option<InstanceId>,
        family: Option<InstanceId>,
        state: State,
    ) -> Self {
        Self {
            log,
            instance,
            family,
            state: Shared::new(state),
            generation: AtomicU64::new(NOBODY),
            generations: AtomicU64::new(NOBODY),
            renew_at: AtomicU64::new(NEVER),
            revision: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            turn: Busy(AtomicUsize::new(first_turn(instance))),
            established: AtomicBool::new(false),
            wait: Wait::new(config.spin_us, config.call_timeout()),
            born: Instant::now(),
            config,
        }
    }

    /// Has the client say what happens to `log`.
    #[must_use]
    pub fn log_to(mut self, log: LogFn) -> Self {
        self.log = Log::to(log);
        self
    }

    /// How the client was configured.
    pub fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// Asks any node about the cluster, now. Doesn't wait for a daemon to come up.
    ///
    /// # Errors
    ///
    /// `CKR_TOKEN_NOT_PRESENT` if no node can be reached; the message says how to start one.
    pub fn probe(&self) -> Result<Arc<ClusterInfo>> {
        match self.deliver(Route::Any, 0, &Request::Info, None)? {
            Response::Cluster(info) => Ok(self.learn(info)),
            other => Err(unexpected(&other)),
        }
    }

    /// What is known of the cluster since the last connection, if there was one. No I/O.
    pub fn cluster(&self) -> Option<Arc<ClusterInfo>> {
        self.state.read().cluster.clone()
    }

    /// The highest revision of the cluster's state seen in a reply.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Has a node carry out a request, for the user who is logged in.
    ///
    /// A request that reached no node is sent to another, and for up to `reconnect_ms` to nodes that may
    /// come back. One whose answer was lost is repeated once if that does no harm.
    ///
    /// # Errors
    ///
    /// What the node says. `CKR_TOKEN_NOT_PRESENT` if no node was ever reached, `CKR_DEVICE_ERROR` if none
    /// can be reached any more, or if nobody knows whether the request was carried out, say since the node was silent for
    /// `call_timeout_ms`;
    /// `CKR_KEY_HANDLE_INVALID` or `CKR_OBJECT_HANDLE_INVALID` if the node of a session object is no more.
    pub fn call(&self, route: Route, session: u64, request: &Request) -> Result<Response> {
        self.renew_if_due();
        self.deliver(route, session, request, Some(self.patience()))
    }

    /// As [`Self::call`]; tells which node answered, too. A multi-part operation goes on there.
    ///
    /// # Errors
    ///
    /// As [`Self::call`].
    pub fn call_noting_node(
        &self,
        route: Route,
        session: u64,
        request: &Request,
    ) -> Result<(NodeId, Response)> {
        self.renew_if_due();
        match self.deliver_noting_node(route, session, None, request, Some(self.patience()))? {
            (Some(node), response) => Ok((node, response)),
            (None, response) => Err(unexpected(&response)),
        }
    }

    /// As [`Self::call`], with approvals or the terms of a new key. It's never repeated: an approval is good once.
    ///
    /// # Errors
    ///
    /// As [`Self::call`].
    pub fn call_with(
        &self,
        route: Route,
        session: u64,
        extras: &Extras,
        request: &Request,
    ) -> Result<Response> {
        self.renew_if_due();
        let extras = (!extras.is_empty()).then_some(extras);
        self.deliver_noting_node(route, session, extras, request, Some(self.patience()))
            .map(|(_, response)| response)
    }

    /// As [`Self::call`], without waiting for a node to come back: for whoever wants to know how each node is.
    ///
    /// # Errors
    ///
    /// As [`Self::call`].
    pub fn call_now(&self, route: Route, session: u64, request: &Request) -> Result<Response> {
        self.renew_if_due();
        self.deliver(route, session, request, Some(Duration::ZERO))
    }

    /// The nodes on which a session made objects or began multi-part operations.
    pub fn used_nodes_for_session(&self, session: u64) -> Vec<NodeId> {
        self.state.read().sessions.get(&session).cloned().unwrap_or_default()
    }

    /// The nodes that may have session objects that this process sees: those on which its sessions, or the
    /// processes it was forked from, made some. A search has to ask each of them.
    pub fn used_nodes(&self) -> Vec<NodeId> {
        self.state.read().used_nodes().into_iter().collect()
    }

    /// Tells the nodes on which a session made something that the session is closed. A node that can't be
    /// reached has lost it anyway.
    pub fn close_session(&self, session: u64) {
        if !self.state.read().sessions.contains_key(&session) {
            return;
        }
        let nodes = self.state.write(|state| state.sessions.remove(&session)).unwrap_or_default();
        for node in nodes {
            if let Err(error) = self.deliver(Route::Node(node), session, &Request::CloseSession, None) {
                self.log.say(
                    Level::Debug,
                    format_args!("node {} wasn't told of a closed session: {error}", node.0),
                );
            }
        }
    }

    /// To be called before a fork, by the thread that forks: waits until no other thread is in the middle
    /// of a change to the client's state, and keeps them out. Microseconds; at most a fraction of a second.
    pub fn before_fork(&self) {
        self.state.shut();
    }

    /// To be called after a fork, in the parent, once for each [`Self::before_fork`].
    pub fn after_fork_parent(&self) {
        self.state.open();
    }

    /// The client for the child of a fork, to be called in the child: another client instance of the same
    /// family, with connections of its own. The inherited ones are closed, without a word, when a node has welcomed
    /// the child; the ticket is exchanged for one of the child's own at the first call.
    pub fn fork_child(&self) -> Self {
        let state = match self.state.read_in_child() {
            Some(state) => state.in_child(),
            None => {
                self.log
                    .say(Level::Warn, format_args!("forked in the middle of a change; the login is lost"));
                State::new(&self.config)
            }
        };
        let generation = state.login.as_ref().map_or(NOBODY, |login| login.generation);
        let child = Self::with(self.config.clone(), self.log, random_id(), self.family, state);
        child.generation.store(generation, Ordering::Release);
        child.generations.store(generation, Ordering::Release);
        child.renew_at.store(if generation == NOBODY { NEVER } else { 0 }, Ordering::Release);
        child.revision.store(self.revision(), Ordering::Release);
        child.epoch.store(self.epoch.load(Ordering::Acquire), Ordering::Release);
        child.established.store(self.established.load(Ordering::Acquire), Ordering::Release);
        child
    }

    /// Milliseconds since the client was made.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    /// Takes up what a node said of the cluster, unless another node has said something newer.
    pub(crate) fn learn(&self, info: ClusterInfo) -> Arc<ClusterInfo> {
        let info = Arc::new(info);
        let replaced = self.state.write(|state| {
            let known = state.cluster.as_ref().filter(|known| known.serial == info.serial);
            if known.is_some_and(|known| known.epoch > info.epoch) {
                return false;
            }
            let replaced = known.is_none() && state.cluster.is_some();
            self.epoch.store(info.epoch, Ordering::Release);
            state.links = choice::follow(&state.links, &info.members);
            state.cluster = Some(Arc::clone(&info));
            replaced
        });
        if replaced {
            let Self { config: ClusterConfig { name, .. }, .. } = self;
            self.log.say(
                Level::Warn,
                format_args!(
                    "cluster {name:?} is another one than before: its serial number is {}",
                    info.serial
                ),
            );
        }
        info
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.config.reconnect_ms)
    }
}

fn unexpected(response: &Response) -> Error {
    let message =
        format!("the node gave an answer to another question: {:?}", std::mem::discriminant(response));
    Error::new(ReturnCode::DEVICE_ERROR, message)
}

/// Where to begin taking turns: elsewhere in each process, so that short-lived ones don't all go to the first node.
fn first_turn(instance: Option<InstanceId>) -> usize {
    instance.map_or(0, |InstanceId(id)| usize::from(id[0]) * choice::RUN)
}

fn random_id() -> Option<InstanceId> {
    let mut id = [0; 16];
    let flags = rustix::rand::GetRandomFlags::empty();
    let filled = rustix::io::retry_on_intr(|| rustix::rand::getrandom(&mut id, flags));
    (filled == Ok(id.len())).then_some(InstanceId(id))
}
