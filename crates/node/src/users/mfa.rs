//! One's own key: the approver's registration, and the second factor that comes with it (cloudhsm.md 2.5, 3.3).

use std::sync::Arc;

use strongroom_crypto::ApproverKey;
use strongroom_model::{Blob, Error, Result, ReturnCode, Role, Service, UserName};
use strongroom_wire::{ChallengeKind, OwnKey, Response};

use crate::access::Caller;
use crate::quorum::Approved;
use crate::state::{Change, Replica, User};

impl Caller<'_> {
    /// Registers one's key as approver's, in the place of an earlier one.
    pub(crate) fn register_quorum_key(&self, own: &OwnKey) -> Result<Response> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let (role, name) = (principal.role, &principal.user);
        // It would be another way to change what one logs in with.
        if self.node.replica.read().user(role, name).is_some_and(|user| user.value.mfa) {
            return Err(has_second_factor());
        }
        self.must_know_the_rules()?;
        let key = self.proven(own)?;
        self.commit(|replica| {
            let user = self.own_user(replica)?;
            if user.value.mfa {
                return Err(has_second_factor());
            }
            check_key_is_new(replica, role, name, &key)?;
            let changed = User { public_key: Some(key.clone()), ..(*user.value).clone() };
            Ok((Change::default().and_user(role, name, Some(user), Some(Arc::new(changed))), ()))
        })?;
        Ok(Response::Done)
    }

    /// Sets one's second factor, or takes it away together with the approver's registration; that an officer may do for
    /// others, too.
    pub(crate) fn change_mfa(&self, role: Role, name: &UserName, key: Option<&OwnKey>) -> Result<Response> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let own = (principal.role, &principal.user) == (role, name);
        self.must_know_the_rules()?;
        let key = key.map(|key| self.proven(key)).transpose()?;
        self.commit(|replica| {
            let approval =
                if own { Approved::default() } else { self.officers_approval(replica, Service::User)? };
            let user = if own { self.own_user(replica)? } else { self.user(replica, role, name)? };
            if let Some(key) = &key {
                check_key_is_new(replica, role, name, key)?;
            } else if !user.value.mfa && user.value.public_key.is_none() {
                let why = format!("{role} {name} has neither a second factor nor an approver's key");
                return Err(Error::new(ReturnCode::ARGUMENTS_BAD, why));
            }
            let rests = match key {
                Some(_) => Vec::new(),
                None => self.check_approvers_without(replica, role, name)?,
            };
            let changed = User { public_key: key.clone(), mfa: key.is_some(), ..(*user.value).clone() };
            let mut change = Change::default().and_user(role, name, Some(user), Some(Arc::new(changed)));
            change.checks.extend(rests);
            Ok((change.approved(approval), ()))
        })?;
        Ok(Response::Done)
    }

    /// The key in the one encoding that all are kept in, if the caller has its private half.
    fn proven(&self, own: &OwnKey) -> Result<Blob> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let key = ApproverKey::from_spki(&own.public_key)?;
        self.answered(ChallengeKind::Registration, principal.role, &principal.user, &key, &own.proof)?;
        key.to_spki().map(Blob::from)
    }
}

/// Two users with one key could approve together what takes two.
fn check_key_is_new(replica: &Replica, role: Role, name: &UserName, key: &Blob) -> Result<()> {
    let taken = replica.users().any(|(other_role, other, user)| {
        (other_role, other) != (role, name) && user.value.public_key.as_ref() == Some(key)
    });
    if taken {
        return Err(Error::new(
            ReturnCode::ARGUMENTS_BAD,
            "another user has registered this key: each user needs a key of its own",
        ));
    }
    Ok(())
}

fn has_second_factor() -> Error {
    Error::new(
        ReturnCode::ACTION_PROHIBITED,
        "the approver's key is the second factor too, and is changed as that: `strongroom user change-mfa token-sign`",
    )
}
