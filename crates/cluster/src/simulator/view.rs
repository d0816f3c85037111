//! What one node knows, as far as it matters for who may do what.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_model::{Handle, NodeId, Profile, Role, UserName};
use strongroom_node::state::{Key, Policy, QuorumToken, Record, Revision, User};
use strongroom_node::{Node, StoredObject};
use strongroom_wire::InstanceId;

use super::records::Content;

/// A node's state at one moment.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) revision: Revision,
    pub(super) policy: Option<Arc<Policy>>,
    pub(super) users: BTreeMap<(Role, UserName), (Revision, Arc<User>)>,
    pub(super) objects: BTreeMap<Handle, (Revision, Arc<StoredObject>)>,
    pub(super) logouts: BTreeMap<InstanceId, Revision>,
    pub(super) tokens: BTreeMap<[u8; 32], Arc<QuorumToken>>,
    failures: BTreeMap<(NodeId, Role, UserName), (Revision, u32)>,
}

impl View {
    pub(super) fn of(node: &Node) -> Self {
        node.read(|replica| {
            let mut view = Self { revision: replica.revision(), ..Self::default() };
            for (key, version, record) in replica.records() {
                view.add(key, version, record);
            }
            view
        })
    }

    /// What a node knows that has caught up.
    pub(super) fn late(content: &Content, node: &Node) -> Self {
        let mut view = Self { revision: node.revision(), ..Self::default() };
        let lagging = content.lags.keys().filter(|(at, _)| *at == node.id()).map(|(_, key)| key);
        for key in content.records.keys().chain(lagging) {
            if let Some(opened) = content.of(node.id(), key) {
                view.add(key.clone(), opened.version, opened.record.clone());
            }
        }
        view
    }

    fn add(&mut self, key: Key, version: Revision, record: Record) {
        match (key, record) {
            (_, Record::Policy(policy)) => self.policy = Some(policy),
            (Key::User(role, name), Record::User(user)) => {
                self.users.insert((role, name), (version, user));
            }
            (Key::Object(handle), Record::Object(object)) => {
                self.objects.insert(handle, (version, object));
            }
            (Key::Revocation(instance), _) => {
                self.logouts.insert(instance, version);
            }
            (Key::Token(id), Record::Token(token)) => {
                self.tokens.insert(id, token);
            }
            (Key::Failures(node, role, name), Record::Failures(count)) => {
                self.failures.insert((node, role, name), (version, count));
            }
            _ => {}
        }
    }

    pub(super) fn profile(&self) -> Profile {
        self.policy.as_ref().map_or_else(Profile::default, |policy| policy.profile)
    }

    pub(super) fn user(&self, role: Role, name: &UserName) -> Option<&Arc<User>> {
        self.users.get(&(role, name.clone())).map(|(_, user)| user)
    }

    /// How many wrong passwords a node holds against a user.
    pub(super) fn count(&self, node: NodeId, role: Role, name: &UserName) -> u32 {
        if self.profile() == Profile::CloudHsm {
            self.failures.get(&(node, role, name.clone())).map_or(0, |(_, count)| *count)
        } else {
            self.user(role, name).map_or(0, |user| user.failures)
        }
    }

    /// What nodes count for themselves against a user.
    pub(super) fn counts(&self, role: Role, name: &UserName) -> impl Iterator<Item = (NodeId, Revision)> {
        self.failures
            .iter()
            .filter(move |((_, found, other), _)| (*found, other) == (role, name))
            .map(|((node, ..), (version, _))| (*node, *version))
    }
}
