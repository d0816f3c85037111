//! Nonces of messages: the caller's, random ones, and counters (PKCS#11 3.2 section 6.13.3).

use strongroom_model::{Blob, Result};

use super::Nodes;
use super::calls::random_bytes;
use crate::params::message::{Generator, MessageParams, refusal};

/// The least bits that must be random: among 2^32 messages with as many, two have the same with a probability of a half,
/// so fewer aren't worth the name. NIST SP 800-38D section 8.2.2 wants 96 of GCM, which is what a nonce of 12 bytes has
/// that isn't fixed.
const MIN_RANDOM_BITS: u64 = 64;

/// Where messages with one key have come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nonces {
    counter: u64,
}

impl Nonces {
    /// The next message's nonce.
    ///
    /// # Errors
    ///
    /// `CKR_MECHANISM_PARAM_INVALID` for too few bits that are to be random, and for a counter that has come to its end.
    pub(super) fn next(&mut self, nodes: &dyn Nodes, params: &MessageParams) -> Result<Blob> {
        let given = params.nonce()?;
        let free_bits = given.len() as u64 * 8 - params.fixed_bits;
        let fresh = match params.generator {
            Generator::Given => return Ok(given),
            Generator::Random if free_bits < MIN_RANDOM_BITS => {
                return Err(refusal("was told to make up less than 64 bits of a nonce at random"));
            }
            Generator::Random => random_bytes(nodes, given.len())?,
            Generator::Counter => self.count(given.len(), free_bits)?,
            Generator::CounterXor => {
                let mut counted = self.count(given.len(), free_bits)?;
                counted.iter_mut().zip(given.iter()).for_each(|(byte, given)| *byte ^= given);
                counted
            }
        };
        Ok(joined(&given, &fresh, params.fixed_bits))
    }

    /// The counter in the last bytes of a nonce.
    fn count(&mut self, len: usize, free_bits: u64) -> Result<Blob> {
        let exhausted = free_bits < 64 && self.counter >> free_bits != 0;
        let next = self.counter.checked_add(1).filter(|_| !exhausted);
        let Some(next) = next else { return Err(refusal("has used up all nonces with these fixed bits")) };
        let counter = std::mem::replace(&mut self.counter, next).to_be_bytes();
        let mut nonce = Blob::zeroed(len);
        nonce.iter_mut().rev().zip(counter.iter().rev()).for_each(|(byte, counted)| *byte = *counted);
        Ok(nonce)
    }
}

/// The first bits of `fixed`, and the others of `free`.
fn joined(fixed: &[u8], free: &[u8], fixed_bits: u64) -> Blob {
    let mut nonce = Blob::from(free);
    for (at, (byte, fixed)) in (0u64..).zip(nonce.iter_mut().zip(fixed)) {
        let kept = fixed_bits.saturating_sub(at * 8).min(8);
        let mask = 0xff_u8.checked_shr(kept as u32).unwrap_or(0);
        *byte = (*byte & mask) | (fixed & !mask);
    }
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_bits_stay() {
        let nonce = |bits| joined(&[0xff; 3], &[0; 3], bits).to_vec();
        assert_eq!(nonce(0), [0, 0, 0]);
        assert_eq!(nonce(1), [0x80, 0, 0]);
        assert_eq!(nonce(8), [0xff, 0, 0]);
        assert_eq!(nonce(12), [0xff, 0xf0, 0]);
        assert_eq!(nonce(24), [0xff; 3]);
        assert_eq!(joined(&[0; 2], &[0xff; 2], 3).to_vec(), [0x1f, 0xff]);
    }

    #[test]
    fn counters_start_at_zero_and_end_where_their_bits_do() {
        let mut nonces = Nonces::default();
        let counted: Vec<_> = (0..4).map(|_| nonces.count(3, 2).unwrap().to_vec()).collect();
        assert_eq!(counted, [[0, 0, 0], [0, 0, 1], [0, 0, 2], [0, 0, 3]]);
        assert!(nonces.count(3, 2).is_err());
        let mut nonces = Nonces { counter: 0x1_0203 };
        assert_eq!(nonces.count(12, 96).unwrap()[9..], [1, 2, 3]);
        assert!(Nonces { counter: u64::MAX }.count(12, 96).is_err());
        assert!(Nonces::default().count(12, 0).is_ok(), "one message takes no counting");
    }
}
