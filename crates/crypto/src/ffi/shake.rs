//! SHAKE128 and SHAKE256 (FIPS 202) over data that comes in parts.

use std::os::raw::c_void;
use std::ptr::{self, NonNull};

use aws_lc_sys as c;

use super::{Failed, check, non_null};

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shake {
    Shake128,
    Shake256,
}

/// One under way.
pub(crate) struct Sponge(NonNull<c::EVP_MD_CTX>);

// SAFETY: the context owns all that it points to and has no ties to a thread; methods that change it
// take `&mut self`.
unsafe impl Send for Sponge {}

impl Sponge {
    pub(crate) fn new(shake: Shake) -> Result<Self, Failed> {
        // SAFETY: no preconditions; null is checked for.
        let sponge = Self(non_null(unsafe { c::EVP_MD_CTX_new() })?);
        // SAFETY: these return pointers to static data and have no preconditions.
        let md = unsafe {
            match shake {
                Shake::Shake128 => c::EVP_shake128(),
                Shake::Shake256 => c::EVP_shake256(),
            }
        };
        // SAFETY: the context is live.
        check(unsafe { c::EVP_DigestInit_ex(sponge.0.as_ptr(), md, ptr::null_mut()) })?;
        Ok(sponge)
    }

    pub(crate) fn update(&mut self, data: &[u8]) -> Result<(), Failed> {
        // SAFETY: the context is live and was initialised; reads `data`.
        check(unsafe { c::EVP_DigestUpdate(self.0.as_ptr(), data.as_ptr().cast::<c_void>(), data.len()) })
    }

    /// Fills `out`, of any length.
    pub(crate) fn finish(self, out: &mut [u8]) -> Result<(), Failed> {
        // SAFETY: the context is live and was initialised; writes `out`.
        check(unsafe { c::EVP_DigestFinalXOF(self.0.as_ptr(), out.as_mut_ptr(), out.len()) })
    }
}

impl Drop for Sponge {
    fn drop(&mut self) {
        // SAFETY: the context came from EVP_MD_CTX_new, and nothing uses it after this.
        unsafe { c::EVP_MD_CTX_free(self.0.as_ptr()) };
    }
}
