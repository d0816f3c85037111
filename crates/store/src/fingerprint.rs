//! A fingerprint of all records that costs only what changed.
//!
//! The content's sum is the sum modulo 2^256 of SHA-256 over each record. It doesn't depend on any
//! order, and a commit updates it from the records that it touches. Together with the number of
//! records it makes a changed, missing or additional record visible.
//!
//! It detects damage, not malice: sets with equal sums can be computed on purpose (generalised
//! birthday attack, Wagner 2002). That a record is genuine is the business of its seal.

use sha2::{Digest, Sha256};

use crate::Revision;

/// A SHA-256 digest.
pub(crate) type Hash = [u8; 32];

/// The hash of one record. The key's length is part of it, so that bytes can't move between the two.
pub(crate) fn hash_record(key: &[u8], value: &[u8]) -> Hash {
    Sha256::new()
        .chain_update(b"strongroom record 1")
        .chain_update((key.len() as u64).to_le_bytes())
        .chain_update(key)
        .chain_update(value)
        .finalize()
        .into()
}

/// A sum of record hashes modulo 2^256, least significant part first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum([u64; 4]);

impl Sum {
    pub(crate) fn add(&mut self, hash: &Hash) {
        let mut carry = false;
        for (limb, term) in self.0.iter_mut().zip(limbs(hash)) {
            let (partial, first) = limb.overflowing_add(term);
            let (total, second) = partial.overflowing_add(u64::from(carry));
            (*limb, carry) = (total, first || second);
        }
    }

    pub(crate) fn subtract(&mut self, hash: &Hash) {
        let mut borrow = false;
        for (limb, term) in self.0.iter_mut().zip(limbs(hash)) {
            let (partial, first) = limb.overflowing_sub(term);
            let (total, second) = partial.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (total, first || second);
        }
    }
}

/// What a store knows of its content; written with every commit, in the same batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    /// How many commits there were.
    pub(crate) generation: u64,
    pub(crate) revision: Revision,
    /// The number of records.
    pub(crate) count: u64,
    pub(crate) sum: Sum,
    /// The digest of the state before, which chains each state to all that led to it.
    pub(crate) previous: Hash,
}

impl State {
    const VERSION: u32 = 1;
    const LEN: usize = 4 + 8 + 8 + 8 + 32 + 32;

    /// The digest that the witness keeps.
    pub(crate) fn digest(&self) -> Hash {
        Sha256::new().chain_update(b"strongroom state 1").chain_update(self.fields()).finalize().into()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.fields();
        bytes.extend_from_slice(&self.digest());
        bytes
    }

    /// `None` if these aren't the bytes of a state.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (fields, digest) = bytes.split_at_checked(Self::LEN)?;
        let (version, fields) = fields.split_first_chunk::<4>()?;
        if u32::from_le_bytes(*version) != Self::VERSION {
            return None;
        }
        let mut numbers = fields.chunks_exact(8).map(|part| part.try_into().map_or(0, u64::from_le_bytes));
        let mut next = || numbers.next().unwrap_or_default();
        let state = Self {
            generation: next(),
            revision: next(),
            count: next(),
            sum: Sum([next(), next(), next(), next()]),
            previous: *fields.last_chunk()?,
        };
        (digest == state.digest()).then_some(state)
    }

    fn fields(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LEN + 32);
        bytes.extend_from_slice(&Self::VERSION.to_le_bytes());
        for number in [self.generation, self.revision, self.count].iter().chain(&self.sum.0) {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.previous);
        bytes
    }
}

fn limbs(hash: &Hash) -> impl Iterator<Item = u64> {
    hash.chunks_exact(8).map(|part| part.try_into().map_or(0, u64::from_le_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_forgets_the_order_and_what_was_taken_out() {
        let hashes: Vec<Hash> = (0..100u8).map(|n| hash_record(&[n], &[n; 40])).collect();
        let (mut up, mut down) = (Sum::default(), Sum::default());
        hashes.iter().for_each(|hash| up.add(hash));
        hashes.iter().rev().for_each(|hash| down.add(hash));
        assert_eq!(up, down);
        hashes[50..].iter().for_each(|hash| up.subtract(hash));
        let mut half = Sum::default();
        hashes[..50].iter().for_each(|hash| half.add(hash));
        assert_eq!(up, half);
    }

    #[test]
    fn the_sum_carries_and_borrows_through_all_limbs() {
        let mut sum = Sum([u64::MAX; 4]);
        let mut one = [0; 32];
        one[0] = 1;
        sum.add(&one);
        assert_eq!(sum, Sum::default());
        sum.subtract(&one);
        assert_eq!(sum, Sum([u64::MAX; 4]));
        sum.add(&[0xff; 32]);
        assert_eq!(sum, Sum([u64::MAX - 1, u64::MAX, u64::MAX, u64::MAX]));
    }

    #[test]
    fn bytes_do_not_move_between_key_and_value() {
        assert_ne!(hash_record(b"ab", b"c"), hash_record(b"a", b"bc"));
    }

    #[test]
    fn a_state_survives_its_encoding_and_any_flipped_bit_shows() {
        let mut state = State { generation: 3, revision: 7, count: 1, previous: [9; 32], ..State::default() };
        state.sum.add(&hash_record(b"k", b"v"));
        let bytes = state.encode();
        assert_eq!(State::decode(&bytes), Some(state));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(State::decode(&damaged), None, "bit {bit}");
        }
        assert_eq!(State::decode(&bytes[..bytes.len() - 1]), None);
    }
}
