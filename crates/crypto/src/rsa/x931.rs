//! Signatures of ANSI X9.31 (PKCS#11 3.2, "ANSI X9.31 RSA"), for those who migrate what still checks them.

use strongroom_model::{Blob, Error, Hash, MechanismSpec, Params, Result, ReturnCode};

use super::sign::hashed;
use super::{RsaPrivate, RsaPublic};
use crate::family::no_params;
use crate::ffi::bignum::Number;
use crate::operation::Input;

/// The last byte of what is signed: its low half tells it from the other root.
const LAST: u8 = 0xcc;
/// What the header takes at least, in bytes.
const OVERHEAD: usize = 2;
/// The standard's moduli have 1,024 bits and more in these steps.
const STEP: u32 = 256;

/// Of the two numbers that verify, the smaller one.
pub(super) fn sign(
    key: &RsaPrivate,
    spec: &MechanismSpec,
    params: &Params,
    input: Input<'_>,
) -> Result<Blob> {
    let public = key.public();
    let one = Number::from_bytes(&key.private(&block(public, spec, params, input)?)?)?;
    let other = Number::from_bytes(public.modulus())?.less(&one)?;
    Ok(if one < other { one } else { other }.to_padded(public.len())?)
}

/// Whether it's a signature; the greater of the two numbers isn't one.
pub(super) fn verify(
    key: &RsaPublic,
    spec: &MechanismSpec,
    params: &Params,
    input: Input<'_>,
    signature: &[u8],
) -> Result<bool> {
    let wanted = block(key, spec, params, input)?;
    let modulus = Number::from_bytes(key.modulus())?;
    let given = Number::from_bytes(signature)?;
    if given >= modulus || given > modulus.less(&given)? {
        return Ok(false);
    }
    let Ok(root) = key.key.public(signature) else { return Ok(false) };
    if root.last().is_some_and(|last| last & 0x0f == LAST & 0x0f) {
        return Ok(root[..] == wanted[..]);
    }
    let root = modulus.less(&Number::from_bytes(&root)?)?;
    Ok(root.to_padded(key.len())?[..] == wanted[..])
}

/// Whether the key has a modulus of a length that the standard knows.
pub(super) fn check(key: &RsaPublic, params: &Params) -> Result<()> {
    no_params(params)?;
    if key.bits().is_multiple_of(STEP) {
        return Ok(());
    }
    Err(Error::new(
        ReturnCode::KEY_SIZE_RANGE,
        format!("ANSI X9.31 takes moduli of 1,024 bits and more in steps of {STEP}, not {}", key.bits()),
    ))
}

/// The header, and behind it the digest with its trailer: for a mechanism without hash the caller has put both together.
fn block(key: &RsaPublic, spec: &MechanismSpec, params: &Params, input: Input<'_>) -> Result<Blob> {
    check(key, params)?;
    let data = match spec.hash {
        Some(hash) => [&hashed(hash, input)?[..], &[identifier(hash)?, LAST]].concat(),
        None => input.bytes().to_vec(),
    };
    let Some(room) = key.len().checked_sub(data.len()).filter(|room| *room >= OVERHEAD) else {
        return Err(Error::new(
            ReturnCode::DATA_LEN_RANGE,
            format!("the key signs up to {} bytes, not {}", key.len() - OVERHEAD, data.len()),
        ));
    };
    if data.last() != Some(&LAST) {
        return Err(Error::new(
            ReturnCode::DATA_INVALID,
            "what ANSI X9.31 signs ends in a trailer: the hash's number, and CC; the application puts it there",
        ));
    }
    let mut block = Blob::from(vec![0xbb; key.len()]);
    block[0] = 0x6b;
    block[room - 1] = 0xba;
    block[room..].copy_from_slice(&data);
    Ok(block)
}

/// The number of a hash (ISO/IEC 10118).
fn identifier(hash: Hash) -> Result<u8> {
    match hash {
        Hash::Sha1 => Ok(0x33),
        Hash::Sha256 => Ok(0x34),
        Hash::Sha512 => Ok(0x35),
        Hash::Sha384 => Ok(0x36),
        _ => Err(Error::new(ReturnCode::MECHANISM_INVALID, format!("ANSI X9.31 has no number for {hash:?}"))),
    }
}
