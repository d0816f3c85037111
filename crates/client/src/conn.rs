//! One connection to a node.

use std::io::{self, Write};

use serde::Serialize;
use strongroom_model::{Error, NodeId, ReturnCode, limits, wipe};
use strongroom_wire::{Attach, Extras, Frames, Hello, Reply, Request, Stream, Welcome, decode, encode};

use crate::descriptor::Guarded;
use crate::wait::InFlight;

/// The number of a login; a connection's says for whom it speaks.
pub(crate) type Generation = u64;
/// The generation of nobody.
pub(crate) const NOBODY: Generation = 0;
/// A generation that is none: whom the connection speaks for must be said again.
pub(crate) const UNKNOWN: Generation = u64::MAX;

/// How long a node may take to answer a [`Hello`], which it does at once.
const HELLO_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);
/// A buffer that grew past this is given back after use.
const KEPT: usize = 2 * 1024 * 1024;

/// A connection that has been welcomed. Dropping it closes it, without a word.
#[derive(Debug)]
pub(crate) struct Conn {
    stream: Guarded<Stream>,
    frames: Frames,
    out: Vec<u8>,
    /// The node at the other end.
    pub(crate) node: NodeId,
    /// Whom it speaks for.
    pub(crate) speaks_for: Generation,
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

impl Conn {
    /// Introduces the client on a stream that was connected just now.
    pub(crate) fn open(stream: Stream, hello: &Hello) -> io::Result<(Self, Welcome)> {
        let mut stream = Guarded::new(stream)?;
        stream.socket().set_read_timeout(Some(HELLO_TIMEOUT))?;
        let (mut frames, mut out) = (Frames::new(), Vec::new());
        encode(hello, &mut out)?;
        stream.write_all(&out).map_err(hung_up)?;
        out.clear();
        let body = match frames.next(&mut *stream, limits::MAX_FRAME) {
            Ok(Some(body)) => body,
            Ok(None) => return Err(refusal()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(silence()),
            Err(error) => return Err(hung_up(error)),
        };
        let welcome: Welcome = decode(body)?;
        frames.wipe();
        stream.socket().set_read_timeout(None)?;
        Ok((Self { stream, frames, out, node: welcome.node, speaks_for: NOBODY }, welcome))
    }

    /// Whether the descriptor is still ours. Asked before each use; whether the node is still there
    /// needn't be: writing to a Unix socket whose other end is closed fails.
    pub(crate) fn is_ours(&self) -> bool {
        self.stream.is_ours()
    }

    #[cfg(test)]
    pub(crate) fn estrange(&mut self) {
        self.stream.estrange();
    }

    /// Sends a request and reads its answer. After a failure the connection is of no use.
    pub(crate) fn exchange(
        &mut self,
        attach: Option<&Attach>,
        session: u64,
        extras: Option<&Extras>,
        request: &Request,
        in_flight: &InFlight<'_>,
    ) -> Result<Reply, Failure> {
        self.send(&Outgoing { attach, session, extras, request })?;
        let mut answer = in_flight.answer(&mut self.stream, request);
        match self.frames.next(&mut answer, limits::MAX_FRAME) {
            Ok(Some(body)) => {
                let reply = decode(body);
                self.frames.wipe();
                reply.map_err(|error| Failure::Hopeless(malformed(self.node, &error)))
            }
            Ok(None) => Err(Failure::Lost(io::ErrorKind::UnexpectedEof.into())),
            // A Unix socket says this when its other end was closed with bytes in it that nobody had
            // read: ours. So the node never saw the whole request.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(Failure::Unsent(error)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(Failure::Hopeless(malformed(self.node, &error)))
            }
            Err(error) => Err(Failure::Lost(error)),
        }
    }

    fn send(&mut self, message: &Outgoing<'_>) -> Result<(), Failure> {
        if let Err(error) = encode(message, &mut self.out) {
            let message = format!("the request is too large for a node: {error}");
            return Err(Failure::Hopeless(Error::new(ReturnCode::DATA_LEN_RANGE, message)));
        }
        let sent = self.stream.write_all(&self.out);
        self.wipe();
        // A frame that wasn't written to its end can't have been carried out.
        sent.map_err(Failure::Unsent)
    }

    fn wipe(&mut self) {
        wipe(&mut self.out);
        self.out.clear();
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
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

/// A node that turns a client away closes the connection, before it has read the [`Hello`] or after.
fn hung_up(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => refusal(),
        _ => error,
    }
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
                encode(&outgoing, &mut ours).unwrap();
                let (attach, extras) = (attach.clone(), extras.map(Box::new));
                encode(&Envelope { attach, session: 9, extras, request }, &mut theirs).unwrap();
                assert_eq!(ours, theirs);
            }
        }
    }
}
