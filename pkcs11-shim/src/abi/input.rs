//! Memory that the caller lends for reading: bytes and structures.
//!
//! Constructors are `unsafe` and only entry points (and parsers of structures that hold pointers)
//! call them; from there on the types are safe to use. Pointers may be misaligned: nothing but
//! bytes is ever borrowed, all else is copied.

use std::ffi::c_void;
use std::marker::PhantomData;

use cryptoki_sys::{CK_BYTE, CK_ULONG};
use strongroom_model::{Error, Result, ReturnCode};

/// No object in memory is larger: user addresses have 47 bits.
pub(super) const ABSURD: CK_ULONG = 1 << 47;

/// Bytes that the caller passes in.
#[derive(Clone, Copy)]
pub(crate) struct In<'a> {
    start: *const CK_BYTE,
    len: CK_ULONG,
    life: PhantomData<&'a [u8]>,
}

impl<'a> In<'a> {
    /// Takes a pointer and a length as they come.
    ///
    /// # Safety
    ///
    /// If `start` isn't null, `len` bytes there are readable and unchanged during `'a`.
    pub(crate) const unsafe fn new(start: *const CK_BYTE, len: CK_ULONG) -> Self {
        Self { start, len, life: PhantomData }
    }

    /// Bytes of the module's own.
    pub(crate) const fn of(bytes: &'a [u8]) -> Self {
        Self { start: bytes.as_ptr(), len: bytes.len() as CK_ULONG, life: PhantomData }
    }

    /// The bytes; none for a null pointer with length 0.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` for a null pointer with a length, and for a length that nothing can have.
    pub(crate) fn bytes(&self) -> Result<&'a [u8]> {
        match (self.start.is_null(), self.len) {
            (_, 0) => Ok(&[]),
            (false, len) if len < ABSURD => {
                // SAFETY: the constructor's caller vouched for the memory; the length is below isize::MAX.
                Ok(unsafe { std::slice::from_raw_parts(self.start, len as usize) })
            }
            (true, _) => Err(bad("a null pointer where bytes were announced")),
            (false, _) => Err(bad("a length that no memory can have")),
        }
    }

    /// The bytes, if they aren't more than `limit`.
    ///
    /// # Errors
    ///
    /// As [`Self::bytes`], and `ARGUMENTS_BAD` for more than `limit`.
    pub(crate) fn at_most(&self, limit: usize) -> Result<&'a [u8]> {
        if self.len > limit as CK_ULONG {
            return Err(bad(format!("{} bytes where at most {limit} are allowed", self.len)));
        }
        self.bytes()
    }

    /// Whether the pointer is null.
    pub(crate) fn is_null(&self) -> bool {
        self.start.is_null()
    }
}

/// A structure or number that the caller passes in by pointer.
#[derive(Clone, Copy)]
pub(crate) struct Src<T>(*const T);

impl<T: Copy> Src<T> {
    /// Takes a pointer as it comes.
    ///
    /// # Safety
    ///
    /// `source` is null, or a `T` can be read from it.
    pub(crate) const unsafe fn new(source: *const T) -> Self {
        Self(source)
    }

    /// A copy; `None` for a null pointer.
    pub(crate) fn get(&self) -> Option<T> {
        // SAFETY: not null, so the constructor's caller vouched for it.
        (!self.0.is_null()).then(|| unsafe { self.0.read_unaligned() })
    }

    /// A copy.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` for a null pointer.
    pub(crate) fn demand(&self) -> Result<T> {
        self.get().ok_or_else(|| bad("a null pointer where a structure is needed"))
    }
}

/// A structure of parameters, of which only its reader knows what it is.
#[derive(Clone, Copy)]
pub(crate) struct Block {
    start: *const u8,
    len: CK_ULONG,
}

impl Block {
    /// Takes a pointer and a length as they come.
    ///
    /// # Safety
    ///
    /// If `start` isn't null, `len` bytes there are readable; if they are the structure that the function takes,
    /// pointers therein are null or lead to memory as the standard says, readable and writable.
    pub(crate) const unsafe fn new(start: *const c_void, len: CK_ULONG) -> Self {
        Self { start: start.cast(), len }
    }

    /// How many bytes it is said to have.
    pub(crate) const fn len(self) -> CK_ULONG {
        self.len
    }

    /// A copy of the structure; `None` if there is none, or if it has another length.
    ///
    /// # Safety
    ///
    /// Any bytes are a `T`, as with structures of integers and pointers.
    pub(crate) unsafe fn structure<T: Copy>(self) -> Option<T> {
        let fits = !self.start.is_null() && self.len == size_of::<T>() as CK_ULONG;
        // SAFETY: the constructor's caller vouched for that many bytes.
        fits.then(|| unsafe { self.start.cast::<T>().read_unaligned() })
    }
}

/// The error for arguments that can't be what the standard demands.
pub(crate) fn bad(message: impl Into<String>) -> Error {
    Error::new(ReturnCode::ARGUMENTS_BAD, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_knows_its_lies() {
        let code = |input: In<'_>| input.bytes().unwrap_err().code;
        // SAFETY: null pointers and absurd lengths are never read.
        unsafe {
            assert_eq!(In::new(std::ptr::null(), 0).bytes().unwrap(), b"");
            assert_eq!(code(In::new(std::ptr::null(), 1)), ReturnCode::ARGUMENTS_BAD);
            assert_eq!(code(In::new(b"x".as_ptr(), CK_ULONG::MAX)), ReturnCode::ARGUMENTS_BAD);
            assert_eq!(code(In::new(b"x".as_ptr(), 1 << 62)), ReturnCode::ARGUMENTS_BAD);
            assert_eq!(In::new(b"xy".as_ptr(), 2).at_most(2).unwrap(), b"xy");
            assert!(In::new(b"xy".as_ptr(), 2).at_most(1).is_err());
        }
    }

    #[test]
    fn structures_may_be_misaligned() {
        let room = [0u8, 7, 0, 0, 0, 0, 0, 0, 0];
        // SAFETY: the 8 bytes behind the first are inside `room`.
        unsafe {
            assert_eq!(Src::new(room.as_ptr().wrapping_add(1).cast::<CK_ULONG>()).demand().unwrap(), 7);
            assert!(Src::<CK_ULONG>::new(std::ptr::null()).get().is_none());
        }
    }
}
