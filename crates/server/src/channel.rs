//! What a client's thread reads from and writes to: a socket, TLS over one, or memory that's shared with the client.

use std::cell::{OnceCell, RefCell};
use std::io::{self, Write};
use std::time::Duration;

use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, recv};
use strongroom_tls::Session;
use strongroom_wire::Stream;

use crate::conversation::WRITE_TIMEOUT;
use crate::mailboxes::Kept;

/// A client's connection, for the one thread that serves it.
#[derive(Debug)]
pub(crate) struct Channel<'a> {
    stream: &'a Stream,
    tls: Option<RefCell<Session>>,
    mailbox: OnceCell<RefCell<Kept>>,
}

impl<'a> Channel<'a> {
    /// A socket on which messages go as they are.
    pub(crate) const fn plain(stream: &'a Stream) -> Self {
        Self { stream, tls: None, mailbox: OnceCell::new() }
    }

    /// A socket on which messages go by TLS, whose handshake is over.
    pub(crate) const fn secured(stream: &'a Stream, session: Session) -> Self {
        Self { stream, tls: Some(RefCell::new(session)), mailbox: OnceCell::new() }
    }

    pub(crate) const fn stream(&self) -> &'a Stream {
        self.stream
    }

    /// From now on messages go by shared memory.
    pub(crate) fn share(&self, mut mailbox: Kept) {
        mailbox.set_write_timeout(Some(WRITE_TIMEOUT));
        let _ = self.mailbox.set(RefCell::new(mailbox));
    }

    /// Whether messages go by shared memory, where the socket's end isn't seen.
    pub(crate) fn is_shared(&self) -> bool {
        self.mailbox.get().is_some()
    }

    /// Whether the client isn't on this machine, as far as is known.
    pub(crate) const fn is_remote(&self) -> bool {
        self.tls.is_some()
    }

    /// What has come, without waiting; `None` if nothing has, 0 bytes at the end.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        if let Some(mailbox) = self.mailbox.get() {
            return mailbox.borrow_mut().try_read(|| Some(self.stream), buffer);
        }
        let Some(tls) = &self.tls else {
            return match recv(self.stream, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, read)) => Ok(Some(read)),
                Err(Errno::AGAIN | Errno::INTR) => Ok(None),
                Err(error) => Err(error.into()),
            };
        };
        match tls.borrow_mut().try_read(self.stream, buffer) {
            // Where a message ends it says itself, so that nothing can be cut off unnoticed.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Some(0)),
            read => read,
        }
    }

    /// What comes, however long that takes.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.tls.is_some() || self.is_shared() {
            loop {
                if let Some(read) = self.try_read(buffer)? {
                    return Ok(read);
                }
                self.wait(None)?;
            }
        }
        self.wait(None)?;
        Ok(retry_on_intr(|| recv(self.stream, &mut *buffer, RecvFlags::empty()))?.1)
    }

    /// Sleeps until there may be something to read, or the client has gone; at most for as long as `limit` says.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> io::Result<()> {
        match self.mailbox.get() {
            Some(mailbox) => mailbox.borrow_mut().wait(|| Some(self.stream), limit),
            None => Stream::wait_readable(self.stream, limit),
        }
    }

    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        if let Some(mailbox) = self.mailbox.get() {
            return mailbox.borrow_mut().write_all(|| Some(self.stream), bytes);
        }
        match &self.tls {
            Some(tls) => tls.borrow_mut().write_all(self.stream, bytes),
            None => {
                let mut stream = self.stream;
                stream.write_all(bytes)
            }
        }
    }

    /// Tells a client that all that it sent has been answered that ever will be. By a socket alone it sees that.
    pub(crate) fn say_goodbye(&self) {
        if let Some(tls) = &self.tls {
            // It may be gone.
            let _ = tls.borrow_mut().close(self.stream);
        }
    }
}

impl Drop for Channel<'_> {
    fn drop(&mut self) {
        if let Some(mailbox) = self.mailbox.get() {
            mailbox.borrow().hang_up();
        }
    }
}
