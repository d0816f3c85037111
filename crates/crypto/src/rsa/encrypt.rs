//! Encryption: RSAES-PKCS1-v1_5, RSAES-OAEP and raw RSA.

use strongroom_model::{Algorithm, Blob, Error, MechanismSpec, Params, Result, ReturnCode};

use super::{RsaPrivate, RsaPublic, pkcs1};
use crate::ffi::rsa::Oaep;

pub(crate) fn encrypt(key: &RsaPublic, spec: &MechanismSpec, params: &Params, data: &[u8]) -> Result<Blob> {
    let scheme = Scheme::new(spec, params)?;
    let longest = match scheme {
        Scheme::Pkcs1 => key.len() - pkcs1::OVERHEAD,
        Scheme::Oaep(oaep) => longest_in_oaep(key, oaep)?,
        Scheme::Raw => key.len(),
    };
    if data.len() > longest {
        return Err(Error::new(
            ReturnCode::DATA_LEN_RANGE,
            format!("{} with this key encrypts up to {longest} bytes, not {}", spec.name, data.len()),
        ));
    }
    Ok(match scheme {
        Scheme::Pkcs1 => key.key.encrypt_pkcs1(data)?,
        Scheme::Oaep(oaep) => key.key.encrypt_oaep(data, oaep)?,
        Scheme::Raw => key.key.public(&key.pad_raw(data)?)?,
    })
}

/// With PKCS #1 v1.5, bad padding isn't reported but answered with a made-up message, so that nobody
/// can learn from the answers what other ciphertexts hold (implicit rejection). `lengths` are those that
/// the caller's answers don't tell apart; none stands for all.
pub(crate) fn decrypt(
    key: &RsaPrivate,
    spec: &MechanismSpec,
    params: &Params,
    data: &[u8],
    lengths: &[usize],
) -> Result<Blob> {
    let scheme = Scheme::new(spec, params)?;
    let public = key.public();
    if data.len() != public.len() {
        return Err(Error::new(
            ReturnCode::ENCRYPTED_DATA_LEN_RANGE,
            format!("the key's ciphertexts have {} bytes, not {}", public.len(), data.len()),
        ));
    }
    if *data >= *public.modulus() {
        return Err(Error::new(
            ReturnCode::ENCRYPTED_DATA_INVALID,
            "as a number, the ciphertext isn't less than the modulus",
        ));
    }
    match scheme {
        Scheme::Raw => key.private(data),
        Scheme::Oaep(oaep) => {
            longest_in_oaep(public, oaep)?;
            // Which of the checks failed isn't told (RFC 8017 section 7.1.2, Manger's attack).
            public.key.decrypt_oaep(data, oaep).map_err(|_| {
                Error::new(
                    ReturnCode::ENCRYPTED_DATA_INVALID,
                    "the ciphertext isn't for this key, hash and label",
                )
            })
        }
        Scheme::Pkcs1 => {
            let longest = public.len() - pkcs1::OVERHEAD;
            let possible: Vec<u32> =
                lengths.iter().filter(|len| **len <= longest).map(|len| *len as u32).collect();
            if possible.is_empty() && !lengths.is_empty() {
                return Err(Error::new(
                    ReturnCode::ENCRYPTED_DATA_LEN_RANGE,
                    format!("the ciphertext has room for {longest} bytes, less than are wanted"),
                ));
            }
            let mut block = key.private(data)?;
            let len = pkcs1::unpad_type_2(&mut block, data, &key.rejection, &possible);
            Ok(Blob::from(&block[block.len() - len..]))
        }
    }
}

/// Whether encryption with these parameters is possible, before there is something to encrypt.
pub(crate) fn check_encryption(spec: &MechanismSpec, params: &Params) -> Result<()> {
    Scheme::new(spec, params).map(|_| ())
}

#[derive(Clone, Copy)]
enum Scheme<'a> {
    Pkcs1,
    Oaep(Oaep<'a>),
    Raw,
}

impl<'a> Scheme<'a> {
    fn new(spec: &MechanismSpec, params: &'a Params) -> Result<Self> {
        match (spec.algorithm, spec.hash, params) {
            (Algorithm::RsaPkcs, None, Params::None) => Ok(Self::Pkcs1),
            (Algorithm::RsaX509, None, Params::None) => Ok(Self::Raw),
            (Algorithm::RsaOaep, _, Params::Oaep { hash, mgf, label }) => {
                Ok(Self::Oaep(Oaep { hash: *hash, mgf: *mgf, label }))
            }
            (Algorithm::RsaPkcs | Algorithm::RsaX509, None, _) | (Algorithm::RsaOaep, ..) => Err(Error::new(
                ReturnCode::MECHANISM_PARAM_INVALID,
                format!("{} doesn't take such parameters", spec.name),
            )),
            _ => Err(Error::new(
                ReturnCode::MECHANISM_INVALID,
                format!("{} doesn't encrypt with RSA", spec.name),
            )),
        }
    }
}

/// RFC 8017 section 7.1.1.
fn longest_in_oaep(key: &RsaPublic, oaep: Oaep<'_>) -> Result<usize> {
    key.len().checked_sub(2 * oaep.hash.len() + 2).ok_or_else(|| {
        Error::new(ReturnCode::KEY_SIZE_RANGE, format!("the key is too small for OAEP with {:?}", oaep.hash))
    })
}
