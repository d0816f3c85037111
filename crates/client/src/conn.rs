//! One connection to a node.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::Serialize;
use strongroom_model::{Error, NodeId, ReturnCode, limits, wipe};
use strongroom_wire::{Attach, Extras, Frames, Hello, Numbered, Reply, Request, Welcome, decode, encode};

use crate::lanes::{Lead, Outcome};
use crate::line::Line;
use crate::wait::InFlight;

/// The number of a login; a connection's says for whom it speaks.
pub(crate) type Generation = u64;
/// The generation of nobody.
pub(crate) const NOBODY: Generation = 0;
/// A generation that is none: whom the connection speaks for must be said again.
pub(crate) const UNKNOWN: Generation = u64::MAX;

/// How long a node may take to answer a [`Hello`], which it does at once.
pub(crate) const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// A buffer that grew past this is given back after use.
const KEPT: usize = 2 * 1024 * 1024;
/// Room for nearly every quick request.
const FRAME: usize = 1000;

/// A connection that has been welcomed. Dropping it closes it, without a word.
pub(crate) struct Conn {
    line: Line,
    frames: Frames,
    out: Vec<u8>,
    /// The number of the last request.
    number: u32,
    /// The node at the other end.
    pub(crate) node: NodeId,
    /// Whom it speaks for.
    pub(crate) speaks_for: Generation,
    /// The core on which it was last used.
    pub(crate) core: usize,
    /// Whether it's of no use any more.
    pub(crate) broken: bool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The request didn't reach a node; it may be sent again.
    Unsent(io::Error),
    /// The request was sent and nobody knows what became of it.
    Lost(io::Error),
    /// The node is cut off from its cluster and didn't begin on the request; another may carry it out.
    Unfit(Error),
    /// The node has too much to do and didn't begin on the request; it may be sent again.
    Busy(Error),
    /// Sending again won't help.
    Hopeless(Error),
}

/// What [`strongroom_wire::Envelope`] is on the wire, without owning the request.
#[derive(Serialize)]
struct Outgoing<'a> {
    attach: Option<&'a Attach>,
    session: u64,
    extras: Option<&'a Extras>,
    request: &'a Request,
}

/// The frame of a request for a connection that speaks for whom the client does.
pub(crate) fn frame(session: u64, request: &Request) -> io::Result<Vec<u8>> {
    let mut frame = Vec::with_capacity(FRAME);
    // It gets its number when it's known on which connection it goes.
    encode(&Numbered::new(0, Outgoing { attach: None, session, extras: None, request }), &mut frame)?;
    Ok(frame)
}

impl Failure {
    /// Whether the node takes what it's sent, or not even that, and says nothing.
    pub(crate) fn is_silence(&self) -> bool {
        matches!(self, Self::Unsent(error) | Self::Lost(error) if error.kind() == io::ErrorKind::TimedOut)
    }

    /// What it is for a call that went with the one that failed.
    pub(crate) fn of_another(&self) -> Self {
        let copy = |error: &io::Error| match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind(), error.to_string()),
        };
        match self {
            Self::Unsent(error) => Self::Unsent(copy(error)),
            Self::Lost(error) => Self::Lost(copy(error)),
            Self::Unfit(_) | Self::Busy(_) | Self::Hopeless(_) => {
                Self::Lost(io::Error::other("an answer before it was none"))
            }
        }
    }
}

impl Conn {
    /// Introduces the client on a line that was connected just now. `limit` is how long the node may leave unread what it's
    /// sent.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsent`], and [`Failure::Unfit`] with what a node says that doesn't take the client in.
    pub(crate) fn open(
        line: Line,
        hello: &Hello,
        limit: Option<Duration>,
    ) -> Result<(Self, Welcome), Failure> {
        Self::introduce(line, hello, limit).map_err(Failure::Unsent)?.map_err(Failure::Unfit)
    }

    fn introduce(
        mut line: Line,
        hello: &Hello,
        limit: Option<Duration>,
    ) -> io::Result<Result<(Self, Welcome), Error>> {
        let end = Instant::now() + at_once(limit);
        line.stream().set_write_timeout(limit)?;
        let (mut frames, mut out) = (Frames::new(), Vec::new());
        encode(hello, &mut out)?;
        // A node that's full says so and hangs up without listening.
        match line.write_all(&out) {
            Err(error) if !is_cut(&error) => return Err(hung_up(error)),
            _ => out.clear(),
        }
        let body = match frames.next(&mut line.until(end), limits::MAX_FRAME) {
            Ok(Some(body)) => body,
            Ok(None) => return Err(refusal()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => return Err(silence()),
            Err(error) => return Err(hung_up(error)),
        };
        let answer: Result<Welcome, Error> = decode(body)?;
        frames.wipe();
        if answer.as_ref().is_ok_and(|welcome| welcome.mailbox) {
            line.share(limit).map_err(hung_up)?;
        }
        Ok(answer.map(|welcome| {
            let node = welcome.node;
            (Self { line, frames, out, number: 0, node, speaks_for: NOBODY, core: 0, broken: false }, welcome)
        }))
    }

    /// Whether the descriptor is still ours. Asked before each use; whether the node is still there
    /// needn't be: writing to a Unix socket whose other end is closed fails.
    pub(crate) fn is_ours(&self) -> bool {
        self.line.is_ours()
    }

    /// Whether the node has gone, as far as the socket tells.
    pub(crate) fn is_cut(&self) -> bool {
        self.line.is_cut()
    }

    #[cfg(test)]
    pub(crate) fn estrange(&mut self) {
        self.line.estrange();
    }

    /// Sends a request, and those that go along, and reads the answers; the others' are in `lead` then. After a failure
    /// the connection is of no use.
    pub(crate) fn exchange(
        &mut self,
        attach: Option<&Attach>,
        session: u64,
        extras: Option<&Extras>,
        request: &Request,
        in_flight: &InFlight<'_>,
        lead: &mut Lead<'_>,
    ) -> Result<Reply, Failure> {
        // An answer that nobody asked for would be taken for the next one's.
        if self.broken || !self.frames.is_empty() || self.line.is_over() {
            return Err(Failure::Unsent(io::ErrorKind::BrokenPipe.into()));
        }
        self.line.set_manner(|| in_flight.manner());
        let mut number = self.number.wrapping_add(1);
        self.send(Numbered::new(number, Outgoing { attach, session, extras, request }), lead)?;
        let reply = self.receive(number, request, in_flight, lead.is_alone())?;
        while !lead.is_alone() {
            number = number.wrapping_add(1);
            match self.receive(number, request, in_flight, false) {
                Ok(reply) => lead.next(Outcome::Answered(reply)),
                Err(failure) => {
                    self.broken = true;
                    lead.fail(&failure);
                }
            }
        }
        Ok(reply)
    }

    /// Reads the answer to the request of a number.
    fn receive(
        &mut self,
        number: u32,
        request: &Request,
        in_flight: &InFlight<'_>,
        alone: bool,
    ) -> Result<Reply, Failure> {
        let mut answer = in_flight.answer(&mut self.line, request);
        match self.frames.next(&mut answer, limits::MAX_FRAME) {
            Ok(Some(body)) => {
                let reply = decode::<Numbered<Reply>>(body);
                self.frames.wipe();
                match reply {
                    Ok(reply) if reply.number() == number => Ok(reply.message),
                    Ok(reply) => Err(Failure::Lost(astray(number, reply.number()))),
                    Err(error) => Err(Failure::Hopeless(malformed(self.node, &error))),
                }
            }
            // By TLS a node says that it's done, and that's after the answers to all that it has carried out.
            Ok(None) if self.line.is_tls() => Err(Failure::Unsent(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the node closed the connection",
            ))),
            Ok(None) => Err(Failure::Lost(io::ErrorKind::UnexpectedEof.into())),
            // A Unix socket says this when its other end was closed with bytes in it that nobody had
            // read: ours. So the node never saw the whole request, if there was but one. By shared memory it saw none.
            Err(error)
                if (alone || self.line.is_shared())
                    && !self.line.is_tls()
                    && error.kind() == io::ErrorKind::ConnectionReset =>
            {
                Err(Failure::Unsent(error))
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Failure::Hopeless(malformed(self.node, &error)))
            }
            Err(error) => Err(Failure::Lost(error)),
        }
    }

    fn send(&mut self, message: Numbered<Outgoing<'_>>, lead: &mut Lead<'_>) -> Result<(), Failure> {
        if let Err(error) = encode(&message, &mut self.out) {
            let message = format!("the request is too large for a node: {error}");
            return Err(Failure::Hopeless(Error::new(ReturnCode::DATA_LEN_RANGE, message)));
        }
        self.number = lead.write(self.node, message.number(), &mut self.out);
        let sent = match self.line.write(&self.out) {
            Ok(written) => match self.line.write_all(&self.out[written..]) {
                // A frame that wasn't written to its end can't have been carried out, but those before it can.
                Err(error) if !lead.is_alone() => Err(Failure::Lost(in_time(error))),
                sent => sent.map_err(|error| Failure::Unsent(in_time(error))),
            },
            Err(error) if !lead.is_alone() && self.line.was_begun() => Err(Failure::Lost(in_time(error))),
            Err(error) => Err(Failure::Unsent(in_time(error))),
        };
        self.wipe();
        sent
    }

    fn wipe(&mut self) {
        wipe(&mut self.out);
        self.out.clear();
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
    }
}

/// Shows nothing of what is sent.
impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { node, speaks_for, broken, .. } = self;
        let mut shown = f.debug_struct("Conn");
        shown.field("node", node).field("speaks_for", speaks_for).field("broken", broken);
        shown.finish_non_exhaustive()
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        wipe(&mut self.out);
    }
}

fn malformed(node: NodeId, error: &io::Error) -> Error {
    let message = format!("node {} sent what is no answer ({error}); the connection is closed", node.0);
    Error::new(ReturnCode::DEVICE_ERROR, message)
}

/// A connection that's out of step.
fn astray(asked: u32, answered: u32) -> io::Error {
    let message = format!("the node answered request {answered} of the connection instead of {asked}");
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// A write's time limit shows as a socket that isn't ready.
fn in_time(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "the node takes nothing in"),
        _ => error,
    }
}

/// How long a node may take for what it does at once.
pub(crate) fn at_once(limit: Option<Duration>) -> Duration {
    limit.map_or(HELLO_TIMEOUT, |limit| limit.min(HELLO_TIMEOUT))
}

/// A node that turns a client away closes the connection, before it has read the [`Hello`] or after.
fn hung_up(error: io::Error) -> io::Error {
    if is_cut(&error) { refusal() } else { error }
}

fn is_cut(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

fn refusal() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionRefused,
        "the node closed the connection at once: it has too many, or module and daemon are of different versions",
    )
}

fn silence() -> io::Error {
    io::Error::new(
        io::ErrorKind::TimedOut,
        "the node accepts connections but doesn't answer; it may be stopped",
    )
}

#[cfg(test)]
mod tests {
    use strongroom_model::{Blob, KeyTerms};
    use strongroom_wire::{Envelope, Ticket};

    use super::*;

    #[test]
    fn an_outgoing_message_is_an_envelope() {
        let ticket = Ticket { expires: 5, sealed: Blob::from(*b"sealed") };
        let terms = KeyTerms { manage_quorum: 2, ..KeyTerms::default() };
        for attach in [None, Some(Attach::Nobody), Some(Attach::Ticket(ticket))] {
            for extras in [None, Some(Extras { terms: terms.clone(), ..Extras::default() })] {
                let request = Request::Random { len: 20 };
                let (mut ours, mut theirs) = (Vec::new(), Vec::new());
                let outgoing = Outgoing {
                    attach: attach.as_ref(),
                    session: 9,
                    extras: extras.as_ref(),
                    request: &request,
                };
                encode(&Numbered::new(7, outgoing), &mut ours).unwrap();
                let (attach, extras) = (attach.clone(), extras.map(Box::new));
                let envelope = Envelope { attach, session: 9, extras, request };
                encode(&Numbered::new(7, envelope), &mut theirs).unwrap();
                assert_eq!(ours, theirs);
            }
        }
    }
}
