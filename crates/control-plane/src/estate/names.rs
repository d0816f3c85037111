//! Names of new things: random, in the patterns of the model.

use std::fmt;

use rand::TryRng as _;
use rand::rngs::SysRng;
use sha2::{Digest as _, Sha256};

use crate::ApiError;

/// The characters of AWS's ids without those that come in two cases (control-plane.md 2.1).
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const HEX: &[u8; 16] = b"0123456789abcdef";
const ID_LEN: usize = 11;
const HEX_LEN: usize = 17;

/// An id such as `cluster-...` or `hsm-...`.
pub(super) fn id<T: TryFrom<String, Error: fmt::Display>>(prefix: &str) -> Result<T, ApiError> {
    named(prefix, LETTERS, ID_LEN)
}

/// An id such as `eni-...` or `sg-...`.
pub(super) fn hex_id<T: TryFrom<String, Error: fmt::Display>>(prefix: &str) -> Result<T, ApiError> {
    named(prefix, HEX, HEX_LEN)
}

/// As [`hex_id`], always the same for the same seed.
pub(super) fn hex_id_of(prefix: &str, seed: &str) -> String {
    let digest = Sha256::digest(seed.as_bytes());
    let digits = digest.iter().take(HEX_LEN).map(|byte| char::from(HEX[usize::from(byte % 16)]));
    format!("{prefix}-{}", digits.collect::<String>())
}

fn named<T: TryFrom<String, Error: fmt::Display>>(
    prefix: &str,
    alphabet: &[u8],
    len: usize,
) -> Result<T, ApiError> {
    let mut random = [0; HEX_LEN];
    SysRng.try_fill_bytes(&mut random).map_err(|error| {
        ApiError::internal(format!("the operating system has no random numbers: {error}"))
    })?;
    // Both alphabets' lengths divide 256.
    let letters =
        random.iter().take(len).map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]));
    T::try_from(format!("{prefix}-{}", letters.collect::<String>()))
        .map_err(|error| ApiError::internal(error.to_string()))
}
