//! A daemon for a test, and a client that can misbehave.

#![allow(dead_code, reason = "not every test uses all of it")]

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use strongroom_model::{AttributeType as A, Attributes, Blob, NodeId, ObjectClass, Profile, Role};
use strongroom_server::control::{ControlRequest, ControlResponse, CreateCluster, call};
use strongroom_server::{Daemon, Home};
use strongroom_wire::{
    Envelope, Frames, Hello, InstanceId, Login, Numbered, Reply, Request, Response, Stream, Welcome, decode,
    encode,
};

pub(crate) const PASSWORD: &[u8] = b"app-password";
/// More than anything here takes, even on a busy machine.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// A home that goes with the test.
pub(crate) struct TestHome {
    pub(crate) home: Home,
    _dir: tempfile::TempDir,
}

impl TestHome {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { home: Home::new(dir.path().join("home")), _dir: dir }
    }

    pub(crate) fn path(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn socket(&self, node: u16) -> PathBuf {
        self.home.socket("default", NodeId(node))
    }

    /// A daemon in this process with the cluster `default`.
    pub(crate) fn start(&self) -> Daemon {
        let daemon = Daemon::start(&self.home).unwrap();
        daemon.create_cluster(cluster("default")).unwrap();
        daemon
    }

    /// A daemon in a process of its own, when it serves.
    pub(crate) fn spawn(&self) -> Process {
        let mut process = Process(self.command().spawn().unwrap());
        wait_until("the daemon serves", || {
            assert_eq!(process.0.try_wait().unwrap(), None, "the daemon ended: {}", self.log());
            call(self.path(), ControlRequest::Status).is_ok()
        });
        process
    }

    pub(crate) fn command(&self) -> Command {
        // Tests lie in target/<profile>/deps, examples beside it.
        let tests = std::env::current_exe().unwrap();
        let serve = tests.parent().unwrap().with_file_name("examples").join("serve");
        let mut command = Command::new(serve);
        command.arg(self.path()).stdin(Stdio::null()).stdout(Stdio::null()).env_remove("STRONGROOM_LOG");
        command
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.home.log()).unwrap_or_default()
    }
}

/// Another process, killed at the end of the test.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Its exit code; `None` if a signal ended it.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        wait_until("the process ends", || self.0.try_wait().unwrap().is_some());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn cluster(name: &str) -> CreateCluster {
    CreateCluster {
        name: name.to_owned(),
        nodes: 2,
        profile: Profile::Standard,
        variant: Default::default(),
        officer_password: Some(Blob::from(*b"officer-password")),
        crypto_users: vec![("app".parse().unwrap(), Blob::from(PASSWORD))],
        uninitialized: false,
        own_ca: false,
    }
}

pub(crate) fn create(home: &Home, name: &str) {
    let made = call(home.path(), ControlRequest::CreateCluster(cluster(name))).unwrap();
    assert!(matches!(made, ControlResponse::Created(_)));
}

/// A client's connection, after or before its introduction.
pub(crate) struct Client {
    pub(crate) stream: Stream,
    frames: Frames,
}

impl Client {
    /// Connects without a word.
    pub(crate) fn dial(socket: &Path) -> Self {
        let stream = Stream::connect(socket).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        Self::introduced(stream)
    }

    pub(crate) fn introduced(stream: Stream) -> Self {
        Self { stream, frames: Frames::new() }
    }

    pub(crate) fn connect(socket: &Path, instance: u8) -> Self {
        let mut client = Self::dial(socket);
        client.stream.write_all(&hello(instance)).unwrap();
        let answer: Result<Welcome, strongroom_model::Error> = client.receive().unwrap().unwrap();
        let welcome = answer.unwrap();
        assert_eq!(welcome.cluster.name, "default");
        client
    }

    pub(crate) fn login(socket: &Path, instance: u8) -> Self {
        let mut client = Self::connect(socket, instance);
        let login = Login { role: Role::CryptoUser, user: None, password: Blob::from(PASSWORD) };
        assert!(matches!(client.ask(Request::Login(login)), Ok(Response::Ticket(_))));
        client
    }

    pub(crate) fn send(&mut self, request: Request) {
        let mut frame = Vec::new();
        let envelope = Envelope { attach: None, session: 1, extras: None, request };
        encode(&Numbered::new(3, envelope), &mut frame).unwrap();
        self.stream.write_all(&frame).unwrap();
    }

    /// What the daemon says next; `None` when it closes the connection.
    pub(crate) fn receive<T: serde::de::DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        match self.frames.next(&mut self.stream, usize::MAX)? {
            Some(body) => {
                let message = decode(body)?;
                self.frames.wipe();
                Ok(Some(message))
            }
            None => Ok(None),
        }
    }

    pub(crate) fn ask(&mut self, request: Request) -> Result<Response, strongroom_model::Error> {
        self.send(request);
        self.receive::<Numbered<Reply>>().unwrap().expect("the daemon closed the connection").message.result
    }

    /// Waits for the daemon to drop the connection, however it shows.
    pub(crate) fn is_dropped(&mut self) -> bool {
        match self.receive::<Numbered<Reply>>() {
            Ok(answer) => answer.is_none(),
            Err(error) => matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
            ),
        }
    }

    pub(crate) fn find(&mut self, label: &str) -> usize {
        let template = Attributes::new().with(A::LABEL, label.as_bytes());
        match self.ask(Request::Find { template, after: None, limit: 100 }) {
            Ok(Response::Found(found)) => found.objects.len(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn create_data(
        &mut self,
        label: &str,
        token: bool,
    ) -> Result<Response, strongroom_model::Error> {
        let template = Attributes::new()
            .with(A::CLASS, ObjectClass::Data.to_ck())
            .with(A::TOKEN, token)
            .with(A::LABEL, label.as_bytes())
            .with(A::VALUE, b"value".as_slice());
        self.ask(Request::Create { template })
    }

    pub(crate) fn is_served(&mut self) -> bool {
        matches!(self.ask(Request::Random { len: 8 }), Ok(Response::Bytes(bytes)) if bytes.len() == 8)
    }
}

/// The frame of a client's introduction.
pub(crate) fn hello(instance: u8) -> Vec<u8> {
    hello_with(instance, false)
}

pub(crate) fn hello_with(instance: u8, mailbox: bool) -> Vec<u8> {
    let hello = Hello { mailbox, ..Hello::new(InstanceId([instance; 16])) };
    let mut frame = Vec::new();
    encode(&hello, &mut frame).unwrap();
    frame
}

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !done() {
        assert!(Instant::now() < deadline, "not within {LONG:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
