//! What a connection's bytes go over: a socket, or TLS over one.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use strongroom_tls::{ClientTls, HandshakeError, Session};
use strongroom_wire::Stream;

use crate::descriptor::Guarded;

/// A connected socket, and the TLS that is spoken over it, if it is. Dropping it closes the socket, without a word.
#[derive(Debug)]
pub(crate) struct Line {
    stream: Guarded<Stream>,
    tls: Option<Box<Session>>,
}

impl Line {
    /// Messages go as they are.
    pub(crate) fn plain(stream: Stream) -> io::Result<Self> {
        Ok(Self { stream: Guarded::new(stream)?, tls: None })
    }

    /// Messages go by TLS, when the node has shown within a time that it's to be trusted.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` if the node isn't trusted or doesn't trust the client, with a sentence, and those of the socket.
    pub(crate) fn secured(
        stream: Stream,
        tls: &ClientTls,
        node: IpAddr,
        within: Duration,
    ) -> io::Result<Self> {
        let mut session = tls.session(node).map_err(io::Error::other)?;
        let stream = Guarded::new(stream)?;
        stream.set_write_timeout(Some(within))?;
        session.handshake(&stream, within).map_err(|error| match error {
            HandshakeError::Io(error) => error,
            HandshakeError::Refused(why) => io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!("the node isn't trusted: it {why}; ca_file must name the CA that signed the cluster's certificate"),
            ),
            HandshakeError::RefusedByPeer(why) => io::Error::new(io::ErrorKind::PermissionDenied, format!("the node {why}")),
        })?;
        Ok(Self { stream, tls: Some(Box::new(session)) })
    }

    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.stream.is_ours()
    }

    pub(crate) const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether the node has closed it. By a Unix socket that's seen when it's written to; by TCP, what is written then is lost.
    pub(crate) fn is_over(&self) -> bool {
        self.tls.is_some() && self.stream.is_over()
    }

    #[cfg(test)]
    pub(crate) fn estrange(&mut self) {
        self.stream.estrange();
    }

    /// What has come, without waiting: `None` if nothing has; 0 bytes at the end, which by TLS is one that the node has told of.
    pub(crate) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match &mut self.tls {
            None => match recv(&*self.stream, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, read)) => Ok(Some(read)),
                Err(Errno::AGAIN | Errno::INTR) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Some(tls) => tls.try_read(&self.stream, buffer).map_err(by_the_node),
        }
    }

    /// What comes, waited for at most as long as `limit` says.
    pub(crate) fn read_within(&mut self, limit: Option<Duration>, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(tls) = &mut self.tls {
            loop {
                if let Some(read) = tls.try_read(&self.stream, buffer).map_err(by_the_node)? {
                    return Ok(read);
                }
                Stream::wait_readable(&*self.stream, limit)?;
            }
        }
        Stream::wait_readable(&*self.stream, limit)?;
        self.stream.read(buffer)
    }

    /// As [`Read`], but all must have come by then.
    pub(crate) const fn until(&mut self, end: Instant) -> Until<'_> {
        Until(self, end)
    }
}

/// Bytes by TLS may be a while under way, so none of them counts as sent until all are: a node can't read the last record
/// before it's complete.
impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.tls {
            None => self.stream.write(bytes),
            Some(tls) => tls.write_all(&self.stream, bytes).map(|()| bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// In TLS 1.3 a node that doesn't take the client's certificate says so after the client's part of the handshake.
fn by_the_node(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::ConnectionAborted => {
            io::Error::new(io::ErrorKind::PermissionDenied, format!("the node {error}"))
        }
        _ => error,
    }
}

/// A line that is read up to a moment.
pub(crate) struct Until<'a>(&'a mut Line, Instant);

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.1.saturating_duration_since(Instant::now());
        self.0.read_within(Some(left), buffer)
    }
}
