//! The records that make up a cluster's state.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use strongroom_model::{Attributes, Handle, Profile, Role, UserName};
use strongroom_wire::InstanceId;

/// What a record is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Key {
    /// The policy; there is one.
    Policy,
    /// A user.
    User(Role, UserName),
    /// A token object.
    Object(Handle),
    /// A client instance whose tickets are void.
    Revocation(InstanceId),
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
}

/// What holds for the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The token's label, at most 32 bytes of UTF-8.
    pub label: String,
    /// What the cluster allows.
    pub profile: Profile,
    /// Whose a PIN without a colon is; the first crypto user made.
    pub default_user: Option<UserName>,
}

/// A user. Only what's needed to check a password is kept of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Argon2id, in PHC form.
    pub password: String,
    /// Grows with every change that must void the user's tickets.
    pub epoch: u64,
    /// Wrong passwords since the last right one.
    pub failures: u32,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("epoch", &self.epoch)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

/// A token object.
#[derive(Debug, Serialize, Deserialize)]
pub struct StoredObject {
    /// Who owns it; `None` for what was made without a login.
    pub owner: Option<UserName>,
    /// All attributes but key material.
    pub attributes: Attributes,
    /// Key material: attributes, sealed under the cluster's masking key and bound to the object's unique id.
    /// Empty if there is none.
    #[serde(with = "serde_bytes")]
    pub sealed: Vec<u8>,
    /// The key, parsed at first use and kept ready.
    #[serde(skip)]
    pub(crate) ready: OnceLock<Arc<strongroom_crypto::Key>>,
}

/// A logout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Tickets issued up to then are void, in seconds since 1970.
    pub issued_until: u64,
    /// When the last ticket that it voids has expired, so that the record may be dropped.
    pub expires: u64,
}
