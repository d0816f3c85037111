//! What the daemon asks of the operating system for itself: secrets stay in memory, and descriptors suffice.

use rustix::fs::Mode;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit, umask,
};

/// Prepares the process. What the system refuses is logged, and the daemon goes on without.
pub(crate) fn prepare() {
    // Everything the daemon makes is its own until it says otherwise.
    umask(Mode::RWXG | Mode::RWXO);
    no_core_dumps();
    lock_memory();
    raise(Resource::Nofile);
}

fn no_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!("core dumps can't be turned off ({error}): run the daemon with  ulimit -c 0");
    }
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!("the process can't be shielded from debuggers of the same user ({error})");
    }
}

/// Keeps memory out of the swap. Only without a limit: past one, the system would refuse memory to the daemon.
fn lock_memory() {
    let unlimited = Rlimit { current: None, maximum: None };
    let allowed =
        getrlimit(Resource::Memlock).current.is_none() || setrlimit(Resource::Memlock, unlimited).is_ok();
    // Pages are locked when they're first used, or else every thread's stack would take all its space at once.
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if !allowed {
        tracing::info!(
            "memory isn't locked, so keys might reach the swap: allow it with  ulimit -l unlimited  or turn the swap off"
        );
    } else if let Err(error) = mlockall(flags) {
        tracing::info!(
            "memory isn't locked ({error}), so keys might reach the swap: turn the swap off, or allow CAP_IPC_LOCK"
        );
    }
}

/// Raises a limit as far as it may be raised without privileges.
fn raise(resource: Resource) {
    let limit = getrlimit(resource);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(resource, raised) {
        tracing::info!("the number of open files stays at {:?} ({error})", limit.current);
    }
}
