//! Memory that a client and a node on one machine share, so that most messages pass without the socket between them.
//!
//! There are two boxes in it, one for each direction. A *parcel* is what is sent at once: requests, or answers. Who sends
//! copies it to the box, counts it as posted, and wakes the reader if that sleeps; the reader copies it out,
//! wipes it, and frees the box. A parcel that's longer than [`CAPACITY`] is announced in the box and goes by the socket,
//! whose buffers are larger.
//!
//! How the ends sleep decides how fast they are, and on which core; the client says how ([`Manner`]).
//!
//! The socket stays what it was for all else: it introduces the client, and its end is the connection's. Both ends ask for it only
//! when it's needed, since the host process may have closed a client's. A reader sleeps on the box for [`NAP`], where it's
//! woken most cheaply; then at the socket, where it notices that the other end has gone, and where who posts a parcel *rings*:
//! sends it one byte.
//!
//! Neither end believes what the other writes. What decides on one's own doings is kept in one's own memory, what is read is
//! copied before it's looked at, and nobody waits for the other longer than for a socket. The memory can't shrink,
//! so reading it can't fail.

mod manner;
mod memory;

use std::io::{self, Write};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

pub use manner::Manner;
pub use memory::CAPACITY;
use memory::{ANSWERS, Half, Memory, REQUESTS, Word, sleep_on, wake};

use crate::Stream;

/// In a parcel's length: it comes by the socket.
const BY_SOCKET: u32 = 1 << 31;
/// How long a reader sleeps where it doesn't notice that the other end has gone.
const NAP: Duration = Duration::from_millis(5);

/// What a reader does, as it tells who writes.
const AWAKE: u32 = 0;
const NAPS: u32 = 1;
const AT_SOCKET: u32 = 2;

/// What there was to begin with.
enum Begun {
    Parcel,
    Nothing,
    End,
}

/// One end of it.
#[derive(Debug)]
pub struct Mailbox {
    memory: Memory,
    inbox: Half,
    outbox: Half,
    /// How many parcels have come.
    received: u32,
    /// How many were posted.
    posted: u32,
    /// What is left of the last parcel, in the box.
    unread: Range<usize>,
    /// How much of it is left that comes by the socket.
    by_socket: usize,
    manner: Manner,
    /// How long the other end may take to read.
    patience: Option<Duration>,
    /// Whether the other end has gone.
    over: bool,
}

impl Mailbox {
    /// Makes the memory, for a node's end. Its descriptor is for the client.
    ///
    /// # Errors
    ///
    /// Those of `memfd_create(2)`, `ftruncate(2)` and `mmap(2)`.
    pub fn create() -> io::Result<Self> {
        Ok(Self::at_end(Memory::create()?, REQUESTS, ANSWERS))
    }

    /// The client's end of the memory that a node has made.
    ///
    /// # Errors
    ///
    /// Those of `mmap(2)`.
    pub fn open(file: OwnedFd) -> io::Result<Self> {
        Ok(Self::at_end(Memory::open(file)?, ANSWERS, REQUESTS))
    }

    fn at_end(memory: Memory, inbox: Half, outbox: Half) -> Self {
        Self {
            memory,
            inbox,
            outbox,
            received: 0,
            posted: 0,
            unread: 0..0,
            by_socket: 0,
            manner: Manner::default(),
            patience: None,
            over: false,
        }
    }

    /// How long the other end may take to read before writing fails with `WouldBlock`; `None`: for ever.
    pub fn set_write_timeout(&mut self, limit: Option<Duration>) {
        self.patience = limit;
    }

    /// How both ends sleep from the next parcel on. The client's to say.
    pub fn set_manner(&mut self, manner: Manner) {
        self.manner = manner;
    }

    /// What was said last.
    pub fn manner(&self) -> Manner {
        self.manner
    }

    /// What has come, without waiting: `None` if nothing has, 0 bytes at the end.
    ///
    /// # Errors
    ///
    /// `ConnectionReset` at an end at which the other side hasn't begun to read what was posted last, `InvalidData` for what
    /// is no parcel, and those of `recv(2)`.
    pub fn try_read<'s>(
        &mut self,
        socket: impl Fn() -> Option<&'s Stream>,
        buffer: &mut [u8],
    ) -> io::Result<Option<usize>> {
        if self.by_socket == 0 && self.unread.is_empty() {
            match self.begin_parcel()? {
                Begun::Parcel => {}
                Begun::Nothing => return Ok(None),
                Begun::End => return Ok(Some(0)),
            }
        }
        if self.by_socket > 0 {
            return Ok(self.read_from(socket(), buffer));
        }
        let len = buffer.len().min(self.unread.len());
        let part = self.unread.start..self.unread.start + len;
        self.memory.take(self.inbox, part, &mut buffer[..len])?;
        self.unread.start += len;
        if self.unread.is_empty() {
            self.free();
        }
        Ok(Some(len))
    }

    fn read_from(&mut self, socket: Option<&Stream>, buffer: &mut [u8]) -> Option<usize> {
        let len = buffer.len().min(self.by_socket);
        let Some(socket) = socket else { return Some(0) };
        let read = match recv(socket, &mut buffer[..len], RecvFlags::DONTWAIT) {
            Ok((_, read)) => read,
            Err(Errno::AGAIN | Errno::INTR) => return None,
            // The end, whatever was sent: it was begun to be read, since it's being answered.
            Err(_) => 0,
        };
        self.by_socket -= read;
        Some(read)
    }

    fn begin_parcel(&mut self) -> io::Result<Begun> {
        match (self.over, self.has_news()) {
            (true, _) if self.was_taken() => return Ok(Begun::End),
            (true, _) => return Err(io::ErrorKind::ConnectionReset.into()),
            (false, false) => return Ok(Begun::Nothing),
            (false, true) => {}
        }
        let [posted, len, manner] = [Word::Posted, Word::Len, Word::Manner]
            .map(|word| self.memory.word(self.inbox, word).load(Ordering::Acquire));
        self.received = self.received.wrapping_add(1);
        self.manner = Manner::of_word(manner);
        let by_socket = len & BY_SOCKET != 0;
        let size = (len & !BY_SOCKET) as usize;
        if posted != self.received || size == 0 || (!by_socket && size > CAPACITY) {
            let message = "what is in the shared memory is no parcel";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        self.memory.word(self.inbox, Word::Taken).store(self.received, Ordering::Release);
        if by_socket {
            self.by_socket = size;
            self.free();
        } else {
            self.unread = 0..size;
        }
        Ok(Begun::Parcel)
    }

    /// Waits until there is something to read, or the other end has gone; at most for as long as `limit` says.
    ///
    /// # Errors
    ///
    /// `TimedOut`, and those of `poll(2)`.
    pub fn wait<'s>(
        &mut self,
        socket: impl Fn() -> Option<&'s Stream>,
        limit: Option<Duration>,
    ) -> io::Result<()> {
        let readable = |left| match socket() {
            Some(socket) => Stream::wait_readable(socket, left),
            None => Ok(()),
        };
        if self.by_socket > 0 {
            return readable(limit);
        }
        if self.over || !self.unread.is_empty() || self.has_news() {
            return Ok(());
        }
        let reader = self.memory.word(self.inbox, Word::Reader);
        let mut nap = Duration::ZERO;
        if self.manner != Manner::NearWaker {
            nap = limit.map_or(NAP, |limit| limit.min(NAP));
            reader.store(NAPS, Ordering::SeqCst);
            sleep_on(self.memory.word(self.inbox, Word::Posted), self.received, nap);
            if self.has_news() {
                reader.store(AWAKE, Ordering::Relaxed);
                return Ok(());
            }
        }
        reader.store(AT_SOCKET, Ordering::SeqCst);
        let left = limit.map(|limit| limit.saturating_sub(nap));
        let waited = if self.has_news() { Ok(()) } else { readable(left) };
        let rung = reader.compare_exchange(AT_SOCKET, AWAKE, Ordering::SeqCst, Ordering::SeqCst).is_err();
        if rung {
            return self.hear_the_bell(socket(), limit);
        }
        waited?;
        // There's something at the socket that is no bell: its end.
        self.over = !self.has_news();
        Ok(())
    }

    /// Takes the byte from the socket that's there, or will be in a moment.
    fn hear_the_bell(&mut self, socket: Option<&Stream>, limit: Option<Duration>) -> io::Result<()> {
        let Some(socket) = socket else {
            self.over = true;
            return Ok(());
        };
        loop {
            match recv(socket, &mut [0; 1][..], RecvFlags::DONTWAIT) {
                Ok((_, 1)) => return Ok(()),
                Err(Errno::AGAIN | Errno::INTR) => Stream::wait_readable(socket, limit)?,
                // Who ends in the middle of ringing has posted nothing, as far as it knows itself.
                Ok(_) | Err(_) => {
                    self.over = true;
                    return Ok(());
                }
            }
        }
    }

    /// Posts a parcel.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if the other end doesn't read, `BrokenPipe` if it has gone, `InvalidData` if it says that it has read what
    /// wasn't posted, and those of `send(2)`. Whether it has begun to read the parcel then is what [`Self::was_taken`] says.
    pub fn write_all<'s>(&mut self, socket: impl Fn() -> Option<&'s Stream>, bytes: &[u8]) -> io::Result<()> {
        let socket = || socket().ok_or(io::ErrorKind::BrokenPipe);
        let len = u32::try_from(bytes.len()).ok().filter(|len| len & BY_SOCKET == 0);
        let Some(len) = len else { return Err(io::ErrorKind::InvalidInput.into()) };
        if len == 0 {
            return Ok(());
        }
        self.await_room(socket)?;
        let by_memory = bytes.len() <= CAPACITY;
        if by_memory {
            self.memory.put(self.outbox, bytes)?;
        }
        let len = if by_memory { len } else { len | BY_SOCKET };
        self.memory.word(self.outbox, Word::Len).store(len, Ordering::Relaxed);
        self.memory.word(self.outbox, Word::Manner).store(self.manner.to_word(), Ordering::Relaxed);
        self.posted = self.posted.wrapping_add(1);
        self.memory.word(self.outbox, Word::Posted).store(self.posted, Ordering::SeqCst);
        self.wake_reader(socket)?;
        if by_memory { Ok(()) } else { socket()?.write_all(bytes) }
    }

    fn wake_reader<'s>(&self, socket: impl Fn() -> Result<&'s Stream, io::ErrorKind>) -> io::Result<()> {
        let reader = self.memory.word(self.outbox, Word::Reader);
        match reader.load(Ordering::SeqCst) {
            NAPS => wake(self.memory.word(self.outbox, Word::Posted)),
            AT_SOCKET => {
                let rings = reader.compare_exchange(AT_SOCKET, AWAKE, Ordering::SeqCst, Ordering::SeqCst);
                if rings.is_ok() {
                    socket()?.write_all(&[0])?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Waits until the last parcel was read. Who asks and answers in turns finds that it was.
    fn await_room<'s>(&self, socket: impl Fn() -> Result<&'s Stream, io::ErrorKind>) -> io::Result<()> {
        let freed = self.memory.word(self.outbox, Word::Freed);
        if freed.load(Ordering::Acquire) == self.posted {
            return Ok(());
        }
        let wants_room = self.memory.word(self.outbox, Word::WantsRoom);
        let begun = Instant::now();
        loop {
            wants_room.store(1, Ordering::SeqCst);
            let now = freed.load(Ordering::SeqCst);
            if now == self.posted {
                wants_room.store(0, Ordering::Relaxed);
                return Ok(());
            }
            // Whatever else a client writes there, nobody runs in circles for it.
            if now != self.posted.wrapping_sub(1) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            sleep_on(freed, now, NAP);
            if socket()?.is_over() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            if self.patience.is_some_and(|patience| begun.elapsed() >= patience) {
                return Err(io::ErrorKind::WouldBlock.into());
            }
        }
    }

    /// Wakes the other end, which notices at the socket that this one goes.
    pub fn hang_up(&self) {
        wake(self.memory.word(self.outbox, Word::Posted));
    }

    /// Whether the other end has begun to read what was posted last.
    pub fn was_taken(&self) -> bool {
        self.memory.word(self.outbox, Word::Taken).load(Ordering::Acquire) == self.posted
    }

    fn free(&self) {
        self.memory.word(self.inbox, Word::Freed).store(self.received, Ordering::SeqCst);
        if self.memory.word(self.inbox, Word::WantsRoom).load(Ordering::SeqCst) != 0 {
            wake(self.memory.word(self.inbox, Word::Freed));
        }
    }

    fn has_news(&self) -> bool {
        self.memory.word(self.inbox, Word::Posted).load(Ordering::SeqCst) != self.received
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }
}
