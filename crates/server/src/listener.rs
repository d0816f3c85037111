//! A node's socket: takes clients in, a thread for each.

use std::fs;
use std::io;
use std::net::SocketAddrV4;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Duration;

use rustix::net::Shutdown;
use strongroom_model::{Error, ReturnCode, limits};
use strongroom_node::Node;
use strongroom_wire::Stream;

use crate::ServeError;
use crate::budget::Budget;
use crate::channel::Channel;
use crate::connections::{Connections, Place};
use crate::conversation::{Ended, converse, turn_away};
use crate::faults::Faults;
use crate::mailboxes::Mailboxes;
use crate::throttle::Throttle;
use crate::tls::{Handshakes, Terms, TlsListener};
use crate::wait::Activity;

/// Stack of a connection's thread in bytes. Generating RSA-8192 keys and checking passwords take less than a
/// sixteenth of it. Only what is used takes memory.
pub(crate) const STACK: usize = 256 * 1024;
/// How long to leave the system alone when it has no descriptors or threads left.
pub(crate) const RECOVER: Duration = Duration::from_millis(50);

/// What the connections of all nodes of a daemon share.
#[derive(Debug, Default)]
pub(crate) struct Common {
    pub(crate) activity: Activity,
    pub(crate) budget: Budget,
    pub(crate) mailboxes: Mailboxes,
}

/// A node that listens, until this is stopped or dropped.
pub(crate) struct Listener {
    shared: Arc<Shared>,
    socket: Arc<UnixListener>,
    path: PathBuf,
    tls: Option<TlsListener>,
    thread: Option<JoinHandle<()>>,
}

/// What those share who take clients in.
pub(crate) struct Shared {
    /// Cluster and node, for the log.
    pub(crate) name: String,
    node: Arc<Node>,
    faults: Arc<Faults>,
    pub(crate) connections: Arc<Connections>,
    pub(crate) handshakes: Handshakes,
    common: Arc<Common>,
    refusals: Throttle,
}

impl Listener {
    /// Starts to listen. The caller holds the home's lock, so that a socket that's there is a dead daemon's.
    pub(crate) fn start(
        cluster: &str,
        node: &Arc<Node>,
        path: &Path,
        faults: &Arc<Faults>,
        common: &Arc<Common>,
    ) -> Result<Self, ServeError> {
        let socket = Arc::new(bind(path, 0o666)?);
        let shared = Arc::new(Shared {
            name: format!("{cluster}-{}", node.id().0),
            node: Arc::clone(node),
            faults: Arc::clone(faults),
            connections: Arc::default(),
            handshakes: Handshakes::default(),
            common: Arc::clone(common),
            refusals: Throttle::default(),
        });
        let (accepting, with) = (Arc::clone(&socket), Arc::clone(&shared));
        let thread = Builder::new()
            .name(shared.name.clone())
            .spawn(move || accept(&accepting, &with))
            .map_err(|error| ServeError::io("start a thread for", path, error))?;
        Ok(Self { shared, socket, path: path.to_owned(), tls: None, thread: Some(thread) })
    }

    /// Listens for TLS, too, unless it does already.
    pub(crate) fn start_tls(&mut self, address: SocketAddrV4, terms: &Arc<Terms>) -> Result<(), ServeError> {
        if self.tls.is_none() && self.thread.is_some() {
            let started = TlsListener::start(address, &self.shared, terms);
            let started = started
                .map_err(|error| ServeError::io("listen at", Path::new(&address.to_string()), error))?;
            self.tls = Some(started);
        }
        Ok(())
    }

    pub(crate) fn connection_count(&self) -> usize {
        self.shared.connections.count()
    }

    /// How many requests have come since the node started.
    pub(crate) fn request_count(&self) -> u64 {
        self.shared.connections.requests()
    }

    /// Takes no more clients, nor anything more from those that are there.
    pub(crate) fn stop(&mut self) {
        self.end(Connections::close);
    }

    /// Is gone at once, as after a crash: connections end in the middle of calls.
    pub(crate) fn crash(mut self) {
        self.end(Connections::sever);
    }

    fn end(&mut self, end: impl Fn(&Connections)) {
        let Some(thread) = self.thread.take() else { return };
        // Removed first, so that who finds no socket knows that nobody answers.
        let _ = fs::remove_file(&self.path);
        self.tls = None;
        end(&self.shared.connections);
        let _ = rustix::net::shutdown(&*self.socket, Shutdown::Both);
        let _ = thread.join();
    }

    /// Its connections, to wait for their end after [`Self::stop`].
    pub(crate) fn connections(&self) -> Arc<Connections> {
        Arc::clone(&self.shared.connections)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Listens at a path, in place of a socket that's there.
pub(crate) fn bind(path: &Path, mode: u32) -> Result<UnixListener, ServeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(ServeError::io("remove", path, error));
        }
        _ => {}
    }
    let socket = UnixListener::bind(path).map_err(|error| ServeError::io("listen at", path, error))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| ServeError::io("set the mode of", path, error))?;
    Ok(socket)
}

fn accept(socket: &UnixListener, shared: &Arc<Shared>) {
    loop {
        match socket.accept() {
            Ok((client, _)) => shared.take_in(client),
            // The listener was shut down.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return,
            Err(error) => {
                shared.refuse(&format!("the system gives no connection: {error}"));
                sleep(RECOVER);
            }
        }
    }
}

impl Shared {
    fn take_in(self: &Arc<Self>, client: UnixStream) {
        let stream = Stream::new(client);
        let place = match self.connections.admit(stream, limits::MAX_CONNECTIONS) {
            Ok(place) => place,
            Err(stream) => {
                let message = format!(
                    "node {} has {} connections already, and takes no more: end programs that don't use theirs",
                    self.name,
                    limits::MAX_CONNECTIONS
                );
                turn_away(&Channel::plain(&stream), &Error::new(ReturnCode::DEVICE_MEMORY, message));
                self.refuse(&format!("there are {} connections already", limits::MAX_CONNECTIONS));
                return;
            }
        };
        let shared = Arc::clone(self);
        let thread = Builder::new().name(self.name.clone()).stack_size(STACK);
        if let Err(error) = thread.spawn(move || shared.serve(&place, &Channel::plain(place.stream()))) {
            self.refuse(&format!("the system gives no thread: {error}"));
            sleep(RECOVER);
        }
    }

    /// Serves a client until it goes.
    pub(crate) fn serve(&self, place: &Place, channel: &Channel<'_>) {
        let Common { activity, budget, mailboxes } = &*self.common;
        match converse(place, channel, &self.node, &self.faults, budget, activity, mailboxes) {
            Ok(()) => channel.say_goodbye(),
            Err(Ended::Broken) => tracing::debug!("node {}: a fault broke a connection", self.name),
            Err(Ended::Gone(error)) => tracing::debug!("node {}: a client went away: {error}", self.name),
            Err(Ended::Full(error)) => self.refuse(&error.to_string()),
            Err(Ended::Slow) => self.refuse("it was too slow"),
            Err(Ended::Garbage(error)) => self.refuse(&format!("it sent what isn't a message: {error}")),
            Err(Ended::Refused(error)) => self.refuse(&error.message),
            Err(Ended::Panicked) => {
                tracing::error!("node {}: a request failed by a bug; its connection was dropped", self.name);
            }
        }
    }

    /// Tells of a client that was turned away or dropped, unless there were many lately.
    pub(crate) fn refuse(&self, why: &str) {
        if let Some(held_back) = self.refusals.pass() {
            let more = if held_back > 0 { format!(" ({held_back} more since)") } else { String::new() };
            tracing::warn!("node {}: a client was dropped: {why}{more}", self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    use strongroom_cluster::{Cluster, CreateOptions};
    use strongroom_crypto::seal::SealingKey;
    use strongroom_model::{Blob, Profile};
    use strongroom_store::{MemoryStore, Revision, Snapshot, Store, StoreError};
    use strongroom_wire::{Envelope, Frames, Hello, InstanceId, Numbered, Reply, Request, decode, encode};

    use super::*;
    use crate::daemon::SystemClock;

    /// A store with a bug.
    #[derive(Default)]
    struct Buggy {
        memory: MemoryStore,
        panics: AtomicBool,
    }

    impl Store for Buggy {
        fn load(&self) -> Result<Snapshot, StoreError> {
            self.memory.load()
        }

        fn commit(
            &self,
            base: Revision,
            changes: &[Vec<strongroom_store::Write>],
        ) -> Result<Revision, StoreError> {
            assert!(!self.panics.load(Ordering::Relaxed), "a bug");
            self.memory.commit(base, changes)
        }
    }

    struct Client(Stream, Frames);

    impl Client {
        fn connect(path: &Path) -> Self {
            let mut client = Self(Stream::connect(path).unwrap(), Frames::new());
            let mut frame = Vec::new();
            encode(&Hello::new(InstanceId([1; 16])), &mut frame).unwrap();
            client.0.write_all(&frame).unwrap();
            assert!(client.1.next(&mut client.0, usize::MAX).unwrap().is_some());
            client.1.wipe();
            client
        }

        fn ask(&mut self, request: Request) -> Option<Reply> {
            let mut frame = Vec::new();
            let envelope = Envelope { attach: None, session: 1, extras: None, request };
            encode(&Numbered::new(9, envelope), &mut frame).unwrap();
            self.0.write_all(&frame).unwrap();
            let reply = self.1.next(&mut self.0, usize::MAX).unwrap();
            let reply = reply.map(|body| decode::<Numbered<Reply>>(body).unwrap());
            self.1.wipe();
            reply.map(|reply| {
                assert_eq!(reply.number(), 9);
                reply.message
            })
        }
    }

    #[test]
    fn a_panic_costs_one_connection() {
        let store = Arc::new(Buggy::default());
        let options = CreateOptions {
            name: "default".to_owned(),
            nodes: 1,
            first_node: 0,
            profile: Profile::Standard,
            variant: Default::default(),
            officer_password: None,
            crypto_users: Vec::new(),
            uninitialized: true,
            certificates: Default::default(),
        };
        let root = SealingKey::generate();
        let cluster =
            Cluster::create(Arc::<Buggy>::clone(&store), &options, &root, Arc::new(SystemClock)).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.sock");
        let mut listener =
            Listener::start("default", &cluster.nodes()[0], &path, &Arc::default(), &Arc::default()).unwrap();
        let (mut good, mut bad) = (Client::connect(&path), Client::connect(&path));

        store.panics.store(true, Ordering::Relaxed);
        let init = || Request::InitToken { password: Blob::from(*b"password"), label: "t".to_owned() };
        assert!(bad.ask(init()).is_none(), "the connection is dropped");
        assert!(good.ask(Request::Info).unwrap().result.is_ok());
        assert!(Client::connect(&path).ask(Request::Info).unwrap().result.is_ok());

        listener.stop();
        assert!(!path.exists());
        assert!(good.1.next(&mut good.0, usize::MAX).unwrap().is_none());
        assert_eq!(listener.connections().wait(Instant::now() + Duration::from_secs(10)), 0);
    }
}
