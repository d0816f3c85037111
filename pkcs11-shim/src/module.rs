//! The initialised module: its slots and its table of sessions.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use cryptoki_sys::{CK_FLAGS, CK_SESSION_HANDLE, CK_SLOT_ID};
use strongroom_model::{Result, ReturnCode};

use crate::abi::Dest;
use crate::session::Session;
use crate::slot::Slot;
use crate::sync::{read, write};

const SHARDS: usize = 64;

/// What `C_Initialize` makes and `C_Finalize` ends.
pub(crate) struct Module {
    slots: Vec<Arc<Slot>>,
    sessions: [Shard; SHARDS],
    /// Taken over from a parent, and `C_Initialize` hasn't been called since.
    inherited: AtomicBool,
}

#[derive(Default)]
#[repr(align(64))]
struct Shard(RwLock<HashMap<u64, Arc<Session>, BuildHasherDefault<Spread>>>);

/// Handles are counted up, so they are spread as they are.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The table looks at the highest bits too.
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

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
        usize::try_from(id)
            .ok()
            .and_then(|id| self.slots.get(id))
            .ok_or_else(|| ReturnCode::SLOT_ID_INVALID.into())
    }

    /// A session.
    ///
    /// # Errors
    ///
    /// `SESSION_HANDLE_INVALID`.
    pub(crate) fn session(&self, handle: CK_SESSION_HANDLE) -> Result<Arc<Session>> {
        read(&self.shard(handle).0)
            .get(&handle)
            .cloned()
            .ok_or_else(|| ReturnCode::SESSION_HANDLE_INVALID.into())
    }

    /// `C_OpenSession`.
    pub(crate) fn open_session(
        &self,
        slot: CK_SLOT_ID,
        flags: CK_FLAGS,
        place: Dest<CK_SESSION_HANDLE>,
    ) -> Result<()> {
        place.check()?;
        let session = Arc::new(Session::open(self.slot(slot)?, flags, next_handle())?);
        let handle = session.handle();
        {
            let _changing = crate::state::changing();
            write(&self.shard(handle).0).insert(handle, session);
        }
        place.put(handle)
    }

    /// `C_CloseSession`.
    pub(crate) fn close_session(&self, handle: CK_SESSION_HANDLE) -> Result<()> {
        let session = {
            let _changing = crate::state::changing();
            write(&self.shard(handle).0).remove(&handle).ok_or(ReturnCode::SESSION_HANDLE_INVALID)?
        };
        session.close();
        Ok(())
    }

    /// `C_CloseAllSessions`.
    pub(crate) fn close_all_sessions(&self, slot: CK_SLOT_ID) -> Result<()> {
        let slot = self.slot(slot)?;
        for shard in &self.sessions {
            let closed: Vec<_> = {
                let _changing = crate::state::changing();
                let of_slot = |_: &u64, session: &mut Arc<Session>| Arc::ptr_eq(session.slot(), slot);
                write(&shard.0).extract_if(of_slot).collect()
            };
            for (_, session) in closed {
                session.close();
            }
        }
        Ok(())
    }

    /// Whether this is the first `C_Initialize` in a child that took over its parent's module.
    pub(crate) fn first_call_in_child(&self) -> bool {
        self.inherited.swap(false, Ordering::AcqRel)
    }

    /// To be called before a fork, in the thread that forks.
    pub(crate) fn before_fork(&self) {}

    /// To be called in the parent after the fork.
    pub(crate) fn after_fork(&self) {}

    /// What a child makes of its parent's module: its own connections, the same slots and sessions.
    pub(crate) fn in_child(parent: &Self) -> Self {
        let slots: Vec<_> = parent.slots.iter().map(|slot| Arc::new(slot.in_child())).collect();
        let child = Self::with(slots, true);
        for (old, new) in parent.sessions.iter().zip(&child.sessions) {
            let Ok(old) = old.0.try_read() else { continue };
            let mut new = write(&new.0);
            for (handle, session) in old.iter() {
                new.insert(*handle, Arc::new(session.in_child(&child.slots[session.slot().id()])));
            }
        }
        child
    }

    fn shard(&self, handle: u64) -> &Shard {
        &self.sessions[(handle % SHARDS as u64) as usize]
    }
}

/// A session handle that this process hasn't had yet; below 2^32 for the first two thousand million.
fn next_handle() -> u64 {
    static NEXT: OnceLock<AtomicU64> = OnceLock::new();
    // Somewhere else in every process, so that one that uses another's is found out.
    let start = || AtomicU64::new(u64::from(random_start()));
    NEXT.get_or_init(start).fetch_add(1, Ordering::Relaxed)
}

/// From 1 to 2^31.
fn random_start() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    (RandomState::new().hash_one(std::process::id()) >> 33) as u32 + 1
}
