//! ML-DSA (FIPS 204; PKCS#11 3.2 section 6.67): keys and signatures, over messages, over digests and over mu.
//!
//! Every signature is made over mu, to which a message comes down; so messages in parts needn't be gathered. The engine
//! makes hedged signatures only: deterministic ones are the crate `ml-dsa`'s.

use std::fmt;
use std::sync::Arc;

use ml_dsa::{ExpandedSigningKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, SigningKey};
use strongroom_model::{Attributes, Blob, Error, Hedge, Mechanism, Result, ReturnCode};
use zeroize::Zeroizing;

use crate::family::{Family, Job, Order, no_params};
use crate::ffi::pqdsa::{Dsa, DsaKey, MU, SEED};
use crate::ffi::shake::{Shake, Sponge};
use crate::framing::{Form, Framing, Prehash, shaken};
use crate::operation::Input;
use crate::roomy::roomy;
use crate::sets::{self, ParameterSet};
use crate::stream::{self, Running, StreamKind};
use crate::{Key, KeyPair, random};

impl ParameterSet for Dsa {
    const ALL: &'static [Self] = &[Self::MlDsa44, Self::MlDsa65, Self::MlDsa87];
    const FAMILY: &'static str = "ML-DSA";

    fn number(self) -> u64 {
        match self {
            Self::MlDsa44 => cryptoki_sys::CKP_ML_DSA_44,
            Self::MlDsa65 => cryptoki_sys::CKP_ML_DSA_65,
            Self::MlDsa87 => cryptoki_sys::CKP_ML_DSA_87,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::MlDsa44 => "ML-DSA-44",
            Self::MlDsa65 => "ML-DSA-65",
            Self::MlDsa87 => "ML-DSA-87",
        }
    }

    /// RFC 9881 section 2: id-ml-dsa-44 to -87.
    fn oid(self) -> &'static str {
        match self {
            Self::MlDsa44 => "2.16.840.1.101.3.4.3.17",
            Self::MlDsa65 => "2.16.840.1.101.3.4.3.18",
            Self::MlDsa87 => "2.16.840.1.101.3.4.3.19",
        }
    }
}

/// A private key.
#[derive(Clone)]
pub struct MlDsaPrivate {
    key: Arc<DsaKey>,
    /// xi, where it's known.
    seed: Option<Blob>,
    hash: [u8; 64],
}

/// A public key.
#[derive(Clone)]
pub struct MlDsaPublic {
    key: Arc<DsaKey>,
    hash: [u8; 64],
}

impl fmt::Debug for MlDsaPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlDsaPrivate({})", self.key.dsa().name())
    }
}

impl fmt::Debug for MlDsaPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlDsaPublic({})", self.key.dsa().name())
    }
}

impl MlDsaPrivate {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let (seed, value) = sets::private_parts(attributes);
        Self::new(sets::of(attributes)?, seed, value)
    }

    /// From the seed, the expanded key, or both, which must then agree.
    pub(crate) fn new(dsa: Dsa, seed: Option<&[u8]>, value: Option<&[u8]>) -> Result<Self> {
        match (seed, value) {
            (Some(seed), value) => {
                let key = Self::from_seed(dsa, &Zeroizing::new(sets::seed::<SEED>(dsa, seed)?))?;
                if let Some(value) = value {
                    sets::must_agree(dsa, &key.value()?, value)?;
                }
                Ok(key)
            }
            (None, Some(value)) => {
                let key = DsaKey::from_private(dsa, value).map_err(|_| sets::invalid_private(dsa))?;
                Ok(Self { hash: hash_of(&key.public()?)?, key: Arc::new(key), seed: None })
            }
            (None, None) => Err(sets::no_parts(dsa)),
        }
    }

    fn from_seed(dsa: Dsa, seed: &[u8; SEED]) -> Result<Self> {
        let key = DsaKey::from_seed(dsa, seed)?;
        let hash = hash_of(&key.public()?)?;
        Ok(Self { hash, key: Arc::new(key), seed: Some(Blob::from(seed.as_slice())) })
    }

    /// The parameter set.
    pub(crate) fn set(&self) -> Dsa {
        self.key.dsa()
    }

    /// xi, where it's known.
    pub(crate) fn seed(&self) -> Option<&Blob> {
        self.seed.as_ref()
    }

    /// The expanded private key.
    pub(crate) fn value(&self) -> Result<Blob> {
        Ok(self.key.private()?)
    }

    /// The public key.
    pub(crate) fn public_value(&self) -> Result<Vec<u8>> {
        Ok(self.key.public()?)
    }

    /// `PARAMETER_SET`, `VALUE`, and `SEED` where it's known.
    pub(crate) fn attributes(&self) -> Result<Attributes> {
        Ok(sets::private_attributes(self.set(), self.seed(), self.value()?))
    }

    fn sign(&self, mu: &[u8; MU], hedge: Hedge) -> Result<Blob> {
        match (hedge, self.set()) {
            (Hedge::Preferred | Hedge::Required, _) => Ok(self.key.sign(mu)?),
            (Hedge::Deterministic, Dsa::MlDsa44) => self.sign_the_same::<MlDsa44>(mu),
            (Hedge::Deterministic, Dsa::MlDsa65) => self.sign_the_same::<MlDsa65>(mu),
            (Hedge::Deterministic, Dsa::MlDsa87) => self.sign_the_same::<MlDsa87>(mu),
        }
    }

    /// The deterministic signature.
    fn sign_the_same<P: MlDsaParams>(&self, mu: &[u8; MU]) -> Result<Blob> {
        let sign = || match self.seed.as_ref().map(|seed| seed.as_slice().try_into()) {
            Some(Ok(seed)) => {
                Ok(SigningKey::<P>::from_seed(seed).expanded_key().sign_mu_deterministic(&(*mu).into()))
            }
            _ => {
                let value = self.key.private()?;
                let value = value.as_slice().try_into().map_err(|_| sets::invalid_private(self.set()))?;
                // The engine has checked the key: what of an expanded one could end in a panic isn't in it.
                #[expect(deprecated, reason = "PKCS#11 has keys without seeds")]
                let key = ExpandedSigningKey::<P>::from_expanded(value);
                Ok(key.sign_mu_deterministic(&(*mu).into()))
            }
        };
        roomy(|| sign().map(|signature| Blob::from(signature.encode().as_slice())))?
    }
}

impl MlDsaPublic {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        Self::new(sets::of(attributes)?, sets::public_part(attributes)?)
    }

    pub(crate) fn new(dsa: Dsa, value: &[u8]) -> Result<Self> {
        let key = DsaKey::from_public(dsa, value).map_err(|_| sets::invalid_public(dsa))?;
        Ok(Self { hash: hash_of(value)?, key: Arc::new(key) })
    }

    /// The parameter set.
    pub(crate) fn set(&self) -> Dsa {
        self.key.dsa()
    }

    /// The public key.
    pub(crate) fn value(&self) -> Result<Vec<u8>> {
        Ok(self.key.public()?)
    }

    fn verify(&self, mu: &[u8; MU], signature: &[u8]) -> Result<()> {
        let expected = self.set().signature_len();
        if signature.len() != expected {
            return Err(Error::new(
                ReturnCode::SIGNATURE_LEN_RANGE,
                format!("a signature of {} has {expected} bytes, not {}", self.set().name(), signature.len()),
            ));
        }
        if self.key.verify(mu, signature) { Ok(()) } else { Err(ReturnCode::SIGNATURE_INVALID.into()) }
    }
}

/// Signatures, and keys for them.
pub(crate) struct MlDsa;

impl Family for MlDsa {
    fn sign(&self, job: &Job<'_>, input: Input<'_>) -> Result<Blob> {
        let Key::MlDsaPrivate(key) = job.key else { return Err(job.wrong_key()) };
        let framing = Framing::of(job.spec, job.params)?;
        key.sign(&mu(&key.hash, &framing, input)?, framing.hedge)
    }

    fn verify(&self, job: &Job<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        let Key::MlDsaPublic(key) = job.key else { return Err(job.wrong_key()) };
        key.verify(&mu(&key.hash, &Framing::of(job.spec, job.params)?, input)?, signature)
    }

    fn generate_pair(&self, order: &Order<'_>, public_template: &Attributes) -> Result<KeyPair> {
        no_params(order.params)?;
        let dsa: Dsa = sets::of(public_template)?;
        let key = MlDsaPrivate::from_seed(dsa, &Zeroizing::new(random::bytes()))?;
        let value = key.public_value()?;
        let public_key = MlDsaPublic::new(dsa, &value)?;
        Ok(KeyPair {
            public: sets::public_attributes(dsa, value),
            private: key.attributes()?,
            key: Key::MlDsaPrivate(key),
            public_key: Key::MlDsaPublic(public_key),
        })
    }

    fn check(&self, kind: StreamKind, job: &Job<'_>) -> Result<()> {
        match (kind, job.key) {
            (StreamKind::Sign, Key::MlDsaPrivate(_)) | (StreamKind::Verify, Key::MlDsaPublic(_)) => {
                Framing::of(job.spec, job.params).map(|_| ())
            }
            _ => Err(job.wrong_key()),
        }
    }

    fn open(&self, kind: StreamKind, job: &Job<'_>) -> Result<Box<dyn Running>> {
        self.check(kind, job)?;
        let framing = Framing::of(job.spec, job.params)?;
        match framing.form {
            Form::Pure => Ok(Box::new(Parts::open(job, &framing)?)),
            Form::Hashed(Prehash::Hash(hash)) => Ok(stream::hashed(job, hash)),
            Form::Hashed(Prehash::Shake(shake)) => shaken(job, shake),
            Form::OfDigest(_) | Form::Mu => Ok(stream::gathered(kind, job, MU)),
        }
    }
}

/// tr: what of the public key goes into mu.
fn hash_of(public: &[u8]) -> Result<[u8; 64]> {
    let mut sponge = Sponge::new(Shake::Shake256)?;
    sponge.update(public)?;
    let mut hash = [0; 64];
    sponge.finish(&mut hash)?;
    Ok(hash)
}

fn mu(key_hash: &[u8; 64], framing: &Framing<'_>, input: Input<'_>) -> Result<[u8; MU]> {
    let content = framing.content(input)?;
    if framing.form == Form::Mu {
        return content.as_ref().try_into().map_err(|_| ReturnCode::DATA_LEN_RANGE.into());
    }
    let mut sponge = begun(key_hash, framing)?;
    sponge.update(&content)?;
    finished(sponge)
}

/// mu up to the message or its digest.
fn begun(key_hash: &[u8; 64], framing: &Framing<'_>) -> Result<Sponge> {
    let mut sponge = Sponge::new(Shake::Shake256)?;
    sponge.update(key_hash)?;
    sponge.update(&framing.prefix())?;
    Ok(sponge)
}

fn finished(sponge: Sponge) -> Result<[u8; MU]> {
    let mut mu = [0; MU];
    sponge.finish(&mut mu)?;
    Ok(mu)
}

/// A signature over a message that comes in parts.
struct Parts {
    sponge: Sponge,
    key: Key,
    hedge: Hedge,
    /// For what is said of a wrong use.
    mechanism: Mechanism,
}

impl Parts {
    fn open(job: &Job<'_>, framing: &Framing<'_>) -> Result<Self> {
        let hash = match job.key {
            Key::MlDsaPrivate(key) => &key.hash,
            Key::MlDsaPublic(key) => &key.hash,
            _ => return Err(job.wrong_key()),
        };
        Ok(Self {
            sponge: begun(hash, framing)?,
            key: job.key.clone(),
            hedge: framing.hedge,
            mechanism: job.mechanism(),
        })
    }

    fn wrong_key(mechanism: &Mechanism) -> Error {
        Error::new(
            ReturnCode::KEY_TYPE_INCONSISTENT,
            format!("{} can't be done with this half of the key", mechanism.kind),
        )
    }
}

impl Running for Parts {
    fn update(&mut self, data: &[u8]) -> Result<Blob> {
        self.sponge.update(data)?;
        Ok(Blob::new())
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        let Self { sponge, key, hedge, mechanism } = *self;
        match key {
            Key::MlDsaPrivate(key) => key.sign(&finished(sponge)?, hedge),
            _ => Err(Self::wrong_key(&mechanism)),
        }
    }

    fn verify(self: Box<Self>, signature: &[u8]) -> Result<()> {
        let Self { sponge, key, mechanism, .. } = *self;
        match key {
            Key::MlDsaPublic(key) => key.verify(&finished(sponge)?, signature),
            _ => Err(Self::wrong_key(&mechanism)),
        }
    }
}
