//! Derivations that join, cut, hash or encrypt (PKCS#11 3.2 sections 6.17, 6.21, 6.43).

use strongroom_model::{
    Algorithm, Blob, Error, Mechanism, MechanismSpec, MechanismType, Params, Result, ReturnCode, limits,
};

use super::{check_len, leading, no_len, other, wrong_params};
use crate::digest::digest_into;
use crate::family::{Job, Wanted};
use crate::ffi::derive as ffi;

pub(super) fn base_and_key(base: &[u8], wanted: &Wanted<'_>) -> Result<Blob> {
    base_and_data(base, other(wanted, 0)?, wanted.len)
}

pub(super) fn base_and_data(base: &[u8], data: &[u8], len: Option<usize>) -> Result<Blob> {
    let joined = joined(base, data, len)?;
    must_keep(joined.len().min(base.len()), base.len())?;
    Ok(joined)
}

pub(super) fn data_and_base(base: &[u8], data: &[u8], len: Option<usize>) -> Result<Blob> {
    let joined = joined(data, base, len)?;
    must_keep(joined.len().saturating_sub(data.len()), base.len())?;
    Ok(joined)
}

pub(super) fn xor(base: &[u8], data: &[u8], len: Option<usize>) -> Result<Blob> {
    let mut key = Blob::from(&base[..base.len().min(data.len())]);
    key.iter_mut().zip(data).for_each(|(byte, other)| *byte ^= other);
    let key = leading(key, len)?;
    must_keep(key.len(), base.len())?;
    Ok(key)
}

/// Bits from `first` on, counted from the most significant of the first byte; behind the last comes the first.
pub(super) fn extract(base: &[u8], first: u64, len: Option<usize>) -> Result<Blob> {
    let bits = 8 * base.len() as u64;
    if first >= bits {
        return Err(Error::new(
            ReturnCode::MECHANISM_PARAM_INVALID,
            format!("the key has {bits} bits, so that none can begin at {first}"),
        ));
    }
    let len = check_len(len.ok_or_else(no_len)?, base.len())?;
    must_keep(len, base.len())?;
    let (start, shift) = ((first / 8) as usize, (first % 8) as u32);
    let mut key = Blob::zeroed(len);
    for (at, byte) in key.iter_mut().enumerate() {
        let pair = [base[(start + at) % base.len()], base[(start + at + 1) % base.len()]];
        *byte = (u16::from_be_bytes(pair) >> (8 - shift)) as u8;
    }
    Ok(key)
}

/// What encrypting data gives, in ECB or CBC.
pub(super) fn encrypt(job: &Job<'_>, len: Option<usize>) -> Result<Blob> {
    let (cbc, cipher) = match job.spec.kind.0 {
        cryptoki_sys::CKM_AES_ECB_ENCRYPT_DATA => (false, cryptoki_sys::CKM_AES_ECB),
        cryptoki_sys::CKM_AES_CBC_ENCRYPT_DATA => (true, cryptoki_sys::CKM_AES_CBC),
        cryptoki_sys::CKM_DES_ECB_ENCRYPT_DATA => (false, cryptoki_sys::CKM_DES_ECB),
        cryptoki_sys::CKM_DES_CBC_ENCRYPT_DATA => (true, cryptoki_sys::CKM_DES_CBC),
        cryptoki_sys::CKM_DES3_ECB_ENCRYPT_DATA => (false, cryptoki_sys::CKM_DES3_ECB),
        cryptoki_sys::CKM_DES3_CBC_ENCRYPT_DATA => (true, cryptoki_sys::CKM_DES3_CBC),
        _ => return Err(ReturnCode::MECHANISM_INVALID.into()),
    };
    let (params, data) = match job.params {
        Params::Data(data) if !cbc => (Params::None, data),
        Params::IvAndData { iv, data } if cbc => (Params::Iv(iv.clone()), data),
        _ => return Err(wrong_params(job.spec.name)),
    };
    if data.is_empty() {
        return Err(wrong_params(job.spec.name));
    }
    let mechanism = Mechanism { kind: MechanismType(cipher), params };
    let encrypted = crate::encrypt(job.key, &mechanism, data).map_err(|error| match error.code {
        ReturnCode::DATA_LEN_RANGE => Error { code: ReturnCode::MECHANISM_PARAM_INVALID, ..error },
        _ => error,
    })?;
    leading(encrypted, len)
}

pub(super) fn hash(spec: &MechanismSpec, base: &[u8], len: Option<usize>) -> Result<Blob> {
    let hash = spec.hash.ok_or(ReturnCode::MECHANISM_INVALID)?;
    let mut key = Blob::zeroed(hash.len());
    digest_into(hash, &[base], &mut key);
    leading(key, len)
}

/// Without a length, SHAKE128 gives 32 bytes and SHAKE256 gives 64 (PKCS#11 3.2 table 142).
pub(super) fn shake(spec: &MechanismSpec, base: &[u8], len: Option<usize>) -> Result<Blob> {
    let long = spec.algorithm == Algorithm::Shake256Derive;
    let usual = if long { 64 } else { 32 };
    let mut key = Blob::zeroed(check_len(len.unwrap_or(usual), limits::MAX_SECRET)?);
    ffi::shake(long, base, &mut key)?;
    Ok(key)
}

/// Refuses a key with so little of another one in it that trying all values finds that out piece by piece (attacks.md
/// A13). `kept` and `all` are in bytes.
pub(super) fn must_keep(kept: usize, all: usize) -> Result<()> {
    let least = limits::MIN_CUT_KEY.min(all);
    if kept >= least {
        return Ok(());
    }
    Err(Error::new(
        ReturnCode::KEY_SIZE_RANGE,
        format!(
            "the new key would have {kept} bytes of the {all} of the old one, so that these could be found out by trying: \
             at least {least} are needed"
        ),
    ))
}

fn joined(first: &[u8], second: &[u8], len: Option<usize>) -> Result<Blob> {
    let mut all = Blob::from(first);
    all.extend(second);
    leading(all, len)
}
