//! Key derivation functions that agreement mechanisms apply to the shared secret.

use strongroom_model::{AgreementKdf, Blob, Error, Hash, Result, ReturnCode, limits};

use super::counted;
use crate::digest::digest_into;

/// `len` bytes from the shared secret `z` and `shared`.
///
/// # Errors
///
/// `KEY_SIZE_RANGE` unless `len` is 1 to [`limits::MAX_ATTRIBUTE`] bytes; `MECHANISM_PARAM_INVALID` for an `OtherInfo`
/// without the place for a counter.
pub(crate) fn agreed(kdf: AgreementKdf, z: &[u8], shared: &[u8], len: usize) -> Result<Blob> {
    match kdf {
        AgreementKdf::X963(hash) => x963(hash, z, shared, len),
        AgreementKdf::Sp800(hash) => sp800(hash, z, shared, len),
        AgreementKdf::X942Asn1 => x942(z, shared, len),
    }
}

/// NIST SP 800-56A revision 3, section 5.8.2.1, option 1 (SP 800-56C section 4.1): the counter comes first.
fn sp800(hash: Hash, z: &[u8], shared: &[u8], len: usize) -> Result<Blob> {
    check_len(len)?;
    Ok(counted(hash.len(), len, |counter, block| {
        digest_into(hash, &[&counter.to_be_bytes(), z, shared], block);
    }))
}

/// RFC 2631 section 2.1.2 (ANSI X9.42), with SHA-1: `shared` is a DER-encoded `OtherInfo`, in which the counter is the
/// OCTET STRING of 4 bytes that ends the `KeySpecificInfo`.
fn x942(z: &[u8], shared: &[u8], len: usize) -> Result<Blob> {
    check_len(len)?;
    let at = counter_in(shared).ok_or_else(|| {
        Error::new(
            ReturnCode::MECHANISM_PARAM_INVALID,
            "the other info isn't one of X9.42: a SEQUENCE that begins with a SEQUENCE of an OID and 4 bytes",
        )
    })?;
    let (before, after) = (&shared[..at], &shared[at + 4..]);
    Ok(counted(Hash::Sha1.len(), len, |counter, block| {
        digest_into(Hash::Sha1, &[z, before, &counter.to_be_bytes(), after], block);
    }))
}

/// Where in an `OtherInfo` the counter is.
fn counter_in(info: &[u8]) -> Option<usize> {
    // A header's length and the content's; what X9.42 has is shorter than 64 KiB.
    let header = |at: usize, tag: u8| {
        let (first, rest) = info.get(at..)?.split_first()?;
        let (length, head) = match rest {
            [short @ 0..=0x7f, ..] => (usize::from(*short), 2),
            [0x81, length, ..] => (usize::from(*length), 3),
            [0x82, high, low, ..] => (usize::from(u16::from_be_bytes([*high, *low])), 4),
            _ => return None,
        };
        (*first == tag && info.len() - at >= head + length).then_some((at + head, length))
    };
    let (specific, _) = header(0, 0x30)?;
    let (oid, specific_len) = header(specific, 0x30)?;
    let (oid_content, oid_len) = header(oid, 0x06)?;
    let (counter, counter_len) = header(oid_content + oid_len, 0x04)?;
    (counter_len == 4 && counter + 4 <= oid + specific_len).then_some(counter)
}

fn check_len(len: usize) -> Result<()> {
    if (1..=limits::MAX_ATTRIBUTE).contains(&len) {
        return Ok(());
    }
    let message = format!("a derived key has 1 to {} bytes, not {len}", limits::MAX_ATTRIBUTE);
    Err(Error::new(ReturnCode::KEY_SIZE_RANGE, message))
}

/// The key derivation function of ANSI X9.63 (also SEC 1 section 3.6.1): `len` bytes from the shared
/// secret `z` and `shared_info`.
///
/// # Errors
///
/// `KEY_SIZE_RANGE` unless `len` is 1 to [`limits::MAX_ATTRIBUTE`] bytes; no key is longer.
pub fn x963(hash: Hash, z: &[u8], shared_info: &[u8], len: usize) -> Result<Blob> {
    check_len(len)?;
    Ok(counted(hash.len(), len, |counter, block| {
        digest_into(hash, &[z, &counter.to_be_bytes(), shared_info], block);
    }))
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
