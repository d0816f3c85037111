//! Users are made, changed and deleted (cloudhsm.md 2.3).

use std::sync::Arc;

use strongroom_model::{Error, Limits, Profile, Result, ReturnCode, Role, Service, UserName};
use strongroom_wire::{Login, Response};

use crate::access::Caller;
use crate::quorum::Approved;
use crate::state::{Change, Counted, Demand, Expect, Key, Policy, Record, Replica, User};

/// The most keys that are unshared when a user is deleted, so that the change stays small.
const MAX_UNSHARED: usize = 4096;

impl Caller<'_> {
    pub(crate) fn create_user(&self, login: &Login) -> Result<Response> {
        let role = login.role;
        let name =
            login.user.clone().ok_or_else(|| Error::new(ReturnCode::ARGUMENTS_BAD, "a user needs a name"))?;
        if !matches!(role, Role::Admin | Role::CryptoUser) {
            return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "a new user's role is admin or crypto-user"));
        }
        self.must_know_the_rules()?;
        self.check_new_password(&login.password)?;
        let user = Arc::new(User::with_password(&login.password)?);
        self.commit(|replica| {
            let approval = self.officers_approval(replica, Service::User)?;
            Ok((self.new_user(replica, role, &name, &user)?.approved(approval), ()))
        })?;
        Ok(Response::Done)
    }

    /// The change that makes a user.
    pub(crate) fn new_user(
        &self,
        replica: &Replica,
        role: Role,
        name: &UserName,
        user: &Arc<User>,
    ) -> Result<Change> {
        self.check_new_name(replica, name)?;
        let most = Limits::under(replica.regime()).users;
        if replica.users().count() >= most {
            return Err(Error::new(
                ReturnCode::DEVICE_MEMORY,
                format!("the cluster has {most} users: delete some"),
            ));
        }
        // A name is one user's, also when it's taken twice at once.
        let other = if role == Role::Admin { Role::CryptoUser } else { Role::Admin };
        let change = Change::default()
            .and_user(role, name, None, Some(Arc::clone(user)))
            .given(Key::User(other, name.clone()), Expect::Absent)
            .demanding(Demand::AtMost(Counted::Users, most));
        Ok(match role {
            Role::CryptoUser => change.and_default_user(replica, name),
            _ => change,
        })
    }

    /// Deletes a user, its tokens and what was counted against it, and takes it off the keys that it shares: a later user
    /// of the name mustn't inherit them.
    pub(crate) fn delete_user(&self, role: Role, name: &UserName) -> Result<Response> {
        self.must_know_the_rules()?;
        self.must_be_away(role, name)?;
        self.commit(|replica| {
            let approval = self.officers_approval(replica, Service::User)?;
            let user = self.user(replica, role, name)?;
            let refused = |why| Err(Error::new(ReturnCode::ACTION_PROHIBITED, why));
            let officers = replica.users().filter(|(role, ..)| *role == Role::Admin).count();
            if role == Role::Admin && officers == 1 {
                return refused("the last officer can't be deleted".to_owned());
            }
            let rests = self.check_officers_without(replica, role, name)?;
            let mut change = Change::default()
                .and_user(role, name, Some(user), None)
                .without_failures(replica, role, name)
                .without_tokens(replica, |token| (token.role, &token.user) == (role, name));
            change.checks.extend(rests);
            if role == Role::CryptoUser {
                if replica.objects().any(|(_, object)| object.value.owner.as_ref() == Some(name)) {
                    return refused(format!("{name} owns keys or other objects: destroy them first"));
                }
                change = without_shares(replica, change, name)?.demanding(Demand::NothingOf(name.clone()));
            }
            if let Some(policy) = replica.policy()
                && role == Role::CryptoUser
                && policy.default_user.as_ref() == Some(name)
            {
                let next =
                    replica.users().find(|(role, other, _)| *role == Role::CryptoUser && *other != name);
                let default_user = next.map(|(_, other, _)| other.clone());
                change = change.and_policy(replica, Policy { default_user, ..(**policy).clone() });
            }
            Ok((change.approved(approval), ()))
        })?;
        Ok(Response::Done)
    }

    pub(crate) fn change_password(&self, login: &Login) -> Result<Response> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let name = login.user.as_ref().unwrap_or(&principal.user);
        let role = login.user.as_ref().map_or(principal.role, |_| login.role);
        let own = (principal.role, &principal.user) == (role, name);
        self.check_new_password(&login.password)?;
        if !own {
            self.must_know_the_rules()?;
            self.must_be_away(role, name)?;
        }
        let own = own.then(|| principal.epoch());
        self.replace_password(role, name, &login.password, own)?;
        Ok(Response::Done)
    }

    /// Sets a password, which voids the user's tickets. An officer's doing also unlocks the user, and takes a second factor
    /// away together with the approver's registration (cloudhsm.md 2.5). `own` is the epoch of who changes its own: when
    /// another password was set meanwhile, the one that it knew is none.
    pub(super) fn replace_password(
        &self,
        role: Role,
        name: &UserName,
        new: &[u8],
        own: Option<u64>,
    ) -> Result<()> {
        let fresh = User::with_password(new)?;
        let (epoch, own) = (own, own.is_some());
        let by_officer = !own || role == Role::Admin;
        self.commit(|replica| {
            let approval =
                if own { Approved::default() } else { self.officers_approval(replica, Service::User)? };
            let old = self.user(replica, role, name)?;
            if epoch.is_some_and(|epoch| epoch != old.value.epoch) {
                return Err(Error::new(
                    ReturnCode::PIN_INCORRECT,
                    format!("somebody else changed the password of {role} {name} meanwhile"),
                ));
            }
            let reset = !own && old.value.mfa;
            let rests = if reset { self.check_approvers_without(replica, role, name)? } else { Vec::new() };
            let user = User {
                failures: if by_officer { 0 } else { old.value.failures },
                public_key: old.value.public_key.clone().filter(|_| !reset),
                mfa: old.value.mfa && !reset,
                ..fresh.clone()
            };
            let mut change = Change::default()
                .and_user(role, name, Some(old), Some(Arc::new(user)))
                .without_tokens(replica, |token| (token.role, &token.user) == (role, name));
            change.checks.extend(rests);
            if by_officer {
                change = change.without_failures(replica, role, name);
            }
            Ok((change.approved(approval), ()))
        })
    }

    /// Under `cloudhsm` a user who is logged in is neither changed by others nor deleted (cloudhsm.md 2.3). What counts
    /// are logins on connections to nodes that can be asked; elsewhere the user's tickets become void instead.
    fn must_be_away(&self, role: Role, name: &UserName) -> Result<()> {
        if self.node.profile() == Profile::CloudHsm
            && (self.node.is_logged_in(role, name) || self.node.port.is_logged_in(role, name))
        {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                format!("{role} {name} is logged in: wait until it has logged out"),
            ));
        }
        Ok(())
    }
}

/// Takes a crypto user off the keys that are shared with it, unless one couldn't be approved any more by as many as it
/// asks for.
fn without_shares(replica: &Replica, mut change: Change, name: &UserName) -> Result<Change> {
    let refused = |why| Err(Error::new(ReturnCode::ACTION_PROHIBITED, why));
    let shared = replica.objects().filter(|(_, object)| object.value.terms.share_with.contains(name));
    for (count, (handle, record)) in shared.enumerate() {
        if count == MAX_UNSHARED {
            return refused(format!("{name} shares more than {MAX_UNSHARED} keys: unshare some first"));
        }
        let object = &record.value;
        let mut terms = object.terms.clone();
        terms.share_with.retain(|sharee| sharee != name);
        // The owner and those who are left.
        if 1 + terms.share_with.len() < usize::from(terms.manage_quorum.max(terms.use_quorum)) {
            return refused(format!(
                "{name} must stay: without it too few users could approve the use or management of key {handle}"
            ));
        }
        let object = object.with_attributes(object.attributes.clone()).with_terms(terms);
        let (expect, object) = (Expect::Version(record.version), Record::Object(Arc::new(object)));
        change = change.and(Key::Object(handle), expect, Some(object));
    }
    Ok(change)
}
