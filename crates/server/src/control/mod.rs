//! The control socket: how the `strongroom` command speaks to a daemon that runs.
//!
//! Only the user who runs the daemon, and root, may. A connection carries one request and its answer, in frames.

mod backup;
mod client;
mod message;
mod server;

pub use backup::{
    BackupCommand, BackupInfo, BackupOrigin, BackupReason, BackupSource, BackupState, VerifiedBackup,
};
pub use client::{ControlError, call};
pub use message::{
    ClusterCertificates, ClusterStatus, ControlRequest, ControlResponse, CreateCluster, Fault, NodeState,
    NodeStatus, Refusal, Status,
};
pub(crate) use server::{Control, Handler};
