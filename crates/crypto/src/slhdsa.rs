//! SLH-DSA (FIPS 205; PKCS#11 3.2 section 6.69): keys and signatures, over messages and over digests. The engine doesn't
//! have it: this is the crate `slh-dsa`'s work.
//!
//! It's slow: a signature by a set of small ones (`s`) takes up to seconds, by the others a tenth of that.

use std::fmt;
use std::sync::Arc;

use slh_dsa::{Signature, SigningKey, VerifyingKey};
use strongroom_model::{
    AttributeType, Attributes, Blob, Error, Hedge, MechanismSpec, Result, ReturnCode, limits,
};

use crate::family::{Family, Job, Order, no_params};
use crate::framing::{Form, Framing, Prehash, shaken};
use crate::operation::Input;
use crate::roomy::roomy;
use crate::sets::{self, ParameterSet};
use crate::stream::{self, Running, StreamKind};
use crate::{Key, KeyPair, random};

/// Makes what there is of one row for each parameter set: its name here and in `slh_dsa`; `CKP_*`; its standard's name;
/// its object identifier (RFC 9909 section 3); the security parameter n and the length of a signature in bytes (FIPS 205
/// table 2).
macro_rules! parameter_sets {
    ($($set:ident = $number:ident, $name:literal, $oid:literal, $n:literal, $signature:literal;)*) => {
        /// A parameter set.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Slh {
            $($set,)*
        }

        impl ParameterSet for Slh {
            const ALL: &'static [Self] = &[$(Self::$set,)*];
            const FAMILY: &'static str = "SLH-DSA";

            fn number(self) -> u64 {
                match self {
                    $(Self::$set => cryptoki_sys::$number,)*
                }
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$set => $name,)*
                }
            }

            fn oid(self) -> &'static str {
                match self {
                    $(Self::$set => $oid,)*
                }
            }
        }

        impl Slh {
            /// n: a public key has twice as many bytes, a private one four times.
            const fn security(self) -> usize {
                match self {
                    $(Self::$set => $n,)*
                }
            }

            /// Length of a signature in bytes.
            const fn signature_len(self) -> usize {
                match self {
                    $(Self::$set => $signature,)*
                }
            }

            /// The key of SK.seed, SK.prf and PK.seed, each of n bytes. Working out its public half takes as long as a
            /// tenth of a signature.
            fn grow(self, [seed, prf, public]: [&[u8]; 3]) -> Arc<dyn Signer> {
                match self {
                    $(Self::$set => {
                        Arc::new(SigningKey::<slh_dsa::$set>::slh_keygen_internal(seed, prf, public))
                    })*
                }
            }

            fn public(self, value: &[u8]) -> Option<Arc<dyn Verifier>> {
                match self {
                    $(Self::$set => Some(Arc::new(VerifyingKey::<slh_dsa::$set>::try_from(value).ok()?)),)*
                }
            }
        }
    };
}

parameter_sets! {
    Sha2_128s = CKP_SLH_DSA_SHA2_128S, "SLH-DSA-SHA2-128s", "2.16.840.1.101.3.4.3.20", 16, 7856;
    Shake128s = CKP_SLH_DSA_SHAKE_128S, "SLH-DSA-SHAKE-128s", "2.16.840.1.101.3.4.3.26", 16, 7856;
    Sha2_128f = CKP_SLH_DSA_SHA2_128F, "SLH-DSA-SHA2-128f", "2.16.840.1.101.3.4.3.21", 16, 17088;
    Shake128f = CKP_SLH_DSA_SHAKE_128F, "SLH-DSA-SHAKE-128f", "2.16.840.1.101.3.4.3.27", 16, 17088;
    Sha2_192s = CKP_SLH_DSA_SHA2_192S, "SLH-DSA-SHA2-192s", "2.16.840.1.101.3.4.3.22", 24, 16224;
    Shake192s = CKP_SLH_DSA_SHAKE_192S, "SLH-DSA-SHAKE-192s", "2.16.840.1.101.3.4.3.28", 24, 16224;
    Sha2_192f = CKP_SLH_DSA_SHA2_192F, "SLH-DSA-SHA2-192f", "2.16.840.1.101.3.4.3.23", 24, 35664;
    Shake192f = CKP_SLH_DSA_SHAKE_192F, "SLH-DSA-SHAKE-192f", "2.16.840.1.101.3.4.3.29", 24, 35664;
    Sha2_256s = CKP_SLH_DSA_SHA2_256S, "SLH-DSA-SHA2-256s", "2.16.840.1.101.3.4.3.24", 32, 29792;
    Shake256s = CKP_SLH_DSA_SHAKE_256S, "SLH-DSA-SHAKE-256s", "2.16.840.1.101.3.4.3.30", 32, 29792;
    Sha2_256f = CKP_SLH_DSA_SHA2_256F, "SLH-DSA-SHA2-256f", "2.16.840.1.101.3.4.3.25", 32, 49856;
    Shake256f = CKP_SLH_DSA_SHAKE_256F, "SLH-DSA-SHAKE-256f", "2.16.840.1.101.3.4.3.31", 32, 49856;
}

/// A private key of some parameter set.
trait Signer: Send + Sync {
    /// A signature over the parts, one after the other; without randomness the deterministic one.
    fn sign(&self, parts: &[&[u8]], randomness: Option<&[u8]>) -> Blob;

    fn value(&self) -> Blob;
}

impl<P: slh_dsa::ParameterSet + Send + Sync> Signer for SigningKey<P> {
    fn sign(&self, parts: &[&[u8]], randomness: Option<&[u8]>) -> Blob {
        Blob::from(self.slh_sign_internal(parts, randomness).to_vec())
    }

    fn value(&self) -> Blob {
        Blob::from(self.to_vec())
    }
}

/// A public key of some parameter set.
trait Verifier: Send + Sync {
    fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> bool;
}

impl<P: slh_dsa::ParameterSet + Send + Sync> Verifier for VerifyingKey<P> {
    fn verify(&self, parts: &[&[u8]], signature: &[u8]) -> bool {
        Signature::<P>::try_from(signature)
            .is_ok_and(|signature| self.slh_verify_internal(parts, &signature).is_ok())
    }
}

/// A private key.
#[derive(Clone)]
pub struct SlhDsaPrivate {
    key: Arc<dyn Signer>,
    set: Slh,
    /// PK.seed and PK.root.
    public: Arc<[u8]>,
}

/// A public key.
#[derive(Clone)]
pub struct SlhDsaPublic {
    key: Arc<dyn Verifier>,
    set: Slh,
    value: Arc<[u8]>,
}

impl fmt::Debug for SlhDsaPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlhDsaPrivate({})", self.set.name())
    }
}

impl fmt::Debug for SlhDsaPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlhDsaPublic({})", self.set.name())
    }
}

impl SlhDsaPrivate {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        if attributes.contains(AttributeType::SEED) {
            return Err(Error::new(ReturnCode::TEMPLATE_INCONSISTENT, "a key of SLH-DSA has no CKA_SEED"));
        }
        let value = attributes.bytes(AttributeType::VALUE).ok_or_else(|| {
            Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "a private key of SLH-DSA needs CKA_VALUE")
        })?;
        Self::new(sets::of(attributes)?, value)
    }

    /// From SK.seed, SK.prf, PK.seed and PK.root, which must be the one that the others give.
    pub(crate) fn new(set: Slh, value: &[u8]) -> Result<Self> {
        let n = set.security();
        if value.len() != 4 * n {
            return Err(sets::invalid_private(set));
        }
        let key = Self::grown(set, &value[..3 * n])?;
        if key.public[..] == value[2 * n..] { Ok(key) } else { Err(sets::invalid_private(set)) }
    }

    /// `seeds` are SK.seed, SK.prf and PK.seed.
    fn grown(set: Slh, seeds: &[u8]) -> Result<Self> {
        let n = set.security();
        let key = roomy(|| set.grow([&seeds[..n], &seeds[n..2 * n], &seeds[2 * n..]]))?;
        let public = key.value()[2 * n..].into();
        Ok(Self { key, set, public })
    }

    /// The parameter set.
    pub(crate) fn set(&self) -> Slh {
        self.set
    }

    /// The private key.
    pub(crate) fn value(&self) -> Blob {
        self.key.value()
    }

    /// The public key.
    pub(crate) fn public_value(&self) -> &[u8] {
        &self.public
    }
}

impl SlhDsaPublic {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        Self::new(sets::of(attributes)?, sets::public_part(attributes)?)
    }

    pub(crate) fn new(set: Slh, value: &[u8]) -> Result<Self> {
        let key = set.public(value).ok_or_else(|| sets::invalid_public(set))?;
        Ok(Self { key, set, value: value.into() })
    }

    /// The parameter set.
    pub(crate) fn set(&self) -> Slh {
        self.set
    }

    /// The public key.
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }
}

/// Signatures, and keys for them.
pub(crate) struct SlhDsa;

impl Family for SlhDsa {
    fn sign(&self, job: &Job<'_>, input: Input<'_>) -> Result<Blob> {
        let Key::SlhDsaPrivate(key) = job.key else { return Err(job.wrong_key()) };
        let framing = Framing::of(job.spec, job.params)?;
        let content = framing.content(input)?;
        let randomness = match framing.hedge {
            Hedge::Preferred | Hedge::Required => Some(random::blob(key.set.security())),
            Hedge::Deterministic => None,
        };
        let prefix = framing.prefix();
        roomy(|| key.key.sign(&[&prefix, &content], randomness.as_ref().map(Blob::as_slice)))
    }

    fn verify(&self, job: &Job<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        let Key::SlhDsaPublic(key) = job.key else { return Err(job.wrong_key()) };
        let framing = Framing::of(job.spec, job.params)?;
        let content = framing.content(input)?;
        let expected = key.set.signature_len();
        if signature.len() != expected {
            return Err(Error::new(
                ReturnCode::SIGNATURE_LEN_RANGE,
                format!("a signature of {} has {expected} bytes, not {}", key.set.name(), signature.len()),
            ));
        }
        let prefix = framing.prefix();
        if roomy(|| key.key.verify(&[&prefix, &content], signature))? {
            Ok(())
        } else {
            Err(ReturnCode::SIGNATURE_INVALID.into())
        }
    }

    fn generate_pair(&self, order: &Order<'_>, public_template: &Attributes) -> Result<KeyPair> {
        no_params(order.params)?;
        let set: Slh = sets::of(public_template)?;
        let key = SlhDsaPrivate::grown(set, &random::blob(3 * set.security()))?;
        let value = key.public_value().to_vec();
        let public_key = SlhDsaPublic::new(set, &value)?;
        Ok(KeyPair {
            public: sets::public_attributes(set, value),
            private: sets::private_attributes(set, None, key.value()),
            key: Key::SlhDsaPrivate(key),
            public_key: Key::SlhDsaPublic(public_key),
        })
    }

    fn check(&self, kind: StreamKind, job: &Job<'_>) -> Result<()> {
        match (kind, job.key) {
            (StreamKind::Sign, Key::SlhDsaPrivate(_)) | (StreamKind::Verify, Key::SlhDsaPublic(_)) => {
                Framing::of(job.spec, job.params).map(|_| ())
            }
            _ => Err(job.wrong_key()),
        }
    }

    fn open(&self, kind: StreamKind, job: &Job<'_>) -> Result<Box<dyn Running>> {
        self.check(kind, job)?;
        match Framing::of(job.spec, job.params)?.form {
            Form::Hashed(Prehash::Hash(hash)) => Ok(stream::hashed(job, hash)),
            Form::Hashed(Prehash::Shake(shake)) => shaken(job, shake),
            _ => Ok(stream::gathered(kind, job, self.most(job.spec))),
        }
    }

    /// A signature goes through the message twice, so that all of it is kept.
    fn most(&self, _spec: &MechanismSpec) -> usize {
        limits::MAX_DATA
    }
}
