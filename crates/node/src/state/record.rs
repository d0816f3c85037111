//! The records that make up a cluster's state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_crypto::{password, random};
use strongroom_model::{Handle, Profile, Result, Role, UserName};
use strongroom_wire::InstanceId;

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
    /// Another after every change that must void the user's tickets.
    pub epoch: u64,
    /// Wrong passwords since the last right one.
    pub failures: u32,
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
        Ok(Self { password: password::hash(password)?, epoch, failures: 0 })
    }
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("epoch", &self.epoch)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}
