//! ChaCha20, and with Poly1305 (RFC 8439).

use std::ptr::{self, NonNull};

use aws_lc_sys as c;

use crate::ffi::{Failed, check, failed, non_null};

/// The length of a key in bytes.
pub(crate) const KEY: usize = 32;
/// The length of a block of the key stream in bytes.
pub(crate) const BLOCK: usize = 64;
/// The length of a tag in bytes.
pub(crate) const TAG: usize = 16;

/// Encrypts or decrypts `data` from the start of block `counter` on; `out` is as long. After block 2^32 - 1 comes block 0.
pub(crate) fn apply(key: &[u8; KEY], nonce: &[u8; 12], counter: u32, data: &[u8], out: &mut [u8]) {
    assert_eq!(data.len(), out.len(), "the output is as long as the data");
    // SAFETY: reads and writes `data.len()` bytes, which both slices have; key and nonce have their lengths.
    unsafe {
        c::CRYPTO_chacha_20(
            out.as_mut_ptr(),
            data.as_ptr(),
            data.len(),
            key.as_ptr(),
            nonce.as_ptr(),
            counter,
        );
    }
}

/// ChaCha20-Poly1305 with a key; with a nonce of 24 bytes XChaCha20-Poly1305.
pub(crate) struct Aead(NonNull<c::EVP_AEAD_CTX>);

impl Aead {
    /// Fails unless the nonce has 12 or 24 bytes.
    pub(crate) fn new(key: &[u8; KEY], nonce_len: usize) -> Result<Self, Failed> {
        // SAFETY: these return pointers to static data and have no preconditions.
        let kind = unsafe {
            match nonce_len {
                12 => c::EVP_aead_chacha20_poly1305(),
                24 => c::EVP_aead_xchacha20_poly1305(),
                _ => return Err(Failed),
            }
        };
        // SAFETY: the key has the length that both take; null is checked for.
        non_null(unsafe { c::EVP_AEAD_CTX_new(kind, key.as_ptr(), key.len(), TAG) }).map(Self)
    }

    /// Encrypts. `out` is longer than the data by the tag, which it ends in.
    pub(crate) fn seal(&self, nonce: &[u8], aad: &[u8], data: &[u8], out: &mut [u8]) -> Result<(), Failed> {
        assert_eq!(data.len() + TAG, out.len(), "the output has room for the tag");
        let mut written = 0;
        // SAFETY: the context is live; the slices are read or written within their lengths, and don't overlap.
        check(unsafe {
            c::EVP_AEAD_CTX_seal(
                self.0.as_ptr(),
                out.as_mut_ptr(),
                &raw mut written,
                out.len(),
                nonce.as_ptr(),
                nonce.len(),
                data.as_ptr(),
                data.len(),
                aad.as_ptr(),
                aad.len(),
            )
        })?;
        if written == out.len() { Ok(()) } else { Err(failed()) }
    }

    /// Decrypts. Fails unless the tag, which the data ends in, is right; nothing is written then. `out` is shorter by it.
    pub(crate) fn open(&self, nonce: &[u8], aad: &[u8], data: &[u8], out: &mut [u8]) -> Result<(), Failed> {
        assert_eq!(data.len(), out.len() + TAG, "the data ends in the tag");
        let mut written = 0;
        // The engine wants some place to write to, even for nothing.
        let mut nowhere = [0; 1];
        let target = if out.is_empty() { nowhere.as_mut_ptr() } else { out.as_mut_ptr() };
        // SAFETY: as for `seal`.
        check(unsafe {
            c::EVP_AEAD_CTX_open(
                self.0.as_ptr(),
                target,
                &raw mut written,
                out.len(),
                nonce.as_ptr(),
                nonce.len(),
                data.as_ptr(),
                data.len(),
                aad.as_ptr(),
                aad.len(),
            )
        })?;
        if written == out.len() { Ok(()) } else { Err(failed()) }
    }
}

impl Drop for Aead {
    fn drop(&mut self) {
        // SAFETY: the context came from EVP_AEAD_CTX_new, and nothing uses it after this.
        unsafe { c::EVP_AEAD_CTX_free(self.0.as_ptr()) };
    }
}

/// A Poly1305 under way.
pub(crate) struct Poly1305(Box<c::poly1305_state>);

impl Poly1305 {
    pub(crate) fn new(key: &[u8; KEY]) -> Self {
        let mut state = Box::new([0; size_of::<c::poly1305_state>()]);
        // SAFETY: the state is there to be filled in; the key has its length.
        unsafe { c::CRYPTO_poly1305_init(ptr::from_mut(&mut *state), key.as_ptr()) };
        Self(state)
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        // SAFETY: the state was filled in; reads `data`.
        unsafe { c::CRYPTO_poly1305_update(ptr::from_mut(&mut *self.0), data.as_ptr(), data.len()) };
    }

    pub(crate) fn finish(mut self) -> [u8; TAG] {
        let mut tag = [0; TAG];
        // SAFETY: the state was filled in; a tag has 16 bytes.
        unsafe { c::CRYPTO_poly1305_finish(ptr::from_mut(&mut *self.0), tag.as_mut_ptr()) };
        tag
    }
}

impl Drop for Poly1305 {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0[..]);
    }
}
