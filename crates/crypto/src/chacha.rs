//! ChaCha20, alone and with Poly1305 (RFC 8439), in its variants with nonces of 64, 96 and 192 bits (PKCS#11 3.2 sections 6.58
//! and 6.61).

use strongroom_model::{Blob, Error, Params, Result, ReturnCode, limits};
use zeroize::Zeroizing;

use crate::family::{Family, Job, Order, no_params};
use crate::ffi::cipher::chacha::{self as ffi, Aead, BLOCK, KEY, TAG};
use crate::random;
use crate::stream::{self, Running, StreamKind};
use strongroom_model::Algorithm;

/// ChaCha20.
pub(crate) struct ChaCha;

impl Family for ChaCha {
    fn encrypt(&self, job: &Job<'_>, data: &[u8]) -> Result<Blob> {
        if job.spec.algorithm == Algorithm::ChaCha20 {
            return KeyStream::new(job, StreamKind::Encrypt)?.apply(data);
        }
        let (aead, nonce, aad) = aead(job)?;
        let mut out = Blob::zeroed(data.len() + TAG);
        aead.seal(nonce, aad, data, &mut out).map_err(|_| too_long(StreamKind::Encrypt))?;
        Ok(out)
    }

    fn decrypt(&self, job: &Job<'_>, data: &[u8]) -> Result<Blob> {
        if job.spec.algorithm == Algorithm::ChaCha20 {
            return KeyStream::new(job, StreamKind::Decrypt)?.apply(data);
        }
        let (aead, nonce, aad) = aead(job)?;
        let len = data.len().checked_sub(TAG).ok_or_else(|| {
            let message = format!("{} bytes are too few for a tag of {TAG}", data.len());
            Error::new(ReturnCode::ENCRYPTED_DATA_LEN_RANGE, message)
        })?;
        let mut plain = Blob::zeroed(len);
        aead.open(nonce, aad, data, &mut plain).map_err(|_| {
            let message = "the data was changed, or was encrypted with another key or other parameters";
            Error::new(ReturnCode::ENCRYPTED_DATA_INVALID, message)
        })?;
        Ok(plain)
    }

    fn generate_secret(&self, order: &Order<'_>, value_len: usize) -> Result<Blob> {
        no_params(order.params)?;
        order.check_len(value_len, value_len == KEY)?;
        Ok(random::blob(KEY))
    }

    /// The tag covers everything, so nothing goes out before it's there or was verified.
    fn open(&self, kind: StreamKind, job: &Job<'_>) -> Result<Box<dyn Running>> {
        if job.spec.algorithm == Algorithm::ChaCha20 {
            return Ok(Box::new(KeyStream::new(job, kind)?));
        }
        aead(job)?;
        Ok(stream::gathered(kind, job, limits::MAX_DATA + TAG))
    }
}

fn key<'a>(job: &Job<'a>) -> Result<&'a [u8; KEY]> {
    job.secret()?.value.as_slice().try_into().map_err(|_| job.wrong_key())
}

/// The cipher, the nonce and the additional data.
fn aead<'a>(job: &Job<'a>) -> Result<(Aead, &'a [u8], &'a [u8])> {
    let key = key(job)?;
    let Params::ChaCha20Poly1305 { nonce, aad } = job.params else {
        return Err(bad_params("ChaCha20-Poly1305 takes a nonce and additional data"));
    };
    let aead = Aead::new(key, nonce.len())
        .map_err(|_| bad_params("the nonce of ChaCha20-Poly1305 has 96 bits, or 192 for XChaCha20"))?;
    Ok((aead, nonce, aad))
}

/// The key stream, and where in it an operation is.
struct KeyStream {
    kind: StreamKind,
    key: Zeroizing<[u8; KEY]>,
    nonce: Nonce,
    /// The next block that hasn't been begun; `None` when the last one has.
    next: Option<u64>,
    /// The block that was begun, and how much of it is used up.
    begun: Zeroizing<[u8; BLOCK]>,
    used: usize,
}

#[derive(Clone, Copy)]
enum Nonce {
    /// With a counter of 32 bits.
    Short([u8; 12]),
    /// With a counter of 64 bits.
    Original([u8; 8]),
}

impl KeyStream {
    fn new(job: &Job<'_>, kind: StreamKind) -> Result<Self> {
        let mut key = Zeroizing::new(*key(job)?);
        let Params::ChaCha20 { counter, nonce } = job.params else {
            return Err(bad_params("ChaCha20 takes a block counter and a nonce"));
        };
        let nonce = match nonce.len() {
            8 => Nonce::Original(array(nonce)?),
            12 if u32::try_from(*counter).is_ok() => Nonce::Short(array(nonce)?),
            24 => {
                *key = *derived(&key, &array(&nonce[..16])?);
                Nonce::Original(array(&nonce[16..])?)
            }
            _ => {
                let message =
                    "ChaCha20 takes a nonce of 96 bits with a counter of 32, or of 64 or 192 with one of 64";
                return Err(bad_params(message));
            }
        };
        Ok(Self { kind, key, nonce, next: Some(*counter), begun: Zeroizing::new([0; BLOCK]), used: BLOCK })
    }

    fn apply(&mut self, data: &[u8]) -> Result<Blob> {
        let mut out = Blob::zeroed(data.len());
        let rest = data.len().min(BLOCK - self.used);
        let left = &self.begun[self.used..self.used + rest];
        for ((out, byte), key) in out.iter_mut().zip(&data[..rest]).zip(left) {
            *out = byte ^ key;
        }
        self.used += rest;
        let whole = (data.len() - rest) / BLOCK * BLOCK;
        self.blocks(&data[rest..rest + whole], &mut out[rest..rest + whole])?;
        let tail = &data[rest + whole..];
        if !tail.is_empty() {
            let mut block = Zeroizing::new([0; BLOCK]);
            self.blocks(&[0; BLOCK], &mut block[..])?;
            for ((out, byte), key) in out[rest + whole..].iter_mut().zip(tail).zip(block.iter()) {
                *out = byte ^ key;
            }
            self.begun = block;
            self.used = tail.len();
        }
        Ok(out)
    }

    /// Whole blocks.
    fn blocks(&mut self, mut data: &[u8], mut out: &mut [u8]) -> Result<()> {
        while !data.is_empty() {
            let counter = self.next.ok_or_else(|| too_long(self.kind))?;
            let wanted = (data.len() / BLOCK) as u64;
            // The engine counts in 32 bits.
            let run = wanted.min((1 << 32) - (counter & 0xffff_ffff));
            let len = run as usize * BLOCK;
            let (now, later) = std::mem::take(&mut out).split_at_mut(len);
            // The low half; it's all there is of the one of 32 bits.
            let low = counter as u32;
            let nonce = match self.nonce {
                Nonce::Short(nonce) => nonce,
                Nonce::Original(nonce) => {
                    let mut words = [0; 12];
                    words[..4].copy_from_slice(&((counter >> 32) as u32).to_le_bytes());
                    words[4..].copy_from_slice(&nonce);
                    words
                }
            };
            ffi::apply(&self.key, &nonce, low, &data[..len], now);
            let next = counter.checked_add(run);
            self.next = match self.nonce {
                Nonce::Short(_) => next.filter(|next| u32::try_from(*next).is_ok()),
                Nonce::Original(_) => next,
            };
            data = &data[len..];
            out = later;
        }
        Ok(())
    }
}

impl Running for KeyStream {
    fn update(&mut self, data: &[u8]) -> Result<Blob> {
        self.apply(data)
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        Ok(Blob::new())
    }
}

/// HChaCha20 (draft-irtf-cfrg-xchacha section 2.2): the first and last rows of the state after the rounds. A block of the key
/// stream is that state with what it began as added, which is taken off here.
fn derived(key: &[u8; KEY], nonce: &[u8; 16]) -> Zeroizing<[u8; KEY]> {
    const CONSTANTS: &[u8; 16] = b"expand 32-byte k";
    let word = |bytes: &[u8], at: usize| {
        u32::from_le_bytes([bytes[4 * at], bytes[4 * at + 1], bytes[4 * at + 2], bytes[4 * at + 3]])
    };
    let mut block = Zeroizing::new([0; BLOCK]);
    let mut tail = [0; 12];
    tail.copy_from_slice(&nonce[4..]);
    ffi::apply(key, &tail, word(nonce, 0), &[0; BLOCK], &mut block[..]);
    let mut out = Zeroizing::new([0; KEY]);
    for at in 0..4 {
        let first = word(&block[..], at).wrapping_sub(word(CONSTANTS, at));
        let last = word(&block[..], 12 + at).wrapping_sub(word(nonce, at));
        out[4 * at..4 * at + 4].copy_from_slice(&first.to_le_bytes());
        out[16 + 4 * at..20 + 4 * at].copy_from_slice(&last.to_le_bytes());
    }
    out
}

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| bad_params("the nonce of ChaCha20 has another length"))
}

fn too_long(kind: StreamKind) -> Error {
    let code = match kind {
        StreamKind::Decrypt => ReturnCode::ENCRYPTED_DATA_LEN_RANGE,
        _ => ReturnCode::DATA_LEN_RANGE,
    };
    Error::new(code, "the block counter would wrap around; begin it lower, or use a longer one")
}

fn bad_params(message: impl Into<String>) -> Error {
    Error::new(ReturnCode::MECHANISM_PARAM_INVALID, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::hex::{hex, unhex};

    /// draft-irtf-cfrg-xchacha-03 section 2.2.1.
    #[test]
    fn hchacha20() {
        let mut key = [0; KEY];
        key.copy_from_slice(&unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&unhex("000000090000004a0000000031415927"));
        assert_eq!(
            hex(&derived(&key, &nonce)[..]),
            "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
        );
    }
}
