//! HKDF, RFC 5869 (PKCS#11 3.2 section 6.62).

use strongroom_model::{Blob, Hash, Hkdf, Result, Salt};

use super::{check_len, no_len, other};
use crate::family::Wanted;
use crate::mac::hmac_into;

/// Extracts, expands, or both. What was only extracted has the hash's length.
pub(super) fn derive(base: &[u8], params: &Hkdf, wanted: &Wanted<'_>, longest: usize) -> Result<Blob> {
    let hash = params.hash;
    let extracted = if params.extract {
        let zeros = vec![0; hash.len()];
        let salt = match &params.salt {
            Salt::None => &zeros,
            Salt::Data(salt) => salt.as_slice(),
            Salt::Key(_) => other(wanted, 0)?,
        };
        let mut key = Blob::zeroed(hash.len());
        hmac_into(hash, salt, &[base], &mut key);
        Some(key)
    } else {
        None
    };
    match (extracted, params.expand) {
        (Some(key), false) if wanted.len.is_none_or(|len| len == hash.len()) => Ok(key),
        (Some(_), false) => check_len(0, hash.len()).map(|_| Blob::new()),
        (extracted, true) => {
            let len = check_len(wanted.len.ok_or_else(no_len)?, longest.min(255 * hash.len()))?;
            Ok(expand(hash, extracted.as_deref().unwrap_or(base), &params.info, len))
        }
        (None, false) => Err(super::wrong_params("HKDF without extraction and without expansion")),
    }
}

fn expand(hash: Hash, key: &[u8], info: &[u8], len: usize) -> Blob {
    let mut output = Blob::zeroed(len.next_multiple_of(hash.len()));
    for (number, at) in (1u8..=255).zip((0..len).step_by(hash.len())) {
        let (before, block) = output.split_at_mut(at);
        let previous = &before[at.saturating_sub(hash.len())..];
        hmac_into(hash, key, &[previous, info, &[number]], &mut block[..hash.len()]);
    }
    output.truncate(len);
    output
}
