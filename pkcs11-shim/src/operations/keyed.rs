//! What all operations with a key have in common: the checks of an `Init`, made from what is known
//! of the key. They save a round trip; the node makes them again.

use std::sync::Arc;

use cryptoki_sys::{
    CK_FLAGS, CKF_DECRYPT, CKF_ENCRYPT, CKF_SIGN, CKF_SIGN_RECOVER, CKF_VERIFY, CKF_VERIFY_RECOVER,
};
use strongroom_model::{
    AttributeType, Blob, Error, Handle, Mechanism, ObjectClass, ObjectInfo, Result, ReturnCode,
};
use strongroom_wire::{Operation, StreamKind};

use super::Nodes;
use crate::params::Parsed;

/// A key and what is to be done with it.
#[derive(Clone, Debug)]
pub(super) struct Keyed {
    pub(super) key: Arc<ObjectInfo>,
    pub(super) mechanism: Mechanism,
}

/// What a key is for in an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Encrypt,
    Decrypt,
    Sign,
    Verify,
    SignRecover,
    VerifyRecover,
}

impl Keyed {
    /// Checks that the mechanism is for this kind of operation and that the key may do it.
    ///
    /// # Errors
    ///
    /// `CKR_MECHANISM_INVALID`, `CKR_KEY_HANDLE_INVALID`, `CKR_KEY_TYPE_INCONSISTENT`,
    /// `CKR_KEY_FUNCTION_NOT_PERMITTED`.
    pub(super) fn new(
        nodes: &dyn Nodes,
        purpose: impl Into<Purpose>,
        parsed: Parsed,
        key: Handle,
    ) -> Result<Self> {
        let Parsed { mechanism, spec } = parsed;
        let purpose = purpose.into();
        let (flag, usage, verb) = purpose.row();
        if !spec.purposes.contains(flag) {
            return Err(Error::new(ReturnCode::MECHANISM_INVALID, format!("{} can't {verb}", spec.name)));
        }
        if nodes.lacks(mechanism.kind, flag) {
            return Err(Error::new(
                ReturnCode::MECHANISM_INVALID,
                format!("{} can't be used for this: the cluster's profile doesn't allow it", spec.name),
            ));
        }
        let key = nodes.key(key)?;
        if !key.class.is_key() {
            return Err(ReturnCode::KEY_HANDLE_INVALID.into());
        }
        if !key.key_type.is_some_and(|key_type| spec.takes(key_type)) {
            return Err(Error::new(
                ReturnCode::KEY_TYPE_INCONSISTENT,
                format!("key {} is of another type than {} works with", key.handle, spec.name),
            ));
        }
        if !key.usage.allows(usage) || !purpose.has_its_half(key.class) {
            return Err(Error::new(
                ReturnCode::KEY_FUNCTION_NOT_PERMITTED,
                format!("key {} may not {verb}: its {usage} isn't true", key.handle),
            ));
        }
        if !key.allowed_mechanisms.is_empty() && !key.allowed_mechanisms.contains(&mechanism.kind.0) {
            return Err(Error::new(
                ReturnCode::MECHANISM_INVALID,
                format!("{} isn't among the CKA_ALLOWED_MECHANISMS of key {}", spec.name, key.handle),
            ));
        }
        Ok(Self { key, mechanism })
    }

    /// The key, if it wants a login for each use.
    pub(super) fn wants_login(&self) -> Option<Handle> {
        self.key.always_authenticate.then_some(self.key.handle)
    }

    /// What a node is asked to do. The mechanism's parameters move into it.
    pub(super) fn operation(&mut self, data: Blob) -> Operation {
        let emptied = Mechanism::plain(self.mechanism.kind);
        let mechanism = std::mem::replace(&mut self.mechanism, emptied);
        Operation { key: self.key.handle, mechanism, data }
    }
}

impl Purpose {
    /// The mechanism's flag, the key's attribute, and what it's called.
    const fn row(self) -> (CK_FLAGS, AttributeType, &'static str) {
        match self {
            Self::Encrypt => (CKF_ENCRYPT, AttributeType::ENCRYPT, "encrypt"),
            Self::Decrypt => (CKF_DECRYPT, AttributeType::DECRYPT, "decrypt"),
            Self::Sign => (CKF_SIGN, AttributeType::SIGN, "sign"),
            Self::Verify => (CKF_VERIFY, AttributeType::VERIFY, "verify"),
            Self::SignRecover => (CKF_SIGN_RECOVER, AttributeType::SIGN_RECOVER, "sign with recovery"),
            Self::VerifyRecover => {
                (CKF_VERIFY_RECOVER, AttributeType::VERIFY_RECOVER, "verify with recovery")
            }
        }
    }

    /// Whether keys of this class have the half of the key that it needs.
    fn has_its_half(self, class: ObjectClass) -> bool {
        match self {
            Self::Sign | Self::Decrypt | Self::SignRecover => class != ObjectClass::PublicKey,
            Self::Verify | Self::Encrypt | Self::VerifyRecover => class != ObjectClass::PrivateKey,
        }
    }
}

impl From<StreamKind> for Purpose {
    fn from(kind: StreamKind) -> Self {
        match kind {
            StreamKind::Encrypt => Self::Encrypt,
            StreamKind::Decrypt => Self::Decrypt,
            StreamKind::Sign => Self::Sign,
            StreamKind::Verify => Self::Verify,
        }
    }
}
