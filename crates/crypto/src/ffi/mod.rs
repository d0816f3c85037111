//! A safe face for the parts of AWS-LC that are used: owners that free what they own, every return
//! code checked, the error queue left empty. All of this crate's `unsafe` code is in here.

pub(crate) mod bignum;
pub(crate) mod cipher;
pub(crate) mod curve25519;
pub(crate) mod derive;
pub(crate) mod dh;
pub(crate) mod dsa;
pub(crate) mod ec;
pub(crate) mod ec_told;
pub(crate) mod kem;
pub(crate) mod mac;
mod pkey;
pub(crate) mod pqdsa;
pub(crate) mod rsa;
pub(crate) mod shake;

use std::ptr;

use aws_lc_sys::{
    ERR_clear_error, EVP_MD, EVP_md5, EVP_sha1, EVP_sha3_224, EVP_sha3_256, EVP_sha3_384, EVP_sha3_512,
    EVP_sha224, EVP_sha256, EVP_sha384, EVP_sha512, EVP_sha512_224, EVP_sha512_256,
};
use strongroom_model::{Error, Hash, ReturnCode};

/// The engine refused or failed. What that means is for the caller to say: the engine's own reasons
/// are too many, and some of them must not be told.
#[derive(Debug)]
pub(crate) struct Failed;

impl From<Failed> for Error {
    /// For calls that fail only if the engine or the machine is broken.
    fn from(_: Failed) -> Self {
        Self::new(
            ReturnCode::FUNCTION_FAILED,
            "the crypto engine failed where it should not; is memory short?",
        )
    }
}

/// Checks a return code that is 1 for success.
pub(crate) fn check(code: i32) -> Result<(), Failed> {
    if code == 1 { Ok(()) } else { Err(failed()) }
}

/// Checks a pointer that is null for failure.
pub(crate) fn non_null<T>(pointer: *mut T) -> Result<ptr::NonNull<T>, Failed> {
    ptr::NonNull::new(pointer).ok_or_else(failed)
}

/// Empties this thread's error queue; for every path on which a call failed.
pub(crate) fn failed() -> Failed {
    // SAFETY: takes no arguments, touches only this thread's queue.
    unsafe { ERR_clear_error() };
    Failed
}

/// The engine's description of a hash function, which lives for ever.
pub(crate) fn md(hash: Hash) -> *const EVP_MD {
    // SAFETY: these return pointers to static data and have no preconditions.
    unsafe {
        match hash {
            Hash::Sha1 => EVP_sha1(),
            Hash::Sha224 => EVP_sha224(),
            Hash::Sha256 => EVP_sha256(),
            Hash::Sha384 => EVP_sha384(),
            Hash::Sha512 => EVP_sha512(),
            Hash::Sha512_224 => EVP_sha512_224(),
            Hash::Sha512_256 => EVP_sha512_256(),
            Hash::Sha3_224 => EVP_sha3_224(),
            Hash::Sha3_256 => EVP_sha3_256(),
            Hash::Sha3_384 => EVP_sha3_384(),
            Hash::Sha3_512 => EVP_sha3_512(),
            Hash::Md5 => EVP_md5(),
        }
    }
}
