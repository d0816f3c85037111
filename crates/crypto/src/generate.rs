//! Making keys.

use strongroom_model::{Algorithm, AttributeType, Attributes, Blob, Error, Mechanism, Result, ReturnCode};

use crate::ec::{self, Curve, EcPrivate, EcPublic};
use crate::operation::{no_params, spec};
use crate::rsa::{self, MAX_BITS, MIN_BITS, RsaPrivate};
use crate::{Key, random};

/// The public exponent where the template has none (PKCS#11 3.2 section 6.1.4).
const USUAL_EXPONENT: [u8; 3] = [1, 0, 1];
/// The engine makes primes in steps of 64 bits.
const STEP_BITS: u32 = 128;
/// The longest public exponent that the engine makes keys for, in bytes.
const MAX_EXPONENT: usize = 4;

/// A new key pair: the attributes of the key material, and the keys ready for use.
#[derive(Debug)]
pub struct KeyPair {
    /// RSA: `MODULUS`, `MODULUS_BITS`, `PUBLIC_EXPONENT`. EC: `EC_PARAMS`, `EC_POINT`.
    pub public: Attributes,
    /// RSA: `MODULUS`, `PUBLIC_EXPONENT`, `PRIVATE_EXPONENT`, `PRIME_1` to `COEFFICIENT`. EC: `EC_PARAMS`, `VALUE`.
    pub private: Attributes,
    /// The private key.
    pub key: Key,
    /// The public key.
    pub public_key: Key,
}

/// Makes a key pair. Of the template, RSA takes `MODULUS_BITS` (1,024 to 8,192 in steps of 128) and
/// `PUBLIC_EXPONENT` (odd, 3 to 2^32 - 1; 65,537 without it), EC takes `EC_PARAMS`.
///
/// RSA takes long: 50 ms for 2,048 bits, seconds for 8,192.
///
/// # Errors
/// `TEMPLATE_INCOMPLETE`, `KEY_SIZE_RANGE`, `ATTRIBUTE_VALUE_INVALID` (an exponent that can't be one),
/// `TEMPLATE_INCONSISTENT` (one that's too large), `CURVE_NOT_SUPPORTED`, `DOMAIN_PARAMS_INVALID`,
/// `MECHANISM_INVALID`, `MECHANISM_PARAM_INVALID`.
pub fn generate_pair(mechanism: &Mechanism, public_template: &Attributes) -> Result<KeyPair> {
    let spec = spec(mechanism)?;
    no_params(&mechanism.params)?;
    match spec.algorithm {
        Algorithm::RsaKeyPairGen => rsa_pair(public_template),
        Algorithm::EcKeyPairGen => ec_pair(public_template),
        _ => Err(Error::new(ReturnCode::MECHANISM_INVALID, format!("{} doesn't make key pairs", spec.name))),
    }
}

/// Makes the value of a secret key of `value_len` bytes: 16, 24 or 32 for AES, 1 to 4,096 for a generic
/// secret.
///
/// # Errors
/// `KEY_SIZE_RANGE`, `MECHANISM_INVALID`, `MECHANISM_PARAM_INVALID`.
pub fn generate_secret(mechanism: &Mechanism, value_len: usize) -> Result<Blob> {
    let spec = spec(mechanism)?;
    no_params(&mechanism.params)?;
    let fits = match spec.algorithm {
        Algorithm::AesKeyGen => matches!(value_len, 16 | 24 | 32),
        Algorithm::GenericKeyGen => (spec.min_key..=spec.max_key).contains(&(value_len as u64)),
        _ => {
            return Err(Error::new(
                ReturnCode::MECHANISM_INVALID,
                format!("{} doesn't make secret keys", spec.name),
            ));
        }
    };
    if !fits {
        return Err(Error::new(
            ReturnCode::KEY_SIZE_RANGE,
            format!("{} doesn't make keys of {value_len} bytes", spec.name),
        ));
    }
    Ok(random::blob(value_len))
}

fn rsa_pair(template: &Attributes) -> Result<KeyPair> {
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
        public: rsa::public_attributes(&public_key).with(AttributeType::MODULUS_BITS, u64::from(bits)),
        private: key.attributes()?,
        key: Key::RsaPrivate(key),
        public_key: Key::RsaPublic(public_key),
    })
}

fn ec_pair(template: &Attributes) -> Result<KeyPair> {
    let curve = Curve::from_attributes(template)?;
    // As the caller wrote them: an OID or a name.
    let params = template.bytes(AttributeType::EC_PARAMS).unwrap_or_default();
    let key = EcPrivate::generate(curve)?;
    let point = key.public_point()?;
    Ok(KeyPair {
        public: Attributes::new()
            .with(AttributeType::EC_PARAMS, params)
            .with(AttributeType::EC_POINT, ec::octet_string(&point)),
        private: Attributes::new()
            .with(AttributeType::EC_PARAMS, params)
            .with(AttributeType::VALUE, key.value()?),
        public_key: Key::EcPublic(EcPublic::new(curve, &point, ReturnCode::FUNCTION_FAILED)?),
        key: Key::EcPrivate(key),
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
