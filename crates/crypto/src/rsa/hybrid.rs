//! `CKM_RSA_AES_KEY_WRAP` (PKCS#11 3.2 section 6.1): an AES key made for this once goes in RSAES-OAEP, what is wrapped goes
//! behind it under that key, so that it may be longer than the modulus.

use strongroom_model::{Blob, Error, MechanismSpec, MechanismType, Params, Result, ReturnCode};

use super::{RsaPrivate, RsaPublic, decrypt, encrypt};
use crate::{hybrid, random};

pub(super) fn wrap(key: &RsaPublic, params: &Params, plain: &[u8]) -> Result<Blob> {
    let (key_len, oaep) = parts(params)?;
    let temporary = random::blob(key_len);
    let mut wrapped = encrypt(key, oaep_spec()?, &oaep, &temporary)?;
    wrapped.extend(&hybrid::wrap(&temporary, plain)?);
    Ok(wrapped)
}

pub(super) fn unwrap(key: &RsaPrivate, params: &Params, wrapped: &[u8]) -> Result<Blob> {
    let (key_len, oaep) = parts(params)?;
    let (encrypted, rest) = wrapped
        .split_at_checked(key.public().len())
        .filter(|(_, rest)| hybrid::has_fitting_len(rest))
        .ok_or_else(|| hybrid::wrong_len(wrapped.len()))?;
    let temporary = decrypt(key, oaep_spec()?, &oaep, encrypted, &[]).map_err(|error| match error.code {
        ReturnCode::ENCRYPTED_DATA_INVALID => hybrid::invalid(),
        _ => error,
    })?;
    if temporary.len() != key_len {
        return Err(hybrid::invalid());
    }
    hybrid::unwrap(&temporary, rest)
}

/// Length of the AES key in bytes, and the parameters of OAEP.
fn parts(params: &Params) -> Result<(usize, Params)> {
    match params {
        Params::RsaAesWrap { key_len: len @ (16 | 24 | 32), hash, mgf, label } => {
            Ok((usize::from(*len), Params::Oaep { hash: *hash, mgf: *mgf, label: label.clone() }))
        }
        _ => Err(Error::new(
            ReturnCode::MECHANISM_PARAM_INVALID,
            "CKM_RSA_AES_KEY_WRAP takes CK_RSA_AES_KEY_WRAP_PARAMS with 128, 192 or 256 bits",
        )),
    }
}

fn oaep_spec() -> Result<&'static MechanismSpec> {
    MechanismType::RSA_PKCS_OAEP.spec().ok_or_else(|| ReturnCode::MECHANISM_INVALID.into())
}
