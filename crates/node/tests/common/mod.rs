//! A cluster of one node, in memory.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod people;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{
    AttributeType, Attributes, Blob, Handle, Mechanism, MechanismType, NodeId, ObjectInfo, Profile, Regime,
    Result, ReturnCode, Role,
};
use strongroom_node::state::*;
use strongroom_node::{Clock, Connection, Node, NodeParts};
use strongroom_wire::*;

pub(crate) struct Ledger {
    state: Mutex<Replica>,
    node: OnceLock<Arc<Node>>,
    handles: AtomicU64,
    /// How many nodes the test says have every change.
    pub(crate) reachable: AtomicUsize,
    /// Whether the test has cut the node off.
    pub(crate) cut_off: AtomicBool,
}

impl Port for Ledger {
    fn commit(&self, change: Change) -> std::result::Result<Revision, CommitError> {
        if !self.is_connected() {
            return Err(CommitError::Failed(ReturnCode::DEVICE_ERROR.into()));
        }
        let mut state = self.state.lock();
        if !state.permits(&change) {
            return Err(CommitError::Conflict);
        }
        let writes = change.writes.into_iter().map(|write| (write.key, write.record)).collect();
        let committed = Committed { revision: state.revision() + 1, writes };
        state.apply(&committed);
        if let Some(node) = self.node.get() {
            node.apply(&committed);
        }
        Ok(committed.revision)
    }

    fn fresh_handle(&self) -> Result<Handle> {
        Ok(Handle(self.handles.fetch_add(1, Ordering::Relaxed)))
    }

    fn members(&self) -> (Vec<Member>, u64) {
        (Vec::new(), 1)
    }

    fn epoch(&self) -> u64 {
        1
    }

    fn reachable(&self) -> usize {
        self.reachable.load(Ordering::Relaxed)
    }

    fn is_connected(&self) -> bool {
        !self.cut_off.load(Ordering::Relaxed)
    }

    fn replicate_user(&self, _: Role, _: &strongroom_model::UserName) -> Result<()> {
        Ok(())
    }
}

#[derive(Default)]
pub(crate) struct Time(pub(crate) AtomicU64);

impl Clock for Time {
    fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(crate) struct World {
    pub(crate) node: Arc<Node>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) time: Arc<Time>,
    masking: Arc<SealingKey>,
}

pub(crate) const OFFICER: &str = "officer-password";
pub(crate) const APP: &str = "app-password";
pub(crate) const OTHER: &str = "other-password";

/// A cluster with the officer `admin` and the crypto users `app` (the default one) and `other`.
pub(crate) fn world(profile: Profile) -> World {
    world_of(profile, Vec::new())
}

/// As [`world`], under rules in full.
pub(crate) fn world_under(regime: Regime) -> World {
    made(regime, Vec::new())
}

/// As [`world_under`], with further records.
pub(crate) fn world_under_with(regime: Regime, more: Vec<(Key, Revision, Record)>) -> World {
    made(regime, more)
}

/// As [`world`], with further records.
pub(crate) fn world_of(profile: Profile, more: Vec<(Key, Revision, Record)>) -> World {
    made(Regime::of(profile), more)
}

fn made(regime: Regime, more: Vec<(Key, Revision, Record)>) -> World {
    let user = |password: &str| Record::User(Arc::new(User::with_password(password.as_bytes()).unwrap()));
    let policy = Policy {
        label: "test".into(),
        profile: regime.profile,
        variant: regime.variant,
        default_user: Some("app".parse().unwrap()),
        quorum: Default::default(),
    };
    let mut records = vec![
        (Key::Policy, 1, Record::Policy(Arc::new(policy))),
        (Key::User(Role::Admin, "admin".parse().unwrap()), 1, user(OFFICER)),
        (Key::User(Role::CryptoUser, "app".parse().unwrap()), 1, user(APP)),
        (Key::User(Role::CryptoUser, "other".parse().unwrap()), 1, user(OTHER)),
    ];
    records.extend(more);
    start(records)
}

/// A cluster without users.
pub(crate) fn empty_world() -> World {
    start(Vec::new())
}

fn start(records: Vec<(Key, Revision, Record)>) -> World {
    start_under(Arc::new(SealingKey::generate()), SERIAL, records)
}

/// The serial number of clusters that aren't clones.
pub(crate) const SERIAL: &str = "0123456789abcdef";

fn start_under(masking: Arc<SealingKey>, serial: &str, records: Vec<(Key, Revision, Record)>) -> World {
    let ledger = Arc::new(Ledger {
        state: Mutex::new(Replica::load(1, records.clone())),
        node: OnceLock::new(),
        handles: AtomicU64::new(1),
        reachable: AtomicUsize::new(2),
        cut_off: AtomicBool::new(false),
    });
    let time = Arc::new(Time(AtomicU64::new(1_000_000)));
    let node = Node::new(NodeParts {
        id: NodeId(0),
        boot: 1,
        cluster: "test".into(),
        serial: serial.into(),
        port: Arc::clone(&ledger) as Arc<dyn Port>,
        clock: Arc::clone(&time) as Arc<dyn Clock>,
        masking: Arc::clone(&masking),
        replica: Replica::load(1, records),
    });
    assert!(ledger.node.set(Arc::clone(&node)).is_ok());
    World { node, ledger, time, masking }
}

pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) hello: Hello,
}

impl World {
    /// A cluster that was made from a backup of this one, as it is now.
    pub(crate) fn cloned(&self, serial: &str) -> World {
        let records = self.node.read(|state| state.records().collect());
        start_under(Arc::clone(&self.masking), serial, records)
    }

    pub(crate) fn client(&self, instance: u8) -> Client {
        self.forked(instance, instance)
    }

    pub(crate) fn forked(&self, instance: u8, family: u8) -> Client {
        let hello = Hello { family: InstanceId([family; 16]), ..Hello::new(InstanceId([instance; 16])) };
        Client { connection: self.node.connect(&hello).unwrap().0, hello }
    }

    pub(crate) fn app(&self, instance: u8) -> Client {
        let mut client = self.client(instance);
        client.login(Role::CryptoUser, Some("app"), APP).unwrap();
        client
    }

    pub(crate) fn other(&self, instance: u8) -> Client {
        let mut client = self.client(instance);
        client.login(Role::CryptoUser, Some("other"), OTHER).unwrap();
        client
    }

    pub(crate) fn officer(&self, instance: u8) -> Client {
        let mut client = self.client(instance);
        client.login(Role::Admin, Some("admin"), OFFICER).unwrap();
        client
    }
}

impl Client {
    pub(crate) fn ask(&mut self, request: Request) -> Result<Response> {
        self.reply(request).result
    }

    pub(crate) fn reply(&mut self, request: Request) -> Reply {
        self.connection.handle(Envelope { attach: None, session: 1, extras: None, request })
    }

    pub(crate) fn ask_with(&mut self, extras: Extras, request: Request) -> Result<Response> {
        let extras = Some(Box::new(extras));
        self.connection.handle(Envelope { attach: None, session: 1, extras, request }).result
    }

    pub(crate) fn code(&mut self, request: Request) -> ReturnCode {
        self.ask(request).err().map_or(ReturnCode::OK, |error| error.code)
    }

    pub(crate) fn login(&mut self, role: Role, user: Option<&str>, password: &str) -> Result<Ticket> {
        let user = user.map(|name| name.parse().unwrap());
        match self.ask(Request::Login(Login { role, user, password: Blob::from(password.as_bytes()) }))? {
            Response::Ticket(ticket) => Ok(ticket),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn object(&mut self, request: Request) -> ObjectInfo {
        match self.ask(request) {
            Ok(Response::Object(info)) => info,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn bytes(&mut self, request: Request) -> Blob {
        match self.ask(request) {
            Ok(Response::Bytes(bytes)) => bytes,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn pair(
        &mut self,
        mechanism: Mechanism,
        public: Attributes,
        private: Attributes,
    ) -> (Handle, Handle) {
        match self.ask(Request::GeneratePair { mechanism, public, private }) {
            Ok(Response::Pair { public, private }) => (public.handle, private.handle),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn find(&mut self, template: Attributes) -> Vec<Handle> {
        match self.ask(Request::Find { template, after: None, limit: 1000 }) {
            Ok(Response::Found(found)) => found.objects.iter().map(|info| info.handle).collect(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn attribute(&mut self, handle: Handle, attribute: AttributeType) -> Answer {
        match self.ask(Request::GetAttributes { handle, types: vec![attribute] }) {
            Ok(Response::Answers(mut answers)) => answers.pop().unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn aes(&mut self, template: Attributes) -> Handle {
        let template = template.with(AttributeType::VALUE_LEN, 32);
        self.object(Request::GenerateKey {
            mechanism: Mechanism::plain(MechanismType::AES_KEY_GEN),
            template,
        })
        .handle
    }

    pub(crate) fn p256(&mut self, token: bool) -> (Handle, Handle) {
        self.pair(
            Mechanism::plain(MechanismType::EC_KEY_PAIR_GEN),
            Attributes::new().with(AttributeType::EC_PARAMS, P256).with(AttributeType::TOKEN, token),
            Attributes::new().with(AttributeType::TOKEN, token),
        )
    }
}

/// The OID of P-256, in DER.
pub(crate) const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

pub(crate) fn operation(kind: MechanismType, key: Handle, data: &[u8]) -> Operation {
    Operation { key, mechanism: Mechanism::plain(kind), data: Blob::from(data) }
}
