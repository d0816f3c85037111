//! Which bytes are a public key on an Edwards curve. Nothing here is secret.

use ed448_goldilocks::VerifyingKey;
use ed448_goldilocks::elliptic_curve::group::GroupEncoding;
use strongroom_model::Result;

use crate::ffi::bignum::Number;
use crate::ffi::curve25519::LEN;

/// p = 2^255 - 19.
const P: [u8; LEN] = {
    let mut p = [0xff; LEN];
    p[0] = 0x7f;
    p[LEN - 1] = 0xed;
    p
};
/// d of edwards25519 (RFC 8032 section 5.1).
const D: [u8; LEN] = [
    0x52, 0x03, 0x6c, 0xee, 0x2b, 0x6f, 0xfe, 0x73, 0x8c, 0xc7, 0x40, 0x79, 0x77, 0x79, 0xe8, 0x98, 0x00,
    0x70, 0x0a, 0x4d, 0x41, 0x41, 0xd8, 0xab, 0x75, 0xeb, 0x4d, 0xca, 0x13, 0x59, 0x78, 0xa3,
];

/// Whether bytes are a point of edwards25519 (RFC 8032 section 5.1.3), in the one way in which it's written, and not one
/// of the eight whose order divides the cofactor.
pub(super) fn is_public_25519(bytes: &[u8; LEN]) -> Result<bool> {
    let mut big_endian = *bytes;
    big_endian.reverse();
    big_endian[0] &= 0x7f;
    let (p, y) = (Number::from_bytes(&P)?, Number::from_bytes(&big_endian)?);
    let zero = Number::from_bytes(&[])?;
    // y = 0 is a point of order 4; y = 1 and y = -1 are those of order 1 and 2.
    if y >= p || y == zero || y.is_one() || y == p.minus(1)? {
        return Ok(false);
    }
    let square = y.times_modulo(&y, &p)?;
    let scaled = Number::from_bytes(&D)?.times_modulo(&square, &p)?;
    // x^2 = (y^2 - 1) / (d y^2 + 1) has a root if (y^2 - 1) (d y^2 + 1) has one. Neither is 0: y isn't 1 or -1, and
    // -1/d is no square.
    let one = Number::from_u64(1)?;
    let (numerator, denominator) = (square.minus(1)?, scaled.plus(&one)?);
    let half = p.minus(1)?.halved()?;
    if !numerator.times_modulo(&denominator, &p)?.power_modulo(&half, &p)?.is_one() {
        return Ok(false);
    }
    // The double of a point of order 8 is one of order 4, whose y is 0. So x^2 + y^2 = 0, with which the curve's equation
    // becomes d y^4 + 2 y^2 = 1.
    let quartic = scaled.times_modulo(&square, &p)?;
    Ok(!quartic.plus(&square)?.plus(&square)?.modulo(&p)?.is_one())
}

/// The key that bytes are: a point of edwards448 (RFC 8032 section 5.2.3) in the one way in which it's written, of the
/// group's own order, and not the neutral one.
pub(super) fn public_448(bytes: &[u8]) -> Option<VerifyingKey> {
    let key = VerifyingKey::from_bytes(bytes.try_into().ok()?).ok()?;
    // The crate overlooks bits that must be 0, and numbers that are too large.
    (key.to_edwards().to_bytes()[..] == *bytes).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::hex::unhex;

    fn is_public(hex: &str) -> bool {
        let bytes = unhex(hex);
        match <&[u8; LEN]>::try_from(&bytes[..]) {
            Ok(bytes) => is_public_25519(bytes).unwrap(),
            Err(_) => public_448(&bytes).is_some(),
        }
    }

    /// RFC 8032 section 7.1 and 7.4, and the base points.
    #[test]
    fn keys_are_taken() {
        for key in [
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "5866666666666666666666666666666666666666666666666666666666666666",
            "58666666666666666666666666666666666666666666666666666666666666e6",
            "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256180",
        ] {
            assert!(is_public(key), "{key}");
        }
    }

    /// All points of order 1, 2, 4 and 8, in every way in which decoders have taken them; numbers that aren't less than
    /// p; a number that no point has.
    #[test]
    fn what_cannot_be_a_key_is_refused() {
        for key in [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0000000000000000000000000000000000000000000000000000000000000080",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "0200000000000000000000000000000000000000000000000000000000000000",
            "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000080",
            "010000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
            "fefffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffff00",
            "5fd7449b59b461fd2ce787ec616ad46a1da1342485a70e1f8a0ea75d80e96778edf124769b46c7061bd6783df1e50f6cd1fa1abeafe8256181",
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00",
        ] {
            assert!(!is_public(key), "{key}");
        }
    }
}
