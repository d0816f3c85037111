//! The bytes of a buffer that grows.

use std::io;
use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;
use strongroom_model::wipe;

/// From how many bytes on a buffer is mapped by itself.
const LONG: usize = 256 * 1024;

/// Bytes that are zero at first. Long ones are the system's again at once when they're dropped, and take memory only where something was
/// written: an allocator keeps much of what it's given back, the more, the more threads there are (60 clients that each sent half of a
/// long message took a fifth more than their buffers).
pub(super) enum Buffer {
    Short(Vec<u8>),
    Long(MmapMut),
}

impl Buffer {
    /// # Errors
    ///
    /// Those of `mmap(2)`, such as `OutOfMemory`.
    pub(super) fn zeroed(len: usize) -> io::Result<Self> {
        if len < LONG { Ok(Self::short(len)) } else { MmapMut::map_anon(len).map(Self::Long) }
    }

    /// One that isn't long.
    pub(super) fn short(len: usize) -> Self {
        Self::Short(vec![0; len])
    }

    /// Wipes what was written, up to `touched`; short ones all, whatever a reader that failed may have left behind that. Of long ones
    /// the rest takes no memory, and wiping it would make it.
    pub(super) fn wipe(&mut self, touched: usize) {
        match self {
            Self::Short(bytes) => wipe(bytes),
            Self::Long(bytes) => wipe(&mut bytes[..touched]),
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(bytes) => bytes,
            Self::Long(bytes) => bytes,
        }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        match self {
            Self::Short(bytes) => bytes,
            Self::Long(bytes) => bytes,
        }
    }
}

impl Default for Buffer {
    fn default() -> Self {
        Self::short(0)
    }
}
