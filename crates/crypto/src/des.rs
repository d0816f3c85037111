//! DES with keys of single, double and triple length (FIPS 46-3), for those who migrate what still needs it.

use strongroom_model::{Algorithm, Blob, Error, Params, Result, ReturnCode};
use zeroize::Zeroizing;

use crate::family::{Family, Job, Order, no_params};
use crate::ffi::cipher::{Cipher, DES_BLOCK, Mode};
use crate::stream::{Running, StreamKind};
use crate::{aes, random};

/// DES in ECB, CBC, OFB and CFB.
pub(crate) struct Des;

impl Family for Des {
    fn encrypt(&self, job: &Job<'_>, data: &[u8]) -> Result<Blob> {
        if let Some(mode) = Segments::of(job.spec.algorithm) {
            return Feedback::start(mode, true, job)?.apply(data);
        }
        aes::encrypt(&job.secret()?.value, job.spec, job.params, data)
    }

    fn decrypt(&self, job: &Job<'_>, data: &[u8]) -> Result<Blob> {
        if let Some(mode) = Segments::of(job.spec.algorithm) {
            return Feedback::start(mode, false, job)?.apply(data);
        }
        aes::decrypt(&job.secret()?.value, job.spec, job.params, data)
    }

    fn wrap(&self, job: &Job<'_>, plain: &[u8]) -> Result<Blob> {
        aes::wrap(&job.secret()?.value, job.spec, job.params, plain)
    }

    fn unwrap(&self, job: &Job<'_>, wrapped: &[u8], _lengths: &[usize]) -> Result<Blob> {
        aes::unwrap(&job.secret()?.value, job.spec, job.params, wrapped)
    }

    fn generate_secret(&self, order: &Order<'_>, value_len: usize) -> Result<Blob> {
        no_params(order.params)?;
        let sizes = order.spec.min_key..=order.spec.max_key;
        order.check_len(value_len, sizes.contains(&(value_len as u64)))?;
        let mut value = new_key(value_len);
        // Parts that are the same would make a shorter key of it.
        while value.len() > BLOCK && value[..BLOCK] == value[BLOCK..2 * BLOCK]
            || value.len() > 2 * BLOCK && value[BLOCK..2 * BLOCK] == value[2 * BLOCK..]
        {
            value = new_key(value_len);
        }
        Ok(value)
    }

    fn open(&self, kind: StreamKind, job: &Job<'_>) -> Result<Box<dyn Running>> {
        let encrypt = kind == StreamKind::Encrypt;
        if let Some(mode) = Segments::of(job.spec.algorithm) {
            return Ok(Box::new(Feedback::start(mode, encrypt, job)?));
        }
        Ok(Box::new(aes::AesStream::open(encrypt, &job.secret()?.value, job.spec, job.params)?))
    }
}

/// What is fed back, and in pieces of which length (FIPS 81; NIST SP 800-38A sections 6.3 and 6.4).
#[derive(Clone, Copy)]
struct Segments {
    /// In bytes.
    len: usize,
    /// The key stream (OFB), or the ciphertext (CFB).
    output: bool,
}

impl Segments {
    const fn of(algorithm: Algorithm) -> Option<Self> {
        match algorithm {
            Algorithm::DesOfb64 => Some(Self { len: 8, output: true }),
            Algorithm::DesOfb8 => Some(Self { len: 1, output: true }),
            Algorithm::DesCfb64 => Some(Self { len: 8, output: false }),
            Algorithm::DesCfb8 => Some(Self { len: 1, output: false }),
            _ => None,
        }
    }
}

/// OFB or CFB under way, over the engine's block cipher: it has neither for DES.
struct Feedback {
    cipher: Cipher,
    mode: Segments,
    encrypts: bool,
    /// What is encrypted next.
    register: [u8; DES_BLOCK],
    /// The key stream of this segment.
    stream: Zeroizing<[u8; DES_BLOCK]>,
    /// Bytes of the segment that are used up.
    used: usize,
}

impl Feedback {
    fn start(mode: Segments, encrypts: bool, job: &Job<'_>) -> Result<Self> {
        let Params::Iv(iv) = job.params else { return Err(bad_iv()) };
        let register = iv.as_slice().try_into().map_err(|_| bad_iv())?;
        // Both ways, only the register is encrypted.
        let cipher = Cipher::new(Mode::DesEcb, true, &job.secret()?.value, &[])?;
        let stream = Zeroizing::new([0; DES_BLOCK]);
        Ok(Self { cipher, mode, encrypts, register, stream, used: mode.len })
    }

    fn apply(&mut self, data: &[u8]) -> Result<Blob> {
        let mut out = Blob::from(data);
        for byte in out.iter_mut() {
            if self.used == self.mode.len {
                self.cipher.update(&self.register, &mut self.stream[..])?;
                self.register.copy_within(self.mode.len.., 0);
                self.used = 0;
            }
            let given = *byte;
            *byte ^= self.stream[self.used];
            self.register[DES_BLOCK - self.mode.len + self.used] = match (self.mode.output, self.encrypts) {
                (true, _) => self.stream[self.used],
                (false, true) => *byte,
                (false, false) => given,
            };
            self.used += 1;
        }
        Ok(out)
    }
}

impl Running for Feedback {
    fn update(&mut self, data: &[u8]) -> Result<Blob> {
        self.apply(data)
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        Ok(Blob::new())
    }
}

fn bad_iv() -> Error {
    Error::new(ReturnCode::MECHANISM_PARAM_INVALID, "DES takes an initialisation vector of 8 bytes")
}

/// Length of a part of a key in bytes.
const BLOCK: usize = 8;

fn new_key(len: usize) -> Blob {
    let mut value = random::blob(len);
    set_odd_parity(&mut value);
    value
}

/// Sets the lowest bit of each byte so that an odd number of its bits is set, as a DES key must have it.
fn set_odd_parity(key: &mut [u8]) {
    for byte in key {
        *byte = (*byte & !1) | u8::from((*byte >> 1).count_ones().is_multiple_of(2));
    }
}

/// Whether each byte has odd parity.
pub(crate) fn has_odd_parity(key: &[u8]) -> bool {
    key.iter().fold(1, |all, byte| all & byte.count_ones()) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parity_is_odd_in_every_byte() {
        let mut key: Vec<u8> = (0..=255).collect();
        assert!(!has_odd_parity(&key));
        set_odd_parity(&mut key);
        assert!(has_odd_parity(&key));
        assert!(key.iter().zip(0..=255_u8).all(|(set, was)| set >> 1 == was >> 1));
        for at in 0..256 {
            let mut other = key.clone();
            other[at] ^= 1;
            assert!(!has_odd_parity(&other));
        }
    }
}
