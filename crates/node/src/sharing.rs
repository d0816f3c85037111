//! Sharing of keys, and the terms that keys are made under (cloudhsm.md 3.6 and 4.1).
//!
//! A sharee may use a key and read its attributes. All else is its owner's: changing, sharing, wrapping, copying and destroying
//! it. To wrap one's own keys with a shared wrapping key is a use of that.

use std::sync::Arc;

use strongroom_model::{
    Error, Handle, KeyTerms, ObjectClass, Profile, Result, ReturnCode, Role, Service, UserName,
};
use strongroom_wire::{Ownership, QuorumSettings, Request, Response};

use crate::access::{Caller, Located};
use crate::object::StoredObject;
use crate::quorum::invalid_value;
use crate::state::{Change, Expect, Key as RecordKey, Record, Replica};

/// Whether under `cloudhsm` a key with one quorum value above 1 must have both. The guide doesn't say so; one lab
/// measured it (cloudhsm.md 3.6, [T]).
const BOTH_VALUES_OR_NONE: bool = true;

impl Caller<'_> {
    /// Shares a key with a crypto user, or no longer. Who has it no more is refused at the next use.
    pub(crate) fn share(&self, handle: Handle, user: &UserName, shared: bool) -> Result<Response> {
        if self.crypto_user().is_none() {
            return Err(Error::new(
                ReturnCode::USER_NOT_LOGGED_IN,
                "only its owner, a crypto user, shares a key: log in as one",
            ));
        }
        self.commit(|replica| {
            let located = self.locate(handle)?;
            self.must_manage(&located.object)?;
            must_be_shareable(&located)?;
            self.must_be_available(handle, &located)?;
            let Located { object, version } = located;
            let terms = if shared { with(replica, &object, user)? } else { without(&object, user)? };
            let approved =
                self.approval(replica, Service::KeyManagement, Some(handle), terms.manage_quorum)?;
            let expect = version.map_or(Expect::Absent, Expect::Version);
            let record =
                Record::Object(Arc::new(object.with_attributes(object.attributes.clone()).with_terms(terms)));
            let mut change = Change::of(RecordKey::Object(handle), expect, Some(record)).approved(approved);
            if shared {
                change.checks.extend(self.presence(replica, user));
            }
            Ok((change, ()))
        })?;
        Ok(Response::Done)
    }

    /// That a crypto user is still there when something is committed that names it: a later user of the name mustn't
    /// inherit an object, or find one shared with it. Where the node has an older version of the user than the cluster, it
    /// must at least be there.
    pub(crate) fn presence(&self, replica: &Replica, user: &UserName) -> Option<(RecordKey, Expect)> {
        let key = RecordKey::User(Role::CryptoUser, user.clone());
        let version = replica.version(&key)?;
        let current = self.node.port.must_be_up_to_date(std::slice::from_ref(&key)).is_ok();
        Some((key, if current { Expect::Version(version) } else { Expect::Present }))
    }

    /// Whose an object is. Whoever sees it may know.
    pub(crate) fn ownership(&self, handle: Handle) -> Result<Response> {
        let object = self.locate(handle)?.object;
        Ok(Response::Ownership(Ownership { owner: object.owner.clone(), terms: object.terms.clone() }))
    }

    /// The terms that came along, for a new key of the caller's; none for most.
    ///
    /// # Errors
    ///
    /// `CKR_ARGUMENTS_BAD`, with the vendor's sentences where they're known (cloudhsm.md 3.6).
    pub(crate) fn new_terms(&self, class: ObjectClass, on_token: bool) -> Result<KeyTerms> {
        let terms = &self.extras.terms;
        if terms.is_empty() {
            return Ok(KeyTerms::default());
        }
        let Some(owner) = self.crypto_user() else {
            return Err(Error::new(
                ReturnCode::USER_NOT_LOGGED_IN,
                "keys that are shared or guarded by a quorum are made by a crypto user: log in as one",
            ));
        };
        if !matches!(class, ObjectClass::SecretKey | ObjectClass::PrivateKey) {
            return Err(bad("only secret and private keys are shared or guarded by a quorum"));
        }
        if !on_token {
            return Err(bad("session keys can be neither shared nor guarded by a quorum: make a token key"));
        }
        let KeyTerms { share_with, manage_quorum, use_quorum } = terms;
        let (smaller, larger) = (manage_quorum.min(use_quorum), manage_quorum.max(use_quorum));
        if *larger > QuorumSettings::MAX {
            return Err(invalid_value());
        }
        if BOTH_VALUES_OR_NONE && self.profile == Profile::CloudHsm && *larger > 1 && *smaller <= 1 {
            return Err(bad(
                "The manage key and use key quorum values must be set to a value greater than 1",
            ));
        }
        let replica = self.node.replica.read();
        for (at, user) in share_with.iter().enumerate() {
            must_be_sharee(&replica, owner, user)?;
            if share_with[..at].contains(user) {
                return Err(bad(format!(
                    "{user} is named twice among those whom the key is to be shared with"
                )));
            }
        }
        if 1 + share_with.len() < usize::from(*larger) {
            return Err(invalid_value());
        }
        Ok(terms.clone())
    }

    /// The terms of a key that is derived from `base`: guarded like that, by the same users (attacks.md A32).
    ///
    /// # Errors
    ///
    /// `CKR_ACTION_PROHIBITED` for a session key, which nothing can guard.
    pub(crate) fn inherited_terms(&self, base: &StoredObject, on_token: bool) -> Result<KeyTerms> {
        if !base.is_guarded() {
            return Ok(KeyTerms::default());
        }
        if !on_token {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                "what is derived from a key that is guarded by a quorum is guarded too, so it must be a token key",
            ));
        }
        let users = base.owner.iter().chain(&base.terms.share_with);
        let share_with = users.filter(|user| self.crypto_user() != Some(user)).cloned().collect();
        Ok(KeyTerms { share_with, ..base.terms.clone() })
    }

    /// Refuses terms with requests that take none.
    pub(crate) fn must_take_terms(&self, request: &Request) -> Result<()> {
        let takes = matches!(
            request,
            Request::GenerateKey { .. }
                | Request::GeneratePair { .. }
                | Request::Unwrap { .. }
                | Request::Create { .. }
        );
        if takes || self.extras.terms.is_empty() {
            return Ok(());
        }
        Err(bad(
            "sharing and quorum values are given when a key is generated, unwrapped or created, and stay as they are",
        ))
    }
}

fn must_be_shareable(Located { object, version }: &Located) -> Result<()> {
    let why = match object.class() {
        ObjectClass::PublicKey => "public keys are for every crypto user and can't be shared or unshared",
        class if !class.is_key() => "only keys are shared",
        _ if version.is_none() => "session keys can't be shared: make a token key of it first",
        _ => return Ok(()),
    };
    Err(Error::new(ReturnCode::ACTION_PROHIBITED, why))
}

/// Whom keys may be shared with: other crypto users.
pub(crate) fn must_be_sharee(replica: &Replica, owner: &UserName, user: &UserName) -> Result<()> {
    if user == owner {
        return Err(bad(format!("{user} is the key's owner: share it with another crypto user")));
    }
    if replica.user(Role::CryptoUser, user).is_none() {
        return Err(bad(format!("there is no crypto user {user}")));
    }
    Ok(())
}

fn with(replica: &Replica, object: &StoredObject, user: &UserName) -> Result<KeyTerms> {
    let owner = object.owner.as_ref().ok_or_else(|| bad("nobody owns the key, so everybody has it"))?;
    must_be_sharee(replica, owner, user)?;
    if object.is_of(user) {
        return Err(bad(format!("the key is shared with {user} already")));
    }
    let mut terms = object.terms.clone();
    terms.share_with.push(user.clone());
    Ok(terms)
}

fn without(object: &StoredObject, user: &UserName) -> Result<KeyTerms> {
    let mut terms = object.terms.clone();
    let Ok(at) = terms.share_with.binary_search(user) else {
        return Err(bad(format!("the key isn't shared with {user}")));
    };
    terms.share_with.remove(at);
    if object.is_guarded()
        && 1 + terms.share_with.len() < usize::from(terms.manage_quorum.max(terms.use_quorum))
    {
        return Err(Error::new(
            ReturnCode::ACTION_PROHIBITED,
            "too few would be left to approve anything: share the key with another crypto user first",
        ));
    }
    Ok(terms)
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(ReturnCode::ARGUMENTS_BAD, message)
}
