//! Users: who they are, what they may ask for, how they're managed (cloudhsm.md 2).

mod activate;
mod guesses;
mod list;
mod login;
mod manage;
mod mfa;
pub(crate) mod permissions;
mod pins;
mod present;

use std::sync::Arc;

use strongroom_model::{Error, Profile, Result, ReturnCode, Role, UserName};

use crate::access::Caller;
use crate::node::PasswordLimits;
use crate::quorum::Challenges;
use crate::state::{Change, Expect, Key, Policy, Record, Replica, User, Versioned};

pub(crate) use guesses::Guesses;
pub(crate) use present::{Present, Seat};

/// The officer that a cluster begins with, and that `CKU_SO` means.
pub(crate) const OFFICER: &str = "admin";
/// The user that nodes copy state as; listed only (cloudhsm.md 2.1).
const APPLIANCE: &str = "app_user";

/// What one node knows of users by itself, and forgets when it ends.
#[derive(Default)]
pub(crate) struct Desk {
    /// Wrong passwords, as far as they aren't committed.
    pub(crate) guesses: Guesses,
    /// Who is logged in on its connections.
    pub(crate) present: Present,
    /// What it gave out to be signed.
    pub(crate) challenges: Challenges,
}

impl Caller<'_> {
    /// Refuses on a node that has missed a change of the policy or of who asks: it would decide for the whole cluster by
    /// what holds no longer, and need fewer approvals, or serve an officer who isn't one any more (attacks.md A34).
    pub(crate) fn must_know_the_rules(&self) -> Result<()> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let own = Key::User(principal.role, principal.user.clone());
        self.node.port.must_be_up_to_date(&[Key::Policy, own])
    }

    fn check_new_password(&self, password: &[u8]) -> Result<()> {
        let limits = PasswordLimits::of(self.node.profile());
        if (limits.min as usize..=limits.max as usize).contains(&password.len()) {
            Ok(())
        } else {
            Err(Error::new(
                ReturnCode::PIN_LEN_RANGE,
                format!("a password has {} to {} bytes here", limits.min, limits.max),
            ))
        }
    }

    /// Refuses names that can't be a new user's. A name is one user's, whatever the roles (cloudhsm.md 2.3).
    fn check_new_name(&self, replica: &Replica, name: &UserName) -> Result<()> {
        if replica.users().any(|(_, taken, _)| taken == name) {
            return Err(taken(name));
        }
        check_name(replica.profile(), name)
    }

    /// The present record of who asks, while the login holds: a password may have been hashed since that was looked at.
    fn own_user<'r>(&self, replica: &'r Replica) -> Result<&'r Versioned<Arc<User>>> {
        let record = self.principal.and_then(|principal| {
            let record = replica.user(principal.role, &principal.user)?;
            (record.value.epoch == principal.epoch()).then_some(record)
        });
        record.ok_or_else(|| ReturnCode::USER_NOT_LOGGED_IN.into())
    }

    /// The present user, or why there's none.
    fn user<'r>(
        &self,
        replica: &'r Replica,
        role: Role,
        name: &UserName,
    ) -> Result<&'r Versioned<Arc<User>>> {
        replica
            .user(role, name)
            .ok_or_else(|| Error::new(ReturnCode::ARGUMENTS_BAD, format!("there is no {role} {name}")))
    }
}

/// Refuses names that no new user of a cluster may have: the appliance user's, and under `cloudhsm` those with other
/// characters than letters, digits and `_` (cloudhsm.md 2.3).
///
/// # Errors
///
/// `CKR_ARGUMENTS_BAD`.
pub fn check_name(profile: Profile, name: &UserName) -> Result<()> {
    if name.as_str() == APPLIANCE {
        return Err(taken(name));
    }
    let odd = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'_';
    if profile == Profile::CloudHsm && name.as_str().bytes().any(odd) {
        let why = format!(
            "the user name {name} isn't possible under the profile `cloudhsm`: it has letters, digits and _"
        );
        return Err(Error::new(ReturnCode::ARGUMENTS_BAD, why));
    }
    Ok(())
}

fn taken(name: &UserName) -> Error {
    Error::new(ReturnCode::ARGUMENTS_BAD, format!("there is a user {name} already"))
}

impl Change {
    /// Writes a user over the one that was read, or as a new one.
    fn and_user(
        self,
        role: Role,
        name: &UserName,
        old: Option<&Versioned<Arc<User>>>,
        new: Option<Arc<User>>,
    ) -> Self {
        let expect = old.map_or(Expect::Absent, |old| Expect::Version(old.version));
        self.and(Key::User(role, name.clone()), expect, new.map(Record::User))
    }

    pub(crate) fn and_policy(self, replica: &Replica, policy: Policy) -> Self {
        let expect = replica.policy_version().map_or(Expect::Absent, Expect::Version);
        self.and(Key::Policy, expect, Some(Record::Policy(Arc::new(policy))))
    }

    /// Makes the first crypto user the one whom a PIN without a colon is for.
    fn and_default_user(self, replica: &Replica, name: &UserName) -> Self {
        match replica.policy() {
            Some(policy) if policy.default_user.is_none() => {
                let policy = Policy { default_user: Some(name.clone()), ..(**policy).clone() };
                self.and_policy(replica, policy)
            }
            _ => self,
        }
    }

    /// Forgets what nodes have counted against a user, each for itself.
    fn without_failures(self, replica: &Replica, role: Role, name: &UserName) -> Self {
        replica.failures_of(role, name).fold(self, |change, (node, version)| {
            change.and(Key::Failures(node, role, name.clone()), Expect::Version(version), None)
        })
    }
}
