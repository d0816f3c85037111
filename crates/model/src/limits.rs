//! Every limit has a number with a name; past it comes a clear error, not memory growth.

use crate::{HsmType, Profile, Regime};

/// The largest message in bytes, header excluded: a data part of [`MAX_DATA`] and what goes with it.
pub const MAX_FRAME: usize = MAX_DATA + 64 * 1024;
/// The most data in one call that goes to a node (larger multi-part operations are streamed).
pub const MAX_DATA: usize = 16 * 1024 * 1024;
/// The most random bytes in one message; the module asks repeatedly for more.
pub const MAX_RANDOM: usize = 1024 * 1024;
/// The most attributes in one template.
pub const MAX_TEMPLATE: usize = 128;
/// How deep templates nest.
pub const MAX_TEMPLATE_DEPTH: usize = 4;
/// The largest attribute value in bytes; bounded by the store's record size.
pub const MAX_ATTRIBUTE: usize = 256 * 1024;
/// The largest object in bytes, all attributes together.
pub const MAX_OBJECT: usize = 400 * 1024;
/// Mechanism types in one attribute's value: as many as fit into [`MAX_ATTRIBUTE`] in C.
pub const MAX_MECHANISMS: usize = MAX_ATTRIBUTE / 8;
/// Attributes that one message asks for; a node answers [`MAX_TEMPLATE`] at most.
pub const MAX_ASKED: usize = 4096;
/// Approvals in one message; no operation takes more than 8.
pub const MAX_APPROVALS_SENT: usize = 64;
/// Signatures under one approval in a message; a node looks at 64 at most.
pub const MAX_SIGNATURES_SENT: usize = 128;
/// Answered challenges in one message: some for each node.
pub const MAX_CHALLENGES_SENT: usize = 4 * MAX_NODES;
/// How long a masked object or user can be taken in by a clone of its cluster, in seconds.
pub const MASKED_SECONDS: u64 = 600;
/// The longest serial number of a cluster that is asked about, in bytes; they have 16.
pub const MAX_SERIAL: usize = 64;
/// Nodes in a cluster (cloudhsm.md 1.4).
pub const MAX_NODES: usize = 28;
/// Users in a cluster (cloudhsm.md 2.3).
pub const MAX_USERS: usize = 1024;
/// Certificates that clients' certificates may come from, in a cluster (the vendor's page on `cluster mtls`).
pub const MAX_TRUST_ANCHORS: usize = 2;
/// Quorum tokens in a cluster (cloudhsm.md 3.2).
pub const MAX_QUORUM_TOKENS: usize = 1024;
/// Token objects in a cluster under `standard`.
pub const MAX_TOKEN_OBJECTS: usize = 1_000_000;
/// Session objects of one client instance on one node.
pub const MAX_SESSION_OBJECTS: usize = 100_000;
/// Streamed operations of one client instance on one node.
pub const MAX_OPERATIONS: usize = 4096;
/// Sessions of one client instance.
pub const MAX_SESSIONS: usize = 65_536;
/// Connections to one node.
pub const MAX_CONNECTIONS: usize = 4096;
/// Connections of a daemon that share memory with their clients, 128 KiB each at most; others go by their socket alone.
pub const MAX_MAILBOXES: usize = 1024;
/// TLS handshakes with one node at once; the one that has taken longest gives way to a new one.
pub const MAX_HANDSHAKES: usize = 128;
/// Memory of a daemon for messages, in bytes: buffers of connections that are larger than [`FREE_BUFFERS`].
pub const MAX_BUFFERS: usize = 512 * 1024 * 1024;
/// The buffers, in bytes, that each connection may have beside that.
pub const FREE_BUFFERS: usize = 64 * 1024;
/// Handles found by one search message; the module asks for the rest.
pub const MAX_FOUND: usize = 4096;
/// Length of a password in bytes: shortest under `standard`.
pub const MIN_PASSWORD: usize = 4;
/// Length of a password in bytes: longest.
pub const MAX_PASSWORD: usize = 255;
/// Wrong passwords in a row before a user is locked, under `standard` and `strict`.
pub const MAX_LOGIN_FAILURES: u32 = 10;
/// How long a login's ticket is good for, in seconds: 30 days. A client that is in use renews it at half that.
pub const TICKET_SECONDS: u64 = 30 * 24 * 3600;

/// Parts of the data that a PRF is applied to, in one derivation (NIST SP 800-108).
pub const MAX_PRF_FIELDS: usize = 64;
/// Keys that one derivation makes beside the first.
pub const MAX_FURTHER_KEYS: usize = 32;
/// Iterations of a password-based key generation, over all blocks of the key: some seconds of a node's time.
pub const MAX_PBE_ITERATIONS: u32 = 4_000_000;
/// The shortest key in bytes that is cut out of another one (attacks.md A13): 112 bits, the least that NIST SP 800-131A
/// allows.
pub const MIN_CUT_KEY: usize = 14;
/// The longest secret key in bytes.
pub const MAX_SECRET: usize = 4096;

/// Keys under `standard` and `strict`: those of the cluster together with the session keys on one node.
pub const MAX_KEYS: usize = 2_000_000;

/// Keys on `hsm1.medium`, of any kind (cloudhsm.md 4.6).
pub const HSM1_KEYS: usize = 3_300;
/// Users on `hsm1.medium` (cloudhsm.md 2.3, the newer figure).
pub const HSM1_USERS: usize = 250;
/// Certificates in a cluster under `cloudhsm` (cloudhsm.md 5.9).
pub const MAX_STORED_CERTIFICATES: usize = 60;

/// The limits that a cluster's profile sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// PKCS#11 sessions of one process (cloudhsm.md 5.8).
    pub sessions: usize,
    /// Processes that are connected to a node at once; CloudHSM's clients have one connection each (cloudhsm.md 5.8).
    pub clients: usize,
    /// Keys of the cluster together with the session keys on one node (cloudhsm.md 4.6: `hsm2m.medium`).
    pub keys: usize,
    /// Public and private keys among them; each half of a pair is one.
    pub asymmetric_keys: usize,
    /// Users of all roles (cloudhsm.md 2.3).
    pub users: usize,
}

impl Limits {
    /// Those of a profile.
    pub const fn of(profile: Profile) -> Self {
        match profile {
            Profile::Standard | Profile::Strict => Self {
                sessions: MAX_SESSIONS,
                clients: MAX_CONNECTIONS,
                keys: MAX_KEYS,
                asymmetric_keys: MAX_KEYS,
                users: MAX_USERS,
            },
            Profile::CloudHsm => {
                Self { sessions: 1024, clients: 900, keys: 16_666, asymmetric_keys: 3_333, users: MAX_USERS }
            }
        }
    }

    /// Those of a profile and, under `cloudhsm`, of the HSM that it plays: `hsm1.medium` has room for fewer keys, of any kind,
    /// and for fewer users.
    pub const fn under(regime: Regime) -> Self {
        let limits = Self::of(regime.profile);
        match (regime.profile, regime.variant.hsm) {
            (Profile::CloudHsm, HsmType::Hsm1) => {
                Self { keys: HSM1_KEYS, asymmetric_keys: HSM1_KEYS, users: HSM1_USERS, ..limits }
            }
            _ => limits,
        }
    }
}
