//! What nodes answer.

use serde::{Deserialize, Serialize};
use strongroom_model::{Blob, Error, MtlsEnforcement, ObjectInfo, Role, UserName, Value};

use crate::message::{ClusterInfo, Ticket};
use crate::quorum::{Ownership, QuorumSettings, QuorumTokenInfo};

/// A node's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// The revision of the cluster's state on this node; what a client keeps of objects is good while it's the same.
    pub revision: u64,
    /// Number of the membership's last change; when it grows, ask [`Request::Info`](crate::Request::Info).
    pub epoch: u64,
    /// Whether the `attach` that came along was refused: the request was then carried out for nobody.
    pub detached: bool,
    /// How far the node can be relied on.
    pub standing: Standing,
    /// The outcome.
    pub result: Result<Response, Error>,
}

/// Whether a node hears of its cluster's changes (attacks.md A34), and has time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// It does.
    #[default]
    Current,
    /// It doesn't and answers all the same: what it has may be out of date.
    Stale,
    /// It doesn't, and so hasn't begun on the request, which rests on the cluster's state: another node may carry it out.
    Unfit,
    /// It has too much to do, and so hasn't begun on the request (cloudhsm.md 12): it may be sent again.
    Busy,
}

/// What a request that succeeded yields.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Response {
    /// Nothing but success.
    Done,
    /// Bytes: a signature, ciphertext, plaintext, wrapped key, random bytes.
    Bytes(Blob),
    /// An object made or asked for.
    Object(ObjectInfo),
    /// A key pair.
    Pair {
        /// The public key.
        public: ObjectInfo,
        /// The private key.
        private: ObjectInfo,
    },
    /// A secret key that was made, and the ciphertext that tells it to who has the private key.
    Encapsulated {
        /// The secret key.
        object: ObjectInfo,
        /// The ciphertext; not secret.
        ciphertext: Blob,
    },
    /// What a derivation or a generation made that gives more than one key, or something to be seen.
    Derived {
        /// The new keys, in the mechanism's order.
        keys: Vec<ObjectInfo>,
        /// What the parameters receive: a version, initialisation vectors, a PRF's output.
        written: Blob,
    },
    /// Objects found.
    Found(Found),
    /// Attributes.
    Answers(Vec<Answer>),
    /// A size in bytes.
    Size(u64),
    /// A multi-part operation that has begun.
    Streaming {
        /// Its number on this node.
        stream: u64,
        /// What it gave out for the first part.
        output: Blob,
    },
    /// A ticket.
    Ticket(Ticket),
    /// The cluster.
    Cluster(ClusterInfo),
    /// The mechanisms.
    Mechanisms(Vec<MechanismEntry>),
    /// The users.
    Users(Vec<UserInfo>),
    /// The quorum tokens that are stored.
    QuorumTokens(Vec<QuorumTokenInfo>),
    /// How many approvals are needed.
    QuorumSettings(QuorumSettings),
    /// Whose an object is.
    Ownership(Ownership),
    /// Certificates that clients' certificates may come from.
    TrustAnchors(Vec<TrustAnchorInfo>),
    /// Whether clients must come with one.
    MtlsEnforcement(MtlsEnforcement),
}

/// A certificate that clients' certificates may come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustAnchorInfo {
    /// What it's called by; no other of the cluster has had the number.
    pub reference: u32,
    /// The certificate, in DER.
    pub certificate: Blob,
}

/// Objects found, in order of handles.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    /// The objects.
    pub objects: Vec<ObjectInfo>,
    /// Whether there are more behind the last.
    pub more: bool,
}

/// One attribute asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// Its value.
    Value(Value),
    /// It may not be revealed.
    Sensitive,
    /// The object has no such attribute.
    Invalid,
}

/// A mechanism that the profile has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MechanismEntry {
    /// Its type (`CKM_*`).
    pub kind: u64,
    /// Smallest key, in the mechanism's unit.
    pub min_key: u64,
    /// Largest key.
    pub max_key: u64,
    /// `CKF_*`, with `CKF_HW`.
    pub flags: u64,
}

/// A user as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// Its name.
    pub name: UserName,
    /// Its role.
    pub role: Role,
    /// Whether too many wrong passwords have locked it.
    pub locked: bool,
    /// Whether it logs in with a second factor.
    pub mfa: bool,
    /// Whether it's registered as approver.
    pub quorum: bool,
}
