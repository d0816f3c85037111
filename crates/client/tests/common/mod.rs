//! A node that answers as a test tells it to, on a socket in a temporary folder.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use strongroom_client::{Client, ClusterConfig, Endpoint};
use strongroom_model::{
    Blob, Error, Handle, Mechanism, MechanismType, NodeId, ObjectClass, ObjectInfo, Params, Profile, Result,
    ReturnCode, Role, Usage,
};
use strongroom_wire::{
    Attach, ClusterInfo, Envelope, Frames, Hello, Login, Member, Numbered, Operation, Reply, Request,
    Response, Standing, Stream, Ticket, Welcome, decode, encode,
};

/// What a node does with a request.
pub enum Act {
    Answer(Result<Response>),
    /// Answers once more than it was asked.
    Twice(Result<Response>),
    /// Answers with another request's number.
    Misnumbered(Result<Response>),
    /// Answers nothing and keeps the connection open.
    Nothing,
    /// Answers after a while.
    Late(Duration, Result<Response>),
    /// Answers with more than the result.
    Reply(Reply),
    /// Closes the connection without an answer.
    Close,
    /// Sends bytes that aren't a reply.
    Garbage,
}

/// Decides what a node does.
pub type Script = dyn Fn(&Seen) -> Act + Send + Sync;

/// A request as a node saw it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The connection's number on the node.
    pub conn: usize,
    pub hello: Hello,
    pub envelope: Envelope,
}

impl Seen {
    /// The content of the ticket that came along; `Some("")` for [`Attach::Nobody`].
    pub fn attach(&self) -> Option<String> {
        self.envelope.attach.as_ref().map(|attach| match attach {
            Attach::Ticket(ticket) => String::from_utf8(ticket.sealed.to_vec()).unwrap(),
            Attach::Nobody => String::new(),
        })
    }
}

/// A running node.
pub struct FakeNode {
    path: PathBuf,
    shared: Arc<Shared>,
    listening: Option<JoinHandle<()>>,
}

struct Shared {
    info: Mutex<ClusterInfo>,
    node: NodeId,
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    /// Sockets of the connections; `None` once the client closed them.
    sockets: Mutex<Vec<Option<UnixStream>>>,
    /// Whether to close a connection, once there's a request on it, without reading it.
    deaf: Mutex<bool>,
    ended: Mutex<bool>,
}

impl FakeNode {
    pub fn start(path: &Path, node: u16, script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Self {
        Self::start_in(path, node, cluster(&[]), script)
    }

    pub fn start_in(
        path: &Path,
        node: u16,
        info: ClusterInfo,
        script: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let shared = Arc::new(Shared {
            info: Mutex::new(info),
            node: NodeId(node),
            script: Box::new(script),
            seen: Mutex::default(),
            sockets: Mutex::default(),
            deaf: Mutex::new(false),
            ended: Mutex::new(false),
        });
        let of_thread = Arc::clone(&shared);
        let listening = std::thread::spawn(move || of_thread.listen(&listener));
        Self { path: path.to_owned(), shared, listening: Some(listening) }
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// How many connections there have been.
    pub fn connections(&self) -> usize {
        self.shared.sockets.lock().unwrap().len()
    }

    /// How many connections the client hasn't closed.
    pub fn open(&self) -> usize {
        self.shared.sockets.lock().unwrap().iter().flatten().count()
    }

    /// Closes connections without reading what's on them from now on, or ceases to.
    pub fn be_deaf(&self, deaf: bool) {
        *self.shared.deaf.lock().unwrap() = deaf;
    }

    /// Sets what the node says of the cluster.
    pub fn set_info(&self, info: ClusterInfo) {
        *self.shared.info.lock().unwrap() = info;
    }

    /// Closes all connections.
    pub fn cut(&self) {
        for socket in self.shared.sockets.lock().unwrap().iter().flatten() {
            socket.shutdown(std::net::Shutdown::Both).unwrap();
        }
    }
}

impl Drop for FakeNode {
    /// Ends as a daemon does that is killed: the socket file stays.
    fn drop(&mut self) {
        *self.shared.ended.lock().unwrap() = true;
        self.cut();
        let _ = UnixStream::connect(&self.path);
        self.listening.take().unwrap().join().unwrap();
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Shared {
    fn listen(self: &Arc<Self>, listener: &UnixListener) {
        for socket in listener.incoming() {
            if *self.ended.lock().unwrap() {
                return;
            }
            let socket = socket.unwrap();
            let conn = {
                let mut sockets = self.sockets.lock().unwrap();
                sockets.push(Some(socket.try_clone().unwrap()));
                sockets.len() - 1
            };
            let shared = Arc::clone(self);
            std::thread::spawn(move || {
                shared.serve(conn, Stream::new(socket));
                shared.sockets.lock().unwrap()[conn] = None;
            });
        }
    }

    fn reply(&self, result: Result<Response>) -> Reply {
        let epoch = self.info.lock().unwrap().epoch;
        Reply { revision: 1, epoch, detached: false, standing: Standing::Current, result }
    }

    fn serve(&self, conn: usize, mut stream: Stream) -> Option<()> {
        let (mut frames, mut out) = (Frames::new(), Vec::new());
        let hello: Hello = decode(frames.next(&mut stream, 1 << 20).ok()??).unwrap();
        let welcome: Result<_> =
            Ok(Welcome { node: self.node, cluster: self.info.lock().unwrap().clone(), mailbox: false });
        encode(&welcome, &mut out).unwrap();
        stream.write_all(&out).ok()?;
        loop {
            if *self.deaf.lock().unwrap() {
                let mut polled = [rustix::event::PollFd::new(&stream, rustix::event::PollFlags::IN)];
                rustix::event::poll(&mut polled, None).unwrap();
                // All duplicates of the socket have to go, or it isn't closed.
                self.sockets.lock().unwrap()[conn] = None;
                return None;
            }
            let Numbered { number, message: envelope }: Numbered<Envelope> =
                decode(frames.next(&mut stream, 32 << 20).ok()??).unwrap();
            frames.wipe();
            let seen = Seen { conn, hello: hello.clone(), envelope };
            let act = match &seen.envelope.request {
                Request::Info => Act::Answer(Ok(Response::Cluster(self.info.lock().unwrap().clone()))),
                _ => (self.script)(&seen),
            };
            self.seen.lock().unwrap().push(seen);
            out.clear();
            match act {
                Act::Answer(result) => {
                    encode(&Numbered { number, message: self.reply(result) }, &mut out).unwrap();
                }
                Act::Twice(result) => {
                    let reply = Numbered { number, message: self.reply(result) };
                    encode(&reply, &mut out).and_then(|()| encode(&reply, &mut out)).unwrap();
                }
                Act::Misnumbered(result) => {
                    let number = u32::from_le_bytes(number).wrapping_sub(1);
                    encode(&Numbered::new(number, self.reply(result)), &mut out).unwrap();
                }
                Act::Nothing => continue,
                Act::Late(after, result) => {
                    std::thread::sleep(after);
                    encode(&Numbered { number, message: self.reply(result) }, &mut out).unwrap();
                }
                Act::Reply(reply) => encode(&Numbered { number, message: reply }, &mut out).unwrap(),
                Act::Close => return None,
                Act::Garbage => out.extend_from_slice(&[3, 0, 0, 0, 0xff, 0xff, 0xff]),
            }
            stream.write_all(&out).ok()?;
        }
    }
}

/// Does what a well-behaved node does with little memory: `Login` gives the ticket `<instance>`, `Renew` the ticket
/// `renewed`; everything else succeeds.
pub fn obedient(seen: &Seen) -> Act {
    Act::Answer(Ok(match &seen.envelope.request {
        Request::Login(_) => Response::Ticket(ticket("first", 3600)),
        Request::Renew => Response::Ticket(ticket("renewed", 3600)),
        Request::Random { len } => Response::Bytes(Blob::zeroed(*len as usize)),
        Request::Sign { operation, .. } => Response::Bytes(operation.data.clone()),
        Request::GenerateKey { .. } => Response::Object(object(Handle::session(NodeId(0), 1, 1))),
        Request::Open { .. } => Response::Streaming { stream: 1, output: Blob::new() },
        _ => Response::Done,
    }))
}

pub fn ticket(content: &str, seconds: u64) -> Ticket {
    let today = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    Ticket { expires: today + seconds, sealed: Blob::from(content.as_bytes()) }
}

pub fn cluster(members: &[(u16, &Path)]) -> ClusterInfo {
    let member = |(node, path): &(u16, &Path)| Member {
        node: NodeId(*node),
        socket: path.to_str().unwrap().to_owned(),
        address: None,
    };
    ClusterInfo {
        name: "test".to_owned(),
        label: "test".to_owned(),
        serial: "0123456789abcdef".to_owned(),
        profile: Profile::Standard,
        variant: Default::default(),
        initialized: true,
        default_user: Some("app".parse().unwrap()),
        default_user_failing: false,
        default_user_locked: false,
        min_password: 4,
        max_password: 255,
        members: members.iter().map(member).collect(),
        epoch: members.len() as u64,
    }
}

pub fn object(handle: Handle) -> ObjectInfo {
    ObjectInfo {
        handle,
        class: ObjectClass::SecretKey,
        key_type: None,
        size: 0,
        usage: Usage::default(),
        token: false,
        private: true,
        always_authenticate: false,
        allowed_mechanisms: Vec::new(),
        subprime_bits: 0,
    }
}

pub fn random() -> Request {
    Request::Random { len: 8 }
}

/// A request that must not be carried out twice.
pub fn generate() -> Request {
    Request::GenerateKey { mechanism: mechanism(), template: Default::default() }
}

pub fn sign(data: &[u8]) -> Request {
    let operation = Operation { key: Handle(1), mechanism: mechanism(), data: Blob::from(data) };
    Request::Sign { operation, digested: false }
}

pub fn login() -> Login {
    Login { role: Role::CryptoUser, user: None, password: Blob::from(*b"secret") }
}

/// A client of nodes at these paths that waits for them longer than a busy machine takes.
pub fn client(paths: &[&Path]) -> Client {
    Client::new(config(paths))
}

pub fn config(paths: &[&Path]) -> ClusterConfig {
    let nodes = paths.iter().map(|path| Endpoint::Unix(path.to_path_buf())).collect();
    ClusterConfig { reconnect_ms: 5000, ..ClusterConfig::new("test", nodes) }
}

/// The error's code; panics on success.
pub fn code(result: Result<Response>) -> ReturnCode {
    result.unwrap_err().code
}

pub fn refused(code: ReturnCode) -> Act {
    Act::Answer(Err(Error::from(code)))
}

/// Waits until something is so, for at most 5 seconds.
pub fn until(mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(Instant::now() < end, "it isn't so after 5 seconds");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn mechanism() -> Mechanism {
    Mechanism { kind: MechanismType(0x1041), params: Params::None }
}
