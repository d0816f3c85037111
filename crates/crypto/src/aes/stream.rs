//! The modes over data that comes in parts.

use strongroom_model::{Algorithm, Blob, Error, MechanismSpec, Params, Result, ReturnCode, limits};
use zeroize::Zeroizing;

use super::{Job, bad_params, check_key, engine_failed, finish_gcm, padding};
use crate::ffi::Failed;
use crate::ffi::cipher::{BLOCK, Cipher, Mode};
use crate::stream::Running;

/// Encryption or decryption under way, in parts of any size. One-shot operations run through it too.
///
/// GCM decryption gives out nothing before the tag has been verified: it keeps the ciphertext until
/// [`Self::finish`], up to [`limits::MAX_DATA`] bytes.
pub struct AesStream {
    job: Job,
    cipher: Cipher,
    kind: Kind,
}

enum Kind {
    /// ECB, CBC.
    Blocks,
    /// CBC-PAD, encryption.
    Pad,
    /// CBC-PAD, decryption: the last block so far, which may turn out to be padding.
    Unpad { held: Option<Zeroizing<[u8; BLOCK]>> },
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
    /// Opens a stream: ECB, CBC, CBC-PAD, CTR or GCM. `value` is the key.
    ///
    /// # Errors
    ///
    /// `KEY_SIZE_RANGE`, `MECHANISM_PARAM_INVALID`, and `MECHANISM_INVALID` for what can't be done in parts
    /// (KW, KWP) or isn't an encryption with AES.
    pub fn open(encrypt: bool, value: &[u8], spec: &MechanismSpec, params: &Params) -> Result<Self> {
        Self::start(if encrypt { Job::Encrypt } else { Job::Decrypt }, value, spec, params)
    }

    pub(super) fn start(job: Job, value: &[u8], spec: &MechanismSpec, params: &Params) -> Result<Self> {
        check_key(job, value)?;
        let cipher =
            |mode, iv: &[u8]| Cipher::new(mode, job.encrypts(), value, iv).map_err(|_| engine_failed());
        let (cipher, kind) = match (spec.algorithm, params) {
            (Algorithm::AesEcb, Params::None) => (cipher(Mode::Ecb, &[])?, Kind::Blocks),
            (Algorithm::AesCbc, Params::Iv(iv)) => (cipher(Mode::Cbc, cbc_iv(iv)?)?, Kind::Blocks),
            (Algorithm::AesCbcPad, Params::Iv(iv)) => {
                let kind = if job.encrypts() { Kind::Pad } else { Kind::Unpad { held: None } };
                (cipher(Mode::Cbc, cbc_iv(iv)?)?, kind)
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
            (Algorithm::AesEcb | Algorithm::AesCbc | Algorithm::AesCbcPad | Algorithm::AesCtr, _) => {
                return Err(bad_params(format!("{} takes other parameters", spec.name)));
            }
            _ => {
                let message = format!("{} doesn't work on data in parts", spec.name);
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
            Kind::Unpad { held } => blocks + held.as_ref().map_or(0, |_| BLOCK),
            Kind::Open { .. } => 0,
        }
    }

    /// Room that the end needs.
    fn finish_len(&self) -> usize {
        match &self.kind {
            Kind::Pad | Kind::Unpad { .. } => BLOCK,
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
        let pending = self.cipher.pending();
        if pending != 0 && !matches!(self.kind, Kind::Pad) {
            return Err(self.job.bad_length("the data isn't a multiple of 16 bytes long"));
        }
        match self.kind {
            Kind::Blocks | Kind::Counter { .. } => Ok(0),
            Kind::Pad => {
                let (padding, count) = padding::pad(pending);
                self.cipher.update(&padding[..count], out).map_err(|_| engine_failed())
            }
            Kind::Unpad { held } => {
                let last = held.ok_or_else(|| self.job.bad_length("there is no data, not even padding"))?;
                let len = padding::unpad(&last).ok_or_else(|| self.job.corrupt())?;
                out[..len].copy_from_slice(&last[..len]);
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
    held: &mut Option<Zeroizing<[u8; BLOCK]>>,
    data: &[u8],
    out: &mut [u8],
) -> std::result::Result<usize, Failed> {
    if cipher.output_len(data.len()) == 0 {
        return cipher.update(data, &mut []);
    }
    let before = held.as_ref().map_or(0, |block| {
        out[..BLOCK].copy_from_slice(&**block);
        BLOCK
    });
    let written = before + cipher.update(data, &mut out[before..])?;
    let last = &mut out[written - BLOCK..written];
    held.get_or_insert_default().copy_from_slice(last);
    last.fill(0);
    Ok(written - BLOCK)
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

fn cbc_iv(iv: &Blob) -> Result<&[u8]> {
    if iv.len() == BLOCK {
        Ok(iv)
    } else {
        Err(bad_params(format!("the IV of AES-CBC has 16 bytes, not {}", iv.len())))
    }
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
