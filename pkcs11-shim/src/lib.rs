//! The PKCS#11 module: C ABI, sessions and operations.
//!
//! `abi` makes every `C_*` function, catches panics and maps errors; behind it is ordinary Rust
//! that returns `Result`. `state` holds what `C_Initialize` made, and what `fork` makes of it.
//! The module is a guest: it starts no threads, touches no signals, prints nothing unless asked,
//! leaves nothing to run at exit, and may be called after `main` has returned.

mod abi;
mod desk;
mod events;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod known;
mod log;
mod login;
mod module;
mod objects;
mod operations;
mod params;
mod session;
mod slot;
mod slots;
mod state;
mod sync;
mod template;
mod witness;
