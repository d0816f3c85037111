//! Work that takes more of the stack than a daemon's threads have: post-quantum keys and signatures of Rust crates.

use std::thread;

use strongroom_model::{Error, Result, ReturnCode};

/// The stack for such work in bytes. The largest signature has 50,000, of which there are some copies; the largest
/// expanded key 200,000.
const STACK: usize = 4 * 1024 * 1024;

/// Does it on a thread of its own, whose stack is given back with all that was left on it. That costs some 30
/// microseconds, which is little beside such work.
///
/// # Errors
/// `HOST_MEMORY` if there is no memory for the thread.
pub(crate) fn roomy<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).map_err(|_| {
            Error::new(ReturnCode::HOST_MEMORY, "there is no memory for a thread that does the work")
        })?;
        // A panic goes on where the work was asked for.
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}
