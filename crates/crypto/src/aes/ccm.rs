//! CCM (NIST SP 800-38C, RFC 3610). The MAC covers the data's length, so that nothing can begin before all of it is there.

use strongroom_model::{Blob, Params, Result};

use super::{Job, bad_params, check_key};
use crate::ffi::cipher::ccm::Ccm;

/// CCM in either direction. The MAC follows the ciphertext; nothing is given out before it has been verified.
pub(super) fn ccm(job: Job, value: &[u8], params: &Params, data: &[u8]) -> Result<Blob> {
    check_key(job, value)?;
    let (stated, mac_len) = check_params(params)?;
    let Params::Ccm { nonce, aad, .. } = params else { return Err(other_params()) };
    let len = if job.encrypts() { Some(data.len()) } else { data.len().checked_sub(mac_len) };
    let wraps = matches!(job, Job::Wrap | Job::Unwrap);
    let fits = |len: &usize| (wraps || *len as u64 == stated) && is_countable(*len, nonce.len());
    let len = len.filter(fits).ok_or_else(|| {
        job.bad_length(format!(
            "{} bytes came, but ulDataLen is {stated} and the MAC has {mac_len}",
            data.len()
        ))
    })?;
    let engine = Ccm { key: value, nonce, aad };
    if job.encrypts() {
        let mut out = Blob::zeroed(len + mac_len);
        let (ciphertext, mac) = out.split_at_mut(len);
        engine.seal(data, ciphertext, mac).map_err(|_| job.bad_length("too much data for CCM"))?;
        return Ok(out);
    }
    let (ciphertext, mac) = data.split_at(len);
    let mut plain = Blob::zeroed(len);
    engine.open(ciphertext, mac, &mut plain).map_err(|_| job.corrupt())?;
    Ok(plain)
}

/// The lengths of the data and of the MAC, if the parameters are CCM's.
pub(super) fn check_params(params: &Params) -> Result<(u64, usize)> {
    let Params::Ccm { data_len, nonce, mac_len, .. } = params else { return Err(other_params()) };
    if !(7..=13).contains(&nonce.len()) {
        return Err(bad_params(format!("the nonce of AES-CCM has 7 to 13 bytes, not {}", nonce.len())));
    }
    if !(4..=16).contains(mac_len) || !mac_len.is_multiple_of(2) {
        return Err(bad_params(format!("the MAC of AES-CCM has 4 to 16 bytes by 2, not {mac_len}")));
    }
    Ok((*data_len, usize::from(*mac_len)))
}

/// Whether a length fits into the bytes that the nonce leaves it.
fn is_countable(len: usize, nonce_len: usize) -> bool {
    let bits = 8 * (15 - nonce_len) as u32;
    bits >= usize::BITS || len >> bits == 0
}

fn other_params() -> strongroom_model::Error {
    bad_params("AES-CCM takes the data's length, a nonce, additional data and the MAC's length")
}
