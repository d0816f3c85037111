//! What is said on the control socket.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV4};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strongroom_model::{Blob, NodeId, Profile, UserName, Variant};

use super::backup::{BackupCommand, BackupInfo, VerifiedBackup};
use crate::audit::AuditHead;

/// The version of these messages. A command and a daemon of different versions say so instead of guessing.
pub(crate) const VERSION: u16 = 4;
/// The longest message in bytes.
pub(crate) const MAX_MESSAGE: usize = 1024 * 1024;

/// What a command asks of the daemon.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ControlRequest {
    /// How it is: [`ControlResponse::Status`].
    Status,
    /// Makes a cluster and serves it at once: [`ControlResponse::Created`].
    CreateCluster(CreateCluster),
    /// Makes something go wrong with a node, or right again: [`ControlResponse::Cluster`].
    Fault {
        /// The cluster's name.
        cluster: String,
        /// The node.
        node: NodeId,
        /// What goes wrong.
        fault: Fault,
    },
    /// Adds a node to a cluster that runs: [`ControlResponse::Added`].
    AddNode {
        /// The cluster's name.
        cluster: String,
    },
    /// Removes a node from a cluster that runs, when its calls have ended: [`ControlResponse::Cluster`].
    RemoveNode {
        /// The cluster's name.
        cluster: String,
        /// The node.
        node: NodeId,
    },
    /// Where the audit logs end that it writes: [`ControlResponse::AuditHeads`].
    AuditHeads,
    /// Does something about backups.
    Backup(BackupCommand),
    /// A cluster's certificates: [`ControlResponse::Certificates`].
    Certificates {
        /// The cluster's name.
        cluster: String,
    },
    /// Gives a cluster the certificate of its key that its customer has signed: [`ControlResponse::Certificates`].
    Initialize {
        /// The cluster's name.
        cluster: String,
        /// The certificate, as PEM.
        signed_cert: String,
        /// The customer's own, which signed it, as PEM.
        trust_anchor: String,
    },
    /// Has a cluster's nodes listen for TLS, too: [`ControlResponse::Cluster`].
    Listen {
        /// The cluster's name.
        cluster: String,
    },
    /// Ends the daemon when the calls in flight have: [`ControlResponse::Ending`], before it has ended.
    Shutdown,
}

/// What goes wrong with a node on purpose, for tests of software that must survive it. It ends with the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// It's gone at once, as by a crash: connections end in the middle of calls, session objects and
    /// multi-part operations are gone.
    Stop,
    /// It's back, with what the store has. Its other faults go on.
    Start,
    /// It lives, but hears nothing from its cluster and can't be heard there.
    Cut,
    /// It's connected again.
    Heal,
    /// Each of its answers comes so much later; 0: at once.
    Delay {
        /// Milliseconds, at most 60,000.
        ms: u32,
    },
    /// So many of its calls have their connection broken, some before they're carried out and some after; 0: none.
    Drop {
        /// Of a hundred.
        percent: u8,
    },
    /// So many of its calls are answered by "busy" (`CKR_FUNCTION_FAILED`, code 187; cloudhsm.md 12); 0: none.
    Throttle {
        /// Of a hundred.
        percent: u8,
    },
    /// It takes connections and requests and answers nothing.
    Hang,
    /// Nothing is wrong any more, whatever was.
    Clear,
}

/// A cluster to be made.
#[derive(Clone, Serialize, Deserialize)]
pub struct CreateCluster {
    /// Its name, which is also the token's first label: 1 to 32 letters, digits or the characters `_ -`.
    pub name: String,
    /// How many nodes, 1 to [`strongroom_model::limits::MAX_NODES`].
    pub nodes: u16,
    /// What it allows.
    pub profile: Profile,
    /// Which HSM it plays under `cloudhsm`.
    pub variant: Variant,
    /// Password of the officer `admin`; `None` exactly if `uninitialized`.
    pub officer_password: Option<Blob>,
    /// Crypto users with their passwords; the first is the default user.
    pub crypto_users: Vec<(UserName, Blob)>,
    /// Leaves the token for `C_InitToken`: no users.
    pub uninitialized: bool,
    /// Leaves the certificate of its key to an authority of the customer's; else the home's own makes it at once.
    pub own_ca: bool,
}

impl fmt::Debug for CreateCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateCluster")
            .field("name", &self.name)
            .field("nodes", &self.nodes)
            .field("profile", &self.profile)
            .field("uninitialized", &self.uninitialized)
            .finish_non_exhaustive()
    }
}

/// A cluster's certificates, each a PEM text (cloudhsm.md 1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterCertificates {
    /// The request for a certificate of the cluster's key; until it's initialised.
    pub csr: Option<String>,
    /// The cluster's key, certified by the first HSM's hardware.
    pub hsm: Option<String>,
    /// The hardware's key, certified by the service's root.
    pub aws_hardware: Option<String>,
    /// The hardware's key, certified by the maker's root.
    pub manufacturer_hardware: Option<String>,
    /// The service's root, while there's a request.
    pub aws_root: Option<String>,
    /// The maker's root, while there's a request.
    pub manufacturer_root: Option<String>,
    /// The cluster's key, certified by the customer.
    pub cluster: Option<String>,
    /// The customer's own certificate.
    pub trust_anchor: Option<String>,
}

/// The daemon's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ControlResponse {
    /// How it is.
    Status(Status),
    /// The cluster was made, and its nodes listen.
    Created(ClusterStatus),
    /// It was done: how the cluster is now.
    Cluster(ClusterStatus),
    /// A node was added, and listens.
    Added {
        /// Its number.
        node: NodeId,
        /// How the cluster is now.
        cluster: ClusterStatus,
    },
    /// Where the audit logs end.
    AuditHeads(Vec<AuditHead>),
    /// The backup as it is now.
    Backup(BackupInfo),
    /// Backups, the oldest first.
    Backups(Vec<BackupInfo>),
    /// Every byte of the image is what was written.
    Verified(VerifiedBackup),
    /// A cluster's certificates.
    Certificates(ClusterCertificates),
    /// The daemon ends.
    Ending {
        /// The process to wait for.
        pid: u32,
    },
}

/// How a daemon is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Its process.
    pub pid: u32,
    /// The version of the program.
    pub version: String,
    /// Its home.
    pub home: PathBuf,
    /// Its clusters, by name.
    pub clusters: Vec<ClusterStatus>,
    /// Where the AWS control plane is called, if it's served.
    pub aws: Option<SocketAddr>,
}

/// How a cluster is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// Its name.
    pub name: String,
    /// The token's label.
    pub label: String,
    /// The token's serial number, 16 hex digits.
    pub serial: String,
    /// What it allows.
    pub profile: Profile,
    /// Which HSM it plays under `cloudhsm`.
    pub variant: Variant,
    /// Whether the token is initialised, that is, whether there is an officer.
    pub initialized: bool,
    /// The number of the last committed change.
    pub revision: u64,
    /// How many token objects there are.
    pub objects: u64,
    /// Its nodes, by number.
    pub nodes: Vec<NodeStatus>,
}

/// How a node is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its number.
    pub node: NodeId,
    /// Where it listens.
    pub socket: PathBuf,
    /// Whether it runs.
    pub state: NodeState,
    /// What is wrong with it on purpose, in words that go with "it": "is stopped", "delays answers by 50 ms".
    pub faults: Vec<String>,
    /// The last change that it has applied; 0 while it's stopped.
    pub revision: u64,
    /// Open connections of clients.
    pub connections: u64,
    /// Requests that have come since it started.
    pub requests: u64,
    /// How many users, and whether the policy, it has in an older version than the cluster (cloudhsm.md 12).
    pub lags: u64,
    /// Where it's reached by TLS over TCP, if it is.
    pub address: Option<SocketAddrV4>,
}

/// Whether a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeState {
    /// It serves.
    Running,
    /// It's stopped by a fault.
    Stopped,
    /// It's cut off from its cluster by a fault.
    Cut,
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Cut => "cut",
        })
    }
}

/// Why the daemon didn't do it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// There is a cluster of this name; it's as it was.
    Exists,
    /// What happened, to what, and what to do.
    Failed(String),
}

/// A request with the version of the protocol in front, which never changes its place.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call<T> {
    pub(crate) version: u16,
    pub(crate) body: T,
}
