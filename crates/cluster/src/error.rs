//! Why a cluster isn't opened or made.

use strongroom_model::Error;
use strongroom_store::StoreError;

/// Why a cluster isn't opened or made: what happened, to what, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// There is nothing in the store: the cluster was never made, or not to the end.
    #[error("the store holds no cluster: make one with  strongroom up")]
    Empty,
    /// There is a cluster in the store.
    #[error("there is a cluster here already")]
    Exists,
    /// It can't be made like this.
    #[error("{0}")]
    Options(String),
    /// It can't be done as things are; nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// A backup can't be made or isn't read; nothing was changed.
    #[error("the backup is refused: {0}")]
    Backup(String),
    /// The store refused or is damaged.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The root key isn't the one under which the cluster was made.
    #[error("the cluster was made under another root key: put back the root.key that belongs to it")]
    OtherRoot,
    /// It's of a later version of the program.
    #[error(
        "the cluster's data has format {found}, this program knows {known}: use the version that wrote it, or a later one"
    )]
    Format {
        /// What it has.
        found: u8,
        /// What this program knows.
        known: u8,
    },
    /// What the store holds isn't what was written.
    #[error("cluster {cluster}: {what}; {REMEDY}")]
    Damaged {
        /// The cluster's name; `?` where that can't be read.
        cluster: String,
        /// What is wrong with what, without any content.
        what: String,
    },
    /// It and its nodes have started as often as they can.
    #[error(
        "cluster {cluster} and its nodes have started {starts} times, and handles of session keys must not come back: make a new cluster"
    )]
    WornOut {
        /// The cluster's name.
        cluster: String,
        /// How often it has started.
        starts: u64,
    },
    /// Something else that was needed failed.
    #[error(transparent)]
    Other(#[from] Error),
}

const REMEDY: &str =
    "keep a copy of the cluster's directory and its witness, then restore the newest backup of both";
