//! The cluster's contract, on a store that can be told what to do.

mod backup;
mod certificates;
mod changes;
mod nodes;
mod opening;
mod refusals;
mod replication;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Blob, NodeId, Profile, ReturnCode, Role};
use strongroom_node::Clock;
use strongroom_node::state::{Change, CommitError, Expect, Key, Record, Replica, Revision, User};
use strongroom_store::{MemoryStore, Snapshot, Store, StoreError, Write};

use crate::port::NodePort;
use crate::{Cluster, ClusterError, CreateOptions, Issue};

/// A store in memory that counts, dawdles, panics, and lies about what it holds.
#[derive(Default)]
struct TestStore {
    memory: MemoryStore,
    commits: AtomicUsize,
    changes: AtomicUsize,
    delay: Mutex<Duration>,
    panics: Mutex<bool>,
    edit: Mutex<Option<Edit>>,
}

type Edit = Box<dyn Fn(&mut Snapshot) + Send>;

impl TestStore {
    fn edit(&self, edit: impl Fn(&mut Snapshot) + Send + 'static) {
        *self.edit.lock() = Some(Box::new(edit));
    }

    fn value(&self, key: &[u8]) -> Vec<u8> {
        let records = self.memory.load().unwrap().records;
        records.into_iter().find(|(found, _)| found == key).unwrap().1
    }
}

impl Store for TestStore {
    fn load(&self) -> Result<Snapshot, StoreError> {
        let mut snapshot = self.memory.load()?;
        if let Some(edit) = &*self.edit.lock() {
            edit(&mut snapshot);
        }
        Ok(snapshot)
    }

    fn commit(&self, base: Revision, changes: &[Vec<Write>]) -> Result<Revision, StoreError> {
        let delay = *self.delay.lock();
        std::thread::sleep(delay);
        assert!(!*self.panics.lock(), "told to panic");
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.changes.fetch_add(changes.len(), Ordering::Relaxed);
        self.memory.commit(base, changes)
    }
}

/// A clock that is set by hand.
#[derive(Default)]
struct HandClock(AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A home with one store.
struct Fixture {
    store: Arc<TestStore>,
    clock: Arc<HandClock>,
    root: SealingKey,
}

impl Fixture {
    fn new() -> Self {
        let root = SealingKey::from_bytes(Blob::from([3; 32])).unwrap();
        Self { store: Arc::default(), clock: Arc::default(), root }
    }

    fn create(&self, options: &CreateOptions) -> Result<Cluster, ClusterError> {
        Cluster::create(
            Arc::<TestStore>::clone(&self.store),
            options,
            &self.root,
            Arc::<HandClock>::clone(&self.clock),
        )
    }

    fn open(&self) -> Result<Cluster, ClusterError> {
        self.open_under(&self.root)
    }

    fn open_under(&self, root: &SealingKey) -> Result<Cluster, ClusterError> {
        Cluster::open(Arc::<TestStore>::clone(&self.store), root, Arc::<HandClock>::clone(&self.clock))
    }
}

/// A cluster with an officer and one crypto user, on two nodes.
fn options() -> CreateOptions {
    CreateOptions {
        name: "default".to_owned(),
        nodes: 2,
        first_node: 0,
        profile: Profile::Standard,
        variant: Default::default(),
        officer_password: Some(Blob::from(*b"officer-password")),
        crypto_users: vec![("app".parse().unwrap(), Blob::from(*b"app-password"))],
        uninitialized: false,
        certificates: Issue::Nothing,
    }
}

/// A cluster without users: quick to make, since no password is hashed.
fn empty() -> CreateOptions {
    CreateOptions { officer_password: None, crypto_users: Vec::new(), uninitialized: true, ..options() }
}

fn user_key(name: &str) -> Key {
    Key::User(Role::CryptoUser, name.parse().unwrap())
}

fn user(epoch: u64) -> Option<Record> {
    Some(Record::User(Arc::new(User {
        password: "none".to_owned(),
        epoch,
        failures: 0,
        public_key: None,
        mfa: false,
    })))
}

fn set_user(name: &str, expect: Expect) -> Change {
    Change::of(user_key(name), expect, user(1))
}

/// Everything that a cluster's master and nodes know: keys and versions.
fn content(cluster: &Cluster) -> Vec<(Key, Option<Revision>)> {
    let mut content: Vec<_> =
        cluster.ledger.read(|state| state.keys().map(|key| (key.clone(), state.version(&key))).collect());
    content.sort();
    content
}

const ZERO: NodeId = NodeId(0);
const ONE: NodeId = NodeId(1);

/// What a node has of a user: the epoch.
fn epoch(cluster: &Cluster, node: NodeId, name: &str) -> Option<u64> {
    let nodes = cluster.nodes();
    let node = nodes.iter().find(|found| found.id() == node).expect("the node runs");
    match node.read(|state| state.get(&user_key(name)))?.1 {
        Record::User(user) => Some(user.epoch),
        other => panic!("{other:?}"),
    }
}

fn write(cluster: &Cluster, name: &str, epoch: u64) {
    cluster.ledger.commit(Change::of(user_key(name), Expect::Anything, user(epoch))).unwrap();
}

fn port(cluster: &Cluster, node: NodeId) -> Arc<NodePort> {
    NodePort::new(cluster.ledger.clone(), cluster.ledger.link(node).unwrap())
}

/// That every node that runs has what was committed.
fn all_equal(cluster: &Cluster) -> bool {
    cluster.nodes().iter().all(|node| {
        let mut keys: Vec<_> =
            node.read(|state| state.keys().map(|key| (key.clone(), state.version(&key))).collect());
        keys.sort();
        keys == content(cluster) && node.revision() == cluster.info().revision
    })
}

fn code(error: CommitError) -> ReturnCode {
    match error {
        CommitError::Conflict => panic!("a conflict"),
        CommitError::Failed(error) => error.code,
    }
}

fn revisions(cluster: &Cluster) -> Vec<u64> {
    let nodes = cluster.nodes();
    nodes.iter().map(|node| node.revision()).chain([cluster.ledger.read(Replica::revision)]).collect()
}
