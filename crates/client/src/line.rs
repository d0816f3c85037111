//! What a connection's bytes go over: a socket, TLS over one, or memory that's shared with the node.

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use strongroom_tls::{ClientTls, HandshakeError, Session};
use strongroom_wire::{Mailbox, Manner, Stream};

use crate::descriptor::Guarded;

/// A connected socket, and the TLS that is spoken over it, or the memory that's used instead, if it is. Dropping it closes the
/// socket, without a word.
#[derive(Debug)]
pub(crate) struct Line {
    stream: Guarded<Stream>,
    tls: Option<Box<Session>>,
    /// What came with the first message.
    handed: Option<OwnedFd>,
    mailbox: Option<Guarded<Mailbox>>,
}

impl Line {
    /// Messages go as they are.
    pub(crate) fn plain(stream: Stream) -> io::Result<Self> {
        Ok(Self { stream: Guarded::new(stream)?, tls: None, handed: None, mailbox: None })
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
        Ok(Self { stream, tls: Some(Box::new(session)), handed: None, mailbox: None })
    }

    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Whether the descriptor that's used is still ours. With shared memory none is, nearly always; when one is, this is seen to.
    pub(crate) fn is_ours(&self) -> bool {
        self.is_shared() || self.stream.is_ours()
    }

    pub(crate) const fn is_shared(&self) -> bool {
        self.mailbox.is_some()
    }

    /// Takes the memory that the node has offered, and tells it whether that went well. `limit` is how long the node may leave
    /// unread what it's sent.
    pub(crate) fn share(&mut self, limit: Option<Duration>) -> io::Result<()> {
        let mailbox = self.handed.take().and_then(|memory| Guarded::new(Mailbox::open(memory).ok()?).ok());
        self.stream.write_all(&[mailbox.is_some().into()])?;
        self.mailbox = mailbox;
        if let Some(mailbox) = &mut self.mailbox {
            mailbox.set_write_timeout(limit);
        }
        Ok(())
    }

    /// How to sleep from now on, this end and the node's.
    pub(crate) fn set_manner(&mut self, manner: impl FnOnce() -> Manner) {
        if let Some(mailbox) = &mut self.mailbox {
            mailbox.set_manner(manner());
        }
    }

    /// Whether the node is known to have begun to read what was written last. Only shared memory tells.
    pub(crate) fn was_begun(&self) -> bool {
        self.mailbox.as_ref().is_some_and(|mailbox| mailbox.was_taken())
    }

    pub(crate) const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether the socket has ended, or isn't ours any more.
    pub(crate) fn is_cut(&self) -> bool {
        !self.stream.is_ours() || self.stream.is_over()
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
        if let Some(mailbox) = &mut self.mailbox {
            return mailbox.try_read(ours(&self.stream), buffer);
        }
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
        if let Some(mailbox) = &mut self.mailbox {
            loop {
                if let Some(read) = mailbox.try_read(ours(&self.stream), buffer)? {
                    return Ok(read);
                }
                mailbox.wait(ours(&self.stream), limit)?;
            }
        }
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
        if let Some(mailbox) = &mut self.mailbox {
            return mailbox.write_all(ours(&self.stream), bytes).map(|()| bytes.len());
        }
        match &mut self.tls {
            None => self.stream.write(bytes),
            Some(tls) => tls.write_all(&self.stream, bytes).map(|()| bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The socket, as long as it's ours.
fn ours<'a>(stream: &'a Guarded<Stream>) -> impl Fn() -> Option<&'a Stream> {
    || stream.is_ours().then_some(&**stream)
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

/// A line that is read up to a moment, and over which something may be handed: an introduction's.
pub(crate) struct Until<'a>(&'a mut Line, Instant);

impl Read for Until<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.1.saturating_duration_since(Instant::now());
        if self.0.tls.is_some() {
            return self.0.read_within(Some(left), buffer);
        }
        Stream::wait_readable(&*self.0.stream, Some(left))?;
        let (read, handed) = self.0.stream.receive_with(buffer)?;
        self.0.handed = handed.or(self.0.handed.take());
        Ok(read)
    }
}
