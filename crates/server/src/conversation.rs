//! One client's connection, from its first message to its last.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use strongroom_model::{Error, ReturnCode, limits, wipe};
use strongroom_node::Node;
use strongroom_wire::{
    ClusterInfo, Envelope, Frames, Hello, Numbered, Reply, Response, Standing, Welcome, decode, encode,
};

use crate::budget::Budget;
use crate::channel::Channel;
use crate::connections::Place;
use crate::faults::{Fate, Faults};
use crate::mailboxes::Mailboxes;
use crate::reader::Reader;
use crate::wait::Activity;

/// How long a client may take to introduce itself, from when it connects.
pub(crate) const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest introduction in bytes; nobody gets more memory before.
pub(crate) const MAX_HELLO: usize = 4 * 1024;
/// How long a client may leave a reply unread that fills its socket.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How many bytes of answers wait at most for those to requests that came with theirs.
const MAX_DUE: usize = 64 * 1024;
/// A reply buffer that grew past this is given back after use.
const KEPT: usize = 2 * 1024 * 1024;

/// Why a conversation ended before the client closed it.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The client went away, or its connection broke.
    Gone(io::Error),
    /// The client was too slow.
    Slow,
    /// There is no memory for the client's message.
    Full(io::Error),
    /// The client sent what isn't a message, or may not come here.
    Garbage(io::Error),
    /// The node refused the client.
    Refused(Error),
    /// A request made the node panic.
    Panicked,
    /// A fault that was asked for broke the connection.
    Broken,
}

/// Serves a client until it closes the connection.
pub(crate) fn converse(
    place: &Place,
    channel: &Channel<'_>,
    node: &Arc<Node>,
    faults: &Faults,
    budget: &Budget,
    activity: &Activity,
    mailboxes: &Mailboxes,
) -> Result<(), Ended> {
    channel.stream().set_write_timeout(Some(WRITE_TIMEOUT)).map_err(Ended::Gone)?;
    let mut reader = Reader::new(channel, activity.join());
    let mut frames = Frames::new();
    let mut out = Vec::new();
    let mut share = budget.join();

    reader.expect_message(HELLO_TIMEOUT);
    let Some(body) = frames.next(&mut reader, MAX_HELLO)? else { return Ok(()) };
    let hello: Hello = decode(body)?;
    frames.wipe();
    let (mut connection, mut welcome) = match node.connect(&hello) {
        Ok(taken_in) => taken_in,
        Err(error) => {
            turn_away(channel, &error);
            return Err(Ended::Refused(error));
        }
    };
    if channel.is_remote() {
        show_from_afar(&mut welcome.cluster);
    }
    let mailbox = if hello.mailbox && !channel.is_remote() { mailboxes.make() } else { None };
    welcome.mailbox = mailbox.is_some();
    encode(&Ok::<_, Error>(welcome), &mut out)?;
    if faults.now().is_some() {
        faults.hang(|| place.is_closed());
    }
    match mailbox {
        Some(mailbox) => {
            if faults.now().is_some() {
                faults.delay(|| place.is_closed());
            }
            reader.expect_message(HELLO_TIMEOUT);
            mailbox.offer(channel, &out, &mut reader)?;
            out.clear();
        }
        None => flush(place, channel, faults, &mut out)?,
    }

    let mut in_flight = None;
    loop {
        // Requests that came together are answered together.
        if !frames.has_next() {
            in_flight = None;
            flush(place, channel, faults, &mut out)?;
            // What the client has posted that nobody has begun to read, it knows not to have been done.
            if channel.is_shared() && place.is_closed() {
                return Ok(());
            }
        }
        if share.note(frames.size() + out.capacity()) {
            frames.shrink();
            out = Vec::new();
            share.note(frames.size());
        }
        reader.await_message();
        let (known, kept) = (connection.speaks_for_user(), out.capacity());
        let ask = |size| share.ask(size + kept, known, || place.is_closed());
        let Some(body) = frames.next_asking(&mut reader, limits::MAX_FRAME, ask)? else { return Ok(()) };
        match &in_flight {
            Some(_) => reader.goes_on(),
            None => in_flight = Some(reader.begin()),
        }
        let envelope = decode::<Numbered<Envelope>>(body);
        frames.wipe();
        // A client whose socket has ended knows of what wasn't begun then that it never will be.
        if place.is_severed() {
            return Err(Ended::Broken);
        }
        let Numbered { number, message: envelope } = envelope?;
        if out.len() > MAX_DUE || !envelope.request.is_quick() {
            flush(place, channel, faults, &mut out)?;
        }
        place.count_request();
        let fate = faults.now().map_or(Fate::Served, |ill| {
            faults.hang(|| place.is_closed());
            ill.fate()
        });
        match fate {
            Fate::Served | Fate::LostAfter => {}
            Fate::LostBefore => return Err(Ended::Broken),
            Fate::Busy => {
                encode(&Numbered { number, message: busy(node) }, &mut out)?;
                continue;
            }
        }
        // One client's bad luck must not be the others'. What the panic left half-done goes with the connection.
        let Ok(reply) = catch_unwind(AssertUnwindSafe(|| connection.handle(envelope))) else {
            flush(place, channel, faults, &mut out)?;
            return Err(Ended::Panicked);
        };
        let mut answer = Numbered { number, message: reply };
        if let (true, Ok(Response::Cluster(info))) = (channel.is_remote(), &mut answer.message.result) {
            show_from_afar(info);
        }
        if encode(&answer, &mut out).is_err() {
            encode(&Numbered { number, message: too_long(&answer.message) }, &mut out)?;
        }
        drop(answer);
        if fate == Fate::LostAfter {
            wipe(&mut out);
            return Err(Ended::Broken);
        }
    }
}

/// Sends answers that are due, later if a fault wants it so.
fn flush(place: &Place, channel: &Channel<'_>, faults: &Faults, out: &mut Vec<u8>) -> io::Result<()> {
    if out.is_empty() {
        return Ok(());
    }
    if faults.now().is_some() {
        faults.delay(|| place.is_closed());
    }
    // By a socket nothing could be sent any more.
    if place.is_severed() {
        wipe(out);
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    send_all(channel, out)
}

/// Tells a client why it isn't taken in.
pub(crate) fn turn_away(channel: &Channel<'_>, why: &Error) {
    let mut out = Vec::new();
    // It may have gone away itself.
    let _ = encode(&Err::<Welcome, _>(why), &mut out).and_then(|()| send_all(channel, &mut out));
}

/// Sends what is in the buffer and wipes it.
fn send_all(channel: &Channel<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    let sent = channel.write_all(out);
    wipe(out);
    out.clear();
    if out.capacity() > KEPT {
        *out = Vec::new();
    }
    sent
}

fn too_long(reply: &Reply) -> Reply {
    let message = "the answer is longer than a message may be: ask for less at a time";
    Reply { result: Err(Error::new(ReturnCode::DEVICE_MEMORY, message)), ..*reply }
}

/// The answer of a node that has too much to do (cloudhsm.md 12), and hasn't looked at the request.
fn busy(node: &Node) -> Reply {
    let message = format!(
        "node {} has too much to do and couldn't queue the request (response code: 187)",
        node.id().0
    );
    let result = Err(Error::new(ReturnCode::FUNCTION_FAILED, message));
    Reply { revision: node.revision(), epoch: 0, detached: false, standing: Standing::Busy, result }
}

/// Leaves out what is of use on this machine only.
fn show_from_afar(info: &mut ClusterInfo) {
    info.members.iter_mut().for_each(|member| member.socket.clear());
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Self::Garbage(error),
            io::ErrorKind::OutOfMemory => Self::Full(error),
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Self::Slow,
            _ => Self::Gone(error),
        }
    }
}
