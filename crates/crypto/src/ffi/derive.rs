//! Derivations that the engine has: PBKDF2, the PRFs of TLS, SHAKE.

use std::ptr;

use aws_lc_sys as c;
use strongroom_model::Hash;

use super::{Failed, check, md, non_null};

/// PBKDF2 with HMAC; fills `out`.
pub(crate) fn pbkdf2(
    hash: Hash,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    out: &mut [u8],
) -> Result<(), Failed> {
    // SAFETY: pointers and lengths belong together; `out` is written whole.
    check(unsafe {
        c::PKCS5_PBKDF2_HMAC(
            password.as_ptr().cast(),
            password.len(),
            salt.as_ptr(),
            salt.len(),
            iterations,
            md(hash),
            out.len(),
            out.as_mut_ptr(),
        )
    })
}

/// The PRF of TLS 1.2 with a hash, without one that of TLS 1.0 and 1.1; fills `out`. The seeds are joined.
pub(crate) fn tls_prf(
    hash: Option<Hash>,
    secret: &[u8],
    label: &[u8],
    seed: &[u8],
    more_seed: &[u8],
    out: &mut [u8],
) -> Result<(), Failed> {
    // SAFETY: EVP_md5_sha1 gives static data and has no preconditions.
    let digest = hash.map_or_else(|| unsafe { c::EVP_md5_sha1() }, md);
    // SAFETY: pointers and lengths belong together; `out` is written whole.
    check(unsafe {
        c::CRYPTO_tls1_prf(
            digest,
            out.as_mut_ptr(),
            out.len(),
            secret.as_ptr(),
            secret.len(),
            label.as_ptr().cast(),
            label.len(),
            seed.as_ptr(),
            seed.len(),
            more_seed.as_ptr(),
            more_seed.len(),
        )
    })
}

/// SHAKE256, or SHAKE128 if not `long`; fills `out`.
pub(crate) fn shake(long: bool, data: &[u8], out: &mut [u8]) -> Result<(), Failed> {
    /// A context that is freed.
    struct Context(ptr::NonNull<c::EVP_MD_CTX>);

    impl Drop for Context {
        fn drop(&mut self) {
            // SAFETY: from EVP_MD_CTX_new, and nothing uses it after this.
            unsafe { c::EVP_MD_CTX_free(self.0.as_ptr()) };
        }
    }

    // SAFETY: no preconditions; null is checked for.
    let context = Context(non_null(unsafe { c::EVP_MD_CTX_new() })?);
    // SAFETY: these give static data and have no preconditions.
    let kind = unsafe { if long { c::EVP_shake256() } else { c::EVP_shake128() } };
    // SAFETY: the context is live.
    check(unsafe { c::EVP_DigestInit_ex(context.0.as_ptr(), kind, ptr::null_mut()) })?;
    // SAFETY: the context is initialised; reads `data`.
    check(unsafe { c::EVP_DigestUpdate(context.0.as_ptr(), data.as_ptr().cast(), data.len()) })?;
    // SAFETY: as above; writes `out` whole.
    check(unsafe { c::EVP_DigestFinalXOF(context.0.as_ptr(), out.as_mut_ptr(), out.len()) })
}
