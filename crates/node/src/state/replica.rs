//! A replica: the cluster's state in memory, with indexes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use strongroom_model::{
    AttributeType, Attributes, Handle, NodeId, ObjectClass, Profile, Regime, Role, UserName,
};
use strongroom_wire::InstanceId;

use super::index::Index;
use super::{
    Change, ClientTrust, Identity, Key, Pending, Policy, QuorumToken, Record, Revision, Revocation, User,
};
use crate::object::StoredObject;

/// A record and the revision that wrote it.
#[derive(Clone, Debug)]
pub(crate) struct Versioned<T> {
    pub(crate) version: Revision,
    pub(crate) value: T,
}

impl<T: Clone> Versioned<T> {
    fn as_record(&self, record: impl FnOnce(T) -> Record) -> (Revision, Record) {
        (self.version, record(self.value.clone()))
    }
}

/// The cluster's state at one revision. Changes are applied in order, each whole.
#[derive(Debug, Default)]
pub struct Replica {
    pub(super) revision: Revision,
    policy: Option<Versioned<Arc<Policy>>>,
    users: BTreeMap<(Role, UserName), Versioned<Arc<User>>>,
    objects: HashMap<Handle, Versioned<Arc<StoredObject>>>,
    revocations: HashMap<InstanceId, Versioned<Revocation>>,
    tokens: HashMap<[u8; 32], Versioned<Arc<QuorumToken>>>,
    failures: HashMap<(NodeId, Role, UserName), Versioned<u32>>,
    identity: Option<Versioned<Arc<Identity>>>,
    client_trust: Option<Versioned<Arc<ClientTrust>>>,
    index: Index,
}

impl Replica {
    /// The state that is made of these records, each with its version.
    pub fn load(revision: Revision, records: impl IntoIterator<Item = (Key, Revision, Record)>) -> Self {
        let mut replica = Self { revision, ..Self::default() };
        for (key, version, record) in records {
            replica.put(key, version, record);
        }
        replica
    }

    /// The number of the last change applied.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Whether a change still finds what it builds on, and leaves what it demands.
    pub fn permits(&self, change: &Change) -> bool {
        let written = change.writes.iter().map(|write| (&write.key, write.expect));
        let checked = change.checks.iter().map(|(key, expect)| (key, *expect));
        let mut own = Pending::default();
        change.writes.iter().for_each(|write| own.note(&write.key, write.record.as_ref()));
        written.chain(checked).all(|(key, expect)| expect.is_met(self.version(key)))
            && change.demands.iter().all(|demand| demand.holds(self, &Pending::default(), &own))
    }

    /// The revision that last wrote a record.
    pub fn version(&self, key: &Key) -> Option<Revision> {
        match key {
            Key::Policy => self.policy.as_ref().map(|record| record.version),
            Key::User(role, name) => self.users.get(&(*role, name.clone())).map(|record| record.version),
            Key::Object(handle) => self.objects.get(handle).map(|record| record.version),
            Key::Revocation(instance) => self.revocations.get(instance).map(|record| record.version),
            Key::Token(id) => self.tokens.get(id).map(|record| record.version),
            Key::Failures(node, role, name) => {
                self.failures.get(&(*node, *role, name.clone())).map(|record| record.version)
            }
            Key::Identity => self.identity.as_ref().map(|record| record.version),
            Key::ClientTrust => self.client_trust.as_ref().map(|record| record.version),
        }
    }

    /// A record and the revision that last wrote it.
    pub fn get(&self, key: &Key) -> Option<(Revision, Record)> {
        match key {
            Key::Policy => self.policy.as_ref().map(|found| found.as_record(Record::Policy)),
            Key::User(role, name) => self.user(*role, name).map(|found| found.as_record(Record::User)),
            Key::Object(handle) => self.objects.get(handle).map(|found| found.as_record(Record::Object)),
            Key::Revocation(instance) => {
                self.revocations.get(instance).map(|found| found.as_record(Record::Revocation))
            }
            Key::Token(id) => self.tokens.get(id).map(|found| found.as_record(Record::Token)),
            Key::Failures(node, role, name) => {
                self.failures_on(*node, *role, name).map(|found| found.as_record(Record::Failures))
            }
            Key::Identity => self.identity.as_ref().map(|found| found.as_record(Record::Identity)),
            Key::ClientTrust => self.client_trust.as_ref().map(|found| found.as_record(Record::ClientTrust)),
        }
    }

    /// All records with their versions, in no order.
    pub fn records(&self) -> impl Iterator<Item = (Key, Revision, Record)> {
        // A million objects are told of without looking each up.
        let objects = self.objects.iter().map(|(handle, found)| {
            let (version, record) = found.as_record(Record::Object);
            (Key::Object(*handle), version, record)
        });
        let others = self.keys_but_objects().filter_map(|key| {
            let (version, record) = self.get(&key)?;
            Some((key, version, record))
        });
        others.chain(objects)
    }

    /// The keys of all records, in no order.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.keys_but_objects().chain(self.objects.keys().map(|handle| Key::Object(*handle)))
    }

    fn keys_but_objects(&self) -> impl Iterator<Item = Key> {
        let policy = self.policy.iter().map(|_| Key::Policy);
        let users = self.users.keys().map(|(role, name)| Key::User(*role, name.clone()));
        let revocations = self.revocations.keys().map(|instance| Key::Revocation(*instance));
        let tokens = self.tokens.keys().map(|id| Key::Token(*id));
        let failures =
            self.failures.keys().map(|(node, role, name)| Key::Failures(*node, *role, name.clone()));
        let identity = self.identity.iter().map(|_| Key::Identity);
        let trust = self.client_trust.iter().map(|_| Key::ClientTrust);
        policy.chain(users).chain(revocations).chain(tokens).chain(failures).chain(identity).chain(trust)
    }

    /// Logouts whose last ticket has expired by `now`: they may be deleted.
    pub fn expired_revocations(&self, now: u64) -> impl Iterator<Item = InstanceId> {
        self.revocations
            .iter()
            .filter(move |(_, record)| record.value.expires < now)
            .map(|(instance, _)| *instance)
    }

    /// The policy; `None` before the cluster was made.
    pub fn policy(&self) -> Option<&Arc<Policy>> {
        self.policy.as_ref().map(|record| &record.value)
    }

    /// The cluster's key and certificates, if it has any.
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref().map(|record| &record.value)
    }

    /// Which clients are accepted by their certificates; `None` while all are.
    pub fn client_trust(&self) -> Option<&Arc<ClientTrust>> {
        self.client_trust.as_ref().map(|record| &record.value)
    }

    /// What the cluster allows.
    pub fn regime(&self) -> Regime {
        self.policy().map_or_else(Regime::default, |policy| Regime {
            profile: policy.profile,
            variant: policy.variant,
        })
    }

    /// What the cluster allows.
    pub fn profile(&self) -> Profile {
        self.policy().map_or_else(Profile::default, |policy| policy.profile)
    }

    /// Number of token objects.
    pub fn object_count(&self) -> usize {
        self.objects.len()
    }

    /// Number of token objects of a class.
    pub(crate) fn count_of(&self, class: ObjectClass) -> usize {
        self.index.count(AttributeType::CLASS, class.to_ck())
    }

    /// Whether there is an officer, that is, whether the token is initialised.
    pub fn is_initialized(&self) -> bool {
        self.users.keys().any(|(role, _)| *role == Role::Admin)
    }

    pub(crate) fn policy_version(&self) -> Option<Revision> {
        self.policy.as_ref().map(|record| record.version)
    }

    pub(crate) fn user(&self, role: Role, name: &UserName) -> Option<&Versioned<Arc<User>>> {
        self.users.get(&(role, name.clone()))
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = (Role, &UserName, &Versioned<Arc<User>>)> {
        self.users.iter().map(|((role, name), user)| (*role, name, user))
    }

    pub(crate) fn object(&self, handle: Handle) -> Option<&Versioned<Arc<StoredObject>>> {
        self.objects.get(&handle)
    }

    /// The revision of an instance's last logout: its tickets from before are void.
    pub(crate) fn revoked_at(&self, instance: InstanceId) -> Option<Revision> {
        self.revocations.get(&instance).map(|record| record.version)
    }

    /// A quorum token, by SHA-256 of its `approval_data`.
    pub(crate) fn token(&self, id: &[u8; 32]) -> Option<&Versioned<Arc<QuorumToken>>> {
        self.tokens.get(id)
    }

    /// The quorum tokens, in no order.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = (&[u8; 32], &Versioned<Arc<QuorumToken>>)> {
        self.tokens.iter()
    }

    /// How many wrong passwords a node has counted by itself, and the record that says so.
    pub(crate) fn failures_on(&self, node: NodeId, role: Role, name: &UserName) -> Option<&Versioned<u32>> {
        self.failures.get(&(node, role, name.clone()))
    }

    /// The nodes that have counted wrong passwords for a user by themselves, and the records that say so.
    pub(crate) fn failures_of(
        &self,
        role: Role,
        name: &UserName,
    ) -> impl Iterator<Item = (NodeId, Revision)> {
        let of = move |key: &&(NodeId, Role, UserName)| (key.1, &key.2) == (role, name);
        self.failures.keys().filter(of).map(|key| (key.0, self.failures[key].version))
    }

    /// Token objects, in no order.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (Handle, &Versioned<Arc<StoredObject>>)> {
        self.objects.iter().map(|(handle, object)| (*handle, object))
    }

    /// Handles behind `after` of objects that may match a template, ascending: a superset, narrowed by the
    /// most selective index that applies.
    pub(crate) fn candidates(
        &self,
        template: &Attributes,
        after: Option<Handle>,
    ) -> Box<dyn Iterator<Item = Handle> + '_> {
        self.index.candidates(template, after)
    }

    pub(super) fn put(&mut self, key: Key, version: Revision, record: Record) {
        match (key, record) {
            (Key::Policy, Record::Policy(value)) => self.policy = Some(Versioned { version, value }),
            (Key::User(role, name), Record::User(value)) => {
                self.users.insert((role, name), Versioned { version, value });
            }
            (Key::Object(handle), Record::Object(value)) => {
                if let Some(old) =
                    self.objects.insert(handle, Versioned { version, value: Arc::clone(&value) })
                {
                    self.index.remove(handle, &old.value.attributes);
                }
                self.index.insert(handle, &value.attributes);
            }
            (Key::Revocation(instance), Record::Revocation(value)) => {
                self.revocations.insert(instance, Versioned { version, value });
            }
            (Key::Token(id), Record::Token(value)) => {
                self.tokens.insert(id, Versioned { version, value });
            }
            (Key::Failures(node, role, name), Record::Failures(value)) => {
                self.failures.insert((node, role, name), Versioned { version, value });
            }
            (Key::Identity, Record::Identity(value)) => self.identity = Some(Versioned { version, value }),
            (Key::ClientTrust, Record::ClientTrust(value)) => {
                self.client_trust = Some(Versioned { version, value });
            }
            // What is read from the store and what is sent to nodes is checked for this before.
            (key, _) => debug_assert!(false, "a record of another kind under {key:?}"),
        }
    }

    pub(super) fn delete(&mut self, key: &Key) {
        match key {
            Key::Policy => self.policy = None,
            Key::User(role, name) => {
                self.users.remove(&(*role, name.clone()));
            }
            Key::Object(handle) => {
                if let Some(old) = self.objects.remove(handle) {
                    self.index.remove(*handle, &old.value.attributes);
                }
            }
            Key::Revocation(instance) => {
                self.revocations.remove(instance);
            }
            Key::Token(id) => {
                self.tokens.remove(id);
            }
            Key::Failures(node, role, name) => {
                self.failures.remove(&(*node, *role, name.clone()));
            }
            Key::Identity => self.identity = None,
            Key::ClientTrust => self.client_trust = None,
        }
    }
}
