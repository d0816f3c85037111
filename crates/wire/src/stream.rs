//! The transport: a Unix stream socket.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};

/// Larger socket buffers let a mebibyte pass in a third of the time (performance.md).
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// A connected socket. Writing to a peer that's gone is an error, never a signal: the host process
/// may not ignore `SIGPIPE`.
#[derive(Debug)]
pub struct Stream(UnixStream);

impl Stream {
    /// Connects to a node's socket. The descriptor isn't passed on to programs that the process starts.
    ///
    /// # Errors
    ///
    /// Those of `connect(2)`.
    pub fn connect(path: &Path) -> io::Result<Self> {
        Ok(Self::new(UnixStream::connect(path)?))
    }

    /// Takes over a socket that was accepted.
    pub fn new(socket: UnixStream) -> Self {
        // Only for speed: where the system refuses, its own size is kept.
        let _ = sockopt::set_socket_send_buffer_size(&socket, SOCKET_BUFFER);
        let _ = sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BUFFER);
        Self(socket)
    }

    /// Sleeps until there is something to read, or the other end has closed.
    ///
    /// To sleep in `recv(2)` itself costs more: the system wakes a thread that sleeps there also when the
    /// other end has *taken* what was sent, which for a request and its answer doubles the changes of
    /// threads. It's true of all stream sockets of the Unix domain in Linux (`unix_write_space`).
    ///
    /// # Errors
    ///
    /// Those of `poll(2)`.
    pub fn wait_readable(socket: impl AsFd) -> io::Result<()> {
        rustix::io::retry_on_intr(|| poll(&mut [PollFd::new(&socket, PollFlags::IN)], None))?;
        Ok(())
    }

    /// The socket.
    pub fn socket(&self) -> &UnixStream {
        &self.0
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
        Ok(rustix::io::retry_on_intr(|| send(&self.0, bytes, SendFlags::NOSIGNAL))?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
