//! A key that is used: whether the caller may, whether it's on enough nodes, and whether those agree who must.

use std::sync::Arc;

use strongroom_crypto::Key;
use strongroom_model::{
    Algorithm, AttributeType as A, Error, Handle, KeyTerms, Mechanism, MechanismSpec, Result, ReturnCode,
    Role, Service, Value,
};

use crate::access::{Caller, Located};
use crate::object::StoredObject;
use crate::rules::{self, Allowed};
use crate::state::Change;

/// A key's part in an operation; decides which code says that it's the wrong key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Key,
    Wrapping,
    Unwrapping,
}

/// A key that the caller may use. What is inside comes out only when those agree who must.
pub(crate) struct Usable {
    handle: Handle,
    object: Arc<StoredObject>,
    key: Arc<Key>,
    /// The mechanism's row.
    pub(crate) spec: &'static MechanismSpec,
    allowed: Allowed,
}

/// How many nodes must have a token key where the client asks for availability (cloudhsm.md 4.3).
const ENOUGH_NODES: usize = 2;

impl Caller<'_> {
    /// A key that is to be used, with its mechanism's row: class, usage, type and allowed mechanisms are checked.
    pub(crate) fn usable(
        &self,
        handle: Handle,
        usage: A,
        mechanism: &Mechanism,
        purpose: u64,
        part: Part,
    ) -> Result<Usable> {
        let located = self.locate(handle).map_err(|error| part.absent(error))?;
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
        let allowed = rules::wanted(self.regime, mechanism, purpose)?;
        let spec = allowed.spec;
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
            Some(Value::Mechanisms(kinds)) if !kinds.is_empty() => {}
            // Without padding a signature is a decryption (attacks.md A22).
            _ if self.regime.is_strict() && spec.algorithm == Algorithm::RsaX509 => {
                return Err(Error::new(
                    ReturnCode::MECHANISM_INVALID,
                    "under the profile `strict` a key must list CKM_RSA_X_509 among its CKA_ALLOWED_MECHANISMS",
                ));
            }
            _ => {}
        }
        self.must_be_available(handle, &located)?;
        let key = object.key(&self.node.masking)?;
        // Last, so that leave isn't spent on what is refused anyway. What isn't signing or decryption has no moment at which a
        // client could log in for it.
        let once = matches!(usage, A::SIGN | A::DECRYPT | A::SIGN_RECOVER);
        if object.is(A::ALWAYS_AUTHENTICATE) && !(once && self.family.take_confirmation(self.session, handle))
        {
            return Err(Error::new(
                ReturnCode::USER_NOT_LOGGED_IN,
                "the key wants a login for each use: C_Login with CKU_CONTEXT_SPECIFIC, after C_SignInit or C_DecryptInit",
            ));
        }
        Ok(Usable { handle, object: located.object, key, spec, allowed })
    }

    /// Refuses a token key that isn't on enough nodes, to clients that ask for it.
    ///
    /// # Errors
    ///
    /// `CKR_FUNCTION_FAILED`.
    pub(crate) fn must_be_available(&self, handle: Handle, located: &Located) -> Result<()> {
        if located.version.is_some() && located.object.class().is_key() && !self.has_enough_nodes() {
            return Err(Error::new(
                ReturnCode::FUNCTION_FAILED,
                format!(
                    "Key {:#018x} does not meet the availability requirements - must be on at least {ENOUGH_NODES} HSMs \
                     before being used",
                    handle.0
                ),
            ));
        }
        Ok(())
    }

    /// As [`Self::must_be_available`], of a token key that is to be made.
    pub(crate) fn must_become_available(&self) -> Result<()> {
        if self.has_enough_nodes() {
            return Ok(());
        }
        Err(Error::new(
            ReturnCode::FUNCTION_FAILED,
            format!(
                "cannot perform the operation as the key must be available on at least {ENOUGH_NODES} HSMs"
            ),
        ))
    }

    fn has_enough_nodes(&self) -> bool {
        !self.hello.availability.needs_two_nodes(self.profile) || self.node.port.reachable() >= ENOUGH_NODES
    }

    /// Commits the end of the tokens that were approved for these keys, before what they allow is done: all or none.
    fn spend(&self, keys: &[(Handle, Service, u8)]) -> Result<()> {
        if keys.iter().all(|(_, _, needed)| *needed <= 1) {
            return Ok(());
        }
        self.commit(|replica| {
            let mut change = Change::default();
            for (handle, service, needed) in keys {
                let approved = self.approval(replica, *service, Some(*handle), *needed)?;
                // A key that wraps itself needs one approval.
                change = change.approved(approved);
            }
            Ok((change, ()))
        })
    }
}

impl Usable {
    /// The object.
    pub(crate) fn object(&self) -> &StoredObject {
        &self.object
    }

    /// The object, to be kept after the key is used.
    pub(crate) fn object_shared(&self) -> Arc<StoredObject> {
        Arc::clone(&self.object)
    }

    /// As it is, if one call may bring so many bytes of data.
    ///
    /// # Errors
    ///
    /// `CKR_DATA_LEN_RANGE`.
    pub(crate) fn with_data(self, len: usize) -> Result<Self> {
        self.allowed.check_data(len).map(|()| self)
    }

    /// The most data for one call, in bytes.
    pub(crate) fn max_data(&self) -> Option<usize> {
        self.allowed.max_data
    }

    /// The key, for one use that isn't its management. An approval that it needs is used up.
    pub(crate) fn key(self, caller: &Caller<'_>) -> Result<Arc<Key>> {
        if self.object.terms.use_quorum > 1 {
            caller.spend(&[(self.handle, Service::KeyUsage, self.object.terms.use_quorum)])?;
        }
        Ok(self.key)
    }

    /// Keys that are used together for one thing. Approvals that they need are used up, all or none.
    pub(crate) fn keys(used: Vec<Self>, caller: &Caller<'_>) -> Result<Vec<Arc<Key>>> {
        let needed = used.iter().map(|used| (used.handle, Service::KeyUsage, used.object.terms.use_quorum));
        caller.spend(&needed.filter(|(_, _, needed)| *needed > 1).collect::<Vec<_>>())?;
        Ok(used.into_iter().map(|used| used.key).collect())
    }

    /// The key, to unwrap with, or to wrap `target`. Approvals that they need are used up.
    pub(crate) fn key_to_wrap(
        self,
        caller: &Caller<'_>,
        target: Option<(Handle, &StoredObject)>,
    ) -> Result<Arc<Key>> {
        if self.object.is_guarded() || target.is_some_and(|(_, object)| object.is_guarded()) {
            let keys = [(self.handle, &*self.object)].into_iter().chain(target);
            let needed = keys.map(|(handle, object)| {
                let (service, needed) = object.guard();
                (handle, service, needed)
            });
            caller.spend(&needed.collect::<Vec<_>>())?;
        }
        Ok(self.key)
    }
}

impl StoredObject {
    /// Whether others must agree to its use or to its management.
    pub(crate) fn is_guarded(&self) -> bool {
        self.terms.manage_quorum > 1 || self.terms.use_quorum > 1
    }

    /// Approvals needed to wrap it, or to wrap or unwrap with it (cloudhsm.md 3.1). As many as its use takes, where that's
    /// more: what went out by it could be used without asking anybody (attacks.md A32).
    fn guard(&self) -> (Service, u8) {
        let KeyTerms { manage_quorum, use_quorum, .. } = self.terms;
        if manage_quorum > 1 {
            (Service::KeyManagement, manage_quorum.max(use_quorum))
        } else {
            (Service::KeyUsage, use_quorum)
        }
    }
}

impl Part {
    /// What is said of a key that isn't there, or isn't for the caller to see.
    pub(crate) fn absent(self, error: Error) -> Error {
        match error.code {
            ReturnCode::OBJECT_HANDLE_INVALID => Error { code: self.handle_invalid(), ..error },
            _ => error,
        }
    }

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
