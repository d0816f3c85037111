//! What is said of backups.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strongroom_model::Variant;

/// What is to be done about backups. The answer is [`ControlResponse::Backup`](super::ControlResponse::Backup) unless another is named.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum BackupCommand {
    /// Makes one of a cluster.
    Create {
        /// The cluster's name.
        cluster: String,
    },
    /// [`ControlResponse::Backups`](super::ControlResponse::Backups), the oldest first.
    List {
        /// Those of one cluster only.
        cluster: Option<String>,
    },
    /// Reads an image whole: [`ControlResponse::Verified`](super::ControlResponse::Verified).
    Verify {
        /// Which.
        source: BackupSource,
    },
    /// Makes another copy, which doesn't expire; or writes the image to a file that isn't there yet.
    Copy {
        /// Of which.
        id: String,
        /// To which file, by its absolute path.
        to: Option<PathBuf>,
    },
    /// Lets it go in seven days.
    Delete {
        /// Which.
        id: String,
    },
    /// Takes a deletion back.
    Undelete {
        /// Of which.
        id: String,
    },
    /// Whether the retention policy passes it by.
    Keep {
        /// Which.
        id: String,
        /// Whether it's kept for ever.
        forever: bool,
    },
    /// Makes a cluster of it and serves it: [`ControlResponse::Created`](super::ControlResponse::Created).
    Restore {
        /// Of which.
        source: BackupSource,
        /// The new cluster's name.
        name: String,
        /// How many nodes.
        nodes: u16,
    },
}

/// Where an image is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum BackupSource {
    /// In the home, by the backup's id.
    Id(String),
    /// In a file, by its absolute path.
    File(PathBuf),
}

/// A backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupInfo {
    /// Its name.
    pub id: String,
    /// How it is.
    pub state: BackupState,
    /// The name that its cluster had.
    pub cluster: String,
    /// The cluster's serial number, 16 hex digits.
    pub serial: String,
    /// When it was made or copied, in seconds since 1970.
    pub created: u64,
    /// Why it was made.
    pub reason: BackupReason,
    /// Whether the retention policy passes it by.
    pub never_expires: bool,
    /// When it's gone for good, if it's being deleted; seconds since 1970.
    pub delete_at: Option<u64>,
    /// Of which backup it's a copy.
    pub source: Option<String>,
    /// The image's size.
    pub bytes: u64,
    /// Officers and crypto users in it.
    pub users: u64,
    /// Token objects in it.
    pub objects: u64,
    /// Tells those of one second apart: those made later have a higher one.
    #[serde(default)]
    pub number: u64,
    /// Which HSM the cluster played, if it was one of CloudHSM's.
    #[serde(default)]
    pub variant: Option<Variant>,
    /// Where it's from, if the control plane copied it.
    #[serde(default)]
    pub origin: Option<BackupOrigin>,
}

/// Where a copy is from that the control plane made, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupOrigin {
    /// The account that has the copy.
    pub account: String,
    /// The region that the copy is in.
    pub region: String,
    /// The region it was copied from.
    pub source_region: String,
    /// The cluster that was backed up.
    pub source_cluster: String,
    /// When it was copied, in seconds since 1970.
    pub copied: u64,
    /// The cluster that is to be made from it, if that's what it is for.
    pub seed_of: Option<String>,
}

/// How a backup is (cloudhsm.md section 10). One that is being made or is gone isn't listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BackupState {
    /// It can be used.
    Ready,
    /// It goes in seven days at most.
    PendingDeletion,
}

/// Why a backup was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackupReason {
    /// Somebody wanted it.
    Requested,
    /// The cluster has got its first officer.
    Activated,
    /// A node was about to be added.
    NodeAdded,
    /// A node was about to be removed.
    NodeRemoved,
    /// It was time.
    Scheduled,
    /// It's a copy of another.
    Copied,
}

/// What an image holds that was read whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedBackup {
    /// The name of the backup that it was made as.
    pub id: String,
    /// The serial number of its cluster.
    pub serial: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// Officers and crypto users in it.
    pub users: u64,
    /// Token objects in it.
    pub objects: u64,
}

impl fmt::Display for BackupReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Requested => "requested",
            Self::Activated => "activated",
            Self::NodeAdded => "node-added",
            Self::NodeRemoved => "node-removed",
            Self::Scheduled => "scheduled",
            Self::Copied => "copied",
        })
    }
}
