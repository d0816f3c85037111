//! A client that speaks with a node without the module, and needn't keep to any rule.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use strongroom_model::{Result, ReturnCode};
use strongroom_testkit::Cluster;
use strongroom_tests::raw::{Pair, Raw};
use strongroom_wire::{
    Attach, Envelope, Frames, Hello, InstanceId, Numbered, Reply, Request, Response, Welcome, decode, encode,
};

/// How long a node may take for anything here but the time it grants to slow clients.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a node.
pub(crate) struct Stranger {
    pub(crate) stream: UnixStream,
    frames: Frames,
}

impl Stranger {
    /// Connects and says nothing.
    pub(crate) fn connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream, frames: Frames::new() })
    }

    /// Connects and introduces itself as it should.
    pub(crate) fn welcomed(socket: &Path, instance: [u8; 16]) -> io::Result<Self> {
        let mut stranger = Self::connect(socket)?;
        stranger.send(&hello(instance));
        let body = stranger.frames.next(&mut stranger.stream, 1 << 20)?;
        let answer: Result<Welcome> = decode(body.ok_or(io::ErrorKind::UnexpectedEof)?)?;
        answer.map_err(io::Error::other)?;
        stranger.frames.wipe();
        Ok(stranger)
    }

    /// Sends bytes; a node that has hung up already is fine.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Asks something, and waits for the answer.
    pub(crate) fn ask(&mut self, attach: Option<Attach>, request: Request) -> Result<Response> {
        self.stream
            .write_all(&frame(&Numbered::new(1, Envelope { attach, session: 1, extras: None, request })))
            .expect("a node that listens");
        let body = self.frames.next(&mut self.stream, 64 << 20).expect("an answer");
        let reply: Numbered<Reply> = decode(body.expect("an answer")).expect("an answer that makes sense");
        self.frames.wipe();
        reply.message.result
    }

    /// Waits until the node has hung up, whatever it says before.
    pub(crate) fn expect_hang_up(&mut self, what: &str) {
        let mut buffer = [0; 4096];
        let begun = Instant::now();
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) => {}
                Err(error) => panic!("{what}: the node hasn't hung up after {:?}: {error}", begun.elapsed()),
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: the node goes on talking");
        }
    }
}

/// An introduction.
pub(crate) fn hello(instance: [u8; 16]) -> Vec<u8> {
    frame(&Hello::new(InstanceId(instance)))
}

/// A message in its frame.
pub(crate) fn frame(message: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(message, &mut bytes).expect("a message that fits");
    bytes
}

/// Bytes in a frame.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len()).expect("a length");
    [&len.to_le_bytes(), body].concat()
}

/// Descriptors that the daemon has at most for those beside whom something is done: two callers, on two nodes, a socket and
/// shared memory each.
pub(crate) const BYSTANDERS: usize = 8;

/// Does something while others sign, without a failure and without waiting long.
pub(crate) fn beside_others(raw: &Raw, cluster: &Cluster, act: impl FnOnce()) {
    let session = raw.open().expect("C_OpenSession");
    // The test itself may have logged in.
    if let Err(code) = session.login(cluster.pin()) {
        assert_eq!(code, ReturnCode::USER_ALREADY_LOGGED_IN);
    }
    let pair = session.p256(true, "bystander").expect("a key pair");
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let others: Vec<_> = (0..2).map(|_| scope.spawn(|| sign_until(raw, pair, &stop))).collect();
        // Also when `act` panics, or else the scope would wait for ever.
        let stopping = Stop(&stop);
        act();
        drop(stopping);
        for other in others {
            let (signatures, longest) = other.join().expect("a bystander");
            eprintln!("meanwhile a bystander signed {signatures} times, the slowest in {longest:?}");
            assert!(longest < Duration::from_secs(5));
        }
    });
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn sign_until(raw: &Raw, pair: Pair, stop: &AtomicBool) -> (u64, Duration) {
    let session = raw.open().expect("C_OpenSession");
    let (mut signatures, mut longest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) || signatures < 10 {
        let begun = Instant::now();
        session.ecdsa(pair.private, &[8; 32]).expect("a bystander's signature");
        longest = longest.max(begun.elapsed());
        signatures += 1;
        thread::sleep(Duration::from_millis(1));
    }
    (signatures, longest)
}
