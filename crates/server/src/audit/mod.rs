//! Audit logs on disk: one stream of records for each node, chained and authenticated.
//!
//! A stream is a directory, `audit/CLUSTER/NODE/` in the home, with numbered files of records ([`Record`], one JSON
//! object a line) and the file `head`, which says where the stream ends. Each record carries the SHA-256 of the line
//! before it, and a MAC under a key that comes from the home's root key. `docs/audit-log.md` says what that finds, and
//! what it can't.

mod chain;
mod files;
mod logs;
mod record;
mod settler;
mod sink;
mod verify;

use std::fs;

use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Blob, limits};

pub use chain::ChainKey;
pub use files::{LogFile, Stream, Tail, nodes, streams};
pub use logs::AuditHead;
pub(crate) use logs::Logs;
pub use record::{Record, stored};
pub use verify::{Anchor, Problem, Report, verify, verify_export};

use crate::{Home, ServeError};

/// The most bytes that one file of a stream has, but for the last group of records.
pub const MAX_FILE: u64 = 4 * 1024 * 1024;
/// The most files that one stream has: 4 TiB. Past them the node refuses what it must tell of.
pub const MAX_FILES: u32 = 1 << 20;
/// The most records that are written before the head is. A head that is further behind isn't the daemon's.
pub const MAX_GROUP: usize = 16;
/// The most events that are kept in memory while the log can't be written; of further ones only their number is.
pub const MAX_PENDING: usize = limits::MAX_CONNECTIONS;

/// The key of a home's audit logs, from its root key: for its owner, whether a daemon runs or not.
///
/// # Errors
///
/// [`ServeError::RootKey`] if the file can't be read or isn't a key.
pub fn key(home: &Home) -> Result<ChainKey, ServeError> {
    let path = home.root_key();
    let problem = |problem: String| ServeError::RootKey { path: path.clone(), problem };
    let bytes = fs::read(&path).map(Blob::from).map_err(|error| problem(error.to_string()))?;
    let root = SealingKey::from_bytes(bytes).map_err(|error| problem(error.message))?;
    Ok(ChainKey::of(&root))
}

#[cfg(test)]
mod tests;
