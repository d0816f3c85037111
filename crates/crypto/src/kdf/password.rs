//! Keys from passwords: PBKDF2 (RFC 8018) and PKCS #12's own function (RFC 7292 appendix B).

use strongroom_model::{Blob, Error, Hash, KeyType, PasswordBased, Result, ReturnCode, limits};

use crate::digest::digest_into;
use crate::family::{Derived, Order};
use crate::ffi::derive as ffi;

/// Length of the initialisation vectors of DES.
const DES_BLOCK: usize = 8;

/// What PKCS #12's function is asked for (RFC 7292 appendix B.3).
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

pub(super) fn pbkdf2(params: &PasswordBased, len: usize) -> Result<Blob> {
    check_work(params, len)?;
    let mut key = Blob::zeroed(len);
    ffi::pbkdf2(params.hash, &params.password, &params.salt, params.iterations, &mut key)?;
    Ok(key)
}

/// A key, and for ciphers an initialisation vector (PKCS#11 3.2 section 6.38).
pub(super) fn pkcs12(order: &Order<'_>, params: &PasswordBased, len: Option<usize>) -> Result<Derived> {
    let (purpose, key_len) = match order.spec.key_type {
        Some(KeyType::Des3) => (Purpose::Key, 24),
        Some(KeyType::Des2) => (Purpose::Key, 16),
        _ => (Purpose::Mac, params.hash.len()),
    };
    order.check_len(len.unwrap_or(key_len), len.is_none_or(|len| len == key_len))?;
    check_work(params, key_len)?;
    let written = match purpose {
        Purpose::Key => pkcs12_bytes(params, Purpose::Iv, DES_BLOCK),
        _ => Blob::new(),
    };
    Ok(Derived { keys: vec![pkcs12_bytes(params, purpose, key_len)], written })
}

fn check_work(params: &PasswordBased, len: usize) -> Result<()> {
    let blocks = len.div_ceil(params.hash.len()) as u64;
    let most = u64::from(limits::MAX_PBE_ITERATIONS);
    if params.iterations > 0 && u64::from(params.iterations) * blocks <= most {
        return Ok(());
    }
    Err(Error::new(
        ReturnCode::MECHANISM_PARAM_INVALID,
        format!(
            "{} iterations for each of {blocks} blocks: there must be one at least, and {most} over all blocks at most",
            params.iterations
        ),
    ))
}

/// RFC 7292 appendix B.2. The password is taken as it is: who wants it as a BMPString with its two zeros gives it so.
fn pkcs12_bytes(params: &PasswordBased, purpose: Purpose, len: usize) -> Blob {
    let hash = params.hash;
    let block = if hash.len() > Hash::Sha256.len() { 128 } else { 64 };
    let diversifier = vec![purpose as u8; block];
    let mut data = filled(&params.salt, block);
    data.extend(&filled(&params.password, block));
    let mut output = Blob::zeroed(len.next_multiple_of(hash.len()));
    for chunk in output.chunks_exact_mut(hash.len()) {
        digest_into(hash, &[&diversifier, &data], chunk);
        for _ in 1..params.iterations {
            let previous = Blob::from(&*chunk);
            digest_into(hash, &[&previous], chunk);
        }
        let addend: Vec<u8> = chunk.iter().copied().cycle().take(block).collect();
        let addend = Blob::from(addend);
        data.chunks_exact_mut(block).for_each(|number| add_with_one(number, &addend));
    }
    output.truncate(len);
    output
}

/// Bytes repeated up to a whole number of blocks.
fn filled(bytes: &[u8], block: usize) -> Blob {
    let len = bytes.len().next_multiple_of(block);
    Blob::from(bytes.iter().copied().cycle().take(len).collect::<Vec<_>>())
}

/// `number + addend + 1`, big-endian, without what doesn't fit.
fn add_with_one(number: &mut [u8], addend: &[u8]) {
    let mut carry = 1;
    for (byte, other) in number.iter_mut().zip(addend).rev() {
        let sum = u16::from(*byte) + u16::from(*other) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
}
