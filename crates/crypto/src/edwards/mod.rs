//! EdDSA: Ed25519 and Ed448, each pure, with a context, or of a message that is hashed first (RFC 8032).
//!
//! Ed25519 runs on AWS-LC; Ed448, which it doesn't have, on the crate `ed448-goldilocks`.

mod point;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ed448_goldilocks::shake::Shake256;
use ed448_goldilocks::shake::digest::Update;
use ed448_goldilocks::{PreHasherXof, Signature, SigningKey, VerifyingKey};
use strongroom_model::{Attributes, Blob, Error, Hash, Params, Result, ReturnCode, limits};

use crate::family::{Family, Job, Order, no_params};
use crate::ffi::curve25519::{self, Ed25519, Scheme};
use crate::octets::{ByteCurve, Form, stated_params, stated_point};
use crate::operation::Input;
use crate::stream::{self, Running, StreamKind};
use crate::{Key, KeyPair, digest, random};

/// The longest context in bytes (RFC 8032 sections 5.1 and 5.2).
const MAX_CONTEXT: usize = 255;
/// The most data of a signature that is gathered, in bytes: the pure schemes hash it twice.
const MAX_GATHERED: usize = limits::MAX_DATA;
/// Length of an Ed448 signature in bytes.
const ED448_SIGNATURE: usize = 114;

/// A private key on an Edwards curve.
#[derive(Clone)]
pub struct EdwardsPrivate {
    curve: &'static ByteCurve,
    key: Arc<Private>,
}

enum Private {
    Ed25519(Ed25519),
    // Large, and it may not be moved about: what it leaves behind isn't wiped.
    Ed448(Box<SigningKey>),
}

/// A public key on an Edwards curve.
#[derive(Clone)]
pub struct EdwardsPublic {
    curve: &'static ByteCurve,
    key: Arc<Public>,
}

enum Public {
    Ed25519([u8; curve25519::LEN]),
    Ed448(Box<VerifyingKey>),
}

impl fmt::Debug for EdwardsPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EdwardsPrivate({})", self.curve.name)
    }
}

impl fmt::Debug for EdwardsPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EdwardsPublic({})", self.curve.name)
    }
}

impl EdwardsPrivate {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let curve = ByteCurve::from_attributes(Form::Edwards, attributes)?;
        Self::new(curve, curve.private_bytes(attributes)?)
    }

    /// From as many bytes as the curve's keys have. All of them are keys.
    fn new(curve: &'static ByteCurve, value: &[u8]) -> Result<Self> {
        let key = match <&[u8; curve25519::LEN]>::try_from(value) {
            Ok(seed) => Private::Ed25519(Ed25519::from_seed(seed)),
            Err(_) => Private::Ed448(Box::new(SigningKey::try_from(value).map_err(|why| {
                Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, format!("this isn't an Ed448 key: {why}"))
            })?)),
        };
        Ok(Self { curve, key: Arc::new(key) })
    }

    /// The curve.
    pub fn curve(&self) -> &'static ByteCurve {
        self.curve
    }

    /// The private key's bytes.
    pub(crate) fn value(&self) -> Blob {
        match &*self.key {
            Private::Ed25519(key) => Blob::from(key.seed()),
            Private::Ed448(key) => Blob::from(&key.as_bytes()[..]),
        }
    }

    /// The public key's bytes.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        match &*self.key {
            Private::Ed25519(key) => key.public().to_vec(),
            Private::Ed448(key) => key.verifying_key().to_bytes().to_vec(),
        }
    }

    fn sign(&self, way: Way<'_>, input: Input<'_>) -> Result<Blob> {
        match &*self.key {
            Private::Ed25519(key) => {
                let (scheme, message) = way.ed25519(input)?;
                Ok(Blob::from(&key.sign(scheme, &message)?[..]))
            }
            Private::Ed448(key) => {
                let message = way.message(input)?;
                let signature = if way.prehash {
                    key.sign_prehashed::<PreHasherXof<Shake256>>(Some(way.context), shake256(message))
                } else {
                    key.sign_ctx(way.context, message)
                };
                let failed = |_| Error::new(ReturnCode::FUNCTION_FAILED, "Ed448 made no signature");
                Ok(Blob::from(&signature.map_err(failed)?.to_bytes()[..]))
            }
        }
    }
}

impl EdwardsPublic {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let curve = ByteCurve::from_attributes(Form::Edwards, attributes)?;
        Self::new(curve, stated_point(attributes)?)
    }

    /// Refuses what isn't on the curve, isn't written as RFC 8032 writes it, or is of small order: a signature by such a
    /// key says nothing.
    fn new(curve: &'static ByteCurve, bytes: &[u8]) -> Result<Self> {
        let refusal = ReturnCode::ATTRIBUTE_VALUE_INVALID;
        let bytes = curve.public_bytes(bytes, refusal)?;
        let key = match <[u8; curve25519::LEN]>::try_from(bytes) {
            Ok(bytes) => point::is_public_25519(&bytes)?.then_some(Public::Ed25519(bytes)),
            Err(_) => point::public_448(bytes).map(|key| Public::Ed448(Box::new(key))),
        };
        let key = key.ok_or_else(|| {
            Error::new(refusal, format!("the public key isn't a point of {} that can be one", curve.name))
        })?;
        Ok(Self { curve, key: Arc::new(key) })
    }

    /// The curve.
    pub fn curve(&self) -> &'static ByteCurve {
        self.curve
    }

    /// The public key's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &*self.key {
            Public::Ed25519(bytes) => bytes,
            Public::Ed448(key) => key.as_bytes(),
        }
    }

    fn verify(&self, way: Way<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        let wrong_length = || {
            let bytes = 2 * self.curve.len;
            Error::new(
                ReturnCode::SIGNATURE_LEN_RANGE,
                format!("an {} signature has {bytes} bytes, not {}", self.curve.name, signature.len()),
            )
        };
        let good = match &*self.key {
            Public::Ed25519(key) => {
                let signature = signature.try_into().map_err(|_| wrong_length())?;
                let (scheme, message) = way.ed25519(input)?;
                curve25519::verifies(key, scheme, &message, signature)
            }
            Public::Ed448(_) if signature.len() != ED448_SIGNATURE => return Err(wrong_length()),
            Public::Ed448(key) => way.verifies_448(key, way.message(input)?, signature),
        };
        if good { Ok(()) } else { Err(ReturnCode::SIGNATURE_INVALID.into()) }
    }
}

/// EdDSA, and keys for it.
pub(crate) struct Edwards;

impl Family for Edwards {
    fn sign(&self, job: &Job<'_>, input: Input<'_>) -> Result<Blob> {
        match job.key {
            Key::EdwardsPrivate(key) => key.sign(Way::new(key.curve, job.params)?, input),
            _ => Err(job.wrong_key()),
        }
    }

    fn verify(&self, job: &Job<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        match job.key {
            Key::EdwardsPublic(key) => key.verify(Way::new(key.curve, job.params)?, input, signature),
            _ => Err(job.wrong_key()),
        }
    }

    fn generate_pair(&self, order: &Order<'_>, public_template: &Attributes) -> Result<KeyPair> {
        no_params(order.params)?;
        let curve = ByteCurve::from_attributes(Form::Edwards, public_template)?;
        // As the caller wrote them: an OID or a name.
        let params = stated_params(public_template);
        let value = random::blob(curve.len);
        let key = EdwardsPrivate::new(curve, &value)?;
        let public = key.public_bytes();
        Ok(KeyPair {
            public: curve.public_attributes(params, &public),
            private: curve.private_attributes(params, &value),
            public_key: Key::EdwardsPublic(EdwardsPublic::new(curve, &public)?),
            key: Key::EdwardsPrivate(key),
        })
    }

    fn check(&self, kind: StreamKind, job: &Job<'_>) -> Result<()> {
        way(kind, job).map(|_| ())
    }

    fn open(&self, kind: StreamKind, job: &Job<'_>) -> Result<Box<dyn Running>> {
        let (curve, way) = way(kind, job)?;
        if way.prehash && curve.len == curve25519::LEN {
            return Ok(stream::hashed(job, Hash::Sha512));
        }
        Ok(stream::gathered(kind, job, MAX_GATHERED))
    }
}

fn way<'a>(kind: StreamKind, job: &Job<'a>) -> Result<(&'static ByteCurve, Way<'a>)> {
    let curve = match (kind, job.key) {
        (StreamKind::Sign, Key::EdwardsPrivate(key)) => key.curve,
        (StreamKind::Verify, Key::EdwardsPublic(key)) => key.curve,
        _ => return Err(job.wrong_key()),
    };
    Ok((curve, Way::new(curve, job.params)?))
}

/// Which of the schemes (PKCS#11 3.2 section 6.3.14).
#[derive(Clone, Copy)]
struct Way<'a> {
    prehash: bool,
    context: &'a [u8],
}

impl<'a> Way<'a> {
    /// Without parameters it's the pure scheme, for Ed448 too, though the standard would have an empty context.
    fn new(curve: &ByteCurve, params: &'a Params) -> Result<Self> {
        let invalid = |why| Err(Error::new(ReturnCode::MECHANISM_PARAM_INVALID, why));
        match params {
            Params::None => Ok(Self { prehash: false, context: &[] }),
            Params::Eddsa { context, .. } if context.len() > MAX_CONTEXT => {
                invalid("a context has up to 255 bytes")
            }
            // RFC 8032 section 8.3 wants none, and no implementation has it.
            Params::Eddsa { prehash: false, context } if context.is_empty() && curve.bits == 255 => {
                invalid("Ed25519ctx needs a context; for Ed25519 leave the parameters out")
            }
            Params::Eddsa { prehash, context } => Ok(Self { prehash: *prehash, context }),
            _ => invalid("CKM_EDDSA takes CK_EDDSA_PARAMS"),
        }
    }

    /// The scheme, and what it signs: the message, or with prehash its SHA-512.
    fn ed25519(self, input: Input<'a>) -> Result<(Scheme<'a>, Cow<'a, [u8]>)> {
        Ok(match input {
            Input::Digest(digest) if self.prehash && digest.len() != curve25519::PREHASH => {
                return Err(Error::new(
                    ReturnCode::DATA_LEN_RANGE,
                    format!("Ed25519ph signs a SHA-512 of 64 bytes, not {}", digest.len()),
                ));
            }
            Input::Digest(digest) if self.prehash => (Scheme::Prehash(self.context), digest.into()),
            Input::Message(message) if self.prehash => {
                (Scheme::Prehash(self.context), digest::digest(Hash::Sha512, &[message]).into())
            }
            Input::Digest(message) | Input::Message(message) if self.context.is_empty() => {
                (Scheme::Pure, message.into())
            }
            Input::Digest(message) | Input::Message(message) => {
                (Scheme::Context(self.context), message.into())
            }
        })
    }

    /// What Ed448 signs.
    fn message(self, input: Input<'a>) -> Result<&'a [u8]> {
        match input {
            Input::Digest(_) if self.prehash => {
                Err(Error::new(ReturnCode::DATA_INVALID, "Ed448ph takes the message, not its digest"))
            }
            _ => Ok(input.bytes()),
        }
    }

    fn verifies_448(self, key: &VerifyingKey, message: &[u8], signature: &[u8]) -> bool {
        // Seven bits of R say nothing and must be zero (RFC 8032 section 5.2.3); the crate doesn't look at them.
        if signature.get(ED448_SIGNATURE / 2 - 1).is_none_or(|last| last & 0x7f != 0) {
            return false;
        }
        // Parts that aren't a point and a number below the order are refused here or by the crate.
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        let verified = if self.prehash {
            key.verify_prehashed::<PreHasherXof<Shake256>>(&signature, Some(self.context), shake256(message))
        } else {
            key.verify_ctx(&signature, self.context, message)
        };
        verified.is_ok()
    }
}

/// What Ed448ph hashes with; the crate reads the 64 bytes that it needs.
fn shake256(message: &[u8]) -> PreHasherXof<Shake256> {
    PreHasherXof::new(Shake256::default().chain(message))
}
