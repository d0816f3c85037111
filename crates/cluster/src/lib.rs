//! A cluster: committed changes and the replicas they reach.
//!
//! [`Cluster`] opens or makes one in a store and gives out its nodes. Between the nodes and the store stands
//! the ledger: it puts changes in order, seals them, makes those that arrive together durable by one flush,
//! and applies them to every node. A change is durable before it's acknowledged, and applied whole or not at all.

#![forbid(unsafe_code)]

mod backup;
mod batch;
mod certificates;
mod cluster;
mod create;
mod draft;
mod error;
mod history;
mod keys;
mod lags;
mod ledger;
mod link;
mod load;
mod members;
mod meta;
mod nodes;
mod port;
mod queue;
mod replication;
#[cfg(any(test, feature = "simulator"))]
pub mod simulator;
#[cfg(test)]
mod tests;
mod transport;
mod variant;
mod vault;

pub use backup::{
    Backup, BackupRoots, Header as BackupHeader, MAX_IMAGE, RestoreOptions, Summary as BackupSummary,
};
pub use certificates::{
    Authority, AuthorityKind, Certificates, ClientTrust, HardwareRoots, Issue, TlsIdentity,
};
pub use cluster::{Cluster, Info};
pub use create::{CreateOptions, MAX_NAME};
pub use error::ClusterError;
pub use nodes::NodeStatus;
