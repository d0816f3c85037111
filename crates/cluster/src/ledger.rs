//! The ledger: changes in order, durable, then on every node.
//!
//! Changes that wait in the [`Queue`] together are checked one after the other, made durable by one flush,
//! and applied to the nodes. No lock that a reader needs is held while the store is busy.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use strongroom_model::{Error, Handle, NodeId, ReturnCode, Role, UserName};
use strongroom_node::state::{Change, CommitError, Key, Port, Replica, Revision};
use strongroom_node::{Clock, Node};
use strongroom_store::{Store, StoreError};
use strongroom_wire::Member;

use crate::batch::{Batch, Draft, Sealed};
use crate::keys;
use crate::queue::{Outcome, Queue};
use crate::vault::{Fingerprint, Vault};

/// How many handles are reserved at a time. What's left of them when the daemon ends is never used.
pub(crate) const HANDLE_BLOCK: u64 = 1024;
/// How often expired logouts are looked for, and how many are dropped at a time.
const SWEEP_EVERY: u64 = 60;
const SWEEP_MOST: usize = 1000;
/// How often a failing store is told of in the log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// Puts a cluster's changes in order. It's the nodes' [`Port`].
pub(crate) struct Ledger {
    cluster: String,
    store: Arc<dyn Store>,
    vault: Vault,
    clock: Arc<dyn Clock>,
    /// The state as committed. Written by the leader only, and never while the store is busy.
    master: RwLock<Replica>,
    book: Mutex<Book>,
    queue: Queue,
    nodes: OnceLock<Vec<Weak<Node>>>,
    members: RwLock<Vec<Member>>,
    /// Number of the membership's last change.
    epoch: AtomicU64,
    lease: Mutex<Lease>,
}

/// What a ledger starts from.
pub(crate) struct LedgerParts {
    pub(crate) cluster: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) master: Replica,
    pub(crate) notes: HashMap<Vec<u8>, Revision>,
    pub(crate) fingerprint: Fingerprint,
    /// The first number that no token object may have yet.
    pub(crate) next_handle: u64,
    pub(crate) members: Vec<Member>,
    pub(crate) epoch: u64,
}

/// What the leader keeps from group to group.
struct Book {
    notes: HashMap<Vec<u8>, Revision>,
    fingerprint: Fingerprint,
    next_sweep: u64,
    complained: Option<Instant>,
}

/// Numbers for token objects: `next` is free, `end` is reserved no more.
struct Lease {
    next: u64,
    end: u64,
}

impl Ledger {
    pub(crate) fn new(parts: LedgerParts) -> Self {
        Self {
            cluster: parts.cluster,
            store: parts.store,
            vault: parts.vault,
            clock: parts.clock,
            master: RwLock::new(parts.master),
            book: Mutex::new(Book {
                notes: parts.notes,
                fingerprint: parts.fingerprint,
                next_sweep: 0,
                complained: None,
            }),
            queue: Queue::default(),
            nodes: OnceLock::new(),
            members: RwLock::new(parts.members),
            epoch: AtomicU64::new(parts.epoch),
            lease: Mutex::new(Lease { next: parts.next_handle, end: parts.next_handle }),
        }
    }

    /// Notes a start of the cluster, durably, together with the first handles that it may give out.
    pub(crate) fn start(&self, boots: u64) -> Result<(), Error> {
        let mut lease = self.lease.lock();
        let end = next_end(lease.end)?;
        let draft = Draft::note(keys::BOOTS, &boots)?.and_note(keys::HANDLES, &end)?;
        self.submit(draft).map_err(failure)?;
        lease.end = end;
        Ok(())
    }

    /// Names the nodes that changes are applied to from now on, once.
    pub(crate) fn attach(&self, nodes: &[Arc<Node>]) {
        let attached = self.nodes.set(nodes.iter().map(Arc::downgrade).collect());
        assert!(attached.is_ok(), "nodes are attached once");
    }

    /// Says where the nodes listen.
    pub(crate) fn set_sockets(&self, socket: impl Fn(NodeId) -> String) {
        for member in self.members.write().iter_mut() {
            member.socket = socket(member.node);
        }
    }

    /// Looks at the committed state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Replica) -> T) -> T {
        look(&self.master.read())
    }

    fn submit(&self, draft: Draft) -> Outcome {
        self.queue.submit(draft, |drafts| self.carry_out(drafts))
    }

    fn carry_out(&self, drafts: Vec<Draft>) -> Vec<Outcome> {
        let mut book = self.book.lock();
        let book = &mut *book;
        let mut outcomes = Vec::with_capacity(drafts.len());
        let sealed = {
            let master = self.master.read();
            let mut batch = Batch::new(&self.vault, &master, &book.notes, book.fingerprint.clone());
            outcomes.extend(drafts.into_iter().map(|draft| batch.add(draft).ok_or(CommitError::Conflict)));
            let now = self.clock.now();
            if book.next_sweep <= now {
                book.next_sweep = now + SWEEP_EVERY;
                batch.sweep(master.expired_revocations(now).map(Key::Revocation).take(SWEEP_MOST));
            }
            batch.seal()
        };
        let Some(sealed) = sealed else { return outcomes };
        match self.store.commit(sealed.base, &sealed.changes) {
            Ok(_) => self.apply(book, sealed),
            Err(error) => {
                self.complain(book, &error);
                let failed = CommitError::Failed(error.into());
                outcomes.iter_mut().filter(|outcome| outcome.is_ok()).for_each(|outcome| {
                    *outcome = Err(failed.clone());
                });
            }
        }
        outcomes
    }

    /// Makes durable changes visible, in their order, everywhere.
    fn apply(&self, book: &mut Book, sealed: Sealed) {
        book.fingerprint = sealed.fingerprint;
        book.notes.extend(sealed.notes);
        let nodes = self.nodes.get().map(Vec::as_slice).unwrap_or_default();
        let nodes: Vec<Arc<Node>> = nodes.iter().filter_map(Weak::upgrade).collect();
        for change in &sealed.committed {
            self.master.write().apply(change);
            nodes.iter().for_each(|node| node.apply(change));
        }
    }

    fn complain(&self, book: &mut Book, error: &StoreError) {
        if book.complained.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
            book.complained = Some(Instant::now());
            tracing::error!("cluster {}: nothing was committed: {error}", self.cluster);
        }
    }
}

impl Port for Ledger {
    fn commit(&self, change: Change) -> Outcome {
        if change.writes.is_empty() {
            return Ok(self.read(Replica::revision));
        }
        self.submit(Draft::of(change).map_err(CommitError::Failed)?)
    }

    fn fresh_handle(&self) -> Result<Handle, Error> {
        let mut lease = self.lease.lock();
        if lease.next == lease.end {
            // Durable before the first of them is used, or else a number could come back after a crash.
            let end = next_end(lease.end)?;
            self.submit(Draft::note(keys::HANDLES, &end)?).map_err(failure)?;
            lease.end = end;
        }
        let handle = Handle(lease.next);
        lease.next += 1;
        Ok(handle)
    }

    fn members(&self) -> (Vec<Member>, u64) {
        (self.members.read().clone(), self.epoch())
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    fn reachable(&self) -> usize {
        self.nodes.get().map_or(0, Vec::len)
    }

    fn is_connected(&self) -> bool {
        true
    }

    fn replicate_user(&self, _: Role, _: &UserName) -> Result<(), Error> {
        Ok(())
    }
}

fn next_end(end: u64) -> Result<u64, Error> {
    let next = end.saturating_add(HANDLE_BLOCK).min(Handle::MAX_TOKEN + 1);
    if next <= end {
        let message = "the cluster has no numbers left for token objects: make a new cluster";
        return Err(Error::new(ReturnCode::DEVICE_MEMORY, message));
    }
    Ok(next)
}

fn failure(error: CommitError) -> Error {
    match error {
        CommitError::Failed(error) => error,
        CommitError::Conflict => ReturnCode::DEVICE_ERROR.into(),
    }
}
