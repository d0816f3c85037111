//! Message authentication codes: HMAC (FIPS 198-1) and AES-CMAC (NIST SP 800-38B).

use strongroom_model::{Algorithm, Blob, Error, Hash, MechanismSpec, Result, ReturnCode};
use subtle::ConstantTimeEq;

use crate::family::{Family, Job};
use crate::ffi::mac as ffi;
use crate::operation::Input;
use crate::stream::{Running, StreamKind};

/// The length of an AES-CMAC in bytes.
const CMAC_LEN: usize = 16;

/// Message authentication codes.
pub(crate) struct Mac;

impl Family for Mac {
    fn sign(&self, job: &Job<'_>, input: Input<'_>) -> Result<Blob> {
        job.no_params()?;
        sign(&job.secret()?.value, job.spec, message(input)?)
    }

    fn verify(&self, job: &Job<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        job.no_params()?;
        verify(&job.secret()?.value, job.spec, message(input)?, signature)
    }

    fn open(&self, _kind: StreamKind, job: &Job<'_>) -> Result<Box<dyn Running>> {
        job.no_params()?;
        Ok(Box::new(MacStream::open(&job.secret()?.value, job.spec)?))
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

/// The code of `data`. `value` is the key.
///
/// # Errors
///
/// `KEY_SIZE_RANGE` for a key that the mechanism can't take; `MECHANISM_INVALID` for what isn't a MAC.
pub fn sign(value: &[u8], spec: &MechanismSpec, data: &[u8]) -> Result<Blob> {
    match kind(value, spec)? {
        Kind::Hmac(hash) => {
            let mut out = Blob::zeroed(hash.len());
            ffi::hmac(hash, value, data, &mut out).map_err(|_| engine_failed())?;
            Ok(out)
        }
        Kind::Cmac => {
            let mut stream = MacStream::open(value, spec)?;
            stream.update(data)?;
            stream.finish()
        }
    }
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
pub struct MacStream(State);

enum State {
    Hmac(ffi::Hmac, Hash),
    Cmac(ffi::Cmac),
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
    /// Begins a code. `value` is the key.
    ///
    /// # Errors
    ///
    /// As [`sign`].
    pub fn open(value: &[u8], spec: &MechanismSpec) -> Result<Self> {
        let state = match kind(value, spec)? {
            Kind::Hmac(hash) => ffi::Hmac::new(hash, value).map(|hmac| State::Hmac(hmac, hash)),
            Kind::Cmac => ffi::Cmac::new(value).map(State::Cmac),
        };
        state.map(Self).map_err(|_| engine_failed())
    }

    /// Takes the next part.
    ///
    /// # Errors
    ///
    /// `FUNCTION_FAILED` if the engine fails, which no data can make it do.
    pub fn update(&mut self, data: &[u8]) -> Result<()> {
        match &mut self.0 {
            State::Hmac(hmac, _) => hmac.update(data),
            State::Cmac(cmac) => cmac.update(data),
        }
        .map_err(|_| engine_failed())
    }

    /// The code of all parts.
    ///
    /// # Errors
    ///
    /// As [`Self::update`].
    pub fn finish(self) -> Result<Blob> {
        match self.0 {
            State::Hmac(hmac, hash) => {
                let mut out = Blob::zeroed(hash.len());
                hmac.finish(&mut out).map(|()| out)
            }
            State::Cmac(cmac) => {
                let mut out = [0; CMAC_LEN];
                cmac.finish(&mut out).map(|()| Blob::from(out))
            }
        }
        .map_err(|_| engine_failed())
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

enum Kind {
    Hmac(Hash),
    Cmac,
}

/// What to compute, if the key's length allows it.
fn kind(value: &[u8], spec: &MechanismSpec) -> Result<Kind> {
    let (kind, fits) = match (spec.algorithm, spec.hash) {
        (Algorithm::Hmac, Some(hash)) => {
            (Kind::Hmac(hash), (spec.min_key..=spec.max_key).contains(&(value.len() as u64)))
        }
        (Algorithm::AesCmac, _) => (Kind::Cmac, matches!(value.len(), 16 | 24 | 32)),
        _ => {
            let message = format!("{} isn't a message authentication code", spec.name);
            return Err(Error::new(ReturnCode::MECHANISM_INVALID, message));
        }
    };
    if fits {
        Ok(kind)
    } else {
        let message = format!("a key of {} bytes doesn't fit {}", value.len(), spec.name);
        Err(Error::new(ReturnCode::KEY_SIZE_RANGE, message))
    }
}

fn compare(code: &[u8], signature: &[u8]) -> Result<()> {
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
