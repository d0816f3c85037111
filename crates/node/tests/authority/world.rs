//! A cluster of several nodes in memory.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Error, Handle, NodeId, Profile, Result, ReturnCode, Role, Service, UserName};
use strongroom_node::state::*;
use strongroom_node::{Clock, Node, NodeParts};
use strongroom_wire::*;

use crate::common::{APP, Client, OFFICER, OTHER, Time};
use crate::people::{name, signer};

/// Officers of the cluster; all have the password [`OFFICER`].
pub(crate) const OFFICERS: [&str; 4] = ["admin", "olga", "otto", "oscar"];

pub(crate) struct Cluster {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) time: Arc<Time>,
}

/// What all nodes share.
pub(crate) struct Ledger {
    state: Mutex<Replica>,
    nodes: OnceLock<Vec<Arc<Node>>>,
    handles: AtomicU64,
    cut: Vec<AtomicBool>,
    /// What nodes haven't heard of.
    pub(crate) missed: Mutex<Vec<Key>>,
    /// Whether the store refuses all changes.
    pub(crate) broken: AtomicBool,
    pub(crate) commits: AtomicUsize,
    /// What happens just before the next change is committed, when it has been decided on.
    meanwhile: Mutex<Option<Meanwhile>>,
}

type Meanwhile = Box<dyn FnOnce() + Send>;

struct NodePort(Arc<Ledger>, usize);

impl Ledger {
    fn reached(&self) -> impl Iterator<Item = &Arc<Node>> {
        let nodes = self.nodes.get().into_iter().flatten();
        nodes.zip(&self.cut).filter(|(_, cut)| !cut.load(Ordering::Relaxed)).map(|(node, _)| node)
    }

    pub(crate) fn read<T>(&self, look: impl FnOnce(&Replica) -> T) -> T {
        look(&self.state.lock())
    }
}

impl Port for NodePort {
    fn commit(&self, change: Change) -> std::result::Result<Revision, CommitError> {
        let Self(ledger, _) = self;
        let meanwhile = ledger.meanwhile.lock().take();
        if let Some(meanwhile) = meanwhile {
            meanwhile();
        }
        if !self.is_connected() || ledger.broken.load(Ordering::Relaxed) {
            return Err(CommitError::Failed(Error::new(ReturnCode::DEVICE_ERROR, "the test says so")));
        }
        let mut state = ledger.state.lock();
        if change.writes.is_empty() {
            return Ok(state.revision());
        }
        if !state.permits(&change) {
            return Err(CommitError::Conflict);
        }
        let mut writes: Vec<(Key, Option<Record>)> = Vec::new();
        for write in change.writes {
            assert!(writes.iter().all(|(key, _)| *key != write.key), "two writes of {:?}", write.key);
            writes.push((write.key, write.record));
        }
        let committed = Committed { revision: state.revision() + 1, writes };
        state.apply(&committed);
        ledger.commits.fetch_add(1, Ordering::Relaxed);
        ledger.reached().for_each(|node| node.apply(&committed));
        Ok(committed.revision)
    }

    fn fresh_handle(&self) -> Result<Handle> {
        Ok(Handle(self.0.handles.fetch_add(1, Ordering::Relaxed)))
    }

    fn members(&self) -> (Vec<Member>, u64) {
        let member = |number| Member { node: NodeId(number as u16), socket: String::new(), address: None };
        ((0..self.0.cut.len()).map(member).collect(), 1)
    }

    fn epoch(&self) -> u64 {
        1
    }

    fn reachable(&self) -> usize {
        self.0.reached().count()
    }

    fn is_connected(&self) -> bool {
        !self.0.cut[self.1].load(Ordering::Relaxed)
    }

    fn must_be_up_to_date(&self, keys: &[Key]) -> Result<()> {
        let missed = self.0.missed.lock();
        if keys.iter().any(|key| missed.contains(key)) {
            return Err(Error::new(ReturnCode::FUNCTION_FAILED, "the node lags behind"));
        }
        Ok(())
    }

    fn is_logged_in(&self, role: Role, user: &UserName) -> bool {
        self.0.reached().any(|node| node.is_logged_in(role, user))
    }

    fn replicate_user(&self, _: Role, _: &UserName) -> Result<()> {
        Ok(())
    }
}

/// A cluster with [`OFFICERS`] and the crypto users `app` (the default one) and `other`.
pub(crate) fn cluster(profile: Profile, nodes: usize) -> Cluster {
    let user = |password: &str| Record::User(Arc::new(User::with_password(password.as_bytes()).unwrap()));
    let policy = Policy {
        label: "test".into(),
        profile,
        variant: Default::default(),
        default_user: Some(name("app")),
        quorum: Default::default(),
    };
    let officers = OFFICERS.map(|officer| (Key::User(Role::Admin, name(officer)), 1, user(OFFICER)));
    let mut records = vec![
        (Key::Policy, 1, Record::Policy(Arc::new(policy))),
        (Key::User(Role::CryptoUser, name("app")), 1, user(APP)),
        (Key::User(Role::CryptoUser, name("other")), 1, user(OTHER)),
    ];
    records.extend(officers);
    start(records, nodes)
}

/// A cluster that isn't activated.
pub(crate) fn fresh_cluster(profile: Profile) -> Cluster {
    let policy = Policy {
        label: "fresh".into(),
        profile,
        variant: Default::default(),
        default_user: None,
        quorum: Default::default(),
    };
    start(vec![(Key::Policy, 1, Record::Policy(Arc::new(policy)))], 1)
}

fn start(records: Vec<(Key, Revision, Record)>, nodes: usize) -> Cluster {
    let ledger = Arc::new(Ledger {
        state: Mutex::new(Replica::load(1, records.clone())),
        nodes: OnceLock::new(),
        handles: AtomicU64::new(1),
        cut: (0..nodes).map(|_| AtomicBool::new(false)).collect(),
        missed: Mutex::default(),
        broken: AtomicBool::new(false),
        commits: AtomicUsize::new(0),
        meanwhile: Mutex::default(),
    });
    let time = Arc::new(Time(AtomicU64::new(1_700_000_000)));
    let masking = Arc::new(SealingKey::generate());
    let nodes: Vec<Arc<Node>> = (0..nodes)
        .map(|number| {
            Node::new(NodeParts {
                id: NodeId(number as u16),
                boot: 1,
                cluster: "test".into(),
                serial: "0123456789abcdef".into(),
                port: Arc::new(NodePort(Arc::clone(&ledger), number)),
                clock: Arc::clone(&time) as Arc<dyn Clock>,
                masking: Arc::clone(&masking),
                replica: Replica::load(1, records.clone()),
            })
        })
        .collect();
    assert!(ledger.nodes.set(nodes.clone()).is_ok());
    Cluster { ledger, nodes, time }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Ledger and nodes hold one another; what matters is that all nodes agree in the end.
        let state = self.ledger.state.lock();
        for (node, cut) in self.nodes.iter().zip(&self.ledger.cut) {
            if !cut.load(Ordering::Relaxed) && !std::thread::panicking() {
                assert_eq!(node.revision(), state.revision());
            }
        }
    }
}

impl Cluster {
    /// A program that speaks to a node.
    pub(crate) fn client(&self, node: usize, instance: u8) -> Client {
        let hello = Hello { availability: Availability::OneNode, ..Hello::new(InstanceId([instance; 16])) };
        Client { connection: self.nodes[node].connect(&hello).unwrap().0, hello }
    }

    /// An officer in a program of its own, on node 0.
    pub(crate) fn officer(&self, officer: &str, instance: u8) -> Client {
        let mut client = self.client(0, instance);
        client.login(Role::Admin, Some(officer), OFFICER).unwrap();
        client
    }

    /// The crypto user `app` in a program of its own, on node 0.
    pub(crate) fn app(&self, instance: u8) -> Client {
        let mut client = self.client(0, instance);
        client.login(Role::CryptoUser, Some("app"), APP).unwrap();
        client
    }

    /// Has something happen when the next change has been decided on, before it's committed.
    pub(crate) fn meanwhile(&self, happens: impl FnOnce() + Send + 'static) {
        *self.ledger.meanwhile.lock() = Some(Box::new(happens));
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.time.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn cut(&self, node: usize) {
        self.ledger.cut[node].store(true, Ordering::Relaxed);
    }

    /// Lets a node hear again, and tells it all it has missed.
    pub(crate) fn heal(&self, node: usize) {
        let state = self.ledger.state.lock();
        let writes = state
            .records()
            .map(|(key, version, record)| Written { key, version, record: Some(record) })
            .collect();
        self.nodes[node].receive(&Update { base: None, to: state.revision(), writes });
        self.ledger.cut[node].store(false, Ordering::Relaxed);
    }

    /// Adds crypto users whom nobody knows the password of.
    pub(crate) fn crowd(&self, size: usize) {
        let user = Arc::new(User::with_password(b"nobody knows it").unwrap());
        let change = (0..size).fold(Change::default(), |change, number| {
            let key = Key::User(Role::CryptoUser, name(&format!("crowd_{number}")));
            change.and(key, Expect::Absent, Some(Record::User(Arc::clone(&user))))
        });
        self.commit(change);
    }

    pub(crate) fn commit(&self, change: Change) {
        NodePort(Arc::clone(&self.ledger), 0).commit(change).unwrap();
    }

    /// Registers these officers as approvers, each with its own signer.
    pub(crate) fn register(&self, officers: &[&str]) {
        for officer in officers {
            let mut client = self.officer(officer, 250);
            client.register(Role::Admin, officer, signer(officer)).unwrap();
        }
    }

    /// [`Self::register`]s all officers and sets quorum values.
    pub(crate) fn govern(&self, user: u8, quorum: u8) {
        self.register(&OFFICERS);
        let mut admin = self.officer("admin", 251);
        for (service, value) in [(Service::User, user), (Service::Quorum, quorum)] {
            admin.ask(Request::SetQuorumValue { service, value }).unwrap();
        }
    }
}
