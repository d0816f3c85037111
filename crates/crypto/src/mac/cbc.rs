//! CBC-MAC, plain (FIPS 113) and XCBC (RFC 3566).

use strongroom_model::Result;
use zeroize::Zeroizing;

use super::engine_failed;
use crate::ffi::Failed;
use crate::ffi::cipher::{BLOCK, BlockCipher, Cipher, Mode};

/// What is processed at once, in bytes.
const CHUNK: usize = 4096;

/// A MAC under way: the last block of a CBC encryption from a zero IV.
pub(super) struct CbcMac {
    cbc: Cipher,
    /// The last block that came out.
    last: Zeroizing<[u8; BLOCK]>,
    /// Whether anything went in.
    begun: bool,
    /// XCBC: what is added to the last block that goes in, and what of the message waits for more.
    masks: Option<Masks>,
}

struct Masks {
    /// For a whole block.
    whole: Zeroizing<[u8; BLOCK]>,
    /// For one that was padded.
    padded: Zeroizing<[u8; BLOCK]>,
    /// Up to a block: the last one so far.
    held: Zeroizing<Vec<u8>>,
}

impl CbcMac {
    /// Plain CBC-MAC. What doesn't end in a whole block is padded with zeros; of an empty message it's that of a block of them.
    pub(super) fn new(mode: Mode, key: &[u8]) -> Result<Self> {
        let cbc = Cipher::new(mode, true, key, &[0; BLOCK][..mode.block()]).map_err(|_| engine_failed())?;
        Ok(Self { cbc, last: Zeroizing::default(), begun: false, masks: None })
    }

    /// XCBC.
    pub(super) fn xcbc(key: &[u8]) -> Result<Self> {
        let cipher = BlockCipher::new(true, key).map_err(|_| engine_failed())?;
        let [first, whole, padded] = [1, 2, 3].map(|byte| {
            let mut derived = Zeroizing::new([byte; BLOCK]);
            cipher.apply(&mut derived);
            derived
        });
        let mut mac = Self::new(Mode::Cbc, &first[..])?;
        mac.masks = Some(Masks { whole, padded, held: Zeroizing::new(Vec::with_capacity(BLOCK)) });
        Ok(mac)
    }

    pub(super) fn update(&mut self, data: &[u8]) -> std::result::Result<(), Failed> {
        let Some(masks) = &mut self.masks else { return self.process(data) };
        // The last block is masked before it goes in, so one is kept until more comes.
        let (now, later) = data.split_at(data.len().min(BLOCK - masks.held.len()));
        masks.held.extend_from_slice(now);
        if later.is_empty() {
            return Ok(());
        }
        let ready = (later.len() - 1) / BLOCK * BLOCK;
        let block = Zeroizing::new(masks.held.to_vec());
        masks.held.clear();
        masks.held.extend_from_slice(&later[ready..]);
        self.process(&block)?;
        self.process(&later[..ready])
    }

    /// The whole last block; DES has 8 bytes of it.
    pub(super) fn finish(mut self) -> std::result::Result<Zeroizing<[u8; BLOCK]>, Failed> {
        if let Some(Masks { whole, padded, held }) = self.masks.take() {
            let mut block = Zeroizing::new([0; BLOCK]);
            block[..held.len()].copy_from_slice(&held);
            let mask = if held.len() == BLOCK {
                whole
            } else {
                block[held.len()] = 0x80;
                padded
            };
            for (byte, mask) in block.iter_mut().zip(mask.iter()) {
                *byte ^= mask;
            }
            self.process(&block[..])?;
            return Ok(self.last);
        }
        let block = self.cbc.block();
        let missing = (block - self.cbc.pending()) % block;
        let zeros = if self.begun { missing } else { block };
        self.process(&[0; BLOCK][..zeros])?;
        Ok(self.last)
    }

    fn process(&mut self, data: &[u8]) -> std::result::Result<(), Failed> {
        self.begun |= !data.is_empty();
        let block = self.cbc.block();
        let mut out = Zeroizing::new([0; CHUNK + BLOCK]);
        for chunk in data.chunks(CHUNK) {
            let written = self.cbc.update(chunk, &mut out[..])?;
            if written > 0 {
                self.last[..block].copy_from_slice(&out[written - block..written]);
            }
        }
        Ok(())
    }
}
