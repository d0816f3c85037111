//! The users as this node sees them (cloudhsm.md 2.4).

use std::collections::HashMap;

use strongroom_model::{Profile, Role, UserName};
use strongroom_wire::{Response, UserInfo};

use super::{APPLIANCE, OFFICER};
use crate::access::Caller;
use crate::node::{Node, PasswordLimits};
use crate::state::Replica;

impl Caller<'_> {
    /// Users by role and name; before activation the admin that isn't one yet; and the appliance user.
    pub(crate) fn list_users(&self) -> Response {
        let listed: Vec<(Role, UserName)> = {
            let replica = self.node.replica.read();
            replica.users().map(|(role, name, _)| (role, name.clone())).collect()
        };
        let uncommitted: HashMap<_, _> = listed
            .into_iter()
            .map(|(role, name)| {
                let count = self.node.uncommitted_failures(role, &name);
                ((role, name), count)
            })
            .collect();
        let replica = self.node.replica.read();
        let limit = PasswordLimits::of(replica.profile()).failures;
        let synthetic = |name: &str, role| {
            let name = UserName::try_from(name.to_owned()).ok()?;
            Some(UserInfo { name, role, locked: false, mfa: false, quorum: false })
        };
        let mut users: Vec<UserInfo> = Vec::new();
        if !replica.is_initialized() {
            users.extend(synthetic(OFFICER, Role::UnactivatedAdmin));
        }
        users.extend(replica.users().map(|(role, name, user)| {
            let failures = self.node.recorded_failures(&replica, role, name)
                + uncommitted.get(&(role, name.clone())).copied().unwrap_or(0);
            UserInfo {
                name: name.clone(),
                role,
                locked: failures >= limit,
                mfa: user.value.mfa,
                quorum: user.value.public_key.is_some(),
            }
        }));
        users.extend(synthetic(APPLIANCE, Role::Appliance));
        Response::Users(users)
    }
}

impl Node {
    /// Wrong passwords since the last right one, as far as they're committed: those of this node where nodes count for
    /// themselves, else those of all.
    pub(crate) fn recorded_failures(&self, replica: &Replica, role: Role, name: &UserName) -> u32 {
        match replica.profile() {
            Profile::CloudHsm => replica.failures_on(self.id, role, name).map_or(0, |count| count.value),
            Profile::Standard | Profile::Strict => {
                replica.user(role, name).map_or(0, |user| user.value.failures)
            }
        }
    }

    /// Wrong passwords that this node couldn't commit, since it was cut off. Not to be asked with a lock on the replica.
    pub fn uncommitted_failures(&self, role: Role, name: &UserName) -> u32 {
        let epoch = self.replica.read().user(role, name).map(|user| user.value.epoch);
        epoch.map_or(0, |epoch| self.desk.guesses.uncommitted(role, name, epoch))
    }
}
