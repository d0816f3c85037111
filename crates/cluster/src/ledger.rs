//! The ledger: changes in order, durable, then on every node.
//!
//! Changes that wait in the [`Queue`] together are checked one after the other, made durable by one flush,
//! and applied to the nodes. No lock that a reader needs is held while the store is busy.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use strongroom_model::{Error, Handle, Profile, ReturnCode};
use strongroom_node::Clock;
use strongroom_node::state::{Change, CommitError, Key, Replica, Revision, Update};
use strongroom_store::{Store, StoreError};
use strongroom_wire::Member;

use crate::batch::{Batch, Ground, Sealed};
use crate::draft::Draft;
use crate::history::History;
use crate::keys;
use crate::lags::Lags;
use crate::link::Link;
use crate::queue::{Outcome, Queue};
use crate::transport::Transport;
use crate::vault::{Fingerprint, Vault};

/// How many handles are reserved at a time. What's left of them when the daemon ends is never used.
pub(crate) const HANDLE_BLOCK: u64 = 1024;
/// How often expired logouts are looked for, and how many are dropped at a time.
const SWEEP_EVERY: u64 = 60;
const SWEEP_MOST: usize = 1000;
/// How often a failing store is told of in the log.
const COMPLAIN_EVERY: Duration = Duration::from_secs(10);

/// Puts a cluster's changes in order. Nodes get at it by their [`NodePort`](crate::port::NodePort).
pub(crate) struct Ledger {
    cluster: String,
    store: Arc<dyn Store>,
    vault: Vault,
    clock: Arc<dyn Clock>,
    pub(crate) transport: Arc<dyn Transport>,
    /// The state as committed. Written by the leader only, and never while the store is busy.
    pub(crate) master: RwLock<Replica>,
    /// What nodes have missed. Written as `master` is.
    pub(crate) lags: RwLock<Lags>,
    /// Held while a group is committed and sent to the nodes, and while nodes come and go. No reader needs it.
    pub(crate) book: Mutex<Book>,
    queue: Queue,
    pub(crate) roster: RwLock<Roster>,
    /// How many of the nodes have every committed change.
    pub(crate) reachable: AtomicUsize,
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
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) master: Replica,
    pub(crate) notes: HashMap<Vec<u8>, Revision>,
    pub(crate) lags: Lags,
    pub(crate) fingerprint: Fingerprint,
    /// The first number that no token object may have yet.
    pub(crate) next_handle: u64,
}

/// What the leader keeps from group to group.
pub(crate) struct Book {
    notes: HashMap<Vec<u8>, Revision>,
    pub(crate) history: History,
    fingerprint: Fingerprint,
    next_sweep: u64,
    complained: Option<Instant>,
}

/// Who is there.
#[derive(Default)]
pub(crate) struct Roster {
    /// The cluster's nodes, running or not.
    pub(crate) members: Vec<Member>,
    /// Ways to those that run.
    pub(crate) links: Vec<Arc<Link>>,
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
            transport: parts.transport,
            book: Mutex::new(Book {
                notes: parts.notes,
                history: History::new(parts.master.revision()),
                fingerprint: parts.fingerprint,
                next_sweep: 0,
                complained: None,
            }),
            master: RwLock::new(parts.master),
            lags: RwLock::new(parts.lags),
            queue: Queue::default(),
            roster: RwLock::default(),
            reachable: AtomicUsize::new(0),
            epoch: AtomicU64::new(0),
            lease: Mutex::new(Lease { next: parts.next_handle, end: parts.next_handle }),
        }
    }

    /// Notes a start of the cluster, durably, together with the first handles that it may give out and what else there
    /// is to write.
    pub(crate) fn start(&self, boots: u64, draft: Draft) -> Result<(), Error> {
        let mut lease = self.lease.lock();
        let end = next_end(lease.end)?;
        self.write(draft.and_note(keys::BOOTS, &boots)?.and_note(keys::HANDLES, &end)?)?;
        lease.end = end;
        Ok(())
    }

    /// Its name.
    pub(crate) fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Commits what no node asked for.
    pub(crate) fn write(&self, draft: Draft) -> Result<(), Error> {
        match self.submit(draft) {
            Ok(_) => Ok(()),
            Err(CommitError::Failed(error)) => Err(error),
            Err(CommitError::Conflict) => Err(ReturnCode::DEVICE_ERROR.into()),
        }
    }

    /// Makes a change durable and applies it to every node that can be reached.
    pub(crate) fn commit(&self, change: Change) -> Outcome {
        if change.writes.is_empty() {
            return Ok(self.read(Replica::revision));
        }
        self.submit(Draft::of(change).map_err(CommitError::Failed)?)
    }

    /// A number that no token object has had.
    pub(crate) fn fresh_handle(&self) -> Result<Handle, Error> {
        let mut lease = self.lease.lock();
        if lease.next == lease.end {
            // Durable before the first of them is used, or else a number could come back after a crash.
            let end = next_end(lease.end)?;
            self.write(Draft::note(keys::HANDLES, &end)?)?;
            lease.end = end;
        }
        let handle = Handle(lease.next);
        lease.next += 1;
        Ok(handle)
    }

    /// The first number that no token object has had.
    pub(crate) fn next_handle(&self) -> u64 {
        self.lease.lock().next
    }

    /// Forgets that the last handle was given out. Whether there was one.
    #[cfg(any(test, feature = "simulator"))]
    pub(crate) fn rewind_handles(&self) -> bool {
        let mut lease = self.lease.lock();
        let given = lease.end - lease.next < HANDLE_BLOCK;
        lease.next -= u64::from(given);
        given
    }

    /// The nodes and the number of their last change.
    pub(crate) fn members(&self) -> (Vec<Member>, u64) {
        let roster = self.roster.read();
        (roster.members.clone(), self.epoch())
    }

    /// The number of the membership's last change.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Says which nodes there are from now on.
    pub(crate) fn set_members(&self, members: Vec<Member>, epoch: u64) {
        let mut roster = self.roster.write();
        roster.members = members;
        self.epoch.store(epoch, Ordering::Release);
    }

    /// Looks at the committed state.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Replica) -> T) -> T {
        look(&self.master.read())
    }

    fn submit(&self, draft: Draft) -> Outcome {
        self.queue.submit(draft, |drafts| self.carry_out(drafts))
    }

    pub(crate) fn carry_out(&self, drafts: Vec<Draft>) -> Vec<Outcome> {
        let mut book = self.book.lock();
        let book = &mut *book;
        let mut outcomes = Vec::with_capacity(drafts.len());
        let sealed = {
            let (master, lags) = (self.master.read(), self.lags.read());
            let away = if master.profile() == Profile::CloudHsm { self.away() } else { Vec::new() };
            let ground =
                Ground { vault: &self.vault, master: &master, notes: &book.notes, lags: &lags, away: &away };
            let mut batch = Batch::new(ground, book.fingerprint.clone());
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
        for (note, version) in sealed.notes {
            match version {
                Some(version) => book.notes.insert(note, version),
                None => book.notes.remove(&note),
            };
        }
        let update = Update { base: Some(sealed.base), to: sealed.to, writes: sealed.writes };
        {
            let (mut master, mut lags) = (self.master.write(), self.lags.write());
            master.update(&update);
            sealed.lags.into_iter().for_each(|(node, key, lag)| lags.set(node, key, lag));
        }
        let written = update.writes.iter().map(|write| &write.key);
        book.history.push(update.to, written.chain(&sealed.replicated).cloned().collect());
        // What was replicated is news to some nodes only.
        let news = sealed.replicated.is_empty().then(|| Arc::new(update));
        self.spread(book, sealed.to, news.as_ref());
    }

    fn complain(&self, book: &mut Book, error: &StoreError) {
        if book.complained.is_none_or(|last| last.elapsed() >= COMPLAIN_EVERY) {
            book.complained = Some(Instant::now());
            tracing::error!("cluster {}: nothing was committed: {error}", self.cluster);
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
