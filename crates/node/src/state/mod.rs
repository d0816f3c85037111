//! The cluster's state as every node holds it: records, committed changes, and the replica they're applied to.

mod change;
mod demand;
mod identity;
mod index;
mod record;
mod replica;
mod update;

pub use change::{Change, CommitError, Committed, Expect, Port, Revision, Write};
pub use demand::{Counted, Demand, Pending};
pub use identity::{ClientTrust, Identity, TrustAnchor};
pub(crate) use index::Index;
pub use record::{Key, Policy, QuorumToken, Record, Revocation, User};
pub use replica::Replica;
pub(crate) use replica::Versioned;
pub use update::{Update, Written};
