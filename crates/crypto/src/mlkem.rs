//! ML-KEM (FIPS 203; PKCS#11 3.2 section 6.68): keys, encapsulation and decapsulation.

use std::fmt;
use std::sync::Arc;

use strongroom_model::{Attributes, Blob, Error, Result, ReturnCode};
use zeroize::Zeroizing;

use crate::family::{Encapsulated, Family, Job, Order, no_params};
use crate::ffi::kem::{Kem, KemKey, SEED};
use crate::sets::{self, ParameterSet};
use crate::{Key, KeyPair, random};

impl ParameterSet for Kem {
    const ALL: &'static [Self] = &[Self::MlKem512, Self::MlKem768, Self::MlKem1024];
    const FAMILY: &'static str = "ML-KEM";

    fn number(self) -> u64 {
        match self {
            Self::MlKem512 => cryptoki_sys::CKP_ML_KEM_512,
            Self::MlKem768 => cryptoki_sys::CKP_ML_KEM_768,
            Self::MlKem1024 => cryptoki_sys::CKP_ML_KEM_1024,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::MlKem512 => "ML-KEM-512",
            Self::MlKem768 => "ML-KEM-768",
            Self::MlKem1024 => "ML-KEM-1024",
        }
    }

    /// RFC 9935 section 3: id-alg-ml-kem-512 to -1024.
    fn oid(self) -> &'static str {
        match self {
            Self::MlKem512 => "2.16.840.1.101.3.4.4.1",
            Self::MlKem768 => "2.16.840.1.101.3.4.4.2",
            Self::MlKem1024 => "2.16.840.1.101.3.4.4.3",
        }
    }
}

/// A decapsulation key.
#[derive(Clone)]
pub struct MlKemPrivate {
    key: Arc<KemKey>,
    /// d and z, where they are known.
    seed: Option<Blob>,
}

/// An encapsulation key.
#[derive(Clone)]
pub struct MlKemPublic {
    key: Arc<KemKey>,
}

impl fmt::Debug for MlKemPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlKemPrivate({})", self.key.kem().name())
    }
}

impl fmt::Debug for MlKemPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlKemPublic({})", self.key.kem().name())
    }
}

impl MlKemPrivate {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let (seed, value) = sets::private_parts(attributes);
        Self::new(sets::of(attributes)?, seed, value)
    }

    /// From the seed, the expanded key, or both, which must then agree.
    pub(crate) fn new(kem: Kem, seed: Option<&[u8]>, value: Option<&[u8]>) -> Result<Self> {
        let key = match (seed, value) {
            (Some(seed), value) => {
                let key = Self::from_seed(kem, &Zeroizing::new(sets::seed::<SEED>(kem, seed)?))?;
                if let Some(value) = value {
                    sets::must_agree(kem, &key.value()?, value)?;
                }
                return Ok(key);
            }
            (None, Some(value)) => KemKey::from_private(kem, value),
            (None, None) => return Err(sets::no_parts(kem)),
        };
        let key = key.map_err(|_| sets::invalid_private(kem))?;
        Ok(Self { key: Arc::new(key), seed: None })
    }

    fn from_seed(kem: Kem, seed: &[u8; SEED]) -> Result<Self> {
        let key = KemKey::from_seed(kem, seed)?;
        Ok(Self { key: Arc::new(key), seed: Some(Blob::from(seed.as_slice())) })
    }

    /// The parameter set.
    pub(crate) fn set(&self) -> Kem {
        self.key.kem()
    }

    /// d and z, where they are known.
    pub(crate) fn seed(&self) -> Option<&Blob> {
        self.seed.as_ref()
    }

    /// The expanded decapsulation key.
    pub(crate) fn value(&self) -> Result<Blob> {
        Ok(self.key.private()?)
    }

    /// The encapsulation key.
    pub(crate) fn public_value(&self) -> Result<Vec<u8>> {
        Ok(self.key.public()?)
    }

    /// `PARAMETER_SET`, `VALUE`, and `SEED` where it's known.
    pub(crate) fn attributes(&self) -> Result<Attributes> {
        Ok(sets::private_attributes(self.set(), self.seed(), self.value()?))
    }
}

impl MlKemPublic {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        Self::new(sets::of(attributes)?, sets::public_part(attributes)?)
    }

    pub(crate) fn new(kem: Kem, value: &[u8]) -> Result<Self> {
        let key = KemKey::from_public(kem, value).map_err(|_| sets::invalid_public(kem))?;
        Ok(Self { key: Arc::new(key) })
    }

    /// The parameter set.
    pub(crate) fn set(&self) -> Kem {
        self.key.kem()
    }

    /// The encapsulation key.
    pub(crate) fn value(&self) -> Result<Vec<u8>> {
        Ok(self.key.public()?)
    }
}

/// Encapsulation, and keys for it.
pub(crate) struct MlKem;

impl Family for MlKem {
    fn encapsulate(&self, job: &Job<'_>) -> Result<Encapsulated> {
        job.no_params()?;
        let Key::MlKemPublic(key) = job.key else { return Err(job.wrong_key()) };
        let (ciphertext, secret) = key.key.encapsulate()?;
        Ok(Encapsulated { ciphertext, secret })
    }

    fn decapsulate(&self, job: &Job<'_>, ciphertext: &[u8]) -> Result<Blob> {
        job.no_params()?;
        let Key::MlKemPrivate(key) = job.key else { return Err(job.wrong_key()) };
        let expected = key.set().ciphertext_len();
        if ciphertext.len() != expected {
            return Err(Error::new(
                ReturnCode::WRAPPED_KEY_LEN_RANGE,
                format!(
                    "a ciphertext of {} has {expected} bytes, not {}",
                    key.set().name(),
                    ciphertext.len()
                ),
            ));
        }
        Ok(key.key.decapsulate(ciphertext)?)
    }

    fn generate_pair(&self, order: &Order<'_>, public_template: &Attributes) -> Result<KeyPair> {
        no_params(order.params)?;
        let kem: Kem = sets::of(public_template)?;
        let key = MlKemPrivate::from_seed(kem, &Zeroizing::new(random::bytes()))?;
        let value = key.public_value()?;
        let public_key = MlKemPublic::new(kem, &value)?;
        Ok(KeyPair {
            public: sets::public_attributes(kem, value),
            private: key.attributes()?,
            key: Key::MlKemPrivate(key),
            public_key: Key::MlKemPublic(public_key),
        })
    }
}
