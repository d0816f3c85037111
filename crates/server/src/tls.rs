//! A node's TCP address: takes clients in that come by TLS.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::net::{RecvFlags, Shutdown, recv};
use strongroom_model::limits;
use strongroom_tls::{ServerTls, Session};
use strongroom_wire::Stream;

use crate::channel::Channel;
use crate::connections::Place;
use crate::conversation::WRITE_TIMEOUT;
use crate::listener::{RECOVER, STACK, Shared};

/// How long a client may take for its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long what a refused client still sends is waited for, so that it reads why before its connection is reset.
const LINGER: Duration = Duration::from_millis(500);

/// Says what a cluster shows to clients and whom it takes in, at this moment; else why there is nothing to show.
pub(crate) type Terms = dyn Fn() -> Result<ServerTls, String> + Send + Sync;

/// A node that listens for TLS, until this is dropped.
pub(crate) struct TlsListener {
    socket: Arc<TcpListener>,
    thread: Option<JoinHandle<()>>,
}

/// The handshakes that clients are in.
#[derive(Debug, Default)]
pub(crate) struct Handshakes(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// The first has taken longest.
    places: BTreeMap<u64, Arc<Place>>,
}

/// A handshake that is under way, until this is dropped.
struct Handshake<'a> {
    all: &'a Handshakes,
    number: u64,
}

impl TlsListener {
    /// Starts to listen.
    pub(crate) fn start(address: SocketAddrV4, shared: &Arc<Shared>, terms: &Arc<Terms>) -> io::Result<Self> {
        let socket = Arc::new(TcpListener::bind(address)?);
        let (accepting, shared, terms) = (Arc::clone(&socket), Arc::clone(shared), Arc::clone(terms));
        let name = format!("{}-tls", shared.name);
        let thread = Builder::new().name(name).spawn(move || accept(&accepting, &shared, &terms))?;
        Ok(Self { socket, thread: Some(thread) })
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        let _ = rustix::net::shutdown(&*self.socket, Shutdown::Both);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(socket: &TcpListener, shared: &Arc<Shared>, terms: &Arc<Terms>) {
    loop {
        match socket.accept() {
            Ok((client, _)) => take_in(client, shared, terms),
            // The listener was shut down.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return,
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                shared.refuse(&format!("the system gives no connection: {error}"));
                sleep(RECOVER);
            }
        }
    }
}

fn take_in(client: TcpStream, shared: &Arc<Shared>, terms: &Arc<Terms>) {
    let Ok(stream) = Stream::of_tcp(client) else { return };
    let Ok(place) = shared.connections.admit(stream, limits::MAX_CONNECTIONS) else {
        return shared.refuse(&format!("there are {} connections already", limits::MAX_CONNECTIONS));
    };
    let (with, terms) = (Arc::clone(shared), Arc::clone(terms));
    let thread = Builder::new().name(shared.name.clone()).stack_size(STACK);
    if let Err(error) = thread.spawn(move || serve(&with, Arc::new(place), terms)) {
        shared.refuse(&format!("the system gives no thread: {error}"));
        sleep(RECOVER);
    }
}

fn serve(shared: &Shared, place: Arc<Place>, terms: Arc<Terms>) {
    let shaken = shake_hands(shared, &place, &*terms);
    // Who is served may be so for long, and doesn't need the cluster.
    drop(terms);
    match shaken {
        Ok(session) => {
            let channel = Channel::secured(place.stream(), session);
            shared.serve(&place, &channel);
        }
        Err(why) => shared.refuse(&why),
    }
}

fn shake_hands(shared: &Shared, place: &Arc<Place>, terms: &Terms) -> Result<Session, String> {
    let stream = place.stream();
    let under_way = shared.handshakes.begin(place);
    stream.set_write_timeout(Some(WRITE_TIMEOUT)).map_err(|error| error.to_string())?;
    let mut session = terms()?.session().map_err(|error| error.to_string())?;
    let done = session.handshake(stream, HANDSHAKE_TIMEOUT);
    if done.is_err() {
        linger(stream);
    }
    drop(under_way);
    done.map(|()| session).map_err(|error| error.to_string())
}

/// Closing a socket with bytes in it that nobody has read makes the system take back what was sent, which was why the client
/// was refused.
fn linger(stream: &Stream) {
    let _ = rustix::net::shutdown(stream, Shutdown::Write);
    let mut waste = [0; 4096];
    for _ in 0..16 {
        let ready = Stream::wait_readable(stream, Some(LINGER)).is_ok();
        if !ready || !recv(stream, &mut waste[..], RecvFlags::DONTWAIT).is_ok_and(|(_, read)| read > 0) {
            return;
        }
    }
}

impl Handshakes {
    /// Notes that one begins. If there are too many, the one that has taken longest is broken off: whoever means it takes
    /// milliseconds.
    fn begin(&self, place: &Arc<Place>) -> Handshake<'_> {
        let mut open = self.0.lock();
        if open.places.len() >= limits::MAX_HANDSHAKES
            && let Some((_, oldest)) = open.places.pop_first()
        {
            let _ = rustix::net::shutdown(oldest.stream(), Shutdown::Both);
        }
        let number = open.next;
        open.next += 1;
        open.places.insert(number, Arc::clone(place));
        Handshake { all: self, number }
    }
}

impl Drop for Handshake<'_> {
    fn drop(&mut self) {
        self.all.0.lock().places.remove(&self.number);
    }
}
