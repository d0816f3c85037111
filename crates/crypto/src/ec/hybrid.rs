//! `CKM_ECDH_AES_KEY_WRAP` and its like (PKCS#11 3.2 section 6.3): an AES key is agreed on with a key pair made for this
//! once, whose public key goes before what is wrapped under the AES key.

use strongroom_model::{AgreementKdf, Blob, Error, MechanismType, Params, Result, ReturnCode};

use super::{EcPrivate, octet_string};
use crate::family::Job;
use crate::montgomery::MontgomeryPrivate;
use crate::{Key, hybrid, kdf};

/// The new public key goes as PKCS#11 has it in `CKA_EC_POINT`: on Montgomery curves RFC 7748's bytes, on others a DER
/// OCTET STRING of the uncompressed point.
pub(super) fn wrap(job: &Job<'_>, plain: &[u8]) -> Result<Blob> {
    if !matches!(job.key, Key::EcPublic(_) | Key::MontgomeryPublic(_)) {
        return Err(job.wrong_key());
    }
    let how = How::new(job)?;
    // What was made for this once is wiped where these go out of scope.
    let (mut wrapped, secret) = match job.key {
        Key::EcPublic(key) if how.kind != MechanismType::ECDH_X_AES_KEY_WRAP => {
            let ours = EcPrivate::generate(key.curve())?;
            let secret = ours.agree(&key.public_point()?, ReturnCode::FUNCTION_FAILED)?;
            (Blob::from(octet_string(&ours.public_point()?)), secret)
        }
        Key::MontgomeryPublic(key) if how.kind != MechanismType::ECDH_COF_AES_KEY_WRAP => {
            let ours = MontgomeryPrivate::generate(key.curve())?;
            let secret = ours.agree(key.bytes(), ReturnCode::FUNCTION_FAILED)?;
            (Blob::from(ours.public_bytes()), secret)
        }
        _ => return Err(job.wrong_key()),
    };
    wrapped.extend(&hybrid::wrap(&how.key(&secret)?, plain)?);
    Ok(wrapped)
}

/// A point that isn't in an OCTET STRING is taken too, and a compressed one: other modules write them.
pub(super) fn unwrap(job: &Job<'_>, wrapped: &[u8]) -> Result<Blob> {
    if !matches!(job.key, Key::EcPrivate(_) | Key::MontgomeryPrivate(_)) {
        return Err(job.wrong_key());
    }
    let how = How::new(job)?;
    let (secret, rest) = match job.key {
        Key::EcPrivate(key) if how.kind != MechanismType::ECDH_X_AES_KEY_WRAP => {
            let (point, rest) = split(wrapped, key.curve().group.len())?;
            (key.agree(point, ReturnCode::WRAPPED_KEY_INVALID), rest)
        }
        Key::MontgomeryPrivate(key) if how.kind != MechanismType::ECDH_COF_AES_KEY_WRAP => {
            let (point, rest) = wrapped
                .split_at_checked(key.curve().len)
                .filter(|(_, rest)| hybrid::has_fitting_len(rest))
                .ok_or_else(|| hybrid::wrong_len(wrapped.len()))?;
            (key.agree(point, ReturnCode::WRAPPED_KEY_INVALID), rest)
        }
        _ => return Err(job.wrong_key()),
    };
    hybrid::unwrap(&how.key(&secret.map_err(|_| hybrid::invalid())?)?, rest)
}

/// The point, and what is behind it. Since that has whole half blocks, its length tells whether the point is in an OCTET
/// STRING, which is 2 or 3 bytes longer.
fn split(wrapped: &[u8], len: usize) -> Result<(&[u8], &[u8])> {
    let uncompressed = 1 + 2 * len;
    let forms: &[usize] = match wrapped.first() {
        Some(2 | 3) => &[1 + len],
        Some(4) => &[header(uncompressed) + uncompressed, uncompressed],
        _ => &[],
    };
    let parts = forms
        .iter()
        .find_map(|form| wrapped.split_at_checked(*form).filter(|(_, rest)| hybrid::has_fitting_len(rest)));
    parts.ok_or_else(|| hybrid::wrong_len(wrapped.len()))
}

/// Length of an OCTET STRING's tag and length.
const fn header(content: usize) -> usize {
    if content < 0x80 { 2 } else { 3 }
}

/// How the AES key is made of the shared secret.
struct How<'a> {
    kind: MechanismType,
    key_len: usize,
    kdf: Option<AgreementKdf>,
    shared: &'a [u8],
}

impl<'a> How<'a> {
    fn new(job: &Job<'a>) -> Result<Self> {
        match job.params {
            Params::EcdhAesWrap { key_len: len @ (16 | 24 | 32), kdf, shared }
                if kdf.is_some() || shared.is_empty() =>
            {
                Ok(Self { kind: job.spec.kind, key_len: usize::from(*len), kdf: *kdf, shared })
            }
            _ => Err(Error::new(
                ReturnCode::MECHANISM_PARAM_INVALID,
                format!(
                    "{} takes CK_ECDH_AES_KEY_WRAP_PARAMS with 128, 192 or 256 bits, and shared data only with a KDF",
                    job.spec.name
                ),
            )),
        }
    }

    /// The first bytes of what is derived.
    fn key(&self, secret: &[u8]) -> Result<Blob> {
        if let Some(kdf) = self.kdf {
            return kdf::agreed(kdf, secret, self.shared, self.key_len);
        }
        secret.get(..self.key_len).map(Blob::from).ok_or_else(|| {
            Error::new(
                ReturnCode::MECHANISM_PARAM_INVALID,
                format!(
                    "without KDF the curve's secret of {} bytes is too short for the AES key",
                    secret.len()
                ),
            )
        })
    }
}
