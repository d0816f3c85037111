//! M of N: tokens, their approvals, and who may approve (cloudhsm.md 3).
//!
//! A token is a record of the cluster. It's deleted by the very change that it approves, so that it's used once,
//! on whichever node.

mod approval;
mod messages;
mod token;

pub(crate) use messages::invalid_value;
