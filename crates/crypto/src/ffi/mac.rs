//! Digests and message authentication codes.

use std::os::raw::c_void;
use std::ptr::{self, NonNull};

use aws_lc_sys as c;
use strongroom_model::Hash;

use super::cipher::{evp_cbc, triple};
use super::{Failed, check, failed, md, non_null};

/// Hashes `data`. `out` has the hash's length.
pub(crate) fn digest(hash: Hash, data: &[u8], out: &mut [u8]) -> Result<(), Failed> {
    assert_eq!(out.len(), hash.len(), "the output has the hash's length");
    let mut written = 0;
    // SAFETY: reads `data`, and writes the digest, whose length was checked.
    check(unsafe {
        c::EVP_Digest(
            data.as_ptr().cast::<c_void>(),
            data.len(),
            out.as_mut_ptr(),
            &raw mut written,
            md(hash),
            ptr::null_mut(),
        )
    })
}

/// HMAC of `data`. `out` has the hash's length.
pub(crate) fn hmac(hash: Hash, key: &[u8], data: &[u8], out: &mut [u8]) -> Result<(), Failed> {
    assert_eq!(out.len(), hash.len(), "the output has the hash's length");
    let mut written = 0;
    // SAFETY: reads `key` and `data`, and writes the code, whose length was checked. The key's pointer is
    // never null, not even that of an empty key.
    let code = unsafe {
        c::HMAC(
            md(hash),
            key.as_ptr().cast::<c_void>(),
            key.len(),
            data.as_ptr(),
            data.len(),
            out.as_mut_ptr(),
            &raw mut written,
        )
    };
    non_null(code).map(|_| ())
}

/// A digest under way.
pub(crate) struct Digest(NonNull<c::EVP_MD_CTX>, Hash);

// SAFETY: the context owns all that it points to and has no ties to a thread; methods that change it
// take `&mut self`.
unsafe impl Send for Digest {}

impl Digest {
    pub(crate) fn new(hash: Hash) -> Result<Self, Failed> {
        // SAFETY: no preconditions; null is checked for.
        let context = non_null(unsafe { c::EVP_MD_CTX_new() })?;
        let digest = Self(context, hash);
        // SAFETY: the context is live.
        check(unsafe { c::EVP_DigestInit_ex(context.as_ptr(), md(hash), ptr::null_mut()) })?;
        Ok(digest)
    }

    pub(crate) fn update(&mut self, data: &[u8]) -> Result<(), Failed> {
        // SAFETY: the context is live and was initialised; reads `data`.
        check(unsafe { c::EVP_DigestUpdate(self.0.as_ptr(), data.as_ptr().cast::<c_void>(), data.len()) })
    }

    /// `out` has the hash's length.
    pub(crate) fn finish(self, out: &mut [u8]) -> Result<(), Failed> {
        assert_eq!(out.len(), self.1.len(), "the output has the hash's length");
        let mut written = 0;
        // SAFETY: the context is live and was initialised; writes the digest, whose length was checked.
        check(unsafe { c::EVP_DigestFinal_ex(self.0.as_ptr(), out.as_mut_ptr(), &raw mut written) })
    }
}

impl Drop for Digest {
    fn drop(&mut self) {
        // SAFETY: the context came from EVP_MD_CTX_new, and nothing uses it after this.
        unsafe { c::EVP_MD_CTX_free(self.0.as_ptr()) };
    }
}

/// An HMAC under way.
pub(crate) struct Hmac(NonNull<c::HMAC_CTX>, Hash);

// SAFETY: as for `Digest`.
unsafe impl Send for Hmac {}

impl Hmac {
    pub(crate) fn new(hash: Hash, key: &[u8]) -> Result<Self, Failed> {
        // SAFETY: no preconditions; null is checked for.
        let context = non_null(unsafe { c::HMAC_CTX_new() })?;
        let hmac = Self(context, hash);
        // SAFETY: the context is live; reads `key`, whose pointer is never null (null would mean the
        // previous key).
        check(unsafe {
            c::HMAC_Init_ex(
                context.as_ptr(),
                key.as_ptr().cast::<c_void>(),
                key.len(),
                md(hash),
                ptr::null_mut(),
            )
        })?;
        Ok(hmac)
    }

    pub(crate) fn update(&mut self, data: &[u8]) -> Result<(), Failed> {
        // SAFETY: the context is live and was initialised; reads `data`.
        check(unsafe { c::HMAC_Update(self.0.as_ptr(), data.as_ptr(), data.len()) })
    }

    /// `out` has the hash's length.
    pub(crate) fn finish(self, out: &mut [u8]) -> Result<(), Failed> {
        assert_eq!(out.len(), self.1.len(), "the output has the hash's length");
        let mut written = 0;
        // SAFETY: the context is live and was initialised; writes the code, whose length was checked.
        check(unsafe { c::HMAC_Final(self.0.as_ptr(), out.as_mut_ptr(), &raw mut written) })
    }
}

impl Drop for Hmac {
    fn drop(&mut self) {
        // SAFETY: the context came from HMAC_CTX_new, and nothing uses it after this.
        unsafe { c::HMAC_CTX_free(self.0.as_ptr()) };
    }
}

/// A CMAC under way.
pub(crate) struct Cmac(NonNull<c::CMAC_CTX>);

// SAFETY: as for `Digest`.
unsafe impl Send for Cmac {}

impl Cmac {
    /// With AES. Fails if the key isn't 16, 24 or 32 bytes long.
    pub(crate) fn new(key: &[u8]) -> Result<Self, Failed> {
        Self::with(evp_cbc(key.len()).ok_or(Failed)?, key)
    }

    /// With triple DES. Fails if the key isn't 8, 16 or 24 bytes long.
    pub(crate) fn with_des(key: &[u8]) -> Result<Self, Failed> {
        // SAFETY: returns a pointer to static data and has no preconditions.
        Self::with(unsafe { c::EVP_des_ede3_cbc() }, &triple(key).ok_or(Failed)?[..])
    }

    /// `key` has the length that the cipher needs.
    fn with(kind: *const c::EVP_CIPHER, key: &[u8]) -> Result<Self, Failed> {
        // SAFETY: no preconditions; null is checked for.
        let context = non_null(unsafe { c::CMAC_CTX_new() })?;
        let cmac = Self(context);
        // SAFETY: the context is live; `key` has the length that `kind` takes.
        check(unsafe {
            c::CMAC_Init(context.as_ptr(), key.as_ptr().cast::<c_void>(), key.len(), kind, ptr::null_mut())
        })?;
        Ok(cmac)
    }

    pub(crate) fn update(&mut self, data: &[u8]) -> Result<(), Failed> {
        // SAFETY: the context is live and was initialised; reads `data`.
        check(unsafe { c::CMAC_Update(self.0.as_ptr(), data.as_ptr(), data.len()) })
    }

    /// Gives how long the code is: a block, of 16 bytes or 8.
    pub(crate) fn finish(self, out: &mut [u8; 16]) -> Result<usize, Failed> {
        let mut written = 0;
        // SAFETY: the context is live and was initialised; a code is one block, and no block is longer.
        check(unsafe { c::CMAC_Final(self.0.as_ptr(), out.as_mut_ptr(), &raw mut written) })?;
        if written <= out.len() { Ok(written) } else { Err(failed()) }
    }
}

impl Drop for Cmac {
    fn drop(&mut self) {
        // SAFETY: the context came from CMAC_CTX_new, and nothing uses it after this.
        unsafe { c::CMAC_CTX_free(self.0.as_ptr()) };
    }
}
