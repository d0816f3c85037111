//! DSA (FIPS 186-4). The engine takes nonces, their inverses and what is made with the private value in time that
//! doesn't depend on them.

use std::ptr::{self, NonNull};

use aws_lc_sys as c;
use strongroom_model::Blob;

use super::bignum::Number;
use super::{Failed, check, failed, non_null};

/// The three numbers of a group.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    pub(crate) prime: &'a Number,
    pub(crate) order: &'a Number,
    pub(crate) base: &'a Number,
}

/// A key; what it held is wiped when it's freed.
pub(crate) struct Key {
    key: NonNull<c::DSA>,
    /// Bytes of the order.
    half: usize,
}

// SAFETY: a key isn't changed after construction, but for what the engine works out once under a lock of its own, and it
// isn't tied to a thread.
unsafe impl Send for Key {}
// SAFETY: as above.
unsafe impl Sync for Key {}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { c::DSA_free(self.key.as_ptr()) }
    }
}

impl Key {
    /// From a group that was checked, the public value, and the private one if it's there.
    pub(crate) fn new(group: Group<'_>, public: &Number, private: Option<&Number>) -> Result<Self, Failed> {
        // SAFETY: no preconditions.
        let key = non_null(unsafe { c::DSA_new() })?;
        let key = Self { key, half: (group.order.bits() as usize).div_ceil(8) };
        let (prime, order, base) = (copied(group.prime)?, copied(group.order)?, copied(group.base)?);
        let public = copied(public)?;
        let private = private.map(copied).transpose()?;
        // SAFETY: all are live. The call takes the numbers over if it succeeds; it fails for null alone, which they aren't.
        check(unsafe {
            c::DSA_set0_pqg(key.key.as_ptr(), prime.into_raw(), order.into_raw(), base.into_raw())
        })?;
        let private = private.map_or(ptr::null_mut(), Number::into_raw);
        // SAFETY: as above; without a private value there may be none.
        check(unsafe { c::DSA_set0_key(key.key.as_ptr(), public.into_raw(), private) })?;
        Ok(key)
    }

    /// Signs a digest, of which the leading bits count up to the length of the order: r and s in halves of equal length.
    pub(crate) fn sign(&self, digest: &[u8]) -> Result<Blob, Failed> {
        // SAFETY: pointer and length belong together; the key is live.
        let signature = unsafe { c::DSA_do_sign(digest.as_ptr(), digest.len(), self.key.as_ptr()) };
        let signature = Signature(non_null(signature)?);
        let (mut r, mut s) = (ptr::null(), ptr::null());
        // SAFETY: the signature is live, and keeps the numbers that it hands out.
        unsafe { c::DSA_SIG_get0(signature.0.as_ptr(), &raw mut r, &raw mut s) };
        // SAFETY: live, or null, which is told.
        let (r, s) = unsafe { (Number::copied(r)?, Number::copied(s)?) };
        let mut halves = r.to_padded(self.half)?.to_vec();
        halves.extend_from_slice(&s.to_padded(self.half)?);
        Ok(halves.into())
    }

    /// Whether r and s are a signature of the digest.
    pub(crate) fn verify(&self, digest: &[u8], r: Number, s: Number) -> bool {
        // SAFETY: no preconditions.
        let Ok(signature) = non_null(unsafe { c::DSA_SIG_new() }).map(Signature) else { return false };
        // SAFETY: all are live; the call takes the numbers over, and fails for null alone.
        if unsafe { c::DSA_SIG_set0(signature.0.as_ptr(), r.into_raw(), s.into_raw()) } != 1 {
            return false;
        }
        let mut valid = 0;
        // SAFETY: pointer and length belong together; key and signature are live, and the answer is ours.
        let done = unsafe {
            c::DSA_do_check_signature(
                &raw mut valid,
                digest.as_ptr(),
                digest.len(),
                signature.0.as_ptr(),
                self.key.as_ptr(),
            )
        };
        if done != 1 || valid != 1 {
            let _ = failed();
            return false;
        }
        true
    }

    /// Bytes of r, and of s.
    pub(crate) const fn half(&self) -> usize {
        self.half
    }
}

/// A signature of the engine's.
struct Signature(NonNull<c::DSA_SIG>);

impl Drop for Signature {
    fn drop(&mut self) {
        // SAFETY: owned, and not used afterwards.
        unsafe { c::DSA_SIG_free(self.0.as_ptr()) }
    }
}

fn copied(number: &Number) -> Result<Number, Failed> {
    // SAFETY: a live number.
    unsafe { Number::copied(number.as_ptr()) }
}
