//! Keys of the newer algorithms, which the engine has behind one type.

use std::ptr::{self, NonNull};

use aws_lc_sys::{
    EVP_PKEY, EVP_PKEY_CTX, EVP_PKEY_CTX_free, EVP_PKEY_CTX_new, EVP_PKEY_free, EVP_PKEY_get_raw_private_key,
    EVP_PKEY_get_raw_public_key,
};
use strongroom_model::Blob;

use super::{Failed, check, failed, non_null};

/// A public or private key. What it held is wiped when it's freed.
pub(crate) struct Pkey(NonNull<EVP_PKEY>);

// SAFETY: a key isn't changed after construction and isn't tied to a thread; the engine counts references atomically.
unsafe impl Send for Pkey {}
// SAFETY: as above.
unsafe impl Sync for Pkey {}

impl Drop for Pkey {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { EVP_PKEY_free(self.0.as_ptr()) }
    }
}

impl Pkey {
    /// Takes over a key that nobody else frees; fails for null.
    pub(super) fn owning(key: *mut EVP_PKEY) -> Result<Self, Failed> {
        non_null(key).map(Self)
    }

    pub(super) const fn as_ptr(&self) -> *mut EVP_PKEY {
        self.0.as_ptr()
    }

    /// For one operation with the key.
    pub(super) fn context(&self) -> Result<Context, Failed> {
        // SAFETY: the key is live; the context holds a reference of its own.
        non_null(unsafe { EVP_PKEY_CTX_new(self.0.as_ptr(), ptr::null_mut()) }).map(Context)
    }

    /// The public key of `len` bytes.
    pub(super) fn raw_public(&self, len: usize) -> Result<Vec<u8>, Failed> {
        let mut bytes = vec![0; len];
        let mut written = len;
        // SAFETY: the key is live; the length is the buffer's, and the engine writes no more.
        check(unsafe { EVP_PKEY_get_raw_public_key(self.0.as_ptr(), bytes.as_mut_ptr(), &raw mut written) })?;
        if written == len { Ok(bytes) } else { Err(failed()) }
    }

    /// The private key of `len` bytes; fails for a public key.
    pub(super) fn raw_private(&self, len: usize) -> Result<Blob, Failed> {
        let mut bytes = Blob::zeroed(len);
        let mut written = len;
        // SAFETY: the key is live; the length is the buffer's, and the engine writes no more.
        check(unsafe {
            EVP_PKEY_get_raw_private_key(self.0.as_ptr(), bytes.as_mut_ptr(), &raw mut written)
        })?;
        if written == len { Ok(bytes) } else { Err(failed()) }
    }
}

/// One operation under way.
pub(super) struct Context(NonNull<EVP_PKEY_CTX>);

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { EVP_PKEY_CTX_free(self.0.as_ptr()) }
    }
}

impl Context {
    /// Takes over a context that nobody else frees.
    pub(super) const fn owning(context: NonNull<EVP_PKEY_CTX>) -> Self {
        Self(context)
    }

    pub(super) const fn as_ptr(&self) -> *mut EVP_PKEY_CTX {
        self.0.as_ptr()
    }
}
