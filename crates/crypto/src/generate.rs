//! Making keys.

use strongroom_model::{Attributes, Blob, Mechanism, Purposes, Result};

use crate::Key;
use crate::family::{Derived, Order, Parameters};

/// A new key pair: the attributes of the key material, and the keys ready for use.
#[derive(Debug)]
pub struct KeyPair {
    /// RSA: `MODULUS`, `MODULUS_BITS`, `PUBLIC_EXPONENT`. EC: `EC_PARAMS`, `EC_POINT`. ML-KEM, ML-DSA,
    /// SLH-DSA: `PARAMETER_SET`, `VALUE`.
    pub public: Attributes,
    /// RSA: `MODULUS`, `PUBLIC_EXPONENT`, `PRIVATE_EXPONENT`, `PRIME_1` to `COEFFICIENT`. EC: `EC_PARAMS`, `VALUE`.
    /// ML-KEM, ML-DSA: `PARAMETER_SET`, `SEED`, `VALUE`. SLH-DSA: `PARAMETER_SET`, `VALUE`.
    pub private: Attributes,
    /// The private key.
    pub key: Key,
    /// The public key.
    pub public_key: Key,
}

/// Makes a key pair. Of the template, RSA takes `MODULUS_BITS` (1,024 to 8,192 in steps of 128) and
/// `PUBLIC_EXPONENT` (odd, 3 to 2^32 - 1; 65,537 without it), EC takes `EC_PARAMS`, ML-KEM,
/// ML-DSA and SLH-DSA take `PARAMETER_SET`.
///
/// RSA takes long: 50 ms for 2,048 bits, seconds for 8,192.
///
/// # Errors
/// `TEMPLATE_INCOMPLETE`, `KEY_SIZE_RANGE`, `ATTRIBUTE_VALUE_INVALID` (an exponent that can't be one),
/// `TEMPLATE_INCONSISTENT` (one that's too large), `CURVE_NOT_SUPPORTED`, `DOMAIN_PARAMS_INVALID`,
/// `MECHANISM_INVALID`, `MECHANISM_PARAM_INVALID`.
pub fn generate_pair(mechanism: &Mechanism, public_template: &Attributes) -> Result<KeyPair> {
    let order = Order::new(mechanism, Purposes::GENERATE_PAIR)?;
    order.family.generate_pair(&order, public_template)
}

/// Makes the value of a secret key of `value_len` bytes: 16, 24 or 32 for AES, 1 to 4,096 for a generic
/// secret.
///
/// # Errors
/// `KEY_SIZE_RANGE`, `MECHANISM_INVALID`, `MECHANISM_PARAM_INVALID`.
pub fn generate_secret(mechanism: &Mechanism, value_len: usize) -> Result<Blob> {
    let order = Order::new(mechanism, Purposes::GENERATE)?;
    order.family.generate_secret(&order, value_len)
}

/// Makes a secret key's value, and what the mechanism gives beside it: from random bytes or, with PBKDF2 and PKCS #12, from a
/// password. `len` is in bytes; some mechanisms settle it.
///
/// # Errors
/// As [`generate_secret`]; `TEMPLATE_INCOMPLETE` where the length is needed.
pub fn generate_key(mechanism: &Mechanism, len: Option<usize>) -> Result<Derived> {
    let order = Order::new(mechanism, Purposes::GENERATE)?;
    order.family.generate_all(&order, len)
}

/// Makes domain parameters: `PRIME`, `BASE` and, for X9.42 and DSA, `SUBPRIME`, from `PRIME_BITS` and `SUBPRIME_BITS`.
///
/// # Errors
/// `TEMPLATE_INCOMPLETE`, `ATTRIBUTE_VALUE_INVALID` (sizes that aren't supported), `MECHANISM_INVALID`.
pub fn generate_parameters(mechanism: &Mechanism, template: &Attributes) -> Result<Parameters> {
    let order = Order::new(mechanism, Purposes::GENERATE)?;
    order.family.generate_parameters(&order, template)
}
