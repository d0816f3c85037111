//! The audit log's content: which requests are told of, and how (cloudhsm.md 9).
//!
//! A node tells what its users manage: logins, users, keys made, moved and destroyed, quorums. It doesn't tell of uses
//! of keys, searches or random bytes. What an [`Event`] is kept in is the [`AuditSink`]'s business; a node without
//! one tells nothing.
//!
//! `table` says which opcode a request has, `opcode` what an opcode is, `outcome` how an error is called;
//! `Journal` is what a node keeps about it, `replicated` what it tells of changes that other nodes made.

mod event;
mod journal;
pub mod opcode;
mod outcome;
mod replicated;
mod table;

pub use event::{AuditSink, Beginning, Event, NODE_SESSION, beginning, end, log_damaged, user_type};
pub use opcode::{CommandType, LogType, Opcode};
pub use outcome::Outcome;

pub(crate) use journal::Journal;
pub(crate) use table::{Entry, Requested};
