//! The modes over data that comes in parts.

use strongroom_model::{Algorithm, Blob, Error, MechanismSpec, Params, Result, ReturnCode, limits};

use super::{Job, bad_params, check_key, engine_failed, finish_gcm, padding};
use crate::ffi::Failed;
use crate::ffi::cipher::{BLOCK, Cipher, DES_BLOCK, Mode};
use crate::stream::Running;

/// Encryption or decryption under way, in parts of any size. One-shot operations run through it too. DES's modes do as
/// well.
///
/// GCM decryption gives out nothing before the tag has been verified: it keeps the ciphertext until
/// [`Self::finish`], up to [`limits::MAX_DATA`] bytes.
pub struct AesStream {
    job: Job,
    cipher: Cipher,
    kind: Kind,
}

enum Kind {
    /// ECB, CBC; OFB and CFB, whose blocks are single bytes here.
    Blocks,
    /// CBC-PAD, encryption.
    Pad,
    /// CBC-PAD, decryption: the last block so far, which may turn out to be padding; empty until there is one.
    Unpad { held: Blob },
    /// CTR: how many bytes the counter is still good for.
    Counter { left: u128 },
    /// GCM, encryption.
    Seal { tag_len: usize },
    /// GCM, decryption: all the ciphertext so far.
    Open { tag_len: usize, data: Blob },
}

impl Running for AesStream {
    fn update(&mut self, data: &[u8]) -> Result<Blob> {
        Self::update(self, data)
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        Self::finish(*self)
    }
}

impl AesStream {
    /// Opens a stream: ECB, CBC, CBC-PAD, CTR, GCM, OFB, CFB. `value` is the key.
    ///
    /// # Errors
    ///
    /// `KEY_SIZE_RANGE`, `MECHANISM_PARAM_INVALID`, and `MECHANISM_INVALID` for what can't be done in parts
    /// (KW, KWP) or isn't an encryption with AES.
    pub fn open(encrypt: bool, value: &[u8], spec: &MechanismSpec, params: &Params) -> Result<Self> {
        Self::start(if encrypt { Job::Encrypt } else { Job::Decrypt }, value, spec, params)
    }

    pub(super) fn start(job: Job, value: &[u8], spec: &MechanismSpec, params: &Params) -> Result<Self> {
        if !is_des(spec.algorithm) {
            check_key(job, value)?;
        }
        let cipher =
            |mode, iv: &[u8]| Cipher::new(mode, job.encrypts(), value, iv).map_err(|_| engine_failed());
        let padded = || if job.encrypts() { Kind::Pad } else { Kind::Unpad { held: Blob::new() } };
        let (cipher, kind) = match (spec.algorithm, params) {
            (Algorithm::AesEcb, Params::None) => (cipher(Mode::Ecb, &[])?, Kind::Blocks),
            (Algorithm::AesCbc, Params::Iv(iv)) => (cipher(Mode::Cbc, block_of(iv, BLOCK)?)?, Kind::Blocks),
            (Algorithm::AesCbcPad, Params::Iv(iv)) => (cipher(Mode::Cbc, block_of(iv, BLOCK)?)?, padded()),
            (Algorithm::AesOfb, Params::Iv(iv)) => (cipher(Mode::Ofb, block_of(iv, BLOCK)?)?, Kind::Blocks),
            (Algorithm::AesCfb1, Params::Iv(iv)) => (cipher(Mode::Cfb1, block_of(iv, BLOCK)?)?, Kind::Blocks),
            (Algorithm::AesCfb8, Params::Iv(iv)) => (cipher(Mode::Cfb8, block_of(iv, BLOCK)?)?, Kind::Blocks),
            (Algorithm::AesCfb128, Params::Iv(iv)) => {
                (cipher(Mode::Cfb128, block_of(iv, BLOCK)?)?, Kind::Blocks)
            }
            (Algorithm::DesEcb, Params::None) => (cipher(Mode::DesEcb, &[])?, Kind::Blocks),
            (Algorithm::DesCbc, Params::Iv(iv)) => {
                (cipher(Mode::DesCbc, block_of(iv, DES_BLOCK)?)?, Kind::Blocks)
            }
            (Algorithm::DesCbcPad, Params::Iv(iv)) => {
                (cipher(Mode::DesCbc, block_of(iv, DES_BLOCK)?)?, padded())
            }
            (Algorithm::AesCtr, Params::Ctr { bits, block }) => {
                (cipher(Mode::Ctr, block)?, Kind::Counter { left: counter_capacity(*bits, block)? })
            }
            (Algorithm::AesGcm, params) => {
                let gcm = Gcm::from_params(params)?;
                let tag_len = gcm.tag_len;
                let kind = if job.encrypts() {
                    Kind::Seal { tag_len }
                } else {
                    Kind::Open { tag_len, data: Blob::new() }
                };
                (gcm.cipher(job, value)?, kind)
            }
            (Algorithm::AesKw | Algorithm::AesKwPkcs7 | Algorithm::AesKwp, _) => {
                let message = format!("{} doesn't work on data in parts", spec.name);
                return Err(Error::new(ReturnCode::MECHANISM_INVALID, message));
            }
            (algorithm, _) if is_cipher(algorithm) => {
                return Err(bad_params(format!("{} takes other parameters", spec.name)));
            }
            _ => {
                let message = format!("{} doesn't encrypt", spec.name);
                return Err(Error::new(ReturnCode::MECHANISM_INVALID, message));
            }
        };
        Ok(Self { job, cipher, kind })
    }

    /// Takes the next part; returns what it yields, which may be nothing yet. After an error the stream
    /// is of no more use.
    ///
    /// # Errors
    ///
    /// `DATA_LEN_RANGE` or `ENCRYPTED_DATA_LEN_RANGE` when the data outgrows what the mode can take (CTR:
    /// the counter's bits, GCM decryption: [`limits::MAX_DATA`]).
    pub fn update(&mut self, data: &[u8]) -> Result<Blob> {
        let mut out = Blob::zeroed(self.update_len(data.len()));
        let written = self.update_into(data, &mut out)?;
        out.truncate(written);
        Ok(out)
    }

    /// Ends the stream; returns what is left: a padded block, the tag, or (GCM decryption) all of the data.
    ///
    /// # Errors
    ///
    /// As [`super::encrypt`] and [`super::decrypt`].
    pub fn finish(self) -> Result<Blob> {
        let mut out = Blob::zeroed(self.finish_len());
        if let Kind::Open { tag_len, data } = self.kind {
            return finish_gcm(self.job, self.cipher, tag_len, &data);
        }
        let written = self.finish_into(&mut out)?;
        out.truncate(written);
        Ok(out)
    }

    /// The whole of a one-shot operation, into one buffer.
    pub(super) fn run(mut self, data: &[u8]) -> Result<Blob> {
        let len = self.update_len(data.len());
        let mut out = Blob::zeroed(len + self.finish_len());
        let written = self.update_into(data, &mut out[..len])?;
        let written = written + self.finish_into(&mut out[written..])?;
        out.truncate(written);
        Ok(out)
    }

    /// Room that an update with `len` bytes needs.
    fn update_len(&self, len: usize) -> usize {
        let blocks = self.cipher.output_len(len);
        match &self.kind {
            Kind::Blocks | Kind::Pad | Kind::Counter { .. } | Kind::Seal { .. } => blocks,
            Kind::Unpad { held } => blocks + held.len(),
            Kind::Open { .. } => 0,
        }
    }

    /// Room that the end needs.
    fn finish_len(&self) -> usize {
        match &self.kind {
            Kind::Pad | Kind::Unpad { .. } => self.cipher.block(),
            Kind::Seal { tag_len } => *tag_len,
            Kind::Blocks | Kind::Counter { .. } | Kind::Open { .. } => 0,
        }
    }

    fn update_into(&mut self, data: &[u8], out: &mut [u8]) -> Result<usize> {
        let too_much = || self.job.bad_length("too much data for one operation");
        match &mut self.kind {
            Kind::Blocks | Kind::Pad | Kind::Seal { .. } => {
                self.cipher.update(data, out).map_err(|_| too_much())
            }
            Kind::Counter { left } => {
                *left = left.checked_sub(data.len() as u128).ok_or_else(|| {
                    self.job.bad_length("the counter would wrap around; give it more bits or a lower start")
                })?;
                self.cipher.update(data, out).map_err(|_| too_much())
            }
            Kind::Unpad { held } => hold_back(&mut self.cipher, held, data, out).map_err(|_| too_much()),
            Kind::Open { tag_len, data: buffer } => {
                if buffer.len() + data.len() > limits::MAX_DATA + *tag_len {
                    let message = format!("GCM decrypts {} bytes at most in one operation", limits::MAX_DATA);
                    return Err(self.job.bad_length(message));
                }
                buffer.extend(data);
                Ok(0)
            }
        }
    }

    fn finish_into(mut self, out: &mut [u8]) -> Result<usize> {
        let (pending, block) = (self.cipher.pending(), self.cipher.block());
        if pending != 0 && !matches!(self.kind, Kind::Pad) {
            return Err(self.job.bad_length(format!("the data isn't a multiple of {block} bytes long")));
        }
        match self.kind {
            Kind::Blocks | Kind::Counter { .. } => Ok(0),
            Kind::Pad => {
                let (padding, count) = padding::pad(pending, block);
                self.cipher.update(&padding[..count], out).map_err(|_| engine_failed())
            }
            Kind::Unpad { held } => {
                if held.is_empty() {
                    return Err(self.job.bad_length("there is no data, not even padding"));
                }
                let len = padding::unpad(&held).ok_or_else(|| self.job.corrupt())?;
                out[..len].copy_from_slice(&held[..len]);
                Ok(len)
            }
            Kind::Seal { tag_len } => {
                self.cipher.write_tag(&mut out[..tag_len]).map_err(|_| engine_failed())?;
                Ok(tag_len)
            }
            Kind::Open { .. } => unreachable!("GCM decryption ends in finish_gcm"),
        }
    }
}

/// Decrypts, but keeps the last block back.
fn hold_back(
    cipher: &mut Cipher,
    held: &mut Blob,
    data: &[u8],
    out: &mut [u8],
) -> std::result::Result<usize, Failed> {
    if cipher.output_len(data.len()) == 0 {
        return cipher.update(data, &mut []);
    }
    let before = held.len();
    out[..before].copy_from_slice(held);
    let written = before + cipher.update(data, &mut out[before..])?;
    let given = written - cipher.block();
    let last = &mut out[given..written];
    *held = Blob::from(&*last);
    last.fill(0);
    Ok(given)
}

/// GCM's parameters, checked.
pub(super) struct Gcm<'a> {
    iv: &'a [u8],
    aad: &'a [u8],
    pub(super) tag_len: usize,
}

impl<'a> Gcm<'a> {
    /// The longest IV in bytes.
    const MAX_IV: usize = 1024;

    pub(super) fn from_params(params: &'a Params) -> Result<Self> {
        let Params::Gcm { iv, aad, tag_bits } = params else {
            return Err(bad_params("AES-GCM takes an IV, additional data and a tag's length"));
        };
        if !(1..=Self::MAX_IV).contains(&iv.len()) {
            return Err(bad_params(format!("the IV of AES-GCM has 1 to 1024 bytes, not {}", iv.len())));
        }
        if !(8..=128).contains(tag_bits) || !tag_bits.is_multiple_of(8) {
            return Err(bad_params(format!("the tag of AES-GCM has 8 to 128 bits by 8, not {tag_bits}")));
        }
        Ok(Self { iv, aad, tag_len: usize::from(tag_bits / 8) })
    }

    /// A cipher that has taken in the additional data.
    pub(super) fn cipher(&self, job: Job, value: &[u8]) -> Result<Cipher> {
        let mut cipher =
            Cipher::new(Mode::Gcm, job.encrypts(), value, self.iv).map_err(|_| engine_failed())?;
        cipher.aad(self.aad).map_err(|_| engine_failed())?;
        Ok(cipher)
    }
}

/// An IV of one block.
pub(super) fn block_of(iv: &Blob, block: usize) -> Result<&[u8]> {
    if iv.len() == block {
        Ok(iv)
    } else {
        Err(bad_params(format!("the mechanism takes an IV of {block} bytes, not {}", iv.len())))
    }
}

const fn is_des(algorithm: Algorithm) -> bool {
    matches!(algorithm, Algorithm::DesEcb | Algorithm::DesCbc | Algorithm::DesCbcPad)
}

/// What is encrypted by [`AesStream`].
const fn is_cipher(algorithm: Algorithm) -> bool {
    is_des(algorithm)
        || matches!(
            algorithm,
            Algorithm::AesEcb
                | Algorithm::AesCbc
                | Algorithm::AesCbcPad
                | Algorithm::AesCtr
                | Algorithm::AesOfb
                | Algorithm::AesCfb1
                | Algorithm::AesCfb8
                | Algorithm::AesCfb128
        )
}

/// How many bytes can be processed before the low `bits` bits of the counter block wrap around and the
/// key stream might repeat (PKCS#11 3.2, `CK_AES_CTR_PARAMS`; NIST SP 800-38A appendix B.1).
fn counter_capacity(bits: u8, block: &[u8; BLOCK]) -> Result<u128> {
    if !(1..=128).contains(&bits) {
        return Err(bad_params(format!("the counter of AES-CTR has 1 to 128 bits, not {bits}")));
    }
    let last = u128::MAX >> (128 - u32::from(bits));
    let first = u128::from_be_bytes(*block) & last;
    Ok((last - first).saturating_add(1).saturating_mul(BLOCK as u128))
}
