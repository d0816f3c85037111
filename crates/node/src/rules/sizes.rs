//! Which keys a profile has: sizes, exponents, curves (cloudhsm.md 5.2, attacks.md A12).

use strongroom_model::{AttributeType as A, Attributes, Error, KeyType, Quirk, Regime, Result, ReturnCode};

/// The vendor's curves: secp224r1, secp256r1, secp384r1, secp521r1, secp256k1 and edwards25519, as OIDs in DER.
const CURVES: [&[u8]; 6] = [
    &[6, 5, 0x2b, 0x81, 4, 0, 0x21],
    &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7],
    &[6, 5, 0x2b, 0x81, 4, 0, 0x22],
    &[6, 5, 0x2b, 0x81, 4, 0, 0x23],
    &[6, 5, 0x2b, 0x81, 4, 0, 0x0a],
    &[6, 3, 0x2b, 0x65, 0x70],
];
/// 65,537.
const F4: u64 = 65_537;

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Exponent,
    Size,
    Curve,
}

/// Refuses a key that is to be generated, by the template that describes it.
///
/// # Errors
///
/// `CKR_ATTRIBUTE_VALUE_INVALID` for an RSA exponent, `CKR_KEY_SIZE_RANGE`, `CKR_CURVE_NOT_SUPPORTED`.
pub(crate) fn check_wanted(regime: Regime, key: KeyType, template: &Attributes) -> Result<()> {
    fault(regime, key, template).map_or(Ok(()), |fault| {
        let code = match fault {
            Fault::Exponent => ReturnCode::ATTRIBUTE_VALUE_INVALID,
            Fault::Size => ReturnCode::KEY_SIZE_RANGE,
            Fault::Curve => ReturnCode::CURVE_NOT_SUPPORTED,
        };
        Err(refusal(code, regime, fault))
    })
}

/// Refuses a key that comes from elsewhere, by its attributes.
///
/// # Errors
///
/// `CKR_ATTRIBUTE_VALUE_INVALID`, `CKR_CURVE_NOT_SUPPORTED`.
pub(crate) fn check_imported(regime: Regime, key: KeyType, attributes: &Attributes) -> Result<()> {
    fault(regime, key, attributes).map_or(Ok(()), |fault| {
        let code = match fault {
            Fault::Curve => ReturnCode::CURVE_NOT_SUPPORTED,
            Fault::Exponent | Fault::Size => ReturnCode::ATTRIBUTE_VALUE_INVALID,
        };
        Err(refusal(code, regime, fault))
    })
}

fn refusal(code: ReturnCode, regime: Regime, fault: Fault) -> Error {
    let what = match fault {
        Fault::Exponent => "RSA key with this exponent",
        Fault::Size => "key or group of this size",
        Fault::Curve => "key on this curve",
    };
    Error::new(code, format!("the profile {} has no {what}", regime.profile))
}

fn fault(regime: Regime, key: KeyType, attributes: &Attributes) -> Option<Fault> {
    let vendors = regime.has(Quirk::VendorSizes);
    let exponent = attributes.bytes(A::PUBLIC_EXPONENT).map(number);
    match key {
        KeyType::Rsa if regime.is_strict() => exponent.filter(|e| *e != Some(F4)).map(|_| Fault::Exponent),
        KeyType::Rsa if vendors => {
            // Those that don't fit into 64 bits are large enough.
            if exponent.flatten().is_some_and(|e| e < F4 || e % 2 == 0) {
                return Some(Fault::Exponent);
            }
            let bits = attributes.bytes(A::MODULUS).map(bits).or_else(|| attributes.ulong(A::MODULUS_BITS));
            bits.filter(|bits| !(2048..=4096).contains(bits) || bits % 256 != 0).map(|_| Fault::Size)
        }
        KeyType::Ec | KeyType::EcEdwards if vendors => {
            attributes.bytes(A::EC_PARAMS).filter(|curve| !CURVES.contains(curve)).map(|_| Fault::Curve)
        }
        KeyType::GenericSecret if vendors => {
            let len = attributes.bytes(A::VALUE).map(|value| value.len() as u64);
            let len = len.or_else(|| attributes.ulong(A::VALUE_LEN));
            len.filter(|len| !(1..=800).contains(len)).map(|_| Fault::Size)
        }
        KeyType::Dsa | KeyType::Dh | KeyType::X942Dh => {
            let odd = |attribute| {
                attributes.bytes(attribute).is_none_or(|number| number.last().is_some_and(|low| low % 2 == 1))
            };
            let base = attributes.bytes(A::BASE).map(bits);
            let primes = if key == KeyType::Dsa { 1024..=3072 } else { 1024..=8192 };
            let sound = odd(A::PRIME)
                && odd(A::SUBPRIME)
                && attributes.bytes(A::PRIME).map(bits).is_none_or(|bits| primes.contains(&bits))
                && base.is_none_or(|base| {
                    base > 1 && attributes.bytes(A::PRIME).map(bits).is_none_or(|prime| base <= prime)
                });
            (!sound).then_some(Fault::Size)
        }
        _ => None,
    }
}

/// A big-endian number, if it fits.
fn number(bytes: &[u8]) -> Option<u64> {
    let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn bits(bytes: &[u8]) -> u64 {
    let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
    bytes.first().map_or(0, |first| bytes.len() as u64 * 8 - u64::from(first.leading_zeros()))
}

#[cfg(test)]
mod tests {
    use strongroom_model::Profile;

    use super::*;

    #[test]
    fn the_vendors_sizes() {
        let code = |profile, key, template: Attributes| {
            check_wanted(Regime::of(profile), key, &template).err().map(|error| error.code)
        };
        let rsa = |bits: u64, exponent: &[u8]| {
            Attributes::new().with(A::MODULUS_BITS, bits).with(A::PUBLIC_EXPONENT, exponent)
        };
        let (cloudhsm, strict) = (Profile::CloudHsm, Profile::Strict);
        let usual: &[u8] = &[1, 0, 1];
        assert_eq!(code(cloudhsm, KeyType::Rsa, rsa(2304, usual)), None);
        assert_eq!(code(cloudhsm, KeyType::Rsa, rsa(2048, &[0, 1, 0, 3])), None);
        for bits in [1024, 2176, 4352] {
            assert_eq!(
                code(cloudhsm, KeyType::Rsa, rsa(bits, usual)),
                Some(ReturnCode::KEY_SIZE_RANGE),
                "{bits}"
            );
            assert_eq!(code(Profile::Standard, KeyType::Rsa, rsa(bits, &[3])), None);
        }
        for exponent in [&[3][..], &[1, 0, 0], &[1, 0, 2]] {
            let found = code(cloudhsm, KeyType::Rsa, rsa(2048, exponent));
            assert_eq!(found, Some(ReturnCode::ATTRIBUTE_VALUE_INVALID), "{exponent:?}");
        }
        assert_eq!(
            code(strict, KeyType::Rsa, rsa(2048, &[1, 0, 3])),
            Some(ReturnCode::ATTRIBUTE_VALUE_INVALID)
        );
        assert_eq!(code(strict, KeyType::Rsa, rsa(2048, &[0, 1, 0, 1])), None);
        let len = |len: u64| Attributes::new().with(A::VALUE_LEN, len);
        assert_eq!(code(cloudhsm, KeyType::GenericSecret, len(800)), None);
        assert_eq!(code(cloudhsm, KeyType::GenericSecret, len(801)), Some(ReturnCode::KEY_SIZE_RANGE));
        let curve = Attributes::new().with(A::EC_PARAMS, &[6, 9, 0x2b, 0x24, 3, 3, 2, 8, 1, 1, 7][..]);
        assert_eq!(code(cloudhsm, KeyType::Ec, curve), Some(ReturnCode::CURVE_NOT_SUPPORTED));
    }
}
