//! What is said on the control socket.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use strongroom_model::{Blob, NodeId, Profile, UserName};

/// The version of these messages. A command and a daemon of different versions say so instead of guessing.
pub(crate) const VERSION: u16 = 1;
/// The longest message in bytes.
pub(crate) const MAX_MESSAGE: usize = 1024 * 1024;

/// What a command asks of the daemon.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ControlRequest {
    /// How it is: [`ControlResponse::Status`].
    Status,
    /// Makes a cluster and serves it at once: [`ControlResponse::Created`].
    CreateCluster(CreateCluster),
    /// Ends the daemon when the calls in flight have: [`ControlResponse::Ending`], before it has ended.
    Shutdown,
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
    /// Password of the officer `admin`; `None` exactly if `uninitialized`.
    pub officer_password: Option<Blob>,
    /// Crypto users with their passwords; the first is the default user.
    pub crypto_users: Vec<(UserName, Blob)>,
    /// Leaves the token for `C_InitToken`: no users.
    pub uninitialized: bool,
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

/// The daemon's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ControlResponse {
    /// How it is.
    Status(Status),
    /// The cluster was made, and its nodes listen.
    Created(ClusterStatus),
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
    /// The last change that it has applied.
    pub revision: u64,
    /// Open connections of clients.
    pub connections: u64,
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
