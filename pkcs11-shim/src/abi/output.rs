//! Memory that the caller wants filled: buffers, structures, lists. As with input, constructors are
//! `unsafe`, the rest is safe, and pointers may be misaligned.

use cryptoki_sys::{CK_BYTE, CK_ULONG};
use strongroom_model::{Blob, Result, ReturnCode};

use super::input::{In, bad};

/// A buffer for output and the place of its length: the protocol of two calls
/// (PKCS#11 3.2 section 5.2).
pub(crate) struct Out {
    start: *mut CK_BYTE,
    len: *mut CK_ULONG,
}

impl Out {
    /// Takes the pointers as they come.
    ///
    /// # Safety
    ///
    /// `len` is null or readable and writable; if `start` isn't null, `*len` bytes there are writable.
    pub(crate) const unsafe fn new(start: *mut CK_BYTE, len: *mut CK_ULONG) -> Self {
        Self { start, len }
    }

    /// Whether only the size is asked for.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` if there is no place for the length.
    pub(crate) fn is_query(&self) -> Result<bool> {
        self.capacity().map(|capacity| capacity.is_none())
    }

    /// Whether there is not even a place for the length.
    pub(crate) fn is_absent(&self) -> bool {
        self.len.is_null()
    }

    /// How many bytes fit; `None` if only the size is asked for.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` if there is no place for the length.
    pub(crate) fn capacity(&self) -> Result<Option<CK_ULONG>> {
        if self.len.is_null() {
            return Err(bad("no place for the length of the output"));
        }
        if self.start.is_null() {
            return Ok(None);
        }
        // SAFETY: not null, so the constructor's caller vouched for it.
        Ok(Some(unsafe { self.len.read_unaligned() }))
    }

    /// Settles whether an output of `needed` bytes can be given: `true` if there is room, `false` if
    /// only the size was asked for (it has then been set, and the function is done). Who asks is never
    /// told 0; the standard lets the answer exceed what's needed.
    ///
    /// # Errors
    ///
    /// `BUFFER_TOO_SMALL`, with the size set; `ARGUMENTS_BAD` if there is no place for the length.
    pub(crate) fn size(&self, needed: usize) -> Result<bool> {
        let (size, result) = match self.capacity()? {
            Some(capacity) if capacity >= needed as CK_ULONG => return Ok(true),
            Some(_) => (needed, Err(ReturnCode::BUFFER_TOO_SMALL.into())),
            // Clients that get 0 come with a null pointer again (PyKCS11), and would ask for ever.
            None => (needed.max(1), Ok(false)),
        };
        // SAFETY: capacity() has seen that it isn't null.
        unsafe { self.len.write_unaligned(size as CK_ULONG) };
        result
    }

    /// Gives out bytes, or only their number if only that was asked for.
    ///
    /// # Errors
    ///
    /// As [`Self::size`].
    pub(crate) fn fill(&self, bytes: &[u8]) -> Result<()> {
        if self.size(bytes.len())? {
            // SAFETY: size() has seen that neither pointer is null and that the bytes fit. The
            // source is the module's own memory, or overlaps in the way that copy() allows.
            unsafe {
                std::ptr::copy(bytes.as_ptr(), self.start, bytes.len());
                self.len.write_unaligned(bytes.len() as CK_ULONG);
            }
        }
        Ok(())
    }
}

/// A place where the caller wants a structure, a number or a list of them.
pub(crate) struct Dest<T>(*mut T);

impl<T: Copy> Dest<T> {
    /// Takes a pointer as it comes.
    ///
    /// # Safety
    ///
    /// `place` is null, or a `T` (with [`Self::put_all`] that many) can be written to it.
    pub(crate) const unsafe fn new(place: *mut T) -> Self {
        Self(place)
    }

    /// To be asked before anything is done that can't be undone.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` for a null pointer.
    pub(crate) fn check(&self) -> Result<()> {
        if self.0.is_null() { Err(bad("no place for the result")) } else { Ok(()) }
    }

    /// Whether the pointer is null.
    pub(crate) fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// Writes a value.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` for a null pointer.
    pub(crate) fn put(&self, value: T) -> Result<()> {
        self.put_all(std::slice::from_ref(&value))
    }

    /// Writes values one after the other.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` for a null pointer.
    pub(crate) fn put_all(&self, values: &[T]) -> Result<()> {
        self.check()?;
        // SAFETY: not null, so the constructor's caller vouched for it. Bytes have no alignment.
        unsafe { std::ptr::copy(values.as_ptr().cast::<u8>(), self.0.cast::<u8>(), size_of_val(values)) };
        Ok(())
    }
}

/// A buffer that the caller wants filled whole, as for random bytes.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    start: *mut CK_BYTE,
    len: CK_ULONG,
}

impl Room {
    /// Takes a pointer and a length as they come.
    ///
    /// # Safety
    ///
    /// If `start` isn't null, `len` bytes there are writable.
    pub(crate) const unsafe fn new(start: *mut CK_BYTE, len: CK_ULONG) -> Self {
        Self { start, len }
    }

    /// How many bytes are wanted.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` for a null pointer with a length, and for a length that nothing can have.
    pub(crate) fn len(&self) -> Result<usize> {
        if self.start.is_null() && self.len > 0 {
            return Err(bad("a null pointer where room was announced"));
        }
        usize::try_from(self.len)
            .ok()
            .filter(|_| self.len < super::input::ABSURD)
            .ok_or_else(|| bad("a length that no memory can have"))
    }

    /// What is in it.
    ///
    /// # Safety
    ///
    /// As with the constructor, and the bytes are readable.
    ///
    /// # Errors
    ///
    /// As [`Self::len`].
    pub(crate) unsafe fn content(&self) -> Result<Blob> {
        // SAFETY: as the caller vouches; copied at once.
        unsafe { In::new(self.start, self.len) }.bytes().map(Blob::from)
    }

    /// Writes a part.
    ///
    /// # Errors
    ///
    /// As [`Self::len`], and `ARGUMENTS_BAD` for what doesn't fit.
    pub(crate) fn put(&self, offset: usize, part: &[u8]) -> Result<()> {
        let len = self.len()?;
        if offset > len || part.len() > len - offset {
            return Err(bad("more bytes than the caller has room for"));
        }
        // SAFETY: it fits, and the constructor's caller vouched for the room.
        unsafe { std::ptr::copy(part.as_ptr(), self.start.wrapping_add(offset), part.len()) };
        Ok(())
    }
}

/// A list and the place of its length, by the protocol of two calls.
pub(crate) struct List<T> {
    items: Dest<T>,
    count: *mut CK_ULONG,
}

impl<T: Copy> List<T> {
    /// Takes the pointers as they come.
    ///
    /// # Safety
    ///
    /// `count` is null or readable and writable; if `items` isn't null, `*count` items can be written there.
    pub(crate) const unsafe fn new(items: *mut T, count: *mut CK_ULONG) -> Self {
        // SAFETY: as the caller vouches.
        Self { items: unsafe { Dest::new(items) }, count }
    }

    /// To be asked before work is done.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` if there is no place for the number of items.
    pub(crate) fn check(&self) -> Result<()> {
        if self.count.is_null() { Err(bad("no place for the number of items")) } else { Ok(()) }
    }

    /// Gives out the items, or only their number.
    ///
    /// # Errors
    ///
    /// `BUFFER_TOO_SMALL`, with the number set; `ARGUMENTS_BAD` if there is no place for the number.
    pub(crate) fn fill(&self, items: &[T]) -> Result<()> {
        self.check()?;
        // SAFETY: not null, so the constructor's caller vouched for it.
        let room = unsafe { self.count.read_unaligned() };
        // SAFETY: as above.
        unsafe { self.count.write_unaligned(items.len() as CK_ULONG) };
        if self.items.is_null() {
            Ok(())
        } else if room < items.len() as CK_ULONG {
            Err(ReturnCode::BUFFER_TOO_SMALL.into())
        } else {
            self.items.put_all(items)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A place for a `T` at an odd address.
    fn misaligned<T>(room: &mut [u8]) -> *mut T {
        let start = room.as_mut_ptr();
        start.wrapping_add(start.align_offset(16) + 1).cast()
    }

    #[test]
    fn output_takes_two_calls() {
        let mut room = [0u8; 64];
        let len = misaligned::<CK_ULONG>(&mut room);
        let mut buffer = [0xaa; 4];
        // SAFETY: `len` points into `room`, the buffer has 4 bytes.
        unsafe {
            let query = Out::new(std::ptr::null_mut(), len);
            query.fill(b"abc").unwrap();
            assert_eq!(len.read_unaligned(), 3);

            len.write_unaligned(2);
            let out = Out::new(buffer.as_mut_ptr(), len);
            assert_eq!(out.fill(b"abc").unwrap_err().code, ReturnCode::BUFFER_TOO_SMALL);
            assert_eq!((len.read_unaligned(), buffer), (3, [0xaa; 4]));

            len.write_unaligned(4);
            out.fill(b"abc").unwrap();
            assert_eq!((len.read_unaligned(), &buffer), (3, b"abc\xaa"));

            let lost = Out::new(buffer.as_mut_ptr(), std::ptr::null_mut());
            assert_eq!(lost.fill(b"abc").unwrap_err().code, ReturnCode::ARGUMENTS_BAD);
        }
    }

    #[test]
    fn lists_take_two_calls() {
        let mut room = [0u8; 64];
        let items = misaligned::<CK_ULONG>(&mut room);
        let mut count = 9;
        // SAFETY: two items behind `items` are inside `room`.
        unsafe {
            List::<CK_ULONG>::new(std::ptr::null_mut(), &mut count).fill(&[5, 6]).unwrap();
            assert_eq!(count, 2);
            count = 1;
            let list = List::new(items, &mut count);
            assert_eq!(list.fill(&[5, 6]).unwrap_err().code, ReturnCode::BUFFER_TOO_SMALL);
            assert_eq!(count, 2);
            List::new(items, &mut count).fill(&[5, 6]).unwrap();
            assert_eq!((items.read_unaligned(), items.wrapping_add(1).read_unaligned()), (5, 6));
            assert!(List::new(items, std::ptr::null_mut()).fill(&[]).is_err());
            assert!(Dest::<CK_ULONG>::new(std::ptr::null_mut()).put(1).is_err());
        }
    }

    #[test]
    fn room_is_not_overrun() {
        let mut buffer = [0u8; 4];
        // SAFETY: the buffer has 4 bytes; null and absurd lengths are never touched.
        unsafe {
            let room = Room::new(buffer.as_mut_ptr(), 4);
            room.put(1, b"abc").unwrap();
            assert!(room.put(2, b"abc").is_err());
            assert!(Room::new(std::ptr::null_mut(), 1).len().is_err());
            assert!(Room::new(buffer.as_mut_ptr(), CK_ULONG::MAX).len().is_err());
        }
        assert_eq!(&buffer, b"\0abc");
    }
}
