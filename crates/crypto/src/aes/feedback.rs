//! CFB with segments of 64 bits (NIST SP 800-38A section 6.3), which the engine doesn't have.

use strongroom_model::{Blob, Params, Result};
use zeroize::Zeroizing;

use super::stream::block_of;
use super::{Job, bad_params, check_key, engine_failed};
use crate::ffi::cipher::{BLOCK, BlockCipher};
use crate::stream::Running;

/// The length of a segment in bytes.
const SEGMENT: usize = 8;

/// An operation under way.
pub(super) struct Feedback {
    cipher: BlockCipher,
    encrypts: bool,
    /// What is encrypted next.
    register: [u8; BLOCK],
    /// The key stream of this segment.
    stream: Zeroizing<[u8; BLOCK]>,
    /// Bytes of the segment that are used up.
    used: usize,
}

impl Feedback {
    pub(super) fn start(job: Job, value: &[u8], params: &Params) -> Result<Self> {
        check_key(job, value)?;
        let Params::Iv(iv) = params else { return Err(bad_params("AES-CFB takes an initialisation vector")) };
        let mut register = [0; BLOCK];
        register.copy_from_slice(block_of(iv, BLOCK)?);
        // Both ways, only the register is encrypted.
        let cipher = BlockCipher::new(true, value).map_err(|_| engine_failed())?;
        let stream = Zeroizing::new([0; BLOCK]);
        Ok(Self { cipher, encrypts: job.encrypts(), register, stream, used: SEGMENT })
    }

    pub(super) fn apply(&mut self, data: &[u8]) -> Blob {
        let mut out = Blob::from(data);
        for byte in out.iter_mut() {
            if self.used == SEGMENT {
                self.stream.copy_from_slice(&self.register);
                self.cipher.apply(&mut self.stream);
                self.register.copy_within(SEGMENT.., 0);
                self.used = 0;
            }
            let given = *byte;
            *byte ^= self.stream[self.used];
            self.register[BLOCK - SEGMENT + self.used] = if self.encrypts { *byte } else { given };
            self.used += 1;
        }
        out
    }
}

impl Running for Feedback {
    fn update(&mut self, data: &[u8]) -> Result<Blob> {
        Ok(self.apply(data))
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        Ok(Blob::new())
    }
}
