//! AES: encryption in its modes, and the wrapping of keys.
//!
//! Sources: PKCS#11 3.2 sections on AES, NIST SP 800-38A (ECB, CBC, CTR, OFB, CFB) and its addendum (CTS), SP 800-38C
//! (CCM), SP 800-38D (GCM), SP 800-38E (XTS), SP 800-38F (KW, KWP), RFC 3394, RFC 5649, RFC 5652 section 6.3 (padding).

mod ccm;
mod feedback;
mod key_wrap;
mod padding;
mod stealing;
mod stream;

#[cfg(test)]
mod known_answers;
#[cfg(test)]
mod tests;

use strongroom_model::{
    Algorithm, Blob, Error, MechanismSpec, MechanismType, Params, Result, ReturnCode, limits,
};
use subtle::ConstantTimeEq;

use crate::family::{Family, Job as Call, Order, no_params};
use crate::ffi::cipher::Cipher;
use crate::random;
use crate::stream::{self as streams, Running, StreamKind};
use feedback::Feedback;
use stealing::Stealing;

pub use stream::AesStream;

/// AES in all its modes.
pub(crate) struct Aes;

impl Family for Aes {
    fn encrypt(&self, call: &Call<'_>, data: &[u8]) -> Result<Blob> {
        encrypt(&call.secret()?.value, call.spec, call.params, data)
    }

    fn decrypt(&self, call: &Call<'_>, data: &[u8]) -> Result<Blob> {
        decrypt(&call.secret()?.value, call.spec, call.params, data)
    }

    fn wrap(&self, call: &Call<'_>, plain: &[u8]) -> Result<Blob> {
        wrap(&call.secret()?.value, call.spec, call.params, plain)
    }

    fn unwrap(&self, call: &Call<'_>, wrapped: &[u8], _lengths: &[usize]) -> Result<Blob> {
        unwrap(&call.secret()?.value, call.spec, call.params, wrapped)
    }

    fn generate_secret(&self, order: &Order<'_>, value_len: usize) -> Result<Blob> {
        no_params(order.params)?;
        if order.spec.algorithm == Algorithm::AesXtsKeyGen {
            order.check_len(value_len, matches!(value_len, 32 | 64))?;
            let mut value = random::blob(value_len);
            while !is_xts_key(&value) {
                value = random::blob(value_len);
            }
            return Ok(value);
        }
        order.check_len(value_len, matches!(value_len, 16 | 24 | 32))?;
        Ok(random::blob(value_len))
    }

    fn open(&self, kind: StreamKind, call: &Call<'_>) -> Result<Box<dyn Running>> {
        let (value, spec, params) = (&call.secret()?.value, call.spec, call.params);
        let job = if kind == StreamKind::Encrypt { Job::Encrypt } else { Job::Decrypt };
        Ok(match spec.algorithm {
            Algorithm::AesCts | Algorithm::AesXts => Box::new(Stealing::start(job, value, spec, params)?),
            Algorithm::AesCfb64 => Box::new(Feedback::start(job, value, params)?),
            Algorithm::AesCcm => {
                check_key(job, value)?;
                ccm::check_params(params)?;
                streams::gathered(kind, call, limits::MAX_DATA + TAG)
            }
            _ => Box::new(AesStream::start(job, value, spec, params)?),
        })
    }
}

/// The longest tag in bytes.
const TAG: usize = 16;

/// The length in bytes of an IV that is made here.
const MADE_IV: usize = 12;

/// Whether a value may be a key of XTS: two AES keys that differ (FIPS 140-3 IG C.I).
pub(crate) fn is_xts_key(value: &[u8]) -> bool {
    let (first, second) = value.split_at(value.len() / 2);
    matches!(value.len(), 32 | 64) && !bool::from(first.ct_eq(second))
}

/// Encrypts in one go. `value` is the key; ciphertexts of GCM end in the tag.
///
/// # Errors
///
/// `KEY_SIZE_RANGE` for a key that isn't 16, 24 or 32 bytes long; `MECHANISM_PARAM_INVALID`;
/// `MECHANISM_INVALID` for what isn't an encryption with AES; `DATA_LEN_RANGE` for data of a length that
/// the mode can't take (ECB and CBC: whole blocks; CTR: no more than the counter can count; KW: 16 bytes
/// and more in steps of 8; KWP: 1 byte and more).
pub fn encrypt(value: &[u8], spec: &MechanismSpec, params: &Params, data: &[u8]) -> Result<Blob> {
    run(Job::Encrypt, value, spec, params, data)
}

/// Decrypts in one go; the counterpart of [`encrypt`].
///
/// # Errors
///
/// As [`encrypt`], with `ENCRYPTED_DATA_LEN_RANGE` for lengths, and `ENCRYPTED_DATA_INVALID` where the
/// tag, the padding or the integrity check is wrong. In what way it's wrong can't be told from the error.
pub fn decrypt(value: &[u8], spec: &MechanismSpec, params: &Params, data: &[u8]) -> Result<Blob> {
    run(Job::Decrypt, value, spec, params, data)
}

/// Wraps the bytes of a key: KW, KWP, CBC-PAD, CCM or GCM.
///
/// # Errors
///
/// As [`encrypt`], with `WRAPPING_KEY_SIZE_RANGE` for the wrapping key and `KEY_SIZE_RANGE` for the
/// length of the wrapped one.
pub fn wrap(value: &[u8], spec: &MechanismSpec, params: &Params, key: &[u8]) -> Result<Blob> {
    run(Job::Wrap, value, wraps(spec)?, params, key)
}

/// Unwraps the bytes of a key; the counterpart of [`wrap`].
///
/// # Errors
///
/// As [`decrypt`], with `UNWRAPPING_KEY_SIZE_RANGE` for the unwrapping key, `WRAPPED_KEY_LEN_RANGE` for
/// lengths and `WRAPPED_KEY_INVALID` where a check fails.
pub fn unwrap(value: &[u8], spec: &MechanismSpec, params: &Params, wrapped: &[u8]) -> Result<Blob> {
    run(Job::Unwrap, value, wraps(spec)?, params, wrapped)
}

fn run(job: Job, value: &[u8], spec: &MechanismSpec, params: &Params, data: &[u8]) -> Result<Blob> {
    if is_vendors_wrap(spec.kind) {
        key_wrap::must_be_usual(params)?;
    }
    match spec.algorithm {
        Algorithm::AesKw => key_wrap::kw(job, value, params, data),
        Algorithm::AesKwPkcs7 => key_wrap::kw_pkcs7(job, value, params, data),
        Algorithm::AesKwp => key_wrap::kwp(job, value, params, data),
        Algorithm::AesCcm => ccm::ccm(job, value, params, data),
        Algorithm::AesCts | Algorithm::AesXts => Stealing::start(job, value, spec, params)?.run(data),
        Algorithm::AesCfb64 => Ok(Feedback::start(job, value, params)?.apply(data)),
        Algorithm::AesGcm => match with_made_iv(job, spec, params, data)? {
            Some((params, data)) if job.encrypts() => {
                let Params::Gcm { iv, .. } = &params else { return Err(bad_params("AES-GCM takes an IV")) };
                let mut out = iv.clone();
                out.extend(&AesStream::start(job, value, spec, &params)?.run(data)?);
                Ok(out)
            }
            Some((params, data)) => open_gcm(job, value, &params, data),
            None if job.encrypts() => AesStream::start(job, value, spec, params)?.run(data),
            None => open_gcm(job, value, params, data),
        },
        _ => AesStream::start(job, value, spec, params)?.run(data),
    }
}

const fn is_vendors_wrap(kind: MechanismType) -> bool {
    matches!(
        kind,
        MechanismType::CLOUDHSM_AES_KEY_WRAP_NO_PAD
            | MechanismType::CLOUDHSM_AES_KEY_WRAP_PKCS5_PAD
            | MechanismType::CLOUDHSM_AES_KEY_WRAP_ZERO_PAD
    )
}

/// The parameters and the data without the IV, where that is made here and comes before the ciphertext: `CKM_CLOUDHSM_AES_GCM`,
/// and `CKM_AES_GCM` whose caller gives none (cloudhsm.md 5.5).
fn with_made_iv<'a>(
    job: Job,
    spec: &MechanismSpec,
    params: &Params,
    data: &'a [u8],
) -> Result<Option<(Params, &'a [u8])>> {
    let Params::Gcm { iv, aad, tag_bits } = params else {
        return Err(bad_params("AES-GCM takes an IV, additional data and a tag's length"));
    };
    if !iv.is_empty() {
        if spec.kind == MechanismType::CLOUDHSM_AES_GCM {
            return Err(bad_params(format!("{} makes the IV itself: give none", spec.name)));
        }
        return Ok(None);
    }
    let (iv, data) = if job.encrypts() {
        (random::blob(MADE_IV), data)
    } else {
        let parts = data.split_at_checked(MADE_IV);
        let (iv, rest) = parts.ok_or_else(|| job.bad_length("the data is shorter than an IV"))?;
        (Blob::from(iv), rest)
    };
    Ok(Some((Params::Gcm { iv, aad: aad.clone(), tag_bits: *tag_bits }, data)))
}

/// GCM decryption at once: unlike a stream it needs no copy of the ciphertext.
fn open_gcm(job: Job, value: &[u8], params: &Params, data: &[u8]) -> Result<Blob> {
    check_key(job, value)?;
    let gcm = stream::Gcm::from_params(params)?;
    let cipher = gcm.cipher(job, value)?;
    finish_gcm(job, cipher, gcm.tag_len, data)
}

/// Decrypts `data`, which ends in the tag, with a cipher that is past the additional data. The plaintext
/// stays in here until the tag has been verified.
fn finish_gcm(job: Job, mut cipher: Cipher, tag_len: usize, data: &[u8]) -> Result<Blob> {
    let Some(len) = data.len().checked_sub(tag_len) else {
        return Err(job.bad_length(format!("{} bytes are too few for a GCM tag of {tag_len}", data.len())));
    };
    let (ciphertext, tag) = data.split_at(len);
    let mut plain = Blob::zeroed(len);
    cipher.update(ciphertext, &mut plain).map_err(|_| job.bad_length("too much data for GCM"))?;
    cipher.check_tag(tag).map_err(|_| job.corrupt())?;
    Ok(plain)
}

/// What is being done, since the return codes hang on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Encrypt,
    Decrypt,
    Wrap,
    Unwrap,
}

impl Job {
    const fn encrypts(self) -> bool {
        matches!(self, Self::Encrypt | Self::Wrap)
    }

    fn bad_length(self, message: impl Into<String>) -> Error {
        let code = match self {
            Self::Encrypt => ReturnCode::DATA_LEN_RANGE,
            Self::Decrypt => ReturnCode::ENCRYPTED_DATA_LEN_RANGE,
            Self::Wrap => ReturnCode::KEY_SIZE_RANGE,
            Self::Unwrap => ReturnCode::WRAPPED_KEY_LEN_RANGE,
        };
        Error::new(code, message)
    }

    /// The one error for every failed check: tag, padding, integrity. It doesn't say which byte, or why,
    /// for that is what padding oracles are made of.
    fn corrupt(self) -> Error {
        match self {
            Self::Wrap | Self::Unwrap => Error::new(
                ReturnCode::WRAPPED_KEY_INVALID,
                "the wrapped key was changed, or was wrapped with another key or other parameters",
            ),
            Self::Encrypt | Self::Decrypt => Error::new(
                ReturnCode::ENCRYPTED_DATA_INVALID,
                "the data was changed, or was encrypted with another key or other parameters",
            ),
        }
    }
}

fn check_key(job: Job, value: &[u8]) -> Result<()> {
    if matches!(value.len(), 16 | 24 | 32) {
        return Ok(());
    }
    let code = match job {
        Job::Encrypt | Job::Decrypt => ReturnCode::KEY_SIZE_RANGE,
        Job::Wrap => ReturnCode::WRAPPING_KEY_SIZE_RANGE,
        Job::Unwrap => ReturnCode::UNWRAPPING_KEY_SIZE_RANGE,
    };
    Err(Error::new(code, format!("an AES key has 16, 24 or 32 bytes, not {}", value.len())))
}

/// Refuses what can encrypt but isn't fit to wrap keys.
fn wraps(spec: &MechanismSpec) -> Result<&MechanismSpec> {
    match spec.algorithm {
        Algorithm::AesKw
        | Algorithm::AesKwPkcs7
        | Algorithm::AesKwp
        | Algorithm::AesCbcPad
        | Algorithm::AesCcm
        | Algorithm::AesGcm
        | Algorithm::DesCbcPad => Ok(spec),
        _ => Err(Error::new(ReturnCode::MECHANISM_INVALID, format!("{} doesn't wrap keys", spec.name))),
    }
}

fn bad_params(message: impl Into<String>) -> Error {
    Error::new(ReturnCode::MECHANISM_PARAM_INVALID, message)
}

/// For failures of the engine that no input can cause.
fn engine_failed() -> Error {
    Error::new(ReturnCode::FUNCTION_FAILED, "the AES engine failed; is the system out of memory?")
}
