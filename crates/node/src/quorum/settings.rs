//! How many approvals officers need, and how long tokens live (cloudhsm.md 3.2).

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use strongroom_model::{Error, Result, ReturnCode, Role, Service, UserName};
use strongroom_wire::{QuorumSettings, Response};

use super::{messages, token};
use crate::access::Caller;
use crate::state::{Change, Policy, Replica, Write};

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
            let registered = registered_officers(replica, None);
            if value > 1 && registered < usize::from(value) {
                return Err(Error::new(
                    ReturnCode::ARGUMENTS_BAD,
                    format!(
                        "{value} approvals take {value} officers who are registered for quorum, and there are {registered}: \
                         `strongroom user change-quorum token-sign register`"
                    ),
                ));
            }
            let approval = self.officers_approval(replica, Service::Quorum)?;
            match service {
                Service::User => settings.user = value,
                Service::Quorum => settings.quorum = value,
                _ => settings.cluster = value,
            }
            Ok(approval)
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
        self.change_settings(|_, settings| {
            settings.generated = generated.unwrap_or(settings.generated);
            settings.approved = approved.unwrap_or(settings.approved);
            Ok(None)
        })
    }

    fn change_settings(
        &self,
        change: impl Fn(&Replica, &mut QuorumSettings) -> Result<Option<Write>>,
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

    /// As [`Self::approval`], for what officers do.
    pub(crate) fn officers_approval(&self, replica: &Replica, service: Service) -> Result<Option<Write>> {
        let needed = token::settings(replica).of(service).unwrap_or(1);
        self.approval(replica, service, None, needed)
    }

    /// Refuses to delete an approver without whom there would be fewer than a service asks for.
    pub(crate) fn check_approvers_without(
        &self,
        replica: &Replica,
        role: Role,
        name: &UserName,
    ) -> Result<()> {
        let registered = replica.user(role, name).is_some_and(|user| user.value.public_key.is_some());
        let settings = token::settings(replica);
        let needed = settings.user.max(settings.quorum).max(settings.cluster);
        if role != Role::Admin || !registered || needed <= 1 {
            return Ok(());
        }
        let left = registered_officers(replica, Some(name));
        if left < usize::from(needed) {
            return Err(Error::new(
                ReturnCode::ACTION_PROHIBITED,
                format!(
                    "without {name} there would be {left} officers to approve what takes {needed}: register another, or set \
                     lower quorum values, first"
                ),
            ));
        }
        Ok(())
    }
}

/// How many officers can approve, each with a key of its own, but for one.
fn registered_officers(replica: &Replica, but: Option<&UserName>) -> usize {
    let officers = replica.users().filter(|(role, name, _)| *role == Role::Admin && Some(*name) != but);
    officers.filter_map(|(.., user)| user.value.public_key.as_ref()).collect::<BTreeSet<_>>().len()
}
