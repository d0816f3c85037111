//! How many approvals officers need, and how long tokens live (cloudhsm.md 3.2).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use strongroom_model::{Blob, Error, Result, ReturnCode, Role, Service, UserName};
use strongroom_wire::{QuorumSettings, Response};

use super::{Approved, messages, token};
use crate::access::Caller;
use crate::state::{Change, Expect, Key, Policy, Replica, User, Versioned};

/// How long tokens may live, in seconds.
const TIMEOUTS: RangeInclusive<u32> = 1..=86_400;

impl Caller<'_> {
    pub(crate) fn quorum_settings(&self) -> Response {
        Response::QuorumSettings(token::settings(&self.node.replica.read()))
    }

    /// Sets how many must approve what a service gates. There must be as many registered officers, or else nobody could
    /// ever administer the cluster again.
    pub(crate) fn set_quorum_value(&self, service: Service, value: u8) -> Result<Response> {
        if service.is_for_a_key() {
            return Err(Error::new(
                ReturnCode::ARGUMENTS_BAD,
                format!(
                    "keys have quorum values of their own; {service} has none: name user, quorum or cluster"
                ),
            ));
        }
        if !(1..=QuorumSettings::MAX).contains(&value) {
            return Err(messages::invalid_value());
        }
        self.change_settings(|replica, settings| {
            let registered = approvers(replica, None).len();
            if value > 1 && registered < usize::from(value) {
                return Err(Error::new(
                    ReturnCode::ARGUMENTS_BAD,
                    format!(
                        "{value} approvals take {value} officers who are registered for quorum, and there are {registered}: \
                         `strongroom user change-quorum token-sign register`"
                    ),
                ));
            }
            let mut approved = self.officers_approval(replica, Service::Quorum)?;
            // Those who are counted on must still be there when it's committed.
            for (name, record) in approvers(replica, None).into_values().take(usize::from(value)) {
                let key = Key::User(Role::Admin, name.clone());
                approved = approved.given(key, Expect::Version(record.version));
            }
            match service {
                Service::User => settings.user = value,
                Service::Quorum => settings.quorum = value,
                _ => settings.cluster = value,
            }
            Ok(approved)
        })
    }

    /// Sets how long tokens live; holds for those that there are, too.
    pub(crate) fn set_quorum_timeouts(
        &self,
        generated: Option<u32>,
        approved: Option<u32>,
    ) -> Result<Response> {
        if [generated, approved].into_iter().flatten().any(|seconds| !TIMEOUTS.contains(&seconds)) {
            let (least, most) = (TIMEOUTS.start(), TIMEOUTS.end());
            return Err(Error::new(
                ReturnCode::ARGUMENTS_BAD,
                format!("a quorum token may live for {least} to {most} seconds"),
            ));
        }
        self.change_settings(|replica, settings| {
            settings.generated = generated.unwrap_or(settings.generated);
            settings.approved = approved.unwrap_or(settings.approved);
            self.of_this_officer(replica, Approved::default())
        })
    }

    fn change_settings(
        &self,
        change: impl Fn(&Replica, &mut QuorumSettings) -> Result<Approved>,
    ) -> Result<Response> {
        self.must_know_the_rules()?;
        self.commit(|replica| {
            let policy = replica.policy().ok_or(ReturnCode::FUNCTION_FAILED)?;
            let mut quorum = policy.quorum;
            let approval = change(replica, &mut quorum)?;
            let policy = Policy { quorum, ..(**policy).clone() };
            Ok((Change::default().and_policy(replica, policy).approved(approval), ()))
        })?;
        Ok(Response::Done)
    }

    /// As [`Self::approval`], for what officers do. It holds for as long as the policy does, and the officer.
    ///
    /// # Errors
    ///
    /// `CKR_USER_NOT_LOGGED_IN` for an officer who isn't one any more, besides.
    pub(crate) fn officers_approval(&self, replica: &Replica, service: Service) -> Result<Approved> {
        let needed = token::settings(replica).of(service).unwrap_or(1);
        self.of_this_officer(replica, self.approval(replica, service, None, needed)?)
    }

    /// Lets what is approved rest on the policy too, and on the officer who does it: two officers who delete each other
    /// mustn't both succeed, nor one act on who has just been deleted, or whose quorum value has just been raised.
    fn of_this_officer(&self, replica: &Replica, approved: Approved) -> Result<Approved> {
        let policy = replica.policy_version().map_or(Expect::Absent, Expect::Version);
        let approved = approved.given(Key::Policy, policy);
        let Some(principal) = self.principal.filter(|principal| principal.role == Role::Admin) else {
            return Ok(approved);
        };
        let record = replica
            .user(principal.role, &principal.user)
            .filter(|record| record.value.epoch == principal.epoch())
            .ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let key = Key::User(principal.role, principal.user.clone());
        Ok(approved.given(key, Expect::Version(record.version)))
    }

    /// Refuses to delete an approver without whom there would be fewer than a service asks for. What that rests on: the
    /// approvers who are left, and one officer at least, since anybody may activate a cluster that has none.
    pub(crate) fn check_officers_without(
        &self,
        replica: &Replica,
        role: Role,
        name: &UserName,
    ) -> Result<Vec<(Key, Expect)>> {
        let mut rests = self.check_approvers_without(replica, role, name)?;
        let other = replica.users().find(|(other_role, other, _)| {
            role == Role::Admin && *other_role == Role::Admin && *other != name
        });
        rests.extend(other.map(|(_, other, _)| (Key::User(Role::Admin, other.clone()), Expect::Present)));
        Ok(rests)
    }

    /// Refuses to take an approver's key away without whom there would be fewer than a service asks for, so that nobody
    /// could administer the cluster any more. What that rests on: the approvers who are left.
    pub(crate) fn check_approvers_without(
        &self,
        replica: &Replica,
        role: Role,
        name: &UserName,
    ) -> Result<Vec<(Key, Expect)>> {
        let registered = replica.user(role, name).is_some_and(|user| user.value.public_key.is_some());
        let settings = token::settings(replica);
        let needed = settings.user.max(settings.quorum).max(settings.cluster);
        if role != Role::Admin || !registered || needed <= 1 {
            return Ok(Vec::new());
        }
        let others = approvers(replica, Some(name));
        let left = others.len();
        let counted_on = others.into_values().take(usize::from(needed));
        let rests = counted_on
            .map(|(name, record)| (Key::User(Role::Admin, name.clone()), Expect::Version(record.version)))
            .collect();
        if left < usize::from(needed) {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                format!(
                    "without {name} there would be {left} officers to approve what takes {needed}: register another, or set \
                     lower quorum values, first"
                ),
            ));
        }
        Ok(rests)
    }
}

/// The officers that can approve, each by a key of its own, but for one.
fn approvers<'r>(
    replica: &'r Replica,
    but: Option<&UserName>,
) -> BTreeMap<&'r Blob, (&'r UserName, &'r Versioned<Arc<User>>)> {
    let officers = replica.users().filter(|(role, name, _)| *role == Role::Admin && Some(*name) != but);
    officers.filter_map(|(_, name, user)| Some((user.value.public_key.as_ref()?, (name, user)))).collect()
}
