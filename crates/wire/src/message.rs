//! How client and node introduce themselves, and what goes around each request.

use std::fmt;

use serde::{Deserialize, Serialize};
use strongroom_model::{Blob, NodeId, Profile, Regime, UserName, Variant};

use crate::quorum::Extras;
use crate::request::Request;

/// The version of these messages; a node refuses a [`Hello`] with another.
pub const PROTOCOL: u16 = 7;

/// A client instance: one process that loaded the module, or one forked child of it. Random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InstanceId(pub [u8; 16]);

impl fmt::Debug for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Proof of a login, valid on every node of the cluster and after a restart. Only nodes can read or
/// make one; it's as secret as a password while it lasts.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// When it ends, in seconds since 1970; the client renews it well before.
    pub expires: u64,
    /// What the nodes put in it.
    pub sealed: Blob,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket until {}", self.expires)
    }
}

/// The first message on a connection.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`].
    pub protocol: u16,
    /// The process that speaks.
    pub instance: InstanceId,
    /// The process at the root of its forks: session objects of the root are its children's too.
    /// Equal to `instance` unless the process was forked after it initialised.
    pub family: InstanceId,
    /// Whether token keys may be made and used only while two nodes have them.
    pub availability: Availability,
    /// Whether the client would share memory with the node; of no consequence over TCP.
    pub mailbox: bool,
}

impl Hello {
    /// That of a process that wasn't forked, and asks for nothing special.
    pub fn new(instance: InstanceId) -> Self {
        let availability = Availability::default();
        Self { protocol: PROTOCOL, instance, family: instance, availability, mailbox: false }
    }
}

/// What a client asks of token keys' availability (cloudhsm.md 4.3). The profile isn't known before the [`Welcome`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Availability {
    /// What is usual under the cluster's profile: two nodes under `cloudhsm`, one under the others.
    #[default]
    ByProfile,
    /// Two nodes must have a key, or it's neither made nor used.
    TwoNodes,
    /// One will do.
    OneNode,
}

impl Availability {
    /// Whether it takes two nodes in a cluster of this profile.
    pub const fn needs_two_nodes(self, profile: Profile) -> bool {
        match self {
            Self::ByProfile => matches!(profile, Profile::CloudHsm),
            Self::TwoNodes => true,
            Self::OneNode => false,
        }
    }
}

/// The answer to a [`Hello`] of a client that is taken in. What is sent is `Result<Welcome, Error>`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// The node that answers.
    pub node: NodeId,
    /// What the client wants to know of the cluster.
    pub cluster: ClusterInfo,
    /// Whether a descriptor of a [`Mailbox`](crate::Mailbox) comes with this message. Then the client's next byte says if it
    /// takes it: 1, or 0.
    pub mailbox: bool,
}

/// A node of the cluster and where it listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its number.
    pub node: NodeId,
    /// Path of its Unix socket; empty for clients that came over TCP.
    pub socket: String,
    /// Where it listens for TLS over TCP, as `IP:PORT`; `None`: nowhere.
    pub address: Option<String>,
}

/// What anybody may know of a cluster; a slot's and a token's information come from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterInfo {
    /// Its name, which is the token's label until `C_InitToken` sets another.
    pub name: String,
    /// The token's label, at most 32 bytes.
    pub label: String,
    /// The token's serial number: 16 hex digits, made when the cluster was.
    pub serial: String,
    /// What the cluster allows.
    pub profile: Profile,
    /// Which HSM it plays under `cloudhsm`.
    pub variant: Variant,
    /// Whether the token is initialised, that is, whether there is an officer.
    pub initialized: bool,
    /// Who a PIN without a colon belongs to (the first crypto user under `standard`); `None`: nobody.
    pub default_user: Option<UserName>,
    /// Whether the default user has had wrong passwords lately, and is locked.
    pub default_user_failing: bool,
    /// Whether the default user is locked.
    pub default_user_locked: bool,
    /// Shortest password, bytes.
    pub min_password: u32,
    /// Longest password, bytes.
    pub max_password: u32,
    /// The nodes.
    pub members: Vec<Member>,
    /// Number of the membership's last change.
    pub epoch: u64,
}

impl ClusterInfo {
    /// What the cluster allows, in full.
    pub fn regime(&self) -> Regime {
        Regime { profile: self.profile, variant: self.variant }
    }
}

/// How a request changes who the connection speaks for, before it's carried out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Attach {
    /// For the holder of a ticket.
    Ticket(Ticket),
    /// For nobody.
    Nobody,
}

/// An [`Envelope`] or a [`Reply`](crate::Reply) with the request's number on its connection: an answer that comes late, or that nobody
/// asked for, is never taken for another's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Numbered<T> {
    /// The client counts; the answer has the number of its request. Four bytes, least first, wherever the frame goes:
    /// see [`renumber`](crate::renumber).
    pub number: [u8; 4],
    /// What is asked or answered.
    pub message: T,
}

impl<T> Numbered<T> {
    /// A message with its number.
    pub const fn new(number: u32, message: T) -> Self {
        Self { number: number.to_le_bytes(), message }
    }

    /// The number.
    pub const fn number(&self) -> u32 {
        u32::from_le_bytes(self.number)
    }
}

/// A request and what it's made under.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Envelope {
    /// Sent when the connection doesn't yet speak for whom the client does; it stays so for later requests.
    pub attach: Option<Attach>,
    /// The module's number of the PKCS#11 session; session objects made die with it.
    pub session: u64,
    /// Approvals, and terms of a key that is to be made.
    pub extras: Option<Box<Extras>>,
    /// What is asked.
    pub request: Request,
}
