//! Elliptic curves: keys, ECDSA and ECDH.

mod curve;
mod hybrid;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use p256::pkcs8::der::asn1::OctetStringRef;
use p256::pkcs8::der::{Decode, Encode};
use strongroom_model::{AttributeType, Attributes, Blob, Error, MechanismSpec, Params, Result, ReturnCode};

pub use curve::Curve;
pub(crate) use curve::CurveName;

use crate::family::{Family, Job, Order, no_params};
use crate::ffi::bignum::Number;
use crate::ffi::ec::{EcKey, Point};
use crate::operation::Input;
use crate::stream::StreamKind;
use crate::{Key, KeyPair, digest, kdf};

/// A private key on an elliptic curve.
#[derive(Clone)]
pub struct EcPrivate {
    curve: &'static Curve,
    key: Arc<EcKey>,
}

/// A public key on an elliptic curve.
#[derive(Clone)]
pub struct EcPublic {
    curve: &'static Curve,
    key: Arc<EcKey>,
}

impl fmt::Debug for EcPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EcPrivate({})", self.curve.name)
    }
}

impl fmt::Debug for EcPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EcPublic({})", self.curve.name)
    }
}

impl EcPrivate {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let curve = Curve::from_attributes(attributes)?;
        let value = attributes.bytes(AttributeType::VALUE).ok_or_else(|| {
            Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "a private key on an elliptic curve needs CKA_VALUE")
        })?;
        Self::new(curve, value)
    }

    pub(crate) fn new(curve: &'static Curve, value: &[u8]) -> Result<Self> {
        let invalid = || {
            Error::new(
                ReturnCode::ATTRIBUTE_VALUE_INVALID,
                format!("the private value must be more than 0 and less than the order of {}", curve.name),
            )
        };
        // A longer one has leading zeros or is too large.
        if value.len() > 2 * curve.group.len() {
            return Err(invalid());
        }
        let value = Number::from_bytes(value)?;
        let key = EcKey::from_private(curve.group, &value).map_err(|_| invalid())?;
        Ok(Self { curve, key: Arc::new(key) })
    }

    pub(crate) fn generate(curve: &'static Curve) -> Result<Self> {
        Ok(Self { curve, key: Arc::new(EcKey::generate(curve.group)?) })
    }

    /// The curve.
    pub fn curve(&self) -> &'static Curve {
        self.curve
    }

    /// The private value, as long as the order.
    pub(crate) fn value(&self) -> Result<Blob> {
        Ok(self.key.private_value()?)
    }

    /// The public point, uncompressed.
    pub(crate) fn public_point(&self) -> Result<Vec<u8>> {
        Ok(self.key.public_point()?)
    }

    /// The secret shared with the owner of another public key; `refusal` is what a bad one is answered with.
    fn agree(&self, public: &[u8], refusal: ReturnCode) -> Result<Blob> {
        let peer = parse_point(self.curve, public, refusal)?;
        let unusable = |_| Error::new(refusal, "the other side's public point can't be used");
        self.key.agree(&peer).map_err(unusable)
    }
}

impl EcPublic {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let curve = Curve::from_attributes(attributes)?;
        let point = attributes.bytes(AttributeType::EC_POINT).ok_or_else(|| {
            Error::new(
                ReturnCode::TEMPLATE_INCOMPLETE,
                "a public key on an elliptic curve needs CKA_EC_POINT",
            )
        })?;
        Self::new(curve, point, ReturnCode::ATTRIBUTE_VALUE_INVALID)
    }

    /// `refusal` is what a bad point is answered with.
    pub(crate) fn new(curve: &'static Curve, point: &[u8], refusal: ReturnCode) -> Result<Self> {
        let key = EcKey::from_public(&parse_point(curve, point, refusal)?)?;
        Ok(Self { curve, key: Arc::new(key) })
    }

    /// The curve.
    pub fn curve(&self) -> &'static Curve {
        self.curve
    }

    /// The public point, uncompressed.
    pub(crate) fn public_point(&self) -> Result<Vec<u8>> {
        Ok(self.key.public_point()?)
    }
}

/// ECDSA, ECDH, and keys for them.
pub(crate) struct Ec;

impl Family for Ec {
    fn sign(&self, job: &Job<'_>, input: Input<'_>) -> Result<Blob> {
        match job.key {
            Key::EcPrivate(key) => sign(key, job.spec, job.params, input),
            _ => Err(job.wrong_key()),
        }
    }

    fn verify(&self, job: &Job<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        match job.key {
            Key::EcPublic(key) => verify(key, job.spec, job.params, input, signature),
            _ => Err(job.wrong_key()),
        }
    }

    fn derive(&self, job: &Job<'_>, len: Option<usize>) -> Result<Blob> {
        derive(job, len)
    }

    fn wrap(&self, job: &Job<'_>, plain: &[u8]) -> Result<Blob> {
        hybrid::wrap(job, plain)
    }

    fn unwrap(&self, job: &Job<'_>, wrapped: &[u8], _lengths: &[usize]) -> Result<Blob> {
        hybrid::unwrap(job, wrapped)
    }

    fn generate_pair(&self, order: &Order<'_>, public_template: &Attributes) -> Result<KeyPair> {
        no_params(order.params)?;
        // `CKM_EC_KEY_PAIR_GEN_W_EXTRA_BITS` differs in how a number below the order is drawn (FIPS 186-5 appendix A.2). The
        // engine draws until one fits, in constant time, which needs no extra bits: there is no bias that they would hide.
        pair(public_template)
    }

    fn check(&self, kind: StreamKind, job: &Job<'_>) -> Result<()> {
        match (kind, job.key) {
            (StreamKind::Sign, Key::EcPrivate(_)) | (StreamKind::Verify, Key::EcPublic(_)) => job.no_params(),
            _ => Err(job.wrong_key()),
        }
    }
}

fn pair(template: &Attributes) -> Result<KeyPair> {
    let curve = Curve::from_attributes(template)?;
    // As the caller wrote them: an OID or a name.
    let params = template.bytes(AttributeType::EC_PARAMS).unwrap_or_default();
    let key = EcPrivate::generate(curve)?;
    let point = key.public_point()?;
    Ok(KeyPair {
        public: Attributes::new()
            .with(AttributeType::EC_PARAMS, params)
            .with(AttributeType::EC_POINT, octet_string(&point)),
        private: Attributes::new()
            .with(AttributeType::EC_PARAMS, params)
            .with(AttributeType::VALUE, key.value()?),
        public_key: Key::EcPublic(EcPublic::new(curve, &point, ReturnCode::FUNCTION_FAILED)?),
        key: Key::EcPrivate(key),
    })
}

/// ECDSA over a digest of any length, of which the leading bits count up to the length of the order
/// (FIPS 186-5 section 6.4.1).
pub(crate) fn sign(key: &EcPrivate, spec: &MechanismSpec, params: &Params, input: Input<'_>) -> Result<Blob> {
    Ok(key.key.sign(&to_sign(spec, params, input)?)?)
}

/// A signature is r and s in halves of equal length, which may be shorter than the order
/// (PKCS#11 3.2 section 6.3.1).
pub(crate) fn verify(
    key: &EcPublic,
    spec: &MechanismSpec,
    params: &Params,
    input: Input<'_>,
    signature: &[u8],
) -> Result<()> {
    let digest = to_sign(spec, params, input)?;
    if signature.is_empty() || signature.len() % 2 == 1 || signature.len() > 2 * key.curve.group.len() {
        return Err(Error::new(
            ReturnCode::SIGNATURE_LEN_RANGE,
            format!("a signature on {} has {} bytes", key.curve.name, 2 * key.curve.group.len()),
        ));
    }
    let (r, s) = signature.split_at(signature.len() / 2);
    if key.key.verify(&digest, Number::from_bytes(r)?, Number::from_bytes(s)?) {
        Ok(())
    } else {
        Err(ReturnCode::SIGNATURE_INVALID.into())
    }
}

/// ECDH, on Montgomery curves too, with `CKD_NULL` or the X9.63 KDF (PKCS#11 3.2 section 6.3, ECDH key derivation).
/// Without KDF, a shorter result is the shared secret without its leading bytes.
fn derive(job: &Job<'_>, len: Option<usize>) -> Result<Blob> {
    let Params::Ecdh { kdf, shared, public } = job.params else {
        return Err(Error::new(ReturnCode::MECHANISM_PARAM_INVALID, "ECDH needs CK_ECDH1_DERIVE_PARAMS"));
    };
    let refusal = ReturnCode::MECHANISM_PARAM_INVALID;
    let (secret, curve) = match job.key {
        Key::EcPrivate(key) => (key.agree(public, refusal)?, key.curve.name),
        Key::MontgomeryPrivate(key) => (key.agree(public, refusal)?, key.curve().name),
        _ => return Err(job.wrong_key()),
    };
    match (kdf, len) {
        (Some(_), None) => Err(Error::new(
            ReturnCode::TEMPLATE_INCOMPLETE,
            "with a KDF the new key's length must be given, by its type or by CKA_VALUE_LEN",
        )),
        (Some(kdf), Some(len)) => kdf::agreed(*kdf, &secret, shared, len),
        (None, _) if !shared.is_empty() => {
            Err(Error::new(ReturnCode::MECHANISM_PARAM_INVALID, "CKD_NULL takes no shared data"))
        }
        (None, None) => Ok(secret),
        (None, Some(len)) => match secret.len().checked_sub(len) {
            Some(leading) if len > 0 => Ok(Blob::from(&secret[leading..])),
            _ => Err(Error::new(
                ReturnCode::KEY_SIZE_RANGE,
                format!("ECDH on {curve} without KDF yields 1 to {} bytes, not {len}", secret.len()),
            )),
        },
    }
}

/// A point as DER OCTET STRING, as `CKA_EC_POINT` has it.
pub(crate) fn octet_string(point: &[u8]) -> Vec<u8> {
    // Only a length beyond DER's would fail.
    OctetStringRef::new(point).and_then(|string| string.to_der()).unwrap_or_default()
}

/// A point: SEC 1 uncompressed or compressed, raw or in a DER OCTET STRING. For the curves here the
/// lengths of these four differ, so that none can be taken for another.
fn parse_point(curve: &Curve, bytes: &[u8], refusal: ReturnCode) -> Result<Point> {
    let refused = |why: &str| Error::new(refusal, format!("the public point {why}"));
    let len = curve.group.len();
    let has_form = |bytes: &[u8]| match bytes.first() {
        Some(4) => bytes.len() == 1 + 2 * len,
        Some(2 | 3) => bytes.len() == 1 + len,
        _ => false,
    };
    let point = if bytes.len() == 1 + len || bytes.len() == 1 + 2 * len {
        bytes
    } else {
        <&OctetStringRef>::from_der(bytes)
            .map_err(|_| refused(&format!("has no form or length that {} knows", curve.name)))?
            .as_bytes()
    };
    if !has_form(point) {
        return Err(refused(&format!("is neither compressed nor uncompressed, or isn't for {}", curve.name)));
    }
    Point::from_bytes(curve.group, point).map_err(|_| refused(&format!("isn't on {}", curve.name)))
}

/// The digest that a mechanism signs.
pub(crate) fn to_sign<'a>(spec: &MechanismSpec, params: &Params, input: Input<'a>) -> Result<Cow<'a, [u8]>> {
    no_params(params)?;
    let digest = match (input, spec.hash) {
        (Input::Message(message), Some(hash)) => return Ok(digest::digest(hash, &[message]).into()),
        (Input::Digest(digest), Some(hash)) if digest.len() != hash.len() => {
            return Err(Error::new(
                ReturnCode::DATA_LEN_RANGE,
                format!("a digest by {hash:?} has {} bytes, not {}", hash.len(), digest.len()),
            ));
        }
        (Input::Digest(digest) | Input::Message(digest), _) => digest,
    };
    if digest.is_empty() {
        return Err(Error::new(ReturnCode::DATA_LEN_RANGE, "there is no digest to sign"));
    }
    Ok(digest.into())
}
