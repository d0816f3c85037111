//! A cluster of two nodes in memory, and a session's way to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use strongroom_cluster::{Cluster, CreateOptions};
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{
    AttributeType, Attributes, Blob, Handle, Mechanism, MechanismType, NodeId, ObjectInfo, Params, Place,
    Profile, Result, ReturnCode, Role,
};
use strongroom_node::{Clock, Connection};
use strongroom_store::MemoryStore;
use strongroom_wire::{Envelope, Hello, InstanceId, Login, Request, Response};

use super::super::{Nodes, Route};
use crate::abi::{In, Out};
use crate::params::Parsed;
use crate::sync::lock;

/// The OID of P-256, in DER.
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// A logged-in session.
pub(super) struct World {
    connections: Vec<Mutex<Connection>>,
    calls: AtomicUsize,
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> u64 {
        1_000_000
    }
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let options = CreateOptions {
            name: "test".into(),
            nodes: 2,
            first_node: 0,
            profile: Profile::Standard,
            variant: Default::default(),
            officer_password: Some(Blob::from(*b"officer")),
            crypto_users: vec![("app".parse().unwrap(), Blob::from(*b"password"))],
            uninitialized: false,
            certificates: Default::default(),
        };
        let store = Arc::new(MemoryStore::new());
        Cluster::create(store, &options, &SealingKey::generate(), Arc::new(Noon)).unwrap()
    })
}

impl World {
    pub(super) fn new() -> Self {
        static INSTANCES: AtomicUsize = AtomicUsize::new(1);
        let number = INSTANCES.fetch_add(1, Ordering::Relaxed);
        let instance = InstanceId([u8::try_from(number).unwrap(); 16]);
        let hello = Hello::new(instance);
        let connect = |node: &Arc<strongroom_node::Node>| {
            let mut connection = node.connect(&hello).unwrap().0;
            let login = Login { role: Role::CryptoUser, user: None, password: Blob::from(*b"password") };
            let request = Request::Login(login);
            connection.handle(Envelope { attach: None, session: 1, extras: None, request }).result.unwrap();
            Mutex::new(connection)
        };
        Self { connections: cluster().nodes().iter().map(connect).collect(), calls: AtomicUsize::new(0) }
    }

    /// The number of messages that `what` sends.
    pub(super) fn calls(&self, what: impl FnOnce()) -> usize {
        let before = self.calls.load(Ordering::Relaxed);
        what();
        self.calls.load(Ordering::Relaxed) - before
    }

    pub(super) fn make(&self, kind: MechanismType, template: Attributes) -> Handle {
        let request = Request::GenerateKey { mechanism: Mechanism::plain(kind), template };
        match self.call(Route::Node(NodeId(0)), &request) {
            Ok(Response::Object(info)) => info.handle,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn aes(&self) -> Handle {
        let template = Attributes::new().with(AttributeType::VALUE_LEN, 32).with(AttributeType::TOKEN, true);
        self.make(MechanismType::AES_KEY_GEN, template)
    }

    pub(super) fn secret(&self) -> Handle {
        let template = Attributes::new().with(AttributeType::VALUE_LEN, 20);
        self.make(MechanismType::GENERIC_SECRET_KEY_GEN, template)
    }

    /// Public and private key.
    pub(super) fn pair(
        &self,
        kind: MechanismType,
        public: Attributes,
        private: Attributes,
    ) -> (Handle, Handle) {
        let request = Request::GeneratePair { mechanism: Mechanism::plain(kind), public, private };
        match self.call(Route::Node(NodeId(0)), &request) {
            Ok(Response::Pair { public, private }) => (public.handle, private.handle),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn rsa(&self) -> (Handle, Handle) {
        let public = Attributes::new().with(AttributeType::MODULUS_BITS, 1024);
        self.pair(MechanismType::RSA_PKCS_KEY_PAIR_GEN, public, Attributes::new())
    }

    pub(super) fn p256(&self) -> (Handle, Handle) {
        let public = Attributes::new().with(AttributeType::EC_PARAMS, P256);
        self.pair(MechanismType::EC_KEY_PAIR_GEN, public, Attributes::new())
    }
}

impl Nodes for World {
    fn key(&self, handle: Handle) -> Result<Arc<ObjectInfo>> {
        // What the module would know already isn't counted.
        let uncounted = self.calls.load(Ordering::Relaxed);
        let response = self.call(Route::Of(handle), &Request::Object { handle });
        self.calls.store(uncounted, Ordering::Relaxed);
        match response {
            Ok(Response::Object(info)) => Ok(Arc::new(info)),
            _ => Err(ReturnCode::KEY_HANDLE_INVALID.into()),
        }
    }

    fn make(&self, templates: &[&Attributes], uses: &[Handle], request: &Request) -> Result<Response> {
        let session = templates.iter().any(|template| template.bool(AttributeType::TOKEN) != Some(true));
        let home = if session { Route::Node(NodeId(0)) } else { Route::Any };
        self.call(uses.first().map_or(home, |key| Route::Of(*key)), request)
    }

    fn call(&self, route: Route, request: &Request) -> Result<Response> {
        self.call_noting_node(route, request).map(|(_, response)| response)
    }

    fn call_noting_node(&self, route: Route, request: &Request) -> Result<(NodeId, Response)> {
        let turn = self.calls.fetch_add(1, Ordering::Relaxed);
        let node = match route {
            Route::Node(node) => usize::from(node.0),
            Route::Of(handle) => match handle.place() {
                Place::Node(node) => usize::from(node.0),
                Place::Cluster => turn % self.connections.len(),
            },
            Route::Any => turn % self.connections.len(),
        };
        let envelope = Envelope { attach: None, session: 1, extras: None, request: request.clone() };
        let connection = self.connections.get(node).ok_or(ReturnCode::KEY_HANDLE_INVALID)?;
        let reply = lock(connection).handle(envelope);
        Ok((NodeId(node as u16), reply.result?))
    }
}

pub(super) fn mechanism(kind: MechanismType, params: Params) -> Parsed {
    Parsed { mechanism: Mechanism { kind, params }, spec: kind.spec().unwrap() }
}

pub(super) fn plain(kind: MechanismType) -> Parsed {
    mechanism(kind, Params::None)
}

pub(super) fn input(bytes: &[u8]) -> In<'_> {
    // SAFETY: the bytes are borrowed for as long.
    unsafe { In::new(bytes.as_ptr(), bytes.len() as u64) }
}

/// A buffer as an application has it: `None` asks for the length.
pub(super) struct Buffer {
    bytes: Option<Vec<u8>>,
    len: u64,
}

impl Buffer {
    pub(super) fn question() -> Self {
        Self { bytes: None, len: 0 }
    }

    pub(super) fn of(len: usize) -> Self {
        Self { bytes: Some(vec![0xee; len]), len: len as u64 }
    }

    /// For one call.
    pub(super) fn out(&mut self) -> Out {
        let pointer = self.bytes.as_mut().map_or(std::ptr::null_mut(), Vec::as_mut_ptr);
        // SAFETY: tests use it while the buffer lives.
        unsafe { Out::new(pointer, &raw mut self.len) }
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// What was put in.
    pub(super) fn content(&self) -> &[u8] {
        &self.bytes.as_ref().unwrap()[..self.len as usize]
    }
}
