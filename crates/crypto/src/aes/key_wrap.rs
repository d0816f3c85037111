//! Key wrap (KW, RFC 3394) and key wrap with padding (KWP, RFC 5649); NIST SP 800-38F has both.
//!
//! Written over the engine's block cipher, because the engine's own KWP takes no initial value from its
//! caller, as PKCS#11 allows.

use strongroom_model::{Blob, Params, Result};
use subtle::{Choice, ConstantTimeEq, ConstantTimeGreater};
use zeroize::Zeroizing;

use super::{Job, bad_params, check_key, engine_failed, padding};
use crate::ffi::cipher::{BLOCK, BlockCipher};

/// Half a block: the unit that is wrapped.
const HALF: usize = BLOCK / 2;

/// The initial value of KW unless the caller has one (RFC 3394 section 2.2.3.1).
const KW_ICV: [u8; 8] = [0xa6; 8];

/// The first half of KWP's initial value unless the caller has one (RFC 5649 section 3).
const KWP_ICV: [u8; 4] = [0xa6, 0x59, 0x59, 0xa6];

/// KW in either direction. Data: 16 bytes and more, in steps of 8; wrapped it has 8 more.
pub(super) fn kw(job: Job, value: &[u8], params: &Params, data: &[u8]) -> Result<Blob> {
    let cipher = cipher(job, value)?;
    let icv = initial_value(params, KW_ICV)?;
    let smallest = if job.encrypts() { 2 * HALF } else { 3 * HALF };
    if data.len() < smallest || !data.len().is_multiple_of(HALF) {
        return Err(job.bad_length(format!(
            "AES key wrap takes {smallest} bytes or more, in steps of 8, not {}",
            data.len()
        )));
    }
    if job.encrypts() {
        let mut out = Blob::zeroed(HALF + data.len());
        out[..HALF].copy_from_slice(&icv);
        out[HALF..].copy_from_slice(data);
        forward(&cipher, &mut out);
        Ok(out)
    } else {
        let mut halves = Blob::from(data);
        let found = backward(&cipher, &mut halves);
        if !bool::from(found.ct_eq(&icv)) {
            return Err(job.corrupt());
        }
        Ok(Blob::from(&halves[HALF..]))
    }
}

/// KW of what is padded to half blocks by PKCS#7 first (PKCS#11 3.2, `CKM_AES_KEY_WRAP_PKCS7`). Data: 8 bytes and more,
/// which with their padding make the two half blocks that KW needs.
pub(super) fn kw_pkcs7(job: Job, value: &[u8], params: &Params, data: &[u8]) -> Result<Blob> {
    if job.encrypts() {
        if data.len() < HALF {
            return Err(job.bad_length(format!("AES key wrap takes 8 bytes or more, not {}", data.len())));
        }
        let (padding, count) = padding::pad(data.len(), HALF);
        let mut padded = Blob::from(data);
        padded.extend(&padding[..count]);
        return kw(job, value, params, &padded);
    }
    let mut padded = kw(job, value, params, data)?;
    let last = padded.len() - HALF;
    let len = padding::unpad(&padded[last..]).ok_or_else(|| job.corrupt())?;
    padded.truncate(last + len);
    Ok(padded)
}

/// Refuses an initial value other than the standard's: the vendor's mechanisms take no other (cloudhsm.md 5.6).
pub(super) fn must_be_usual(params: &Params) -> Result<()> {
    match params {
        Params::Iv(iv) if iv.as_slice() != KW_ICV => {
            Err(bad_params("the mechanism takes no initial value, or eight times A6"))
        }
        _ => Ok(()),
    }
}

/// KWP in either direction. Data: 1 byte and more; wrapped it's padded to a multiple of 8 and has 8 more.
pub(super) fn kwp(job: Job, value: &[u8], params: &Params, data: &[u8]) -> Result<Blob> {
    let cipher = cipher(job, value)?;
    let icv = initial_value(params, KWP_ICV)?;
    if job.encrypts() {
        let len = u32::try_from(data.len()).ok().filter(|len| *len > 0).ok_or_else(|| {
            job.bad_length(format!("AES key wrap with padding takes 1 to 2^32-1 bytes, not {}", data.len()))
        })?;
        let mut out = Blob::zeroed(HALF + data.len().next_multiple_of(HALF));
        out[..4].copy_from_slice(&icv);
        out[4..HALF].copy_from_slice(&len.to_be_bytes());
        out[HALF..HALF + data.len()].copy_from_slice(data);
        forward(&cipher, &mut out);
        return Ok(out);
    }
    if data.len() < BLOCK || !data.len().is_multiple_of(HALF) {
        return Err(job.bad_length(format!(
            "AES key wrap with padding yields 16 bytes or more, in steps of 8, not {}",
            data.len()
        )));
    }
    let mut halves = Blob::from(data);
    let found = backward(&cipher, &mut halves);
    let padded = &halves[HALF..];
    let len = kwp_len(&found, icv, padded).ok_or_else(|| job.corrupt())?;
    Ok(Blob::from(&padded[..len]))
}

/// The data's length, if the initial value, the length and the padding are all right. Which of them is
/// wrong shows in nothing, not in the time either (RFC 5649 section 3).
fn kwp_len(found: &[u8; HALF], icv: [u8; 4], padded: &[u8]) -> Option<usize> {
    let mut len = [0; 4];
    len.copy_from_slice(&found[4..]);
    let len = u32::from_be_bytes(len);
    let most = u32::try_from(padded.len()).ok()?;
    // `padded` holds 8 bytes at least, of which 1 to 8 are data in the last half block.
    let least = most - HALF as u32 + 1;
    let mut good: Choice = found[..4].ct_eq(&icv) & !len.ct_gt(&most) & !least.ct_gt(&len);
    for (place, byte) in (least..most).zip(&padded[padded.len() - HALF + 1..]) {
        let is_data = len.ct_gt(&place);
        good &= is_data | byte.ct_eq(&0);
    }
    bool::from(good).then_some(len as usize)
}

fn cipher(job: Job, value: &[u8]) -> Result<BlockCipher> {
    check_key(job, value)?;
    BlockCipher::new(job.encrypts(), value).map_err(|_| engine_failed())
}

fn initial_value<const N: usize>(params: &Params, default: [u8; N]) -> Result<[u8; N]> {
    match params {
        Params::None => Ok(default),
        Params::Iv(iv) => iv.as_slice().try_into().map_err(|_| {
            bad_params(format!("the initial value has {N} bytes or isn't given, not {}", iv.len()))
        }),
        _ => Err(bad_params("AES key wrap takes an initial value or nothing")),
    }
}

/// The wrapping function W of SP 800-38F over half blocks, the first of which is the initial value; with
/// two of them, the block cipher as it is (RFC 5649 section 4.1).
fn forward(cipher: &BlockCipher, halves: &mut [u8]) {
    let mut block = Zeroizing::new([0; BLOCK]);
    if halves.len() == BLOCK {
        block.copy_from_slice(halves);
        cipher.apply(&mut block);
        halves.copy_from_slice(&*block);
        return;
    }
    let (first, rest) = halves.split_at_mut(HALF);
    block[..HALF].copy_from_slice(first);
    let mut step: u64 = 0;
    for _ in 0..6 {
        for half in rest.chunks_exact_mut(HALF) {
            step += 1;
            block[HALF..].copy_from_slice(half);
            cipher.apply(&mut block);
            count(&mut block, step);
            half.copy_from_slice(&block[HALF..]);
        }
    }
    first.copy_from_slice(&block[..HALF]);
}

/// The inverse of [`forward`]; returns the first half block, which isn't to be trusted yet.
fn backward(cipher: &BlockCipher, halves: &mut [u8]) -> Zeroizing<[u8; HALF]> {
    let mut found = Zeroizing::new([0; HALF]);
    let mut block = Zeroizing::new([0; BLOCK]);
    let (first, rest) = halves.split_at_mut(HALF);
    block[..HALF].copy_from_slice(first);
    if rest.len() == HALF {
        block[HALF..].copy_from_slice(rest);
        cipher.apply(&mut block);
        rest.copy_from_slice(&block[HALF..]);
    } else {
        let mut step = (rest.len() / HALF * 6) as u64;
        for _ in 0..6 {
            for half in rest.chunks_exact_mut(HALF).rev() {
                count(&mut block, step);
                block[HALF..].copy_from_slice(half);
                cipher.apply(&mut block);
                half.copy_from_slice(&block[HALF..]);
                step -= 1;
            }
        }
    }
    found.copy_from_slice(&block[..HALF]);
    found
}

/// Mixes the number of the step into the first half of the block.
fn count(block: &mut [u8; BLOCK], step: u64) {
    for (byte, count) in block.iter_mut().zip(step.to_be_bytes()) {
        *byte ^= count;
    }
}
