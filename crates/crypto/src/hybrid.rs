//! The second half of wrapping with a public key: AES key wrap with padding under a key made for this once
//! (PKCS#11 3.2 sections 6.1 and 6.3, `CKM_AES_KEY_WRAP_KWP` within other mechanisms).

use strongroom_model::{Blob, Error, MechanismSpec, MechanismType, Params, Result, ReturnCode};

use crate::aes;

/// What a key is wrapped in has at least two half blocks, and whole ones (RFC 5649).
const HALF: usize = 8;

/// Wraps under an AES key. Whoever made it wipes it, as a [`Blob`] does.
pub(crate) fn wrap(key: &[u8], plain: &[u8]) -> Result<Blob> {
    aes::wrap(key, kwp()?, &Params::None, plain)
}

/// Unwraps. Why it fails isn't told: it may be the key as well as what is wrapped.
pub(crate) fn unwrap(key: &[u8], wrapped: &[u8]) -> Result<Blob> {
    aes::unwrap(key, kwp()?, &Params::None, wrapped).map_err(|_| invalid())
}

/// Whether something may be the result of [`wrap`], by its length.
pub(crate) const fn has_fitting_len(wrapped: &[u8]) -> bool {
    wrapped.len() >= 2 * HALF && wrapped.len().is_multiple_of(HALF)
}

/// The one answer to all that could be unwrapped by its length and can't.
pub(crate) fn invalid() -> Error {
    Error::new(ReturnCode::WRAPPED_KEY_INVALID, "the wrapped key isn't for this key and these parameters")
}

/// The answer to a length that nothing has that was wrapped.
pub(crate) fn wrong_len(len: usize) -> Error {
    Error::new(
        ReturnCode::WRAPPED_KEY_LEN_RANGE,
        format!("nothing that was wrapped with this mechanism and such a key has {len} bytes"),
    )
}

fn kwp() -> Result<&'static MechanismSpec> {
    MechanismType::AES_KEY_WRAP_KWP.spec().ok_or_else(|| ReturnCode::MECHANISM_INVALID.into())
}
