//! The transport: a stream socket of the Unix domain, or of TCP underneath TLS.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::{self, Timeout};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv, recvmsg, send,
    sendmsg, socket_with,
};

/// Larger socket buffers let a mebibyte pass in a third of the time (performance.md).
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;
/// How long nothing may come over TCP before the other end is asked whether it's still there, how often it's asked, and how
/// many times in vain.
const ALIVE_AFTER: Duration = Duration::from_secs(60);
const ALIVE_EVERY: Duration = Duration::from_secs(10);
const ALIVE_TRIES: u32 = 6;

/// How long it may take to be let in by a node on this machine: far longer than it takes one that works.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// A connected socket. Writing to a peer that's gone is an error, never a signal: the host process
/// may not ignore `SIGPIPE`.
#[derive(Debug)]
pub struct Stream(OwnedFd);

impl Stream {
    /// Connects to a node's socket, within [`CONNECT_LIMIT`]. The descriptor isn't passed on to programs that the process
    /// starts.
    ///
    /// # Errors
    ///
    /// Those of `connect(2)`; `TimedOut` where a daemon that was stopped, or has too much to do, lets nobody in.
    pub fn connect(path: &Path) -> io::Result<Self> {
        Self::connect_within(path, CONNECT_LIMIT)
    }

    /// As [`Self::connect`], within a time.
    ///
    /// A socket of the Unix domain whose queue is full makes `connect(2)` sleep for as long as sending may take: a socket that
    /// doesn't block would fail at once, and couldn't be waited for.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`].
    pub fn connect_within(path: &Path, limit: Duration) -> io::Result<Self> {
        let address = SocketAddrUnix::new(path).map_err(|error| match error {
            Errno::NAMETOOLONG => io::Error::from(io::ErrorKind::InvalidInput),
            error => error.into(),
        })?;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        let end = Instant::now().checked_add(limit);
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            // None at all would be for ever.
            let left = left.map(|left| left.max(Duration::from_millis(1)));
            sockopt::set_socket_timeout(&socket, Timeout::Send, left)?;
            match connect(&socket, &address) {
                Ok(()) | Err(Errno::ISCONN) => break,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(error) => return Err(error.into()),
            }
        }
        sockopt::set_socket_timeout(&socket, Timeout::Send, None)?;
        Ok(Self::new(UnixStream::from(socket)))
    }

    /// Takes over a socket that was accepted.
    pub fn new(socket: UnixStream) -> Self {
        // Only for speed: where the system refuses, its own size is kept.
        let _ = sockopt::set_socket_send_buffer_size(&socket, SOCKET_BUFFER);
        let _ = sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BUFFER);
        Self(socket.into())
    }

    /// Connects to a node's TCP address, within a time. What goes over it must be protected by TLS.
    ///
    /// # Errors
    ///
    /// Those of `connect(2)`, `TimedOut`.
    pub fn connect_tcp(address: SocketAddr, within: Duration) -> io::Result<Self> {
        Self::of_tcp(TcpStream::connect_timeout(&address, within)?)
    }

    /// Takes over a TCP socket that was accepted. Small messages aren't held back, and a peer that's gone without a word is
    /// noticed within two minutes.
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`.
    pub fn of_tcp(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        sockopt::set_socket_keepalive(&socket, true)?;
        sockopt::set_tcp_keepidle(&socket, ALIVE_AFTER)?;
        sockopt::set_tcp_keepintvl(&socket, ALIVE_EVERY)?;
        sockopt::set_tcp_keepcnt(&socket, ALIVE_TRIES)?;
        Ok(Self(socket.into()))
    }

    /// How long reading waits at most; `None`: for ever. `WouldBlock` says that it has passed.
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        Ok(sockopt::set_socket_timeout(&self.0, Timeout::Recv, limit)?)
    }

    /// How long writing waits at most; `None`: for ever. `WouldBlock` says that it has passed.
    ///
    /// # Errors
    ///
    /// Those of `setsockopt(2)`.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        Ok(sockopt::set_socket_timeout(&self.0, Timeout::Send, limit)?)
    }

    /// Whether the other end has closed the connection, or said something that it wasn't asked for. No waiting.
    pub fn is_over(&self) -> bool {
        let peeked = recv(&self.0, &mut [0; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT);
        !matches!(peeked, Err(Errno::AGAIN | Errno::INTR))
    }

    /// Sends bytes, and a descriptor with the first of them.
    ///
    /// # Errors
    ///
    /// Those of `sendmsg(2)`.
    pub fn send_with(&self, bytes: &[u8], descriptor: BorrowedFd<'_>) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptor = [descriptor];
        control.push(SendAncillaryMessage::ScmRights(&descriptor));
        let bytes = [IoSlice::new(bytes)];
        Ok(rustix::io::retry_on_intr(|| sendmsg(&self.0, &bytes, &mut control, SendFlags::NOSIGNAL))?)
    }

    /// What has come, and the descriptor that came with it, if one did. It isn't passed on to programs that the process
    /// starts.
    ///
    /// # Errors
    ///
    /// Those of `recvmsg(2)`.
    pub fn receive_with(&self, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = rustix::io::retry_on_intr(|| {
            recvmsg(&self.0, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC)
        })?;
        let descriptor = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        Ok((received.bytes, descriptor))
    }

    /// Sleeps until there is something to read, or the other end has closed; at most for as long as `limit` says.
    ///
    /// To sleep in `recv(2)` itself costs more: the system wakes a thread that sleeps there also when the
    /// other end has *taken* what was sent, which for a request and its answer doubles the changes of
    /// threads. It's true of all stream sockets of the Unix domain in Linux (`unix_write_space`).
    ///
    /// # Errors
    ///
    /// `TimedOut`, and those of `poll(2)`.
    pub fn wait_readable(socket: impl AsFd, limit: Option<Duration>) -> io::Result<()> {
        let (mut left, mut end) = (limit, None);
        loop {
            // What is too long for a timespec is for ever.
            let timeout = left.and_then(|left| Timespec::try_from(left).ok());
            match poll(&mut [PollFd::new(&socket, PollFlags::IN)], timeout.as_ref()) {
                Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
                Ok(_) => return Ok(()),
                // A host that's interrupted often, say by a profiler, must not wait for ever. The clock is read only then.
                Err(Errno::INTR) => {
                    if let Some(limit) = limit {
                        let now = Instant::now();
                        left = Some(end.get_or_insert(now + limit).saturating_duration_since(now));
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (_, read) = rustix::io::retry_on_intr(|| recv(&self.0, &mut *buffer, RecvFlags::empty()))?;
        Ok(read)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The writing half, while others hold the stream too.
impl Write for &Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| send(&self.0, bytes, SendFlags::NOSIGNAL))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_has_an_end() {
        let (mut near, far) = UnixStream::pair().unwrap();
        let begun = Instant::now();
        let limit = Some(Duration::from_millis(30));
        assert_eq!(Stream::wait_readable(&far, limit).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() >= Duration::from_millis(30));
        near.write_all(b"x").unwrap();
        for limit in [limit, None, Some(Duration::ZERO), Some(Duration::MAX)] {
            Stream::wait_readable(&far, limit).unwrap();
        }
    }
}
