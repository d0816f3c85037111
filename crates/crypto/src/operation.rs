//! Operations with a key in one go. Each is done by the family that the mechanism belongs to.

use strongroom_model::{Blob, Error, Mechanism, Purposes, Result, ReturnCode};

use crate::Key;
use crate::family::{Derived, Encapsulated, Job, Wanted};

/// What a signature is made over.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// The message. A mechanism with a hash of its own applies it.
    Message(&'a [u8]),
    /// The message's digest: the mechanism's own hash was already applied by the caller, and the length
    /// must be that hash's. For a signature mechanism without a hash of its own it's the same as `Message`.
    Digest(&'a [u8]),
}

impl<'a> Input<'a> {
    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            Self::Message(bytes) | Self::Digest(bytes) => bytes,
        }
    }
}

/// Signs, or makes a MAC.
///
/// # Errors
/// `KEY_TYPE_INCONSISTENT`, `MECHANISM_INVALID` (the mechanism doesn't sign), `MECHANISM_PARAM_INVALID`,
/// `DATA_LEN_RANGE`, `DATA_INVALID` (raw RSA over a number that isn't less than the modulus),
/// `ARGUMENTS_BAD` (a digest for a MAC).
pub fn sign(key: &Key, mechanism: &Mechanism, input: Input<'_>) -> Result<Blob> {
    let job = Job::new(key, mechanism, Purposes::SIGN)?;
    job.family.sign(&job, input)
}

/// Verifies a signature or a MAC.
///
/// # Errors
/// `SIGNATURE_INVALID`, `SIGNATURE_LEN_RANGE`, and those of [`sign`].
pub fn verify(key: &Key, mechanism: &Mechanism, input: Input<'_>, signature: &[u8]) -> Result<()> {
    let job = Job::new(key, mechanism, Purposes::VERIFY)?;
    job.family.verify(&job, input, signature)
}

/// Makes a signature that holds what is signed.
///
/// # Errors
/// As [`sign`].
pub fn sign_recover(key: &Key, mechanism: &Mechanism, data: &[u8]) -> Result<Blob> {
    let job = Job::new(key, mechanism, Purposes::SIGN_RECOVER)?;
    job.family.sign(&job, Input::Message(data))
}

/// What was signed, from a signature of [`sign_recover`].
///
/// # Errors
/// As [`verify`].
pub fn verify_recover(key: &Key, mechanism: &Mechanism, signature: &[u8]) -> Result<Blob> {
    let job = Job::new(key, mechanism, Purposes::VERIFY_RECOVER)?;
    job.family.recover(&job, signature)
}

/// Encrypts.
///
/// # Errors
/// `KEY_TYPE_INCONSISTENT`, `MECHANISM_INVALID` (the mechanism doesn't encrypt), `MECHANISM_PARAM_INVALID`,
/// `DATA_LEN_RANGE`, `DATA_INVALID`, `KEY_SIZE_RANGE` (an RSA key too small for OAEP with that hash).
pub fn encrypt(key: &Key, mechanism: &Mechanism, data: &[u8]) -> Result<Blob> {
    let job = Job::new(key, mechanism, Purposes::ENCRYPT)?;
    job.family.encrypt(&job, data)
}

/// Decrypts. A PKCS #1 v1.5 ciphertext with bad padding isn't refused: it yields a made-up message,
/// always the same for the same key and ciphertext (draft-irtf-cfrg-rsa-guidance).
///
/// # Errors
/// `ENCRYPTED_DATA_INVALID`, `ENCRYPTED_DATA_LEN_RANGE`, and those of [`encrypt`].
pub fn decrypt(key: &Key, mechanism: &Mechanism, data: &[u8]) -> Result<Blob> {
    let job = Job::new(key, mechanism, Purposes::DECRYPT)?;
    job.family.decrypt(&job, data)
}

/// Derives the value of a secret key. `len` is its length in bytes; without it a mechanism gives all it
/// has. ECDH without KDF gives the end of the shared secret, the leading bytes cut off (PKCS#11 3.2
/// section 6.3, "Elliptic Curve Diffie-Hellman key derivation").
///
/// # Errors
/// `KEY_TYPE_INCONSISTENT`, `MECHANISM_INVALID`, `MECHANISM_PARAM_INVALID` (a bad public point too),
/// `TEMPLATE_INCOMPLETE` (a KDF without length), `KEY_SIZE_RANGE` (more than there is).
pub fn derive(key: &Key, mechanism: &Mechanism, len: Option<usize>) -> Result<Blob> {
    let job = Job::new(key, mechanism, Purposes::DERIVE)?;
    job.family.derive(&job, len)
}

/// Derives all that a mechanism derives: one key, several of them, or something that the caller gets to see.
///
/// # Errors
/// As [`derive()`]; `KEY_SIZE_RANGE` also for a key that has too little of another one in it (attacks.md A13).
pub fn derive_all(key: &Key, mechanism: &Mechanism, wanted: &Wanted<'_>) -> Result<Derived> {
    let job = Job::new(key, mechanism, Purposes::DERIVE)?;
    job.family.derive_all(&job, wanted)
}

/// Wraps a key: the value of a secret key, or the PKCS#8 encoding of a private key.
///
/// # Errors
/// `WRAPPING_KEY_TYPE_INCONSISTENT`, `MECHANISM_INVALID`, `MECHANISM_PARAM_INVALID`,
/// `WRAPPING_KEY_SIZE_RANGE` (the wrapping key can't be used with the mechanism), `KEY_SIZE_RANGE` (the
/// mechanism doesn't take keys as long as that one), `KEY_NOT_WRAPPABLE` (raw RSA: as a number, the key
/// isn't less than the modulus).
pub fn wrap(wrapping: &Key, mechanism: &Mechanism, plain: &[u8]) -> Result<Blob> {
    let job = Job::new(wrapping, mechanism, Purposes::WRAP)?;
    job.family.wrap(&job, plain).map_err(|error| match error.code {
        ReturnCode::KEY_TYPE_INCONSISTENT => recoded(error, ReturnCode::WRAPPING_KEY_TYPE_INCONSISTENT),
        _ => error,
    })
}

/// Unwraps what [`wrap`] has wrapped. As with [`decrypt`], PKCS #1 v1.5 never says that padding is bad.
/// Raw RSA gives as many bytes as the modulus has; the key is at their end.
///
/// # Errors
/// `WRAPPED_KEY_INVALID`, `WRAPPED_KEY_LEN_RANGE`, `UNWRAPPING_KEY_TYPE_INCONSISTENT`,
/// `UNWRAPPING_KEY_SIZE_RANGE`, `MECHANISM_INVALID`, `MECHANISM_PARAM_INVALID`.
pub fn unwrap(unwrapping: &Key, mechanism: &Mechanism, wrapped: &[u8]) -> Result<Blob> {
    unwrap_secret(unwrapping, mechanism, wrapped, &[])
}

/// As [`unwrap`], for a secret key of which it's known how long it may be, in bytes; no `lengths` stand
/// for any.
///
/// With PKCS #1 v1.5 a key of another length counts as bad padding, and what is made up instead is of one
/// of these lengths. Without that, a caller that accepts some lengths only would tell by its answer
/// whether the padding was good, which is all that Bleichenbacher's attack needs. Other mechanisms give
/// what was wrapped, whatever its length.
///
/// # Errors
/// As [`unwrap`].
pub fn unwrap_secret(
    unwrapping: &Key,
    mechanism: &Mechanism,
    wrapped: &[u8],
    lengths: &[usize],
) -> Result<Blob> {
    let job = Job::new(unwrapping, mechanism, Purposes::UNWRAP)?;
    job.family.unwrap(&job, wrapped, lengths).map_err(|error| match error.code {
        ReturnCode::KEY_TYPE_INCONSISTENT => recoded(error, ReturnCode::UNWRAPPING_KEY_TYPE_INCONSISTENT),
        _ => error,
    })
}

/// Makes a secret with a public key, and the ciphertext that tells it to who has the private one.
///
/// # Errors
/// `KEY_TYPE_INCONSISTENT`, `MECHANISM_INVALID` (the mechanism doesn't encapsulate), `MECHANISM_PARAM_INVALID`.
pub fn encapsulate(public: &Key, mechanism: &Mechanism) -> Result<Encapsulated> {
    let job = Job::new(public, mechanism, Purposes::ENCAPSULATE)?;
    job.family.encapsulate(&job)
}

/// The secret that a ciphertext of [`encapsulate`] tells.
///
/// # Errors
/// As [`encapsulate`]; `WRAPPED_KEY_LEN_RANGE` for a ciphertext of another length.
pub fn decapsulate(private: &Key, mechanism: &Mechanism, ciphertext: &[u8]) -> Result<Blob> {
    let job = Job::new(private, mechanism, Purposes::DECAPSULATE)?;
    job.family.decapsulate(&job, ciphertext)
}

/// The same error with the code that another operation has for it.
pub(crate) fn recoded(error: Error, code: ReturnCode) -> Error {
    Error { code, ..error }
}
