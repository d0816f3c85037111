//! Who may do what, once more, by what a node holds: small, and independent of the nodes' own tables.

use std::collections::BTreeSet;

use strongroom_model::{Handle, NodeId, Profile, Role, Service, UserName};
use strongroom_node::StoredObject;

use super::client::Login;
use super::view::View;

/// Wrong passwords in a row that lock a user.
const LOCKED: u32 = 10;
/// Under `cloudhsm`: more than five (cloudhsm.md 2.3).
const LOCKED_CLOUDHSM: u32 = 6;

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) enum Wish<'a> {
    /// To get in, with a password that is right or isn't.
    LogIn { node: NodeId, role: Role, user: &'a UserName, right: bool },
    /// To do what takes a login.
    BeSomebody,
    /// To make keys.
    Make,
    /// To know that there is an object.
    See(Handle),
    /// To use a key; by how many approvals.
    Use(Handle, usize),
    /// To change, share or destroy an object; by how many approvals.
    Manage(Handle, usize),
    /// To share a key with a user.
    ShareWith(Handle, &'a UserName, usize),
    /// To do what officers do; what a service guards, by how many approvals.
    Officer(Option<Service>, usize),
}

impl View {
    /// Whether the table allows it.
    pub(super) fn allows(&self, who: Option<&Login>, wish: &Wish<'_>) -> bool {
        let crypto_user = who.filter(|login| login.role == Role::CryptoUser).map(|login| &login.user);
        match wish {
            Wish::LogIn { node, role, user, right } => {
                let limit = if self.profile() == Profile::CloudHsm { LOCKED_CLOUDHSM } else { LOCKED };
                *right && self.user(*role, user).is_some() && self.count(*node, *role, user) < limit
            }
            Wish::BeSomebody => who.is_some(),
            Wish::Make => crypto_user.is_some(),
            Wish::See(handle) => self.object(*handle).is_some_and(|object| {
                who.is_some_and(|login| login.role == Role::Admin)
                    || crypto_user.is_some_and(|user| shares(object, user))
            }),
            Wish::Use(handle, approvals) => self.object(*handle).is_some_and(|object| {
                crypto_user.is_some_and(|user| shares(object, user))
                    && enough(object.terms.use_quorum, *approvals)
            }),
            Wish::Manage(handle, approvals) => self.object(*handle).is_some_and(|object| {
                crypto_user.is_some_and(|user| owns(object, user))
                    && enough(object.terms.manage_quorum, *approvals)
            }),
            Wish::ShareWith(handle, with, approvals) => {
                self.allows(who, &Wish::Manage(*handle, *approvals))
                    && self.user(Role::CryptoUser, with).is_some()
                    && crypto_user != Some(with)
            }
            Wish::Officer(service, approvals) => {
                who.is_some_and(|login| login.role == Role::Admin)
                    && service.is_none_or(|service| enough(self.needed(service), *approvals))
            }
        }
    }

    /// Whether it takes more than one approval.
    pub(super) fn asks_for_approval(&self, wish: &Wish<'_>) -> bool {
        match wish {
            Wish::Use(handle, _) => self.object(*handle).is_some_and(|object| object.terms.use_quorum > 1),
            Wish::Manage(handle, _) | Wish::ShareWith(handle, ..) => {
                self.object(*handle).is_some_and(|object| object.terms.manage_quorum > 1)
            }
            Wish::Officer(Some(service), _) => self.needed(*service) > 1,
            _ => false,
        }
    }

    /// How many approvals these users' signatures come to: none if one of them isn't there.
    pub(super) fn approvals(&self, role: Role, signers: &[UserName]) -> usize {
        let keys: Option<BTreeSet<_>> =
            signers.iter().map(|name| self.user(role, name)?.public_key.clone()).collect();
        keys.map_or(0, |keys| keys.len())
    }

    fn needed(&self, service: Service) -> u8 {
        self.policy.as_ref().and_then(|policy| policy.quorum.of(service)).unwrap_or(1)
    }

    fn object(&self, handle: Handle) -> Option<&StoredObject> {
        self.objects.get(&handle).map(|(_, object)| &**object)
    }
}

fn owns(object: &StoredObject, user: &UserName) -> bool {
    object.owner.as_ref() == Some(user)
}

fn shares(object: &StoredObject, user: &UserName) -> bool {
    owns(object, user) || object.terms.share_with.contains(user)
}

fn enough(needed: u8, approvals: usize) -> bool {
    needed <= 1 || approvals >= usize::from(needed)
}
