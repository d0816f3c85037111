//! The audit log, end to end: what clients do is told on each node as the vendor's HSMs tell it (cloudhsm.md 9), what was
//! acknowledged is told whatever happens to the daemon, and what somebody changes is found.

mod failing;
mod kill;
mod patterns;
mod stream;
mod tampering;
