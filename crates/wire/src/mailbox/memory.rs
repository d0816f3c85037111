//! The memory itself: its words, its two boxes, and sleeping on a word.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use rustix::event::Timespec;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::thread::futex;
use vm_memory::{FileOffset, MmapRegion, VolatileMemory};

/// How much of the memory is one box, with its words.
const BOX: usize = 64 * 1024;
/// Where a parcel is in its box, behind the words. Those that one end writes are on cache lines of their own.
const PARCEL: usize = 256;
/// What the place of a parcel is overwritten with.
const NOTHING: [u8; 256] = [0; 256];

/// The longest parcel in bytes that goes by the memory.
pub const CAPACITY: usize = BOX - PARCEL;

/// The words of a box, by where they are.
#[derive(Clone, Copy)]
pub(super) enum Word {
    /// How many parcels there were. The writer's.
    Posted = 0,
    /// How long the last one is, and whether it comes by the socket. The writer's.
    Len = 4,
    /// Whether the writer waits for the box. The writer's.
    WantsRoom = 8,
    /// The [`Manner`](super::Manner). The writer's.
    Manner = 12,
    /// How the reader waits. The reader's, but who writes may set it to awake, and rings then.
    Reader = 128,
    /// How many parcels the reader has begun to read. The reader's.
    Taken = 132,
    /// How many it has read. The reader's.
    Freed = 136,
}

/// One of the two boxes: where it begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Half(usize);

/// What the client writes.
pub(super) const REQUESTS: Half = Half(0);
/// What the node writes.
pub(super) const ANSWERS: Half = Half(BOX);

/// Memory that is mapped, until this is dropped.
#[derive(Debug)]
pub(super) struct Memory {
    region: MmapRegion,
    file: Arc<File>,
}

impl Memory {
    /// New memory, which nobody can make shorter or longer.
    pub(super) fn create() -> io::Result<Self> {
        let file = memfd_create(c"strongroom", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        ftruncate(&file, 2 * BOX as u64)?;
        // A client that could make it shorter would make the daemon's next look at it fail by a signal.
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        Self::open(file)
    }

    /// Memory that somebody else has made.
    pub(super) fn open(file: OwnedFd) -> io::Result<Self> {
        let file = Arc::new(File::from(file));
        let region = MmapRegion::from_file(FileOffset::from_arc(Arc::clone(&file), 0), 2 * BOX);
        Ok(Self { region: region.map_err(io::Error::other)?, file })
    }

    pub(super) fn word(&self, of: Half, word: Word) -> &AtomicU32 {
        self.region.get_atomic_ref(of.0 + word as usize).expect("words are aligned, and within the memory")
    }

    /// Writes a parcel of at most [`CAPACITY`] bytes.
    pub(super) fn put(&self, to: Half, parcel: &[u8]) -> io::Result<()> {
        let place = self.region.get_slice(to.0 + PARCEL, parcel.len()).map_err(io::Error::other)?;
        place.copy_from(parcel);
        Ok(())
    }

    /// Reads a part of a parcel, as long as the buffer, and wipes it.
    pub(super) fn take(&self, from: Half, part: Range<usize>, buffer: &mut [u8]) -> io::Result<()> {
        let place =
            self.region.get_slice(from.0 + PARCEL + part.start, part.len()).map_err(io::Error::other)?;
        place.copy_to(buffer);
        for start in (0..part.len()).step_by(NOTHING.len()) {
            // It ends where the shorter of both ends.
            place.offset(start).map_err(io::Error::other)?.copy_from(&NOTHING);
        }
        Ok(())
    }
}

impl AsFd for Memory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Sleeps unless the word is another already, and until it's woken; may wake for no reason.
pub(super) fn sleep_on(word: &AtomicU32, expected: u32, limit: Duration) {
    let limit = Timespec::try_from(limit).unwrap_or_default();
    let _ = futex::wait(word, futex::Flags::empty(), expected, Some(&limit));
}

/// Wakes who sleeps on the word.
pub(super) fn wake(word: &AtomicU32) {
    let _ = futex::wake(word, futex::Flags::empty(), 1);
}
