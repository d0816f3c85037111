//! Key derivation functions.

use strongroom_model::{Blob, Error, Hash, Result, ReturnCode, limits};

use crate::digest::digest_into;

/// The key derivation function of ANSI X9.63 (also SEC 1 section 3.6.1): `len` bytes from the shared
/// secret `z` and `shared_info`.
///
/// # Errors
///
/// `KEY_SIZE_RANGE` unless `len` is 1 to [`limits::MAX_ATTRIBUTE`] bytes; no key is longer.
pub fn x963(hash: Hash, z: &[u8], shared_info: &[u8], len: usize) -> Result<Blob> {
    if !(1..=limits::MAX_ATTRIBUTE).contains(&len) {
        let message = format!("a derived key has 1 to {} bytes, not {len}", limits::MAX_ATTRIBUTE);
        return Err(Error::new(ReturnCode::KEY_SIZE_RANGE, message));
    }
    let mut key = Blob::zeroed(len.next_multiple_of(hash.len()));
    for (counter, block) in (1u32..).zip(key.chunks_exact_mut(hash.len())) {
        digest_into(hash, &[z, &counter.to_be_bytes(), shared_info], block);
    }
    key.truncate(len);
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::hex::unhex;

    /// NIST CAVP, "ANS X9.63 KDF" (ansx963_2001.rsp), SHA-256.
    #[test]
    fn known_answers() {
        let cases = [
            ("96c05619d56c328ab95fe84b18264b08725b85e33fd34f08", "", "443024c3dae66b95e6f5670601558f71"),
            ("96f600b73ad6ac5629577eced51743dd2c24c21b1ac83ee4", "", "b6295162a7804f5667ba9070f82fa522"),
            (
                "22518b10e70f2a3f243810ae3254139efbee04aa57c7af7d",
                "75eef81aa3041e33b80971203d2c0c52",
                "c498af77161cc59f2962b9a713e2b215152d139766ce34a776df11866a69bf2e\
                 52a13d9c7c6fc878c50c5ea0bc7b00e0da2447cfd874f6cf92f30d0097111485\
                 500c90c3af8b487872d04685d14c8d1dc8d7fa08beb0ce0ababc11f0bd496269\
                 142d43525a78e5bc79a17f59676a5706dc54d54d4d1f0bd7e386128ec26afc21",
            ),
        ];
        for (z, shared, expected) in cases {
            let expected = unhex(expected);
            let key = x963(Hash::Sha256, &unhex(z), &unhex(shared), expected.len()).unwrap();
            assert_eq!(key.as_slice(), expected);
        }
    }

    #[test]
    fn any_length_is_a_prefix_of_a_longer_one() {
        for hash in Hash::ALL {
            let long = x963(hash, b"secret", b"info", 200).unwrap();
            for len in 1..200 {
                assert_eq!(x963(hash, b"secret", b"info", len).unwrap().as_slice(), &long[..len]);
            }
        }
    }

    #[test]
    fn refuses_lengths_that_no_key_has() {
        for len in [0, limits::MAX_ATTRIBUTE + 1, usize::MAX] {
            let error = x963(Hash::Sha1, b"secret", b"", len).unwrap_err();
            assert_eq!(error.code, ReturnCode::KEY_SIZE_RANGE);
        }
    }
}
