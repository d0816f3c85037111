//! What the benchmarks share: PKCS#11 calls on any module, and rates measured in turns.

mod peer;
mod rate;
mod session;

pub use peer::{Peer, SOFTHSM};
pub use rate::{Rates, compare, rate};
pub use session::{Key, Session};
