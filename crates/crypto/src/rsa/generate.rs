//! Making RSA key pairs.

use strongroom_model::{AttributeType, Attributes, Error, Result, ReturnCode};

use super::{MAX_BITS, MIN_BITS, RsaPrivate, public_attributes};
use crate::{Key, KeyPair};

/// The public exponent where the template has none (PKCS#11 3.2 section 6.1.4).
const USUAL_EXPONENT: [u8; 3] = [1, 0, 1];
/// The engine makes primes in steps of 64 bits.
const STEP_BITS: u32 = 128;
/// The longest public exponent that the engine makes keys for, in bytes.
const MAX_EXPONENT: usize = 4;

pub(super) fn pair(template: &Attributes) -> Result<KeyPair> {
    let bits = template.ulong(AttributeType::MODULUS_BITS).ok_or_else(|| {
        Error::new(
            ReturnCode::TEMPLATE_INCOMPLETE,
            "an RSA key pair needs CKA_MODULUS_BITS in the public template",
        )
    })?;
    let bits = u32::try_from(bits)
        .ok()
        .filter(|bits| (MIN_BITS..=MAX_BITS).contains(bits) && bits % STEP_BITS == 0)
        .ok_or_else(|| {
            Error::new(
                ReturnCode::KEY_SIZE_RANGE,
                format!(
                    "an RSA modulus has {MIN_BITS} to {MAX_BITS} bits in steps of {STEP_BITS}, not {bits}"
                ),
            )
        })?;
    let exponent = template.bytes(AttributeType::PUBLIC_EXPONENT).unwrap_or(&USUAL_EXPONENT);
    check_exponent(exponent)?;
    let key = RsaPrivate::generate(bits, exponent)?;
    let public_key = key.to_public()?;
    Ok(KeyPair {
        public: public_attributes(&public_key).with(AttributeType::MODULUS_BITS, u64::from(bits)),
        private: key.attributes()?,
        key: Key::RsaPrivate(key),
        public_key: Key::RsaPublic(public_key),
    })
}

fn check_exponent(exponent: &[u8]) -> Result<()> {
    let zeros = exponent.iter().take_while(|byte| **byte == 0).count();
    match &exponent[zeros..] {
        [.., last] if last % 2 == 0 => invalid_exponent(),
        [] | [1] => invalid_exponent(),
        number if number.len() > MAX_EXPONENT => Err(Error::new(
            ReturnCode::TEMPLATE_INCONSISTENT,
            "RSA keys are made with public exponents below 2^32; use 65537",
        )),
        _ => Ok(()),
    }
}

fn invalid_exponent() -> Result<()> {
    Err(Error::new(
        ReturnCode::ATTRIBUTE_VALUE_INVALID,
        "an RSA public exponent is odd and at least 3; use 65537",
    ))
}
