//! A client that speaks with one node and with no other.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use strongroom_model::{
    AttributeType, Attributes, Blob, Error, Handle, Hash, KeyType, Mechanism, MechanismType, Params,
    PasswordBased, ReturnCode, Role, limits,
};
use strongroom_wire::{
    Envelope, Frames, Hello, InstanceId, Login, Numbered, Operation, Reply, Request, Response, Standing,
    Welcome, decode, encode,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a node.
pub(crate) struct Direct {
    stream: UnixStream,
    frames: Frames,
}

impl Direct {
    pub(crate) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("a node that listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let mut direct = Self { stream, frames: Frames::new() };
        let instance = InstanceId(*b"speaks with one ");
        direct.send(&Hello::new(instance));
        let _: Welcome = direct.receive::<Result<_, Error>>().expect("a welcome");
        direct
    }

    /// Asks something and waits for the answer.
    pub(crate) fn ask(&mut self, request: Request) -> Reply {
        self.send(&Numbered::new(1, Envelope { attach: None, session: 1, extras: None, request }));
        self.receive::<Numbered<_>>().message
    }

    pub(crate) fn login(&mut self, pin: &str) -> Reply {
        let (user, password) = pin.split_once(':').expect("user:password");
        self.ask(Request::Login(Login {
            role: Role::CryptoUser,
            user: Some(user.parse().expect("a user's name")),
            password: Blob::from(password.as_bytes().to_vec()),
        }))
    }

    pub(crate) fn sign(&mut self, key: u64) -> Reply {
        let mechanism = Mechanism { kind: MechanismType::ECDSA, params: Params::None };
        let operation = Operation { mechanism, key: Handle(key), data: Blob::from([1; 32].to_vec()) };
        self.ask(Request::Sign { operation, digested: false })
    }

    /// Asks for a key made of a password, which takes some seconds of a core's time, and doesn't wait for it.
    pub(crate) fn toil(&mut self) {
        let params = PasswordBased {
            hash: Hash::Sha512,
            password: Blob::from(b"password".to_vec()),
            salt: Blob::from(b"salt".to_vec()),
            iterations: limits::MAX_PBE_ITERATIONS,
        };
        let mechanism = Mechanism { kind: MechanismType::PKCS5_PBKD2, params: Params::PasswordBased(params) };
        let template = Attributes::new()
            .with(AttributeType::KEY_TYPE, KeyType::GenericSecret.to_ck())
            .with(AttributeType::VALUE_LEN, 32_u64);
        let request = Request::GenerateKey { mechanism, template };
        self.send(&Numbered::new(1, Envelope { attach: None, session: 1, extras: None, request }));
    }

    pub(crate) fn find(&mut self, label: &str) -> Reply {
        let template = Attributes::new().with(AttributeType::LABEL, label.as_bytes());
        self.ask(Request::Find { template, after: None, limit: 10 })
    }

    /// Shares a key with a user, or no longer.
    pub(crate) fn share(&mut self, key: u64, user: &str, shared: bool) -> Reply {
        let user = user.parse().expect("a user's name");
        self.ask(Request::Share { handle: Handle(key), user, shared })
    }

    fn send<T: serde::Serialize>(&mut self, message: &T) {
        let mut frame = Vec::new();
        encode(message, &mut frame).expect("a message");
        self.stream.write_all(&frame).expect("a node that listens");
    }

    fn receive<T: serde::de::DeserializeOwned>(&mut self) -> T {
        let body = self.frames.next(&mut self.stream, 1 << 20).expect("an answer").expect("an answer");
        let message = decode(body).expect("an answer that makes sense");
        self.frames.wipe();
        message
    }
}

/// The code of a refusal.
#[track_caller]
pub(crate) fn code(reply: &Reply) -> ReturnCode {
    match &reply.result {
        Err(error) => error.code,
        Ok(response) => panic!("this should have been refused: {response:?}"),
    }
}

/// Whether the node sent the client to others, and told nothing.
pub(crate) fn is_turned_away(reply: &Reply) -> bool {
    reply.standing == Standing::Unfit && reply.result.is_err()
}

/// How many objects an answer has.
#[track_caller]
pub(crate) fn found(reply: &Reply) -> usize {
    match &reply.result {
        Ok(Response::Found(found)) => found.objects.len(),
        other => panic!("not what was asked: {other:?}"),
    }
}
