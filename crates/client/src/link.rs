//! A node as the client sees it: its address, idle connections, and how it has been doing.
//!
//! A connection is taken where possible by a thread on the core where the last call on it ended: the node's
//! thread that serves it slept there, too, so that neither has to wake another core. With the one that
//! was used last instead, whatever the core, two callers exchanged connections all the time and signed at half the
//! rate (docs/performance.md).

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::thread::sched_getcpu;
use strongroom_model::NodeId;

use crate::config::Endpoint;
use crate::conn::{Conn, HELLO_TIMEOUT};
use crate::dial::Address;
use crate::lanes::Lanes;

/// How long a node that failed is left alone at first, in milliseconds; it doubles with each failure.
const REST_MS: u64 = 100;
/// How long at most.
const MAX_REST_MS: u64 = 10_000;
/// As many failures as make the longest rest.
const SILENT: u32 = 7;
/// How many idle connections are kept; a burst of calls shall not use up the process's descriptors for good.
const MAX_IDLE: usize = 64;
/// The number of a node that hasn't said it yet.
const NO_NODE: u32 = u32::MAX;

/// A node and the connections to it that nobody uses right now.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) address: Address,
    /// Whether the configuration names it; otherwise it was learned from the cluster.
    pub(crate) configured: bool,
    pub(crate) lanes: Lanes,
    node: AtomicU32,
    idle: Mutex<Vec<Conn>>,
    /// Connections on which nothing is said any more: of the process that this one was forked from, and of a node that
    /// fell silent. They are kept until there is a new one, since a node drops a family's session objects with
    /// its last connection, and the parent may have ended.
    held: Mutex<Vec<Conn>>,
    failures: AtomicU32,
    /// Since the client was made, in milliseconds.
    rests_until: AtomicU64,
}

impl Link {
    pub(crate) fn new(endpoint: Endpoint, configured: bool, node: Option<NodeId>) -> Self {
        Self::at(Address::new(endpoint), configured, node)
    }

    fn at(address: Address, configured: bool, node: Option<NodeId>) -> Self {
        Self {
            address,
            configured,
            lanes: Lanes::default(),
            node: AtomicU32::new(node.map_or(NO_NODE, |node| node.0.into())),
            idle: Mutex::new(Vec::new()),
            held: Mutex::new(Vec::new()),
            failures: AtomicU32::new(0),
            rests_until: AtomicU64::new(0),
        }
    }

    /// The same node for a forked child.
    pub(crate) fn in_child(&self) -> Self {
        let mut child = Self::at(self.address.in_child(), self.configured, self.node());
        // A lock that another thread held when the process was forked is never free again; what it
        // guards stays open.
        for pool in [&self.idle, &self.held] {
            if let (Ok(mut pool), Ok(held)) = (pool.try_lock(), child.held.get_mut()) {
                held.append(&mut pool);
            }
        }
        child
    }

    /// Closes what was held, now that there is a new connection.
    pub(crate) fn disown(&self) {
        let held = std::mem::take(&mut *lock(&self.held));
        drop(held);
    }

    /// Keeps a connection open on which nothing is to be said any more.
    pub(crate) fn hold(&self, conn: Conn) {
        lock(&self.held).push(conn);
    }

    /// The node's number, if known.
    pub(crate) fn node(&self) -> Option<NodeId> {
        u16::try_from(self.node.load(Ordering::Relaxed)).ok().map(NodeId)
    }

    /// Notes the node's number.
    pub(crate) fn is_node(&self, node: NodeId) {
        self.node.store(node.0.into(), Ordering::Relaxed);
    }

    /// Takes the connection that was used last on this core, or else the one that was used last.
    pub(crate) fn take(&self) -> Option<Conn> {
        let core = sched_getcpu();
        let mut idle = lock(&self.idle);
        let near = idle.iter().rposition(|conn| conn.core == core);
        near.or(idle.len().checked_sub(1)).map(|at| idle.remove(at))
    }

    /// Gives a connection back, if it's still good.
    pub(crate) fn give(&self, mut conn: Conn) {
        if conn.broken {
            return;
        }
        conn.core = sched_getcpu();
        let mut idle = lock(&self.idle);
        if idle.len() < MAX_IDLE {
            idle.push(conn);
        } else {
            drop(idle);
            drop(conn);
        }
    }

    /// Notes that the node can't be reached; whether that's news.
    pub(crate) fn failed(&self, now_ms: u64) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed);
        let rest = (REST_MS << failures.min(16)).min(MAX_REST_MS);
        self.rests_until.store(now_ms + rest, Ordering::Relaxed);
        failures == 0
    }

    /// Notes that the node takes what it's sent and says nothing; whether that's news. To try it again costs a caller
    /// seconds, so it's left alone for as long as any, and idle connections aren't tried at all.
    pub(crate) fn falls_silent(&self, now_ms: u64) -> bool {
        let mut idle = std::mem::take(&mut *lock(&self.idle));
        lock(&self.held).append(&mut idle);
        let failures = self.failures.fetch_max(SILENT, Ordering::Relaxed);
        self.failed(now_ms);
        failures == 0
    }

    /// Leaves a node that failed to the caller who is about to try it again.
    pub(crate) fn is_tried(&self, now_ms: impl Fn() -> u64) {
        if self.failures.load(Ordering::Relaxed) > 0 {
            let patience = u64::try_from(HELLO_TIMEOUT.as_millis()).unwrap_or(MAX_REST_MS);
            self.rests_until.store(now_ms() + patience, Ordering::Relaxed);
        }
    }

    /// Notes that the node works; whether that's news.
    pub(crate) fn works(&self) -> bool {
        self.failures.load(Ordering::Relaxed) > 0 && self.failures.swap(0, Ordering::Relaxed) > 0
    }

    /// Whether the node shall be left alone for now.
    pub(crate) fn rests(&self, now_ms: impl Fn() -> u64) -> bool {
        self.failures.load(Ordering::Relaxed) > 0 && now_ms() < self.rests_until.load(Ordering::Relaxed)
    }

    /// When its rest ends.
    pub(crate) fn rests_until(&self) -> u64 {
        self.rests_until.load(Ordering::Relaxed)
    }
}

fn lock(pool: &Mutex<Vec<Conn>>) -> MutexGuard<'_, Vec<Conn>> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_fails_is_left_alone_ever_longer() {
        let link = Link::new(Endpoint::Unix("/s".into()), true, None);
        assert!(!link.rests(|| 0));
        let mut rests = Vec::new();
        for _ in 0..9 {
            link.failed(1000);
            rests.push(link.rests_until() - 1000);
        }
        assert_eq!(rests, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        assert!(link.rests(|| 10_999) && !link.rests(|| 11_000));
        assert!(link.works() && !link.works());
        assert!(!link.rests(|| 1000));
    }

    #[test]
    fn a_silent_node_is_left_alone_for_long_and_tried_by_one() {
        let link = Link::new(Endpoint::Unix("/s".into()), true, None);
        link.is_tried(|| 1000);
        assert!(!link.rests(|| 0), "a node that is well is everybody's");
        assert!(link.falls_silent(1000) && !link.falls_silent(1000));
        assert!(link.rests(|| 10_999) && !link.rests(|| 11_000));
        link.is_tried(|| 11_000);
        assert!(link.rests(|| 15_999) && !link.rests(|| 16_000));
        assert!(link.works());
        link.failed(20_000);
        assert!(!link.rests(|| 20_100), "what was is forgotten");
    }
}
