//! Pseudo-random functions.

use strongroom_model::{Error, KeyType, Prf, Result, ReturnCode};

use crate::ffi::mac::Cmac;
use crate::mac;
use crate::secret::SecretKey;

/// Refuses a key that a PRF can't take, or that is for another one only.
pub(super) fn check_key(prf: Prf, key: &SecretKey) -> Result<()> {
    let foreign = match (prf, key.key_type) {
        (Prf::Hmac(hash), KeyType::Hmac(only)) => hash != only,
        (Prf::Cmac, KeyType::Hmac(_)) => true,
        _ => false,
    };
    if foreign {
        return Err(Error::new(
            ReturnCode::KEY_TYPE_INCONSISTENT,
            format!("{key:?} is for one HMAC only, not for {prf:?}"),
        ));
    }
    if prf == Prf::Cmac && !matches!(key.value.len(), 16 | 24 | 32) {
        return Err(Error::new(
            ReturnCode::KEY_SIZE_RANGE,
            format!("AES-CMAC takes keys of 16, 24 or 32 bytes, not {}", key.value.len()),
        ));
    }
    Ok(())
}

/// Applies a PRF to the parts, one after the other. `out` has the PRF's length.
///
/// # Errors
///
/// `KEY_SIZE_RANGE` for a key that AES-CMAC can't take.
pub(super) fn apply(prf: Prf, key: &[u8], parts: &[&[u8]], out: &mut [u8]) -> Result<()> {
    match prf {
        Prf::Hmac(hash) => mac::hmac_into(hash, key, parts, out),
        Prf::Cmac => {
            let wrong =
                || Error::new(ReturnCode::KEY_SIZE_RANGE, "AES-CMAC takes keys of 16, 24 or 32 bytes");
            let mut cmac = Cmac::new(key).map_err(|_| wrong())?;
            for part in parts {
                cmac.update(part)?;
            }
            let out = out.try_into().map_err(|_| ReturnCode::FUNCTION_FAILED)?;
            cmac.finish(out)?;
        }
    }
    Ok(())
}
