//! Message authentication codes: HMAC (FIPS 198-1), CMAC (NIST SP 800-38B), GMAC (SP 800-38D), CBC-MAC (FIPS 113),
//! XCBC-MAC (RFC 3566), Poly1305 (RFC 8439).

mod cbc;

use strongroom_model::{Algorithm, Blob, Error, Hash, MechanismSpec, Params, Result, ReturnCode};
use subtle::ConstantTimeEq;

use self::cbc::CbcMac;
use crate::family::{Family, Job};
use crate::ffi::cipher::chacha::Poly1305;
use crate::ffi::cipher::{BLOCK, Cipher, DES_BLOCK, Mode};
use crate::ffi::mac as ffi;
use crate::operation::Input;
use crate::stream::{Running, StreamKind};

/// The longest code in bytes: that of SHA-512.
const LONGEST: usize = 64;

/// The longest IV of GMAC in bytes.
const MAX_IV: usize = 1024;

/// Message authentication codes.
pub(crate) struct Mac;

impl Family for Mac {
    fn sign(&self, job: &Job<'_>, input: Input<'_>) -> Result<Blob> {
        sign_with(&job.secret()?.value, job.spec, job.params, message(input)?)
    }

    fn verify(&self, job: &Job<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        compare(&self.sign(job, input)?, signature)
    }

    fn open(&self, _kind: StreamKind, job: &Job<'_>) -> Result<Box<dyn Running>> {
        Ok(Box::new(MacStream::start(&job.secret()?.value, job.spec, job.params)?))
    }
}

fn message(input: Input<'_>) -> Result<&[u8]> {
    match input {
        Input::Message(message) => Ok(message),
        Input::Digest(_) => {
            Err(Error::new(ReturnCode::ARGUMENTS_BAD, "a MAC is made over the message, not over its digest"))
        }
    }
}

/// The code of `data`, by a mechanism without parameters. `value` is the key.
///
/// # Errors
///
/// `KEY_SIZE_RANGE` for a key that the mechanism can't take; `MECHANISM_INVALID` for what isn't a MAC;
/// `MECHANISM_PARAM_INVALID` for one that needs parameters.
pub fn sign(value: &[u8], spec: &MechanismSpec, data: &[u8]) -> Result<Blob> {
    sign_with(value, spec, &Params::None, data)
}

fn sign_with(value: &[u8], spec: &MechanismSpec, params: &Params, data: &[u8]) -> Result<Blob> {
    if let (Algorithm::Hmac, Some(hash), Params::None) = (spec.algorithm, spec.hash, params) {
        check_key(value, spec)?;
        let mut out = Blob::zeroed(hash.len());
        ffi::hmac(hash, value, data, &mut out).map_err(|_| engine_failed())?;
        return Ok(out);
    }
    let mut stream = MacStream::start(value, spec, params)?;
    stream.update(data)?;
    stream.finish()
}

/// Verifies a code, in constant time.
///
/// # Errors
///
/// As [`sign`]; `SIGNATURE_LEN_RANGE` if the length is another, `SIGNATURE_INVALID` if the code is.
pub fn verify(value: &[u8], spec: &MechanismSpec, data: &[u8], signature: &[u8]) -> Result<()> {
    compare(&sign(value, spec, data)?, signature)
}

/// HMAC of the parts, one after the other, under a key of any length.
pub fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![0; hash.len()];
    hmac_into(hash, key, parts, &mut out);
    out
}

/// As [`hmac`], into `out`, which has the hash's length.
pub(crate) fn hmac_into(hash: Hash, key: &[u8], parts: &[&[u8]], out: &mut [u8]) {
    if let [data] = parts {
        return ffi::hmac(hash, key, data, out).expect(OUT_OF_MEMORY);
    }
    let mut hmac = ffi::Hmac::new(hash, key).expect(OUT_OF_MEMORY);
    for part in parts {
        hmac.update(part).expect(OUT_OF_MEMORY);
    }
    hmac.finish(out).expect(OUT_OF_MEMORY);
}

/// A code under way, of data that comes in parts.
pub struct MacStream {
    state: State,
    /// Of the code, in bytes: so many of the first are it.
    len: usize,
}

enum State {
    Hmac(ffi::Hmac, Hash),
    Cmac(ffi::Cmac),
    Cbc(CbcMac),
    Gmac(Cipher),
    Poly1305(Poly1305),
}

impl Running for MacStream {
    fn update(&mut self, data: &[u8]) -> Result<Blob> {
        Self::update(self, data)?;
        Ok(Blob::new())
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        Self::finish(*self)
    }

    fn verify(self: Box<Self>, signature: &[u8]) -> Result<()> {
        Self::verify(*self, signature)
    }
}

impl MacStream {
    /// Begins a code by a mechanism without parameters. `value` is the key.
    ///
    /// # Errors
    ///
    /// As [`sign`].
    pub fn open(value: &[u8], spec: &MechanismSpec) -> Result<Self> {
        Self::start(value, spec, &Params::None)
    }

    fn start(value: &[u8], spec: &MechanismSpec, params: &Params) -> Result<Self> {
        let (full, usual, general) = lengths(spec)?;
        check_key(value, spec)?;
        let len = match (params, spec.algorithm) {
            (Params::Gcm { iv, aad, tag_bits }, Algorithm::AesGmac) => {
                return gmac(value, iv, aad, *tag_bits);
            }
            (Params::MacLen(len), _) if general => {
                let len = usize::try_from(*len).ok().filter(|len| (1..=full).contains(len));
                len.ok_or_else(|| bad_params(format!("{} makes 1 to {full} bytes", spec.name)))?
            }
            (Params::None, algorithm) if !general && algorithm != Algorithm::AesGmac => usual,
            _ => return Err(bad_params(format!("{} takes other parameters", spec.name))),
        };
        let state = match (spec.algorithm, spec.hash) {
            (Algorithm::Hmac | Algorithm::HmacGeneral, Some(hash)) => {
                State::Hmac(ffi::Hmac::new(hash, value).map_err(|_| engine_failed())?, hash)
            }
            (Algorithm::DesCmac | Algorithm::DesCmacGeneral, _) => {
                State::Cmac(ffi::Cmac::with_des(value).map_err(|_| engine_failed())?)
            }
            (Algorithm::AesMac | Algorithm::AesMacGeneral, _) => State::Cbc(CbcMac::new(Mode::Cbc, value)?),
            (Algorithm::DesMac | Algorithm::DesMacGeneral, _) => {
                State::Cbc(CbcMac::new(Mode::DesCbc, value)?)
            }
            (Algorithm::AesXcbcMac | Algorithm::AesXcbcMac96, _) => State::Cbc(CbcMac::xcbc(value)?),
            (Algorithm::Poly1305, _) => {
                let key = value.try_into().map_err(|_| wrong_length(value, spec))?;
                State::Poly1305(Poly1305::new(key))
            }
            _ => State::Cmac(ffi::Cmac::new(value).map_err(|_| engine_failed())?),
        };
        Ok(Self { state, len })
    }

    /// Takes the next part.
    ///
    /// # Errors
    ///
    /// `FUNCTION_FAILED` if the engine fails, which no data can make it do.
    pub fn update(&mut self, data: &[u8]) -> Result<()> {
        match &mut self.state {
            State::Hmac(hmac, _) => hmac.update(data),
            State::Cmac(cmac) => cmac.update(data),
            State::Cbc(cbc) => cbc.update(data),
            State::Gmac(gcm) => gcm.aad(data),
            State::Poly1305(poly1305) => {
                poly1305.update(data);
                Ok(())
            }
        }
        .map_err(|_| engine_failed())
    }

    /// The code of all parts.
    ///
    /// # Errors
    ///
    /// As [`Self::update`].
    pub fn finish(self) -> Result<Blob> {
        let mut out = Blob::zeroed(LONGEST);
        match self.state {
            State::Hmac(hmac, hash) => hmac.finish(&mut out[..hash.len()]),
            State::Cmac(cmac) => {
                let mut code = [0; BLOCK];
                cmac.finish(&mut code).map(|len| out[..len].copy_from_slice(&code[..len]))
            }
            State::Cbc(cbc) => cbc.finish().map(|code| out[..BLOCK].copy_from_slice(&*code)),
            State::Gmac(gcm) => gcm.write_tag(&mut out[..self.len]),
            State::Poly1305(poly1305) => {
                out[..BLOCK].copy_from_slice(&poly1305.finish());
                Ok(())
            }
        }
        .map_err(|_| engine_failed())?;
        out.truncate(self.len);
        Ok(out)
    }

    /// Verifies the code of all parts, in constant time.
    ///
    /// # Errors
    ///
    /// As [`verify`].
    pub fn verify(self, signature: &[u8]) -> Result<()> {
        compare(&self.finish()?, signature)
    }
}

/// Lengths of a mechanism's code in bytes: the whole, what it has without being asked, and whether it is asked.
fn lengths(spec: &MechanismSpec) -> Result<(usize, usize, bool)> {
    Ok(match (spec.algorithm, spec.hash) {
        (Algorithm::Hmac, Some(hash)) => (hash.len(), hash.len(), false),
        (Algorithm::HmacGeneral, Some(hash)) => (hash.len(), hash.len(), true),
        (Algorithm::AesCmac | Algorithm::AesXcbcMac | Algorithm::AesGmac | Algorithm::Poly1305, _) => {
            (BLOCK, BLOCK, false)
        }
        (Algorithm::AesCmacGeneral | Algorithm::AesMacGeneral, _) => (BLOCK, BLOCK, true),
        (Algorithm::AesMac, _) => (BLOCK, BLOCK / 2, false),
        (Algorithm::AesXcbcMac96, _) => (BLOCK, 12, false),
        (Algorithm::DesCmac, _) => (DES_BLOCK, DES_BLOCK, false),
        (Algorithm::DesCmacGeneral | Algorithm::DesMacGeneral, _) => (DES_BLOCK, DES_BLOCK, true),
        (Algorithm::DesMac, _) => (DES_BLOCK, DES_BLOCK / 2, false),
        _ => {
            let message = format!("{} isn't a message authentication code", spec.name);
            return Err(Error::new(ReturnCode::MECHANISM_INVALID, message));
        }
    })
}

/// GMAC (NIST SP 800-38D): the tag of GCM over nothing but additional data, which is what is signed.
fn gmac(value: &[u8], iv: &[u8], aad: &[u8], tag_bits: u8) -> Result<MacStream> {
    if !aad.is_empty() {
        return Err(bad_params("GMAC takes no additional data beside what it signs"));
    }
    if !(1..=MAX_IV).contains(&iv.len()) || !(32..=128).contains(&tag_bits) || !tag_bits.is_multiple_of(8) {
        return Err(bad_params("GMAC takes an IV of 1 to 1,024 bytes and a tag of 32 to 128 bits"));
    }
    let gcm = Cipher::new(Mode::Gcm, true, value, iv).map_err(|_| engine_failed())?;
    Ok(MacStream { state: State::Gmac(gcm), len: usize::from(tag_bits / 8) })
}

/// Refuses a key whose length the mechanism can't take.
fn check_key(value: &[u8], spec: &MechanismSpec) -> Result<()> {
    let in_range = (spec.min_key..=spec.max_key).contains(&(value.len() as u64));
    let fits = match spec.algorithm {
        Algorithm::Hmac | Algorithm::HmacGeneral | Algorithm::Poly1305 => in_range,
        // Of AES 16, 24 or 32; of DES 8, 16 or 24.
        _ => in_range && value.len().is_multiple_of(8),
    };
    if fits { Ok(()) } else { Err(wrong_length(value, spec)) }
}

fn wrong_length(value: &[u8], spec: &MechanismSpec) -> Error {
    let message = format!("a key of {} bytes doesn't fit {}", value.len(), spec.name);
    Error::new(ReturnCode::KEY_SIZE_RANGE, message)
}

fn bad_params(message: impl Into<String>) -> Error {
    Error::new(ReturnCode::MECHANISM_PARAM_INVALID, message)
}

pub(crate) fn compare(code: &[u8], signature: &[u8]) -> Result<()> {
    if signature.len() != code.len() {
        let message = format!("the code has {} bytes, not {}", code.len(), signature.len());
        return Err(Error::new(ReturnCode::SIGNATURE_LEN_RANGE, message));
    }
    if bool::from(code.ct_eq(signature)) {
        Ok(())
    } else {
        Err(Error::new(ReturnCode::SIGNATURE_INVALID, "the code doesn't belong to this data and key"))
    }
}

/// For failures of the engine that no input can cause.
fn engine_failed() -> Error {
    Error::new(ReturnCode::FUNCTION_FAILED, "the MAC engine failed; is the system out of memory?")
}

/// The one way in which HMAC fails; Rust's own allocations end the same way.
const OUT_OF_MEMORY: &str = "no memory for an HMAC";

#[cfg(test)]
mod tests;
