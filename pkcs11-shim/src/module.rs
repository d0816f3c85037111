//! The initialised module: its slots and its table of sessions.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use cryptoki_sys::{CK_FLAGS, CK_SESSION_HANDLE, CK_SLOT_ID};
use strongroom_model::{Error, Result, ReturnCode};

use crate::abi::Dest;
use crate::session::Session;
use crate::slot::Slot;
use crate::sync::{Spread, read, write};
use crate::{login, state};

const SHARDS: usize = 64;

/// What `C_Initialize` makes and `C_Finalize` ends.
pub(crate) struct Module {
    slots: Vec<Arc<Slot>>,
    sessions: [Shard; SHARDS],
    /// Taken over from a parent, and `C_Initialize` hasn't been called since.
    inherited: AtomicBool,
}

/// A part of the table, so that threads that use different sessions seldom meet.
#[derive(Default)]
#[repr(align(64))]
struct Shard(RwLock<HashMap<u64, Arc<Session>, BuildHasherDefault<Spread>>>);

impl Module {
    /// Reads the configuration. Never fails: without one there is a slot without a token.
    pub(crate) fn new() -> Self {
        Self::with(Slot::from_config().into_iter().map(Arc::new).collect(), false)
    }

    fn with(slots: Vec<Arc<Slot>>, inherited: bool) -> Self {
        Self {
            slots,
            sessions: std::array::from_fn(|_| Shard::default()),
            inherited: AtomicBool::new(inherited),
        }
    }

    /// The slots, in the order of the configuration; a slot's place is its number.
    pub(crate) fn slots(&self) -> &[Arc<Slot>] {
        &self.slots
    }

    /// A slot.
    ///
    /// # Errors
    ///
    /// `SLOT_ID_INVALID`.
    pub(crate) fn slot(&self, id: CK_SLOT_ID) -> Result<&Arc<Slot>> {
        usize::try_from(id).ok().and_then(|id| self.slots.get(id)).ok_or_else(|| {
            let message =
                format!("there is no slot {id}; slots are numbered from 0 in the order of the configuration");
            Error::new(ReturnCode::SLOT_ID_INVALID, message)
        })
    }

    /// A session.
    ///
    /// # Errors
    ///
    /// `SESSION_HANDLE_INVALID`.
    pub(crate) fn session(&self, handle: CK_SESSION_HANDLE) -> Result<Arc<Session>> {
        read(&self.shard(handle).0).get(&handle).cloned().ok_or_else(|| no_session(handle))
    }

    /// `C_OpenSession`.
    pub(crate) fn open_session(
        &self,
        slot: CK_SLOT_ID,
        flags: CK_FLAGS,
        place: Dest<CK_SESSION_HANDLE>,
    ) -> Result<()> {
        place.check()?;
        let handle = next_handle();
        let session = Arc::new(Session::open(self.slot(slot)?, flags, handle)?);
        {
            let _changing = state::changing();
            session.slot().count_in(session.is_read_write())?;
            write(&self.shard(handle).0).insert(handle, session);
        }
        place.put(handle)
    }

    /// `C_CloseSession`.
    pub(crate) fn close_session(&self, handle: CK_SESSION_HANDLE) -> Result<()> {
        let removed = {
            let _changing = state::changing();
            write(&self.shard(handle).0).remove(&handle)
        };
        let session = removed.ok_or_else(|| no_session(handle))?;
        close(&session);
        Ok(())
    }

    /// `C_CloseAllSessions`.
    pub(crate) fn close_all_sessions(&self, slot: CK_SLOT_ID) -> Result<()> {
        let slot = self.slot(slot)?;
        for shard in &self.sessions {
            let closed: Vec<_> = {
                let _changing = state::changing();
                let of_slot = |_: &u64, session: &mut Arc<Session>| Arc::ptr_eq(session.slot(), slot);
                write(&shard.0).extract_if(of_slot).collect()
            };
            for (_, session) in closed {
                close(&session);
            }
        }
        Ok(())
    }

    /// Whether this is the first `C_Initialize` in a child that took over its parent's module.
    pub(crate) fn first_call_in_child(&self) -> bool {
        self.inherited.swap(false, Ordering::AcqRel)
    }

    /// To be called before a fork, in the thread that forks.
    pub(crate) fn before_fork(&self) {
        self.slots.iter().for_each(|slot| slot.before_fork());
    }

    /// To be called in the parent after the fork.
    pub(crate) fn after_fork(&self) {
        self.slots.iter().for_each(|slot| slot.after_fork());
    }

    /// What a child makes of its parent's module: its own connections, the same slots and sessions.
    pub(crate) fn in_child(parent: &Self) -> Self {
        let slots: Vec<_> = parent.slots.iter().map(|slot| Arc::new(slot.in_child())).collect();
        let child = Self::with(slots, true);
        for (old, new) in parent.sessions.iter().zip(&child.sessions) {
            let Ok(old) = old.0.try_read() else { continue };
            let sessions = old.iter().filter_map(|(handle, session)| {
                let slot = child.slots.get(session.slot().id())?;
                Some((*handle, Arc::new(session.in_child(slot)?)))
            });
            write(&new.0).extend(sessions);
        }
        child
    }

    fn shard(&self, handle: u64) -> &Shard {
        &self.sessions[(handle % SHARDS as u64) as usize]
    }
}

/// Ends a session that is out of the table; with the last one, the login.
fn close(session: &Session) {
    session.close();
    let last = {
        let _changing = state::changing();
        session.slot().desk.count_out(session.is_read_write())
    };
    if last {
        login::end_with_last_session(session.slot());
    }
}

fn no_session(handle: u64) -> Error {
    Error::new(ReturnCode::SESSION_HANDLE_INVALID, format!("there is no session {handle:#x}"))
}

/// A session handle that this process hasn't had yet; below 2^32 for the first two thousand million.
fn next_handle() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    if NEXT.load(Ordering::Relaxed) == 0 {
        // If another thread is faster, its start is as good.
        let _ = NEXT.compare_exchange(0, random_start(), Ordering::Relaxed, Ordering::Relaxed);
    }
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// From 1 to 2^31: somewhere else in every process, so that a handle of another one's is found out.
fn random_start() -> u64 {
    (RandomState::new().hash_one(std::process::id()) >> 33) + 1
}
