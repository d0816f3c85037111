//! The ledger: changes in order, durable, then on every node.
//!
//! Callers put their changes in a queue. The first becomes the leader: it takes all that wait, has them
//! made durable by one flush, applies them to the nodes, and tells each caller. Meanwhile the next wait,
//! and when it's done the first of them leads. So a flush is shared by all who came during the one before.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};
use strongroom_model::{Error, Handle, NodeId, ReturnCode};
use strongroom_node::state::{Change, CommitError, Key, Port, Replica, Revision};
use strongroom_node::{Clock, Node};
use strongroom_store::{Store, StoreError};
use strongroom_wire::Member;

use crate::batch::{Batch, Draft, Sealed};
use crate::keys;
use crate::vault::{Fingerprint, Vault};

/// How many handles are reserved at a time. What's left of them when the daemon ends is never used.
pub(crate) const HANDLE_BLOCK: u64 = 1024;
/// The most content in one flush; a single change may have more.
const GROUP_BYTES: usize = 8 * 1024 * 1024;
/// How often expired logouts are looked for, and how many are dropped at a time.
const SWEEP_EVERY: u64 = 60;
const SWEEP_MOST: usize = 1000;
/// How often a failing store is told of in the log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

type Outcome = Result<Revision, CommitError>;

/// Puts a cluster's changes in order. It's the nodes' [`Port`].
pub(crate) struct Ledger {
    cluster: String,
    store: Arc<dyn Store>,
    vault: Vault,
    clock: Arc<dyn Clock>,
    /// The state as committed. Written by the leader only, and never while the store is busy.
    master: RwLock<Replica>,
    book: Mutex<Book>,
    queue: Mutex<Queue>,
    nodes: OnceLock<Vec<Weak<Node>>>,
    members: RwLock<Vec<Member>>,
    /// Number of the membership's last change.
    epoch: AtomicU64,
    lease: Mutex<Lease>,
    /// A leader panicked: replicas may differ from the store.
    broken: AtomicBool,
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

#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Draft, Arc<Slot>)>,
    /// Whether there is a leader.
    led: bool,
}

/// Numbers for token objects: `next` is free, `end` is reserved no more.
struct Lease {
    next: u64,
    end: u64,
}

/// Where a caller waits.
#[derive(Default)]
struct Slot {
    state: Mutex<SlotState>,
    changed: Condvar,
}

#[derive(Default)]
enum SlotState {
    #[default]
    Waiting,
    Leading,
    Done(Outcome),
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
            queue: Mutex::default(),
            nodes: OnceLock::new(),
            members: RwLock::new(parts.members),
            epoch: AtomicU64::new(parts.epoch),
            lease: Mutex::new(Lease { next: parts.next_handle, end: parts.next_handle }),
            broken: AtomicBool::new(false),
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
        let slot = Arc::new(Slot::default());
        let leads = {
            let mut queue = self.queue.lock();
            queue.waiting.push_back((draft, Arc::clone(&slot)));
            !std::mem::replace(&mut queue.led, true)
        };
        if leads || slot.wait() {
            self.lead();
        }
        slot.outcome()
    }

    /// Carries out what waits. The caller's own change is the first of it.
    fn lead(&self) {
        let (drafts, slots) = self.take_group();
        let leading = Leading { ledger: self, slots };
        let outcomes = self.carry_out(drafts);
        for (slot, outcome) in leading.slots.iter().zip(outcomes) {
            slot.set(SlotState::Done(outcome));
        }
    }

    fn take_group(&self) -> (Vec<Draft>, Vec<Arc<Slot>>) {
        let mut queue = self.queue.lock();
        let (mut count, mut size) = (0, 0);
        for (draft, _) in &queue.waiting {
            size += draft.size();
            if count > 0 && size > GROUP_BYTES {
                break;
            }
            count += 1;
        }
        queue.waiting.drain(..count).unzip()
    }

    fn carry_out(&self, drafts: Vec<Draft>) -> Vec<Outcome> {
        if self.broken.load(Ordering::Relaxed) {
            return drafts.iter().map(|_| Err(CommitError::Failed(broken()))).collect();
        }
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
}

/// The time of a leader. When it ends, whatever ends it, nobody is left waiting for nobody.
struct Leading<'a> {
    ledger: &'a Ledger,
    slots: Vec<Arc<Slot>>,
}

impl Drop for Leading<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.ledger.broken.store(true, Ordering::Relaxed);
            for slot in &self.slots {
                slot.set(SlotState::Done(Err(CommitError::Failed(broken()))));
            }
        }
        let mut queue = self.ledger.queue.lock();
        match queue.waiting.front() {
            Some((_, next)) => next.set(SlotState::Leading),
            None => queue.led = false,
        }
    }
}

impl Slot {
    fn set(&self, state: SlotState) {
        *self.state.lock() = state;
        self.changed.notify_one();
    }

    /// Waits until there's an outcome, or until it's the caller's turn to lead: true.
    fn wait(&self) -> bool {
        let mut state = self.state.lock();
        while matches!(*state, SlotState::Waiting) {
            self.changed.wait(&mut state);
        }
        matches!(*state, SlotState::Leading)
    }

    fn outcome(&self) -> Outcome {
        match &*self.state.lock() {
            SlotState::Done(outcome) => outcome.clone(),
            SlotState::Waiting | SlotState::Leading => Err(CommitError::Failed(broken())),
        }
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

fn broken() -> Error {
    let message = "the cluster stopped taking changes after a bug, which the log tells: restart the daemon";
    Error::new(ReturnCode::DEVICE_ERROR, message)
}
