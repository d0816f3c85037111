//! Signatures that hold what was signed (PKCS#11 3.2 sections 6.1.6 and 6.1.7).

use strongroom_model::{Algorithm, Blob, Error, MechanismSpec, Params, Result, ReturnCode};

use super::{RsaPublic, pkcs1};
use crate::family::no_params;

/// What was signed: for raw RSA a number as long as the modulus.
///
/// # Errors
/// `SIGNATURE_LEN_RANGE`, `SIGNATURE_INVALID`, `MECHANISM_PARAM_INVALID`.
pub(super) fn recover(
    key: &RsaPublic,
    spec: &MechanismSpec,
    params: &Params,
    signature: &[u8],
) -> Result<Blob> {
    no_params(params)?;
    if signature.len() != key.len() {
        return Err(Error::new(
            ReturnCode::SIGNATURE_LEN_RANGE,
            format!("the key's signatures have {} bytes, not {}", key.len(), signature.len()),
        ));
    }
    // A number that isn't less than the modulus is no signature either.
    let block = key.key.public(signature).map_err(|_| ReturnCode::SIGNATURE_INVALID)?;
    match spec.algorithm {
        Algorithm::RsaX509 => Ok(Blob::from(&block[..])),
        Algorithm::RsaPkcs => match pkcs1::unpad_type_1(&block) {
            Some(message) => Ok(Blob::from(message)),
            None => Err(ReturnCode::SIGNATURE_INVALID.into()),
        },
        _ => Err(Error::new(ReturnCode::MECHANISM_INVALID, format!("{} doesn't recover", spec.name))),
    }
}
