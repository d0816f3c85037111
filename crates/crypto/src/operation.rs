//! Operations with a key in one go. Each finds the family that a mechanism belongs to, and checks that
//! the key is of that family.

use strongroom_model::{Algorithm, Blob, Error, Mechanism, MechanismSpec, Params, Result, ReturnCode};

use crate::secret::SecretKey;
use crate::{Key, aes, ec, mac, rsa};

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

pub(crate) const RSA_SIGNING: &[Algorithm] = &[Algorithm::RsaPkcs, Algorithm::RsaPss, Algorithm::RsaX509];
pub(crate) const MACS: &[Algorithm] = &[Algorithm::Hmac, Algorithm::AesCmac];
pub(crate) const RSA_ENCRYPTION: &[Algorithm] = &[Algorithm::RsaPkcs, Algorithm::RsaOaep, Algorithm::RsaX509];
pub(crate) const AES_ENCRYPTION: &[Algorithm] = &[
    Algorithm::AesEcb,
    Algorithm::AesCbc,
    Algorithm::AesCbcPad,
    Algorithm::AesCtr,
    Algorithm::AesGcm,
    Algorithm::AesKw,
    Algorithm::AesKwp,
];
const AES_WRAPPING: &[Algorithm] =
    &[Algorithm::AesCbcPad, Algorithm::AesGcm, Algorithm::AesKw, Algorithm::AesKwp];

/// The algorithms of each operation.
pub(crate) const SIGNING: &[&[Algorithm]] = &[RSA_SIGNING, &[Algorithm::Ecdsa], MACS];
pub(crate) const ENCRYPTING: &[&[Algorithm]] = &[RSA_ENCRYPTION, AES_ENCRYPTION];
const WRAPPING: &[&[Algorithm]] = &[RSA_ENCRYPTION, AES_WRAPPING];
const DERIVING: &[&[Algorithm]] = &[&[Algorithm::Ecdh]];

/// Signs, or makes a MAC.
///
/// # Errors
/// `KEY_TYPE_INCONSISTENT`, `MECHANISM_INVALID` (the mechanism doesn't sign), `MECHANISM_PARAM_INVALID`,
/// `DATA_LEN_RANGE`, `DATA_INVALID` (raw RSA over a number that isn't less than the modulus),
/// `ARGUMENTS_BAD` (a digest for a MAC).
pub fn sign(key: &Key, mechanism: &Mechanism, input: Input<'_>) -> Result<Blob> {
    let (spec, params) = (spec(mechanism)?, &mechanism.params);
    match key {
        Key::RsaPrivate(key) if RSA_SIGNING.contains(&spec.algorithm) => rsa::sign(key, spec, params, input),
        Key::EcPrivate(key) if spec.algorithm == Algorithm::Ecdsa => ec::sign(key, spec, params, input),
        Key::Secret(key) if MACS.contains(&spec.algorithm) => {
            mac::sign(value(key, spec)?, spec, mac_input(params, input)?)
        }
        _ => Err(mismatch(spec, key, SIGNING)),
    }
}

/// Verifies a signature or a MAC.
///
/// # Errors
/// `SIGNATURE_INVALID`, `SIGNATURE_LEN_RANGE`, and those of [`sign`].
pub fn verify(key: &Key, mechanism: &Mechanism, input: Input<'_>, signature: &[u8]) -> Result<()> {
    let (spec, params) = (spec(mechanism)?, &mechanism.params);
    match key {
        Key::RsaPublic(key) if RSA_SIGNING.contains(&spec.algorithm) => {
            rsa::verify(key, spec, params, input, signature)
        }
        Key::EcPublic(key) if spec.algorithm == Algorithm::Ecdsa => {
            ec::verify(key, spec, params, input, signature)
        }
        Key::Secret(key) if MACS.contains(&spec.algorithm) => {
            mac::verify(value(key, spec)?, spec, mac_input(params, input)?, signature)
        }
        _ => Err(mismatch(spec, key, SIGNING)),
    }
}

/// Encrypts.
///
/// # Errors
/// `KEY_TYPE_INCONSISTENT`, `MECHANISM_INVALID` (the mechanism doesn't encrypt), `MECHANISM_PARAM_INVALID`,
/// `DATA_LEN_RANGE`, `DATA_INVALID`, `KEY_SIZE_RANGE` (an RSA key too small for OAEP with that hash).
pub fn encrypt(key: &Key, mechanism: &Mechanism, data: &[u8]) -> Result<Blob> {
    let (spec, params) = (spec(mechanism)?, &mechanism.params);
    match key {
        Key::RsaPublic(key) if RSA_ENCRYPTION.contains(&spec.algorithm) => {
            rsa::encrypt(key, spec, params, data)
        }
        Key::Secret(key) if AES_ENCRYPTION.contains(&spec.algorithm) => {
            aes::encrypt(value(key, spec)?, spec, params, data)
        }
        _ => Err(mismatch(spec, key, ENCRYPTING)),
    }
}

/// Decrypts. A PKCS #1 v1.5 ciphertext with bad padding isn't refused: it yields a made-up message,
/// always the same for the same key and ciphertext (draft-irtf-cfrg-rsa-guidance).
///
/// # Errors
/// `ENCRYPTED_DATA_INVALID`, `ENCRYPTED_DATA_LEN_RANGE`, and those of [`encrypt`].
pub fn decrypt(key: &Key, mechanism: &Mechanism, data: &[u8]) -> Result<Blob> {
    let (spec, params) = (spec(mechanism)?, &mechanism.params);
    match key {
        Key::RsaPrivate(key) if RSA_ENCRYPTION.contains(&spec.algorithm) => {
            rsa::decrypt(key, spec, params, data, &[])
        }
        Key::Secret(key) if AES_ENCRYPTION.contains(&spec.algorithm) => {
            aes::decrypt(value(key, spec)?, spec, params, data)
        }
        _ => Err(mismatch(spec, key, ENCRYPTING)),
    }
}

/// Derives the value of a secret key. `len` is its length in bytes; without it a mechanism gives all it
/// has. ECDH without KDF gives the end of the shared secret, the leading bytes cut off (PKCS#11 3.2
/// section 6.3, "Elliptic Curve Diffie-Hellman key derivation").
///
/// # Errors
/// `KEY_TYPE_INCONSISTENT`, `MECHANISM_INVALID`, `MECHANISM_PARAM_INVALID` (a bad public point too),
/// `TEMPLATE_INCOMPLETE` (a KDF without length), `KEY_SIZE_RANGE` (more than there is).
pub fn derive(key: &Key, mechanism: &Mechanism, len: Option<usize>) -> Result<Blob> {
    let spec = spec(mechanism)?;
    match key {
        Key::EcPrivate(key) if spec.algorithm == Algorithm::Ecdh => ec::derive(key, &mechanism.params, len),
        _ => Err(mismatch(spec, key, DERIVING)),
    }
}

/// Wraps a key: the value of a secret key, or the PKCS#8 encoding of a private key.
///
/// # Errors
/// `WRAPPING_KEY_TYPE_INCONSISTENT`, `MECHANISM_INVALID`, `MECHANISM_PARAM_INVALID`,
/// `WRAPPING_KEY_SIZE_RANGE` (the wrapping key can't be used with the mechanism), `KEY_SIZE_RANGE` (the
/// mechanism doesn't take keys as long as that one), `KEY_NOT_WRAPPABLE` (raw RSA: as a number, the key
/// isn't less than the modulus).
pub fn wrap(wrapping: &Key, mechanism: &Mechanism, plain: &[u8]) -> Result<Blob> {
    let (spec, params) = (spec(mechanism)?, &mechanism.params);
    match wrapping {
        Key::RsaPublic(key) if RSA_ENCRYPTION.contains(&spec.algorithm) => {
            rsa::encrypt(key, spec, params, plain).map_err(|error| match error.code {
                ReturnCode::KEY_SIZE_RANGE => recoded(error, ReturnCode::WRAPPING_KEY_SIZE_RANGE),
                ReturnCode::DATA_LEN_RANGE => recoded(error, ReturnCode::KEY_SIZE_RANGE),
                ReturnCode::DATA_INVALID => recoded(error, ReturnCode::KEY_NOT_WRAPPABLE),
                _ => error,
            })
        }
        Key::Secret(key) if AES_WRAPPING.contains(&spec.algorithm) && key.serves(spec) => {
            aes::wrap(&key.value, spec, params, plain)
        }
        _ => Err(wrapping_mismatch(spec, wrapping, ReturnCode::WRAPPING_KEY_TYPE_INCONSISTENT)),
    }
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
    let (spec, params) = (spec(mechanism)?, &mechanism.params);
    match unwrapping {
        Key::RsaPrivate(key) if RSA_ENCRYPTION.contains(&spec.algorithm) => {
            rsa::decrypt(key, spec, params, wrapped, lengths).map_err(|error| match error.code {
                ReturnCode::KEY_SIZE_RANGE => recoded(error, ReturnCode::UNWRAPPING_KEY_SIZE_RANGE),
                ReturnCode::ENCRYPTED_DATA_LEN_RANGE => recoded(error, ReturnCode::WRAPPED_KEY_LEN_RANGE),
                ReturnCode::ENCRYPTED_DATA_INVALID => recoded(error, ReturnCode::WRAPPED_KEY_INVALID),
                _ => error,
            })
        }
        Key::Secret(key) if AES_WRAPPING.contains(&spec.algorithm) && key.serves(spec) => {
            aes::unwrap(&key.value, spec, params, wrapped)
        }
        _ => Err(wrapping_mismatch(spec, unwrapping, ReturnCode::UNWRAPPING_KEY_TYPE_INCONSISTENT)),
    }
}

/// The mechanism's row.
pub(crate) fn spec(mechanism: &Mechanism) -> Result<&'static MechanismSpec> {
    let unknown =
        || Error::new(ReturnCode::MECHANISM_INVALID, format!("{} isn't known here", mechanism.kind));
    mechanism.kind.spec().ok_or_else(unknown)
}

/// A secret key's value, if the mechanism works with such keys.
pub(crate) fn value<'a>(key: &'a SecretKey, spec: &MechanismSpec) -> Result<&'a [u8]> {
    if key.serves(spec) { Ok(&key.value) } else { Err(wrong_key(spec, key)) }
}

/// Why a key and a mechanism don't go together, where the operation has these algorithms.
pub(crate) fn mismatch(spec: &MechanismSpec, key: &Key, operation: &[&[Algorithm]]) -> Error {
    if operation.iter().any(|algorithms| algorithms.contains(&spec.algorithm)) {
        return wrong_key(spec, key);
    }
    Error::new(ReturnCode::MECHANISM_INVALID, format!("{} doesn't do that", spec.name))
}

pub(crate) fn no_params(params: &Params) -> Result<()> {
    if *params == Params::None {
        return Ok(());
    }
    Err(Error::new(ReturnCode::MECHANISM_PARAM_INVALID, "the mechanism takes no parameters"))
}

fn wrapping_mismatch(spec: &MechanismSpec, key: &Key, wrong_key: ReturnCode) -> Error {
    let error = mismatch(spec, key, WRAPPING);
    if error.code == ReturnCode::KEY_TYPE_INCONSISTENT { recoded(error, wrong_key) } else { error }
}

fn mac_input<'a>(params: &Params, input: Input<'a>) -> Result<&'a [u8]> {
    no_params(params)?;
    match input {
        Input::Message(message) => Ok(message),
        Input::Digest(_) => {
            Err(Error::new(ReturnCode::ARGUMENTS_BAD, "a MAC is made over the message, not over its digest"))
        }
    }
}

fn wrong_key(spec: &MechanismSpec, key: &impl std::fmt::Debug) -> Error {
    Error::new(ReturnCode::KEY_TYPE_INCONSISTENT, format!("{} can't be done with {key:?}", spec.name))
}

fn recoded(error: Error, code: ReturnCode) -> Error {
    Error { code, ..error }
}
