//! M of N: tokens, their approvals, and who may approve (cloudhsm.md 3).
//!
//! A token is a record of the cluster. It's deleted by the very change that it approves, so that it's used once,
//! on whichever node.

mod approval;
mod challenge;
mod data;
mod messages;
mod settings;
mod token;
mod tokens;
mod verdicts;

pub(crate) use approval::Approved;
pub(crate) use challenge::Challenges;
pub(crate) use messages::invalid_value;
pub(crate) use verdicts::Verdicts;
