//! How messages are framed before ML-DSA and SLH-DSA sign them: domain separator, context and, for signatures over a
//! digest, which hash it's from (FIPS 204 section 5, FIPS 205 section 10).

use std::borrow::Cow;

use strongroom_model::{
    Algorithm, Blob, Error, Hash, Hedge, Mechanism, MechanismSpec, MechanismType, Params, Result, ReturnCode,
    SignContext,
};

use crate::Key;
use crate::digest::digest;
use crate::family::Job;
use crate::ffi::shake::{Shake, Sponge};
use crate::operation::{self, Input};
use crate::stream::Running;

/// The longest context in bytes.
const MAX_CONTEXT: usize = 255;

/// What stands before a message, and how it's signed.
pub(crate) struct Framing<'a> {
    context: &'a [u8],
    pub(crate) hedge: Hedge,
    pub(crate) form: Form,
}

/// What is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The message.
    Pure,
    /// Its digest, which is made here.
    Hashed(Prehash),
    /// Its digest, which the caller has made.
    OfDigest(Prehash),
    /// mu, which the caller has made (ML-DSA).
    Mu,
}

/// A hash of messages. Those that collisions are known of have no place in the standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prehash {
    Hash(Hash),
    /// 256 bits of SHAKE128, 512 of SHAKE256.
    Shake(Shake),
}

impl<'a> Framing<'a> {
    /// The framing of a mechanism with its parameters.
    ///
    /// # Errors
    /// `MECHANISM_PARAM_INVALID`.
    pub(crate) fn of(spec: &MechanismSpec, params: &'a Params) -> Result<Self> {
        let refused =
            |why: &str| Err(Error::new(ReturnCode::MECHANISM_PARAM_INVALID, format!("{} {why}", spec.name)));
        let (hedge, context, hash) = match params {
            Params::None => (Hedge::Preferred, &[][..], None),
            Params::Context(SignContext { hedge, context, hash }) => (*hedge, context.as_slice(), *hash),
            _ => return refused("takes CK_SIGN_ADDITIONAL_CONTEXT"),
        };
        if context.len() > MAX_CONTEXT {
            return refused("takes a context of at most 255 bytes");
        }
        let form = match (spec.algorithm, hash) {
            (Algorithm::MlDsaOfDigest | Algorithm::SlhDsaOfDigest, Some(hash)) => match Prehash::of(hash) {
                Some(prehash) => Form::OfDigest(prehash),
                None => return refused("doesn't sign digests of that hash"),
            },
            (Algorithm::MlDsaOfDigest | Algorithm::SlhDsaOfDigest, None) => {
                return refused("takes CK_HASH_SIGN_ADDITIONAL_CONTEXT");
            }
            (_, Some(_)) => {
                return refused("takes no hash: it signs the message, or has the hash in its name");
            }
            (Algorithm::HashMlDsa | Algorithm::HashSlhDsa, None) => Form::Hashed(Prehash::named(spec)?),
            (Algorithm::MlDsaMu, None) if context.is_empty() => Form::Mu,
            (Algorithm::MlDsaMu, None) => return refused("takes no context: mu has it already"),
            (_, None) => Form::Pure,
        };
        Ok(Self { context, hedge, form })
    }

    /// What stands before the message or its digest.
    pub(crate) fn prefix(&self) -> Vec<u8> {
        let (separator, oid) = match self.form {
            Form::Pure | Form::Mu => (0, None),
            Form::Hashed(prehash) | Form::OfDigest(prehash) => (1, Some(prehash.oid())),
        };
        // It's at most 255.
        let len = self.context.len() as u8;
        [&[separator, len][..], self.context, oid.as_ref().map_or(&[], <[u8; 11]>::as_slice)].concat()
    }

    /// What stands behind the prefix: the message, or its digest, which is made here if need be.
    ///
    /// # Errors
    /// `DATA_LEN_RANGE` for what can't be a digest of the hash.
    pub(crate) fn content<'d>(&self, input: Input<'d>) -> Result<Cow<'d, [u8]>> {
        let (prehash, bytes) = match (self.form, input) {
            (Form::Pure, input) => return Ok(input.bytes().into()),
            (Form::Hashed(prehash), Input::Message(message)) => return Ok(prehash.digest(message)?.into()),
            (Form::Hashed(prehash), Input::Digest(bytes)) => (prehash.len(), bytes),
            (Form::OfDigest(prehash), input) => (prehash.len(), input.bytes()),
            (Form::Mu, input) => (crate::ffi::pqdsa::MU, input.bytes()),
        };
        if bytes.len() == prehash {
            return Ok(bytes.into());
        }
        Err(Error::new(
            ReturnCode::DATA_LEN_RANGE,
            format!("what is signed here has {prehash} bytes, not {}", bytes.len()),
        ))
    }
}

impl Prehash {
    fn of(hash: Hash) -> Option<Self> {
        match hash {
            Hash::Md5 | Hash::Sha1 => None,
            _ => Some(Self::Hash(hash)),
        }
    }

    /// The one in a mechanism's name.
    fn named(spec: &MechanismSpec) -> Result<Self> {
        match (spec.kind, spec.hash) {
            (_, Some(hash)) => Self::of(hash),
            (MechanismType::HASH_ML_DSA_SHAKE128 | MechanismType::HASH_SLH_DSA_SHAKE128, None) => {
                Some(Self::Shake(Shake::Shake128))
            }
            (MechanismType::HASH_ML_DSA_SHAKE256 | MechanismType::HASH_SLH_DSA_SHAKE256, None) => {
                Some(Self::Shake(Shake::Shake256))
            }
            _ => None,
        }
        .ok_or_else(|| ReturnCode::MECHANISM_INVALID.into())
    }

    /// Length of the digest in bytes.
    const fn len(self) -> usize {
        match self {
            Self::Hash(hash) => hash.len(),
            Self::Shake(Shake::Shake128) => 32,
            Self::Shake(Shake::Shake256) => 64,
        }
    }

    /// The object identifier in DER: one of NIST's hashes, 2.16.840.1.101.3.4.2.
    fn oid(self) -> [u8; 11] {
        let last = match self {
            Self::Hash(Hash::Sha256) => 1,
            Self::Hash(Hash::Sha384) => 2,
            Self::Hash(Hash::Sha512) => 3,
            Self::Hash(Hash::Sha224) => 4,
            Self::Hash(Hash::Sha512_224) => 5,
            Self::Hash(Hash::Sha512_256) => 6,
            Self::Hash(Hash::Sha3_224) => 7,
            Self::Hash(Hash::Sha3_256) => 8,
            Self::Hash(Hash::Sha3_384) => 9,
            Self::Hash(Hash::Sha3_512) => 10,
            Self::Shake(Shake::Shake128) => 11,
            Self::Shake(Shake::Shake256) => 12,
            // `of` lets none of these in.
            Self::Hash(Hash::Sha1 | Hash::Md5) => unreachable!("a hash that signs nothing here"),
        };
        [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last]
    }

    fn digest(self, message: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Hash(hash) => Ok(digest(hash, &[message])),
            Self::Shake(shake) => {
                let mut sponge = Sponge::new(shake)?;
                sponge.update(message)?;
                let mut out = vec![0; self.len()];
                sponge.finish(&mut out)?;
                Ok(out)
            }
        }
    }
}

/// A signature over what is being hashed by SHAKE.
///
/// # Errors
/// `FUNCTION_FAILED` if the engine can't.
pub(crate) fn shaken(job: &Job<'_>, shake: Shake) -> Result<Box<dyn Running>> {
    Ok(Box::new(Shaken {
        sponge: Sponge::new(shake)?,
        len: Prehash::Shake(shake).len(),
        key: job.key.clone(),
        mechanism: job.mechanism(),
    }))
}

struct Shaken {
    sponge: Sponge,
    len: usize,
    key: Key,
    mechanism: Mechanism,
}

impl Shaken {
    fn digest(self) -> Result<(Vec<u8>, Key, Mechanism)> {
        let mut digest = vec![0; self.len];
        self.sponge.finish(&mut digest)?;
        Ok((digest, self.key, self.mechanism))
    }
}

impl Running for Shaken {
    fn update(&mut self, data: &[u8]) -> Result<Blob> {
        self.sponge.update(data)?;
        Ok(Blob::new())
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        let (digest, key, mechanism) = self.digest()?;
        operation::sign(&key, &mechanism, Input::Digest(&digest))
    }

    fn verify(self: Box<Self>, signature: &[u8]) -> Result<()> {
        let (digest, key, mechanism) = self.digest()?;
        operation::verify(&key, &mechanism, Input::Digest(&digest), signature)
    }
}
