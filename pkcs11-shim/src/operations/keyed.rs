//! What all operations with a key have in common: the checks of an `Init`, made from what is known
//! of the key. They save a round trip; the node makes them again.

use std::sync::Arc;

use cryptoki_sys::{CKF_DECRYPT, CKF_ENCRYPT, CKF_SIGN, CKF_VERIFY};
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

impl Keyed {
    /// Checks that the mechanism is for this kind of operation and that the key may do it.
    ///
    /// # Errors
    ///
    /// `CKR_MECHANISM_INVALID`, `CKR_KEY_HANDLE_INVALID`, `CKR_KEY_TYPE_INCONSISTENT`,
    /// `CKR_KEY_FUNCTION_NOT_PERMITTED`.
    pub(super) fn new(nodes: &dyn Nodes, kind: StreamKind, parsed: Parsed, key: Handle) -> Result<Self> {
        let Parsed { mechanism, spec } = parsed;
        let (purpose, usage) = match kind {
            StreamKind::Encrypt => (CKF_ENCRYPT, AttributeType::ENCRYPT),
            StreamKind::Decrypt => (CKF_DECRYPT, AttributeType::DECRYPT),
            StreamKind::Sign => (CKF_SIGN, AttributeType::SIGN),
            StreamKind::Verify => (CKF_VERIFY, AttributeType::VERIFY),
        };
        if !spec.purposes.contains(purpose) {
            return Err(Error::new(
                ReturnCode::MECHANISM_INVALID,
                format!("{} can't {}", spec.name, verb(kind)),
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
        if !key.usage.allows(usage) || !has_the_half(key.class, kind) {
            return Err(Error::new(
                ReturnCode::KEY_FUNCTION_NOT_PERMITTED,
                format!("key {} may not {}: its {usage} isn't true", key.handle, verb(kind)),
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

    /// What a node is asked to do. The mechanism's parameters move into it.
    pub(super) fn operation(&mut self, data: Blob) -> Operation {
        let emptied = Mechanism::plain(self.mechanism.kind);
        let mechanism = std::mem::replace(&mut self.mechanism, emptied);
        Operation { key: self.key.handle, mechanism, data }
    }
}

/// Whether keys of this class have the half of the key that the operation needs.
fn has_the_half(class: ObjectClass, kind: StreamKind) -> bool {
    match kind {
        StreamKind::Sign | StreamKind::Decrypt => class != ObjectClass::PublicKey,
        StreamKind::Verify | StreamKind::Encrypt => class != ObjectClass::PrivateKey,
    }
}

fn verb(kind: StreamKind) -> &'static str {
    match kind {
        StreamKind::Encrypt => "encrypt",
        StreamKind::Decrypt => "decrypt",
        StreamKind::Sign => "sign",
        StreamKind::Verify => "verify",
    }
}
