//! X25519 and X448 (RFC 7748).
//!
//! X25519 runs on AWS-LC; X448, which it doesn't have, on the crate `x448`.

use std::fmt;
use std::sync::Arc;

use strongroom_model::{Attributes, Blob, Error, Result, ReturnCode};
use zeroize::Zeroizing;

use crate::family::{Family, Job, Order, no_params};
use crate::ffi::curve25519::{self, x25519, x25519_public};
use crate::octets::{ByteCurve, Form, stated_params, stated_point};
use crate::{Key, KeyPair, ec, random};

/// Length of X448's keys and secrets in bytes.
const X448: usize = 56;

/// A private key on a Montgomery curve.
#[derive(Clone)]
pub struct MontgomeryPrivate {
    curve: &'static ByteCurve,
    value: Arc<Blob>,
    public: Arc<[u8]>,
}

/// A public key on a Montgomery curve.
#[derive(Clone)]
pub struct MontgomeryPublic {
    curve: &'static ByteCurve,
    bytes: Arc<[u8]>,
}

impl fmt::Debug for MontgomeryPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MontgomeryPrivate({})", self.curve.name)
    }
}

impl fmt::Debug for MontgomeryPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MontgomeryPublic({})", self.curve.name)
    }
}

impl MontgomeryPrivate {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let curve = ByteCurve::from_attributes(Form::Montgomery, attributes)?;
        Self::new(curve, Blob::from(curve.private_bytes(attributes)?))
    }

    /// From as many bytes as the curve's keys have. All of them are keys: some bits are set before use.
    fn new(curve: &'static ByteCurve, value: Blob) -> Result<Self> {
        let public = match <&[u8; curve25519::LEN]>::try_from(&value[..]) {
            Ok(value) => x25519_public(value).into(),
            Err(_) => x448(&value, &x448::X448_BASEPOINT_BYTES)
                .map(|public| public[..].into())
                .ok_or(ReturnCode::ATTRIBUTE_VALUE_INVALID)?,
        };
        Ok(Self { curve, value: Arc::new(value), public })
    }

    pub(crate) fn generate(curve: &'static ByteCurve) -> Result<Self> {
        Self::new(curve, random::blob(curve.len))
    }

    /// The curve.
    pub fn curve(&self) -> &'static ByteCurve {
        self.curve
    }

    /// The private key's bytes.
    pub(crate) fn value(&self) -> Blob {
        (*self.value).clone()
    }

    /// The public key's bytes.
    pub(crate) fn public_bytes(&self) -> &[u8] {
        &self.public
    }

    /// The secret shared with the owner of another public key; `refusal` is what a bad one is answered with. One of small
    /// order gives zeros whatever the private key is, and is refused (RFC 7748 section 6).
    pub(crate) fn agree(&self, public: &[u8], refusal: ReturnCode) -> Result<Blob> {
        let public = self.curve.public_bytes(public, refusal)?;
        let secret = match (self.value[..].try_into(), public.try_into()) {
            (Ok(value), Ok(public)) => x25519(value, public).ok(),
            _ => x448(&self.value, public),
        };
        secret.ok_or_else(|| Error::new(refusal, "the other side's public key is of small order"))
    }
}

impl MontgomeryPublic {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let curve = ByteCurve::from_attributes(Form::Montgomery, attributes)?;
        Self::new(curve, stated_point(attributes)?)
    }

    /// Refuses what is of small order. Any other number is a public key, on the curve or on its twist.
    pub(crate) fn new(curve: &'static ByteCurve, bytes: &[u8]) -> Result<Self> {
        let bytes = curve.public_bytes(bytes, ReturnCode::ATTRIBUTE_VALUE_INVALID)?;
        // Any private key finds out.
        MontgomeryPrivate { curve, value: Arc::new(Blob::zeroed(curve.len)), public: [].into() }
            .agree(bytes, ReturnCode::ATTRIBUTE_VALUE_INVALID)?;
        Ok(Self { curve, bytes: bytes.into() })
    }

    /// The curve.
    pub fn curve(&self) -> &'static ByteCurve {
        self.curve
    }

    /// The public key's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// X448; nothing for a public key of small order or another length.
fn x448(value: &[u8], public: &[u8]) -> Option<Blob> {
    let value: Zeroizing<[u8; X448]> = Zeroizing::new(value.try_into().ok()?);
    let secret = Zeroizing::new(x448::x448(*value, public.try_into().ok()?)?);
    // The crate looks for small order by itself; zeros must not get past in any case.
    if bool::from(subtle::ConstantTimeEq::ct_eq(&secret[..], &[0; X448][..])) {
        return None;
    }
    Some(Blob::from(&secret[..]))
}

/// Keys on Montgomery curves. What is done with them is in [`ec`], since the mechanisms are the same.
pub(crate) struct Montgomery;

impl Family for Montgomery {
    fn derive(&self, job: &Job<'_>, len: Option<usize>) -> Result<Blob> {
        ec::Ec.derive(job, len)
    }

    fn generate_pair(&self, order: &Order<'_>, public_template: &Attributes) -> Result<KeyPair> {
        no_params(order.params)?;
        let curve = ByteCurve::from_attributes(Form::Montgomery, public_template)?;
        let params = stated_params(public_template);
        let key = MontgomeryPrivate::generate(curve)?;
        Ok(KeyPair {
            public: curve.public_attributes(params, key.public_bytes()),
            private: curve.private_attributes(params, &key.value),
            public_key: Key::MontgomeryPublic(MontgomeryPublic { curve, bytes: Arc::clone(&key.public) }),
            key: Key::MontgomeryPrivate(key),
        })
    }
}
