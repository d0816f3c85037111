//! What `C_Initialize` made: the one [`Module`] of the process, or none; and what a fork makes of it.
//!
//! It's read at every call and must not make calls wait for one another, so it's kept several times,
//! each with a lock and a counter of references of its own; a thread sticks to one of them.
//!
//! A fork copies locks as they are: one that another thread held stays locked for ever in the child.
//! So a child makes itself a new [`Room`] at its first call and takes over what it finds in the old
//! one, which it never locks or changes again. Whoever changes things holds [`Room::changes`] for
//! reading, and a fork waits for it, so that the child finds nothing half done.

use std::cell::{Cell, UnsafeCell};
use std::ops::Deref;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use cryptoki_sys::CK_C_INITIALIZE_ARGS;
use strongroom_model::{Error, Result, ReturnCode};

use crate::abi::Src;
use crate::log;
use crate::module::Module;
use crate::sync::{lock, read, write};
use crate::witness::Witness;

const COPIES: usize = 16;
/// How often a fork tries, with a [`PAUSE`] before each further attempt, to find nobody changing anything.
const PATIENCE: u32 = 5000;
const PAUSE: Duration = Duration::from_micros(20);

/// What a process knows; never freed, since calls may come until the very end.
struct Room {
    /// Of the process it was made in.
    witness: Witness,
    copies: [Place; COPIES],
    /// Held by who puts another module in its place.
    turn: Mutex<()>,
    /// Held for reading by who changes anything that a child takes over; for writing during a fork.
    changes: RwLock<()>,
}

/// One of the places where the module is kept, on a cache line of its own. The reference in
/// [`Current`] makes for a counter of its own.
#[repr(align(128))]
struct Place(RwLock<Option<Arc<Current>>>);

/// The module, as one of the copies gives it out.
pub(crate) struct Current(Arc<Module>);

impl Deref for Current {
    type Target = Module;

    fn deref(&self) -> &Module {
        &self.0
    }
}

static ROOM: AtomicPtr<Room> = AtomicPtr::new(std::ptr::null_mut());

/// The module, for the time of a call.
///
/// # Errors
///
/// `CRYPTOKI_NOT_INITIALIZED`.
pub(crate) fn module() -> Result<Arc<Current>> {
    room().module().ok_or_else(|| ReturnCode::CRYPTOKI_NOT_INITIALIZED.into())
}

/// To be held by who changes anything that a forked child takes over; never across I/O.
pub(crate) fn changing() -> RwLockReadGuard<'static, ()> {
    read(&room().changes)
}

/// `C_Initialize` (PKCS#11 2.40 section 5.4; clients.md, trap 5). The module needs no threads of its own,
/// and locks as the operating system does, whatever the application offers.
pub(crate) fn initialize(arguments: Src<CK_C_INITIALIZE_ARGS>) -> Result<()> {
    if let Some(arguments) = arguments.get() {
        check(&arguments)?;
    }
    watch_forks();
    let room = room();
    if let Some(module) = room.module() {
        // In a child the standard asks for a call of C_Initialize; it's granted once, and all that
        // the parent had is there.
        return if module.first_call_in_child() { Ok(()) } else { Err(already()) };
    }
    {
        let _changing = changing();
        log::set_up();
    }
    // Reads files, so it's done outside of the lock; of several threads one wins.
    let module = Module::new();
    let _turn = lock(&room.turn);
    if room.module().is_some() {
        return Err(already());
    }
    room.publish(Some(Arc::new(module)));
    Ok(())
}

/// `C_Finalize`. Calls that are under way in other threads finish.
pub(crate) fn finalize(reserved: bool) -> Result<()> {
    let room = room();
    // Dropped last, without a lock.
    let _module = module()?;
    if reserved {
        return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "pReserved must be NULL"));
    }
    let _turn = lock(&room.turn);
    module()?;
    room.publish(None);
    Ok(())
}

fn check(arguments: &CK_C_INITIALIZE_ARGS) -> Result<()> {
    if !arguments.pReserved.is_null() {
        return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "pReserved must be NULL"));
    }
    let callbacks = [
        arguments.CreateMutex.is_some(),
        arguments.DestroyMutex.is_some(),
        arguments.LockMutex.is_some(),
        arguments.UnlockMutex.is_some(),
    ];
    if callbacks.contains(&true) && callbacks.contains(&false) {
        return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "some of the four mutex functions are missing"));
    }
    Ok(())
}

fn already() -> Error {
    ReturnCode::CRYPTOKI_ALREADY_INITIALIZED.into()
}

impl Room {
    /// A new one, leaked.
    fn new(module: Option<Arc<Module>>) -> *mut Self {
        let place = |_| Place(RwLock::new(current(module.as_ref())));
        Box::into_raw(Box::new(Self {
            witness: Witness::new(),
            copies: std::array::from_fn(place),
            turn: Mutex::new(()),
            changes: RwLock::new(()),
        }))
    }

    fn module(&self) -> Option<Arc<Current>> {
        read(&self.copies[nearest()].0).clone()
    }

    /// Replaces all copies.
    fn publish(&self, module: Option<Arc<Module>>) {
        let _changing = read(&self.changes);
        for copy in &self.copies {
            *write(&copy.0) = current(module.as_ref());
        }
    }

    /// In a child of the process that made it: what was published when that process forked. The
    /// first of the copies that can be read will do; without the fork handlers (a bare `clone`) one
    /// may be locked for ever.
    fn inherited(&self) -> Option<Arc<Module>> {
        self.copies
            .iter()
            .find_map(|copy| copy.0.try_read().ok())
            .and_then(|module| module.as_ref().map(|current| current.0.clone()))
    }
}

/// The room of this process.
fn room() -> &'static Room {
    loop {
        let current = ROOM.load(Ordering::Acquire);
        // SAFETY: rooms are never freed.
        let room = unsafe { current.as_ref() };
        match room {
            Some(room) if room.witness.is_at_home() => return room,
            _ => replace(current, room),
        }
    }
}

/// Makes the process's first room, or, in a child, its own one from the parent's.
#[cold]
fn replace(current: *mut Room, old: Option<&'static Room>) {
    /// The process that is making a room; 0 if none is. A thread that did so may be lost in a fork,
    /// so only an entry of this very process counts.
    static MAKING: AtomicU32 = AtomicU32::new(0);
    let pid = std::process::id();
    let others = MAKING.load(Ordering::Acquire);
    if others == pid || MAKING.compare_exchange(others, pid, Ordering::AcqRel, Ordering::Acquire).is_err() {
        std::thread::sleep(PAUSE);
        return;
    }
    if ROOM.load(Ordering::Acquire) == current {
        let module = old.and_then(Room::inherited).map(|parents| {
            let own = Module::in_child(&parents);
            // It belongs to threads that aren't there any more, so it's left as it is.
            std::mem::forget(parents);
            Arc::new(own)
        });
        ROOM.store(Room::new(module), Ordering::Release);
    }
    MAKING.store(0, Ordering::Release);
}

/// What the thread that forks holds from before the fork until after it.
struct Held(UnsafeCell<Option<Hold>>);

type Hold = (RwLockWriteGuard<'static, ()>, Option<Arc<Current>>);

// SAFETY: it's touched only by the thread that holds the write lock of `changes`.
unsafe impl Sync for Held {}

static HELD: Held = Held(UnsafeCell::new(None));

/// Registers the fork handlers, once; the module is never unloaded.
fn watch_forks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handlers are functions of this module, which is linked with `-z nodelete`.
        let outcome =
            unsafe { libc::pthread_atfork(Some(before_fork), Some(after_in_parent), Some(after_in_child)) };
        if outcome != 0 {
            log::write(log::Level::Warn, format_args!("fork handlers can't be registered: error {outcome}"));
        }
    });
}

extern "C" fn before_fork() {
    let room = room();
    // Nobody changes anything for long. But a fork from a signal handler, in a thread that is changing
    // something, would wait for itself; then it's better to go on: the child will find that it can't read.
    let Some(guard) = (0..PATIENCE).find_map(|attempt| {
        if attempt > 0 {
            std::thread::sleep(PAUSE);
        }
        room.changes.try_write().ok()
    }) else {
        return;
    };
    let module = room.module();
    if let Some(module) = &module {
        module.before_fork();
    }
    // SAFETY: this thread has the write lock.
    unsafe { *HELD.0.get() = Some((guard, module)) };
}

extern "C" fn after_in_parent() {
    // SAFETY: this thread has the write lock.
    if let Some((guard, module)) = unsafe { (*HELD.0.get()).take() } {
        if let Some(module) = &module {
            module.after_fork();
        }
        drop(guard);
        drop(module);
    }
}

extern "C" fn after_in_child() {
    // The parent's room is left as it is.
    // SAFETY: this is the only thread.
    std::mem::forget(unsafe { (*HELD.0.get()).take() });
}

fn current(module: Option<&Arc<Module>>) -> Option<Arc<Current>> {
    module.map(|module| Arc::new(Current(module.clone())))
}

/// The copy that this thread uses.
fn nearest() -> usize {
    // Needs no destructor, so it can be used in the last moments of thread and process.
    thread_local!(static NEAREST: Cell<usize> = const { Cell::new(usize::MAX) });
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEAREST.with(|nearest| {
        if nearest.get() == usize::MAX {
            nearest.set(NEXT.fetch_add(1, Ordering::Relaxed) % COPIES);
        }
        nearest.get()
    })
}
