//! Signatures: RSASSA-PKCS1-v1_5, RSASSA-PSS and raw RSA.

use std::borrow::Cow;

use strongroom_model::{Algorithm, Blob, Error, Hash, MechanismSpec, Params, Result, ReturnCode};

use super::{RsaPrivate, RsaPublic, pkcs1, x931};
use crate::digest;
use crate::family::no_params;
use crate::operation::Input;

pub(crate) fn sign(
    key: &RsaPrivate,
    spec: &MechanismSpec,
    params: &Params,
    input: Input<'_>,
) -> Result<Blob> {
    let public = key.public();
    match spec.algorithm {
        Algorithm::RsaPkcs => Ok(public.key.sign_pkcs1(&to_pad(public, spec, params, input)?)?),
        Algorithm::RsaPss => {
            let pss = Pss::new(public, spec, params)?;
            let digest = pss.digest(spec, input)?;
            Ok(public.key.sign_pss(&digest, pss.hash, pss.mgf, pss.salt)?)
        }
        Algorithm::RsaX931 => x931::sign(key, spec, params, input),
        Algorithm::RsaX509 => key.private(&public.pad_raw(raw(params, input)?)?),
        _ => Err(Error::new(ReturnCode::MECHANISM_INVALID, format!("{} doesn't sign with RSA", spec.name))),
    }
}

pub(crate) fn verify(
    key: &RsaPublic,
    spec: &MechanismSpec,
    params: &Params,
    input: Input<'_>,
    signature: &[u8],
) -> Result<()> {
    if signature.len() != key.len() {
        return Err(Error::new(
            ReturnCode::SIGNATURE_LEN_RANGE,
            format!("the key's signatures have {} bytes, not {}", key.len(), signature.len()),
        ));
    }
    // A number that isn't less than the modulus is no signature either.
    let recovers = |block: &[u8]| key.key.public(signature).is_ok_and(|recovered| recovered[..] == *block);
    let good = match spec.algorithm {
        Algorithm::RsaPkcs => recovers(&pkcs1::block_type_1(&to_pad(key, spec, params, input)?, key.len())),
        Algorithm::RsaPss => {
            let pss = Pss::new(key, spec, params)?;
            let digest = pss.digest(spec, input)?;
            key.key.verify_pss(&digest, pss.hash, pss.mgf, pss.salt, signature)
        }
        Algorithm::RsaX931 => x931::verify(key, spec, params, input, signature)?,
        Algorithm::RsaX509 => recovers(&key.pad_raw(raw(params, input)?)?),
        _ => {
            return Err(Error::new(
                ReturnCode::MECHANISM_INVALID,
                format!("{} doesn't verify with RSA", spec.name),
            ));
        }
    };
    if good { Ok(()) } else { Err(ReturnCode::SIGNATURE_INVALID.into()) }
}

/// Whether a signature with these parameters is possible, before there is something to sign.
pub(crate) fn check_signing(key: &RsaPublic, spec: &MechanismSpec, params: &Params) -> Result<()> {
    match spec.algorithm {
        Algorithm::RsaPss => Pss::new(key, spec, params).map(|_| ()),
        Algorithm::RsaX931 => x931::check(key, params),
        _ => no_params(params),
    }
}

/// What PKCS #1 v1.5 pads: a DigestInfo, or whatever the caller made of its own.
fn to_pad<'a>(
    key: &RsaPublic,
    spec: &MechanismSpec,
    params: &Params,
    input: Input<'a>,
) -> Result<Cow<'a, [u8]>> {
    no_params(params)?;
    let data = match spec.hash {
        Some(hash) => pkcs1::digest_info(hash, &hashed(hash, input)?).into(),
        None => Cow::from(input.bytes()),
    };
    if data.len() > key.len() - pkcs1::OVERHEAD {
        return Err(Error::new(
            ReturnCode::DATA_LEN_RANGE,
            format!("the key signs up to {} bytes, not {}", key.len() - pkcs1::OVERHEAD, data.len()),
        ));
    }
    Ok(data)
}

fn raw<'a>(params: &Params, input: Input<'a>) -> Result<&'a [u8]> {
    no_params(params)?;
    Ok(input.bytes())
}

/// The digest of a mechanism with a hash of its own.
pub(super) fn hashed<'a>(hash: Hash, input: Input<'a>) -> Result<Cow<'a, [u8]>> {
    match input {
        Input::Message(message) => Ok(digest::digest(hash, &[message]).into()),
        Input::Digest(digest) if digest.len() == hash.len() => Ok(digest.into()),
        Input::Digest(digest) => Err(Error::new(
            ReturnCode::DATA_LEN_RANGE,
            format!("a digest by {hash:?} has {} bytes, not {}", hash.len(), digest.len()),
        )),
    }
}

/// Checked parameters of RSASSA-PSS.
struct Pss {
    hash: Hash,
    mgf: Hash,
    salt: u32,
}

impl Pss {
    fn new(key: &RsaPublic, spec: &MechanismSpec, params: &Params) -> Result<Self> {
        let invalid = |why| Err(Error::new(ReturnCode::MECHANISM_PARAM_INVALID, why));
        let Params::Pss { hash, mgf, salt } = *params else {
            return invalid("PSS needs CK_RSA_PKCS_PSS_PARAMS".to_owned());
        };
        if spec.hash.is_some_and(|own| own != hash) {
            return invalid(format!("{} hashes with its own hash, not with {hash:?}", spec.name));
        }
        // RFC 8017 section 9.1.1: the block has one bit less than the modulus.
        let block = (key.bits() as usize - 1).div_ceil(8);
        let longest = block.saturating_sub(hash.len() + 2);
        if salt as usize > longest || block < hash.len() + 2 {
            return invalid(format!(
                "a {}-bit key with {hash:?} has room for a salt of {longest} bytes, not {salt}",
                key.bits()
            ));
        }
        Ok(Self { hash, mgf, salt })
    }

    /// What is signed: the digest by the hash that the parameters name.
    fn digest<'a>(&self, spec: &MechanismSpec, input: Input<'a>) -> Result<Cow<'a, [u8]>> {
        match spec.hash {
            Some(hash) => hashed(hash, input),
            None => hashed(self.hash, Input::Digest(input.bytes())),
        }
    }
}
