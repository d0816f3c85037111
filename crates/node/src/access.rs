//! Who may see, use and manage what: asked on every request.

use std::sync::Arc;

use strongroom_crypto::Key;
use strongroom_model::{
    AttributeType as A, Error, Handle, Mechanism, MechanismSpec, Place, Result, ReturnCode, Role, UserName,
    Value,
};
use strongroom_wire::{Extras, Hello};

use crate::family::{Family, SessionId};
use crate::node::Node;
use crate::object::StoredObject;
use crate::rules::Subject;
use crate::state::{Change, CommitError, Replica, Revision};
use crate::ticket::Principal;

/// Who makes a request, and where.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    pub(crate) node: &'a Node,
    pub(crate) family: &'a Family,
    pub(crate) hello: &'a Hello,
    pub(crate) session: SessionId,
    pub(crate) principal: Option<&'a Principal>,
    /// Approvals, and terms of a key that is to be made.
    pub(crate) extras: &'a Extras,
}

/// An object that the caller may see, and where it was found.
pub(crate) struct Located {
    pub(crate) object: Arc<StoredObject>,
    /// The revision that wrote it, if it's a token object.
    pub(crate) version: Option<Revision>,
}

/// A key's part in an operation; decides which code says that it's the wrong key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Key,
    Wrapping,
    Unwrapping,
}

/// How often a change is tried again when others got in between.
const ATTEMPTS: usize = 64;

impl Caller<'_> {
    pub(crate) fn role(&self) -> Option<Role> {
        self.principal.map(|principal| principal.role)
    }

    /// The crypto user that is logged in.
    pub(crate) fn crypto_user(&self) -> Option<&UserName> {
        self.principal.filter(|principal| principal.role == Role::CryptoUser).map(|principal| &principal.user)
    }

    /// The object, if it's there and the caller may see it; both kinds of absence look the same.
    pub(crate) fn locate(&self, handle: Handle) -> Result<Located> {
        let found = match handle.place() {
            Place::Cluster => {
                let replica = self.node.replica.read();
                replica.object(handle).map(|record| (Arc::clone(&record.value), Some(record.version)))
            }
            Place::Node(_) => self.family.get(handle).map(|object| (object, None)),
        };
        match found {
            Some((object, version)) if self.sees(&object) => Ok(Located { object, version }),
            _ => Err(ReturnCode::OBJECT_HANDLE_INVALID.into()),
        }
    }

    pub(crate) fn sees(&self, object: &StoredObject) -> bool {
        if !object.is(A::PRIVATE) {
            return true;
        }
        match self.principal {
            None => false,
            // An officer must find a key to mark it as trusted, and can do nothing else with it.
            Some(principal) if principal.role == Role::Admin => true,
            Some(principal) => object.owner.as_ref() == Some(&principal.user),
        }
    }

    /// Refuses all but the object's owner.
    pub(crate) fn must_manage(&self, object: &StoredObject) -> Result<()> {
        let owns = match &object.owner {
            Some(owner) => self.crypto_user() == Some(owner),
            None => true,
        };
        if owns {
            Ok(())
        } else {
            Err(Error::new(ReturnCode::ACTION_PROHIBITED, "only the object's owner may do this"))
        }
    }

    /// A key that is to be used, with its mechanism's row: class, usage, type and allowed mechanisms are checked.
    pub(crate) fn usable(
        &self,
        handle: Handle,
        usage: A,
        mechanism: &Mechanism,
        purpose: u64,
        part: Part,
    ) -> Result<(Located, Arc<Key>, &'static MechanismSpec)> {
        let located = self.locate(handle).map_err(|error| Error { code: part.handle_invalid(), ..error })?;
        let object = &located.object;
        let Some(key_type) = object.key_type().filter(|_| object.class().is_key()) else {
            return Err(part.handle_invalid().into());
        };
        if self.role() == Some(Role::Admin) {
            return Err(Error::new(
                ReturnCode::USER_NOT_LOGGED_IN,
                "a crypto officer can't use keys: log in as a crypto user",
            ));
        }
        let spec = mechanism.kind.spec().filter(|spec| spec.purposes.contains(purpose)).ok_or_else(|| {
            Error::new(
                ReturnCode::MECHANISM_INVALID,
                format!("{} isn't a mechanism for this", mechanism.kind),
            )
        })?;
        if !spec.takes(key_type) {
            return Err(Error::new(
                part.type_inconsistent(),
                format!("{} doesn't work with keys of type {key_type:?}", mechanism.kind),
            ));
        }
        if !object.is(usage) {
            return Err(Error::new(
                ReturnCode::KEY_FUNCTION_NOT_PERMITTED,
                format!("the key doesn't have {usage}"),
            ));
        }
        match object.attributes.get(A::ALLOWED_MECHANISMS) {
            Some(Value::Mechanisms(kinds)) if !kinds.is_empty() && !kinds.contains(&mechanism.kind.0) => {
                return Err(Error::new(
                    ReturnCode::MECHANISM_INVALID,
                    format!("{} isn't among the key's allowed mechanisms", mechanism.kind),
                ));
            }
            _ => {}
        }
        let key = object.key(&self.node.masking)?;
        Ok((located, key, spec))
    }

    /// The rules' subject for an object of a class and type.
    pub(crate) fn subject(
        &self,
        class: strongroom_model::ObjectClass,
        key: Option<strongroom_model::KeyType>,
    ) -> Subject {
        Subject { class, key, profile: self.node.profile(), role: self.role() }
    }

    /// Decides on a change by the present state and commits it; decides again when the state changed in between.
    pub(crate) fn commit<T>(&self, mut decide: impl FnMut(&Replica) -> Result<(Change, T)>) -> Result<T> {
        for _ in 0..ATTEMPTS {
            let (change, outcome) = decide(&self.node.replica.read())?;
            let _own = self.node.journal.committing(&change);
            match self.node.port.commit(change) {
                Ok(_) => return Ok(outcome),
                Err(CommitError::Conflict) => {}
                Err(CommitError::Failed(error)) => return Err(error),
            }
        }
        Err(Error::new(ReturnCode::FUNCTION_FAILED, "others keep changing the same record: try again later"))
    }
}

impl Part {
    const fn handle_invalid(self) -> ReturnCode {
        match self {
            Self::Key => ReturnCode::KEY_HANDLE_INVALID,
            Self::Wrapping => ReturnCode::WRAPPING_KEY_HANDLE_INVALID,
            Self::Unwrapping => ReturnCode::UNWRAPPING_KEY_HANDLE_INVALID,
        }
    }

    const fn type_inconsistent(self) -> ReturnCode {
        match self {
            Self::Key => ReturnCode::KEY_TYPE_INCONSISTENT,
            Self::Wrapping => ReturnCode::WRAPPING_KEY_TYPE_INCONSISTENT,
            Self::Unwrapping => ReturnCode::UNWRAPPING_KEY_TYPE_INCONSISTENT,
        }
    }
}
