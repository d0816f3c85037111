//! The records that make up a cluster's state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_crypto::{password, random};
use strongroom_model::{Blob, Handle, NodeId, Profile, Result, Role, Service, UserName, Variant};
use strongroom_wire::{InstanceId, QuorumSettings};

use super::{ClientTrust, Identity};
use crate::object::StoredObject;

/// What a record is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Key {
    /// The policy; there is one.
    Policy,
    /// A user.
    User(Role, UserName),
    /// A token object.
    Object(Handle),
    /// A client instance that logged out.
    Revocation(InstanceId),
    /// A quorum token, by SHA-256 of its `approval_data`.
    Token([u8; 32]),
    /// The wrong passwords that one node counts for one user, where nodes count for themselves.
    Failures(NodeId, Role, UserName),
    /// The cluster's key and certificates; there is one, or none.
    Identity,
    /// Which clients are accepted by their certificates; none while all are.
    ClientTrust,
}

/// A record's content. Cheap to clone: replicas in one daemon share it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Record {
    /// For [`Key::Policy`].
    Policy(Arc<Policy>),
    /// For [`Key::User`].
    User(Arc<User>),
    /// For [`Key::Object`].
    Object(Arc<StoredObject>),
    /// For [`Key::Revocation`].
    Revocation(Revocation),
    /// For [`Key::Token`].
    Token(Arc<QuorumToken>),
    /// For [`Key::Failures`].
    Failures(u32),
    /// For [`Key::Identity`].
    Identity(Arc<Identity>),
    /// For [`Key::ClientTrust`].
    ClientTrust(Arc<ClientTrust>),
}

impl Record {
    /// Whether it's of its key's kind.
    pub fn fits(&self, key: &Key) -> bool {
        matches!(
            (key, self),
            (Key::Policy, Self::Policy(_))
                | (Key::User(..), Self::User(_))
                | (Key::Object(_), Self::Object(_))
                | (Key::Revocation(_), Self::Revocation(_))
                | (Key::Token(_), Self::Token(_))
                | (Key::Failures(..), Self::Failures(_))
                | (Key::Identity, Self::Identity(_))
                | (Key::ClientTrust, Self::ClientTrust(_))
        )
    }
}

/// What holds for the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The token's label, at most 32 bytes of UTF-8.
    pub label: String,
    /// What the cluster allows.
    pub profile: Profile,
    /// Which HSM it plays under `cloudhsm`.
    pub variant: Variant,
    /// Whose a PIN without a colon is; the first crypto user made.
    pub default_user: Option<UserName>,
    /// How many approvals are needed.
    pub quorum: QuorumSettings,
}

/// A user. Only what's needed to check a password is kept of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Argon2id, in PHC form.
    pub password: String,
    /// Another after every change that must void the user's tickets.
    pub epoch: u64,
    /// Wrong passwords since the last right one, where all nodes count together.
    pub failures: u32,
    /// The RSA-2048 public key that the user approves with, and that is its second factor if it has one:
    /// SubjectPublicKeyInfo in DER.
    pub public_key: Option<Blob>,
    /// Whether a login takes a signature by that key too.
    pub mfa: bool,
}

/// A quorum token: the wish of one user, in one program, to have one thing done that others must approve.
/// It's deleted by the change that does the thing, so it's used once in the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuorumToken {
    /// Who asked.
    pub role: Role,
    /// Its name.
    pub user: UserName,
    /// In which process.
    pub instance: InstanceId,
    /// What for.
    pub service: Service,
    /// For which key.
    pub key: Option<Handle>,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// When enough had approved it for something that then failed: it may be used for a while from then on.
    pub approved: Option<u64>,
}

/// A logout: tickets that were issued before the revision that wrote this are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// When the last ticket that it voids has expired, so that the record may be dropped; seconds since 1970.
    pub expires: u64,
}

impl User {
    /// A user with this password and an epoch that no earlier user of the name had.
    ///
    /// # Errors
    ///
    /// `CKR_HOST_MEMORY` if the password can't be hashed.
    pub fn with_password(password: &[u8]) -> Result<Self> {
        let epoch = u64::from_le_bytes(random::bytes());
        Ok(Self { password: password::hash(password)?, epoch, failures: 0, public_key: None, mfa: false })
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("epoch", &self.epoch)
            .field("failures", &self.failures)
            .field("mfa", &self.mfa)
            .finish_non_exhaustive()
    }
}
