//! Modes that steal from the last block but one when the last isn't whole: CBC-CS1 (addendum to NIST SP 800-38A) and
//! XTS (IEEE 1619, NIST SP 800-38E). What is stolen is known only at the end, so as much as it may be is held back.

use strongroom_model::{Algorithm, Blob, MechanismSpec, Params, Result};
use zeroize::Zeroizing;

use super::stream::block_of;
use super::{Job, bad_params, check_key, engine_failed};
use crate::ffi::cipher::{BLOCK, BlockCipher, Cipher, Mode};
use crate::stream::Running;

/// The most that one data unit of XTS holds, in bytes: 2^20 blocks (NIST SP 800-38E).
const DATA_UNIT: usize = BLOCK << 20;
/// What data is decrypted or encrypted in at once: XTS needs a copy of it.
const CHUNK: usize = 4096;

/// An operation under way.
pub(super) struct Stealing {
    job: Job,
    mode: Steals,
    /// What waits for what follows.
    held: Blob,
    /// Bytes taken in so far.
    total: usize,
}

enum Steals {
    Cts(Cts),
    Xts(Xts),
}

impl Stealing {
    /// For CTS or XTS.
    pub(super) fn start(job: Job, value: &[u8], spec: &MechanismSpec, params: &Params) -> Result<Self> {
        let Params::Iv(iv) = params else {
            return Err(bad_params(format!("{} takes an initialisation vector", spec.name)));
        };
        let iv = block_of(iv, BLOCK)?;
        let mode = if spec.algorithm == Algorithm::AesXts {
            Steals::Xts(Xts::new(job, value, iv)?)
        } else {
            check_key(job, value)?;
            Steals::Cts(Cts::new(job, value, iv)?)
        };
        Ok(Self { job, mode, held: Blob::new(), total: 0 })
    }

    /// The whole in one go.
    pub(super) fn run(mut self, data: &[u8]) -> Result<Blob> {
        let mut out = self.take(data)?;
        out.extend(&self.end()?);
        Ok(out)
    }

    fn take(&mut self, data: &[u8]) -> Result<Blob> {
        self.total = self.total.saturating_add(data.len());
        if matches!(self.mode, Steals::Xts(_)) && self.total > DATA_UNIT {
            return Err(self.job.bad_length(format!("a data unit of AES-XTS has {DATA_UNIT} bytes at most")));
        }
        let mut all = std::mem::take(&mut self.held);
        all.extend(data);
        // CTS needs the last two blocks if the last isn't whole, and then it may be whole yet; XTS the last whole one.
        let least = if matches!(self.mode, Steals::Cts(_)) { BLOCK + 1 } else { BLOCK };
        let ready = all.len().saturating_sub(least) / BLOCK * BLOCK;
        self.held = Blob::from(&all[ready..]);
        all.truncate(ready);
        let mut out = Blob::zeroed(ready);
        match &mut self.mode {
            Steals::Cts(cts) => cts.blocks(&all, &mut out)?,
            Steals::Xts(xts) => xts.blocks(&all, &mut out)?,
        }
        Ok(out)
    }

    fn end(self) -> Result<Blob> {
        if self.held.len() < BLOCK {
            return Err(self.job.bad_length("the mode takes a block of 16 bytes or more"));
        }
        match self.mode {
            Steals::Cts(cts) => cts.end(&self.held),
            Steals::Xts(xts) => xts.end(&self.held),
        }
    }
}

impl Running for Stealing {
    fn update(&mut self, data: &[u8]) -> Result<Blob> {
        self.take(data)
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        self.end()
    }
}

/// CBC-CS1.
struct Cts {
    cbc: Cipher,
    /// To decrypt the last block, whose chaining is undone last.
    decrypting: Option<BlockCipher>,
}

impl Cts {
    fn new(job: Job, value: &[u8], iv: &[u8]) -> Result<Self> {
        let encrypts = job.encrypts();
        let cbc = Cipher::new(Mode::Cbc, encrypts, value, iv).map_err(|_| engine_failed())?;
        let decrypting =
            if encrypts { None } else { Some(BlockCipher::new(false, value).map_err(|_| engine_failed())?) };
        Ok(Self { cbc, decrypting })
    }

    fn blocks(&mut self, data: &[u8], out: &mut [u8]) -> Result<()> {
        self.cbc.update(data, out).map(|_| ()).map_err(|_| engine_failed())
    }

    /// One block, or more than one and up to two.
    fn end(mut self, rest: &[u8]) -> Result<Blob> {
        let mut out = Blob::zeroed(rest.len());
        if rest.len().is_multiple_of(BLOCK) {
            self.blocks(rest, &mut out)?;
            return Ok(out);
        }
        let (whole, stolen) = (&rest[..BLOCK], rest.len() - BLOCK);
        let mut pair = Zeroizing::new([0; 2 * BLOCK]);
        if let Some(decrypting) = &self.decrypting {
            // The first `stolen` bytes are what is left of the last block but one; the whole last one follows.
            let (cut, last) = rest.split_at(stolen);
            let mut mixed = Zeroizing::new([0; BLOCK]);
            mixed.copy_from_slice(last);
            decrypting.apply(&mut mixed);
            let mut before = Zeroizing::new([0; BLOCK]);
            before[..stolen].copy_from_slice(cut);
            before[stolen..].copy_from_slice(&mixed[stolen..]);
            self.blocks(&*before, &mut pair[..BLOCK])?;
            out[..BLOCK].copy_from_slice(&pair[..BLOCK]);
            for (place, (a, b)) in out[BLOCK..].iter_mut().zip(mixed.iter().zip(cut)) {
                *place = a ^ b;
            }
            return Ok(out);
        }
        let mut padded = Zeroizing::new([0; BLOCK]);
        padded[..stolen].copy_from_slice(&rest[BLOCK..]);
        self.blocks(whole, &mut pair[..BLOCK])?;
        let (first, second) = pair.split_at_mut(BLOCK);
        self.blocks(&*padded, second)?;
        out[..stolen].copy_from_slice(&first[..stolen]);
        out[stolen..].copy_from_slice(second);
        Ok(out)
    }
}

/// XTS.
struct Xts {
    ecb: Cipher,
    /// Of the next block.
    tweak: u128,
    encrypts: bool,
}

impl Xts {
    /// `value` is both keys; the second is for the tweak.
    fn new(job: Job, value: &[u8], unit: &[u8]) -> Result<Self> {
        let (first, second) = value.split_at(value.len() / 2);
        check_key(job, first)?;
        let mut tweak = [0; BLOCK];
        tweak.copy_from_slice(unit);
        BlockCipher::new(true, second).map_err(|_| engine_failed())?.apply(&mut tweak);
        let encrypts = job.encrypts();
        let ecb = Cipher::new(Mode::Ecb, encrypts, first, &[]).map_err(|_| engine_failed())?;
        Ok(Self { ecb, tweak: u128::from_le_bytes(tweak), encrypts })
    }

    fn blocks(&mut self, data: &[u8], out: &mut [u8]) -> Result<()> {
        for (data, out) in data.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
            let mut mixed = Blob::from(data);
            let first = self.tweak;
            self.mix(&mut mixed);
            self.ecb.update(&mixed, out).map_err(|_| engine_failed())?;
            self.tweak = first;
            self.mix(out);
        }
        Ok(())
    }

    /// Adds the tweaks of whole blocks.
    fn mix(&mut self, blocks: &mut [u8]) {
        for block in blocks.chunks_exact_mut(BLOCK) {
            for (byte, tweak) in block.iter_mut().zip(self.tweak.to_le_bytes()) {
                *byte ^= tweak;
            }
            self.tweak = next(self.tweak);
        }
    }

    /// A block, and perhaps the beginning of another.
    fn end(mut self, rest: &[u8]) -> Result<Blob> {
        let mut out = Blob::zeroed(rest.len());
        let (whole, part) = rest.split_at(BLOCK);
        if part.is_empty() {
            self.blocks(whole, &mut out)?;
            return Ok(out);
        }
        // To decrypt, the two tweaks change places.
        let (first, second) = (self.tweak, next(self.tweak));
        let (of_whole, of_mixed) = if self.encrypts { (first, second) } else { (second, first) };
        let mut done = Zeroizing::new([0; BLOCK]);
        self.tweak = of_whole;
        self.blocks(whole, &mut *done)?;
        let mut mixed = Zeroizing::new([0; BLOCK]);
        mixed[..part.len()].copy_from_slice(part);
        mixed[part.len()..].copy_from_slice(&done[part.len()..]);
        self.tweak = of_mixed;
        self.blocks(&*mixed, &mut out[..BLOCK])?;
        out[BLOCK..].copy_from_slice(&done[..part.len()]);
        Ok(out)
    }
}

/// Multiplies by the primitive element of GF(2^128), in a time that tells nothing.
const fn next(tweak: u128) -> u128 {
    (tweak << 1) ^ ((tweak >> 127) * 0x87)
}
