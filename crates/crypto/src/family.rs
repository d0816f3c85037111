//! Families of algorithms: what a family can do, and which algorithm belongs to which.

use std::sync::Arc;

use strongroom_model::{
    Algorithm, Attributes, Blob, Error, Mechanism, MechanismSpec, Params, Result, ReturnCode,
};

use crate::secret::{SecretKey, Secrets};
use crate::stream::{self, Running, StreamKind};
use crate::{Input, Key, KeyPair, aes, chacha, des, ec, edwards, kdf, mac, mlkem, montgomery, rsa};

/// The family of an algorithm; `None` for digests, in which no key has a part, and for what keys of all families can do.
pub(crate) fn of(algorithm: Algorithm) -> Option<&'static dyn Family> {
    Some(match algorithm {
        Algorithm::RsaKeyPairGen
        | Algorithm::RsaPkcs
        | Algorithm::RsaPss
        | Algorithm::RsaOaep
        | Algorithm::RsaX509
        | Algorithm::RsaX931
        | Algorithm::RsaAesKeyWrap => &rsa::Rsa,
        Algorithm::EcKeyPairGen | Algorithm::Ecdsa | Algorithm::Ecdh | Algorithm::EcdhAesKeyWrap => &ec::Ec,
        Algorithm::EdwardsKeyPairGen | Algorithm::Eddsa => &edwards::Edwards,
        Algorithm::MontgomeryKeyPairGen => &montgomery::Montgomery,
        Algorithm::AesKeyGen
        | Algorithm::AesEcb
        | Algorithm::AesCbc
        | Algorithm::AesCbcPad
        | Algorithm::AesCtr
        | Algorithm::AesGcm
        | Algorithm::AesCcm
        | Algorithm::AesXts
        | Algorithm::AesXtsKeyGen
        | Algorithm::AesOfb
        | Algorithm::AesCfb1
        | Algorithm::AesCfb8
        | Algorithm::AesCfb64
        | Algorithm::AesCfb128
        | Algorithm::AesCts
        | Algorithm::AesKw
        | Algorithm::AesKwPkcs7
        | Algorithm::AesKwp => &aes::Aes,
        Algorithm::DesKeyGen
        | Algorithm::DesEcb
        | Algorithm::DesCbc
        | Algorithm::DesCbcPad
        | Algorithm::DesOfb64
        | Algorithm::DesOfb8
        | Algorithm::DesCfb64
        | Algorithm::DesCfb8 => &des::Des,
        Algorithm::ChaChaKeyGen | Algorithm::ChaCha20 | Algorithm::ChaCha20Poly1305 => &chacha::ChaCha,
        Algorithm::Hmac
        | Algorithm::HmacGeneral
        | Algorithm::AesCmac
        | Algorithm::AesCmacGeneral
        | Algorithm::AesMac
        | Algorithm::AesMacGeneral
        | Algorithm::AesXcbcMac
        | Algorithm::AesXcbcMac96
        | Algorithm::AesGmac
        | Algorithm::DesCmac
        | Algorithm::DesCmacGeneral
        | Algorithm::DesMac
        | Algorithm::DesMacGeneral
        | Algorithm::Poly1305 => &mac::Mac,
        Algorithm::MlKemKeyPairGen | Algorithm::MlKem => &mlkem::MlKem,
        Algorithm::MlDsaKeyPairGen
        | Algorithm::MlDsa
        | Algorithm::HashMlDsa
        | Algorithm::MlDsaOfDigest
        | Algorithm::MlDsaMu => &crate::mldsa::MlDsa,
        Algorithm::SlhDsaKeyPairGen
        | Algorithm::SlhDsa
        | Algorithm::HashSlhDsa
        | Algorithm::SlhDsaOfDigest => &crate::slhdsa::SlhDsa,
        Algorithm::Hss | Algorithm::Xmss | Algorithm::XmssMt => &crate::hashbased::HashBased,
        Algorithm::ParameterGen
        | Algorithm::SeededParameterGen
        | Algorithm::DhKeyPairGen
        | Algorithm::DhDerive
        | Algorithm::X942Derive => &crate::dh::Dh,
        Algorithm::DsaKeyPairGen | Algorithm::Dsa => &crate::dsa::Dsa,
        Algorithm::PublicFromPrivate => return None,
        Algorithm::KbkdfCounter
        | Algorithm::KbkdfFeedback
        | Algorithm::KbkdfDoublePipeline
        | Algorithm::HkdfDerive
        | Algorithm::HkdfData
        | Algorithm::HkdfKeyGen
        | Algorithm::Pbkdf2
        | Algorithm::Pkcs12Pbe
        | Algorithm::ConcatenateKey
        | Algorithm::ConcatenateData
        | Algorithm::ConcatenateToData
        | Algorithm::XorData
        | Algorithm::ExtractBits
        | Algorithm::EncryptData
        | Algorithm::HashDerive
        | Algorithm::Shake128Derive
        | Algorithm::Shake256Derive
        | Algorithm::TlsPreMasterGen
        | Algorithm::Ssl3Master
        | Algorithm::Ssl3MasterDh
        | Algorithm::Ssl3KeyAndMac
        | Algorithm::Ssl3Mac
        | Algorithm::TlsMaster
        | Algorithm::TlsMasterDh
        | Algorithm::TlsKeyAndMac
        | Algorithm::TlsPrf
        | Algorithm::Tls12Master
        | Algorithm::Tls12MasterDh
        | Algorithm::Tls12ExtendedMaster
        | Algorithm::Tls12ExtendedMasterDh
        | Algorithm::Tls12KeyAndMac
        | Algorithm::Tls12KeySafe
        | Algorithm::TlsMac
        | Algorithm::TlsKdf
        | Algorithm::Ike2PrfPlus
        | Algorithm::IkePrf
        | Algorithm::Ike1Prf
        | Algorithm::Ike1Extended => &kdf::Kdf,
        Algorithm::GenericKeyGen => &Secrets,
        Algorithm::Digest => return None,
    })
}

/// What a family does. It overrides what it can; the table of mechanisms says for what each mechanism may be
/// used, so that a call for anything else doesn't come here.
pub(crate) trait Family: Sync {
    /// Signs, or makes a MAC.
    fn sign(&self, job: &Job<'_>, _input: Input<'_>) -> Result<Blob> {
        Err(job.wrong_key())
    }

    /// Verifies a signature or a MAC.
    fn verify(&self, job: &Job<'_>, _input: Input<'_>, _signature: &[u8]) -> Result<()> {
        Err(job.wrong_key())
    }

    /// What was signed, from a signature that holds it.
    fn recover(&self, job: &Job<'_>, _signature: &[u8]) -> Result<Blob> {
        Err(job.wrong_key())
    }

    /// Encrypts.
    fn encrypt(&self, job: &Job<'_>, _data: &[u8]) -> Result<Blob> {
        Err(job.wrong_key())
    }

    /// Decrypts.
    fn decrypt(&self, job: &Job<'_>, _data: &[u8]) -> Result<Blob> {
        Err(job.wrong_key())
    }

    /// Wraps the value of a secret key or the encoding of a private one.
    fn wrap(&self, job: &Job<'_>, _plain: &[u8]) -> Result<Blob> {
        Err(job.wrong_key())
    }

    /// Unwraps. `lengths` are those that the key may have; none stand for any.
    fn unwrap(&self, job: &Job<'_>, _wrapped: &[u8], _lengths: &[usize]) -> Result<Blob> {
        Err(job.wrong_key())
    }

    /// Derives a secret of `len` bytes; without it, all there is.
    fn derive(&self, job: &Job<'_>, _len: Option<usize>) -> Result<Blob> {
        Err(job.wrong_key())
    }

    /// Derives all that a mechanism derives. Unless a family overrides it, that is one secret.
    fn derive_all(&self, job: &Job<'_>, wanted: &Wanted<'_>) -> Result<Derived> {
        self.derive(job, wanted.len).map(Derived::of)
    }

    /// Makes a secret, and the ciphertext that tells it to who has the private key.
    fn encapsulate(&self, job: &Job<'_>) -> Result<Encapsulated> {
        Err(job.wrong_key())
    }

    /// The secret that a ciphertext tells.
    fn decapsulate(&self, job: &Job<'_>, _ciphertext: &[u8]) -> Result<Blob> {
        Err(job.wrong_key())
    }

    /// Makes a key pair.
    fn generate_pair(&self, order: &Order<'_>, _public_template: &Attributes) -> Result<KeyPair> {
        Err(order.makes_none())
    }

    /// Makes the value of a secret key.
    fn generate_secret(&self, order: &Order<'_>, _value_len: usize) -> Result<Blob> {
        Err(order.makes_none())
    }

    /// Makes the value of a secret key and whatever comes with it, of a length that the mechanism may settle.
    fn generate_all(&self, order: &Order<'_>, len: Option<usize>) -> Result<Derived> {
        let len = len.ok_or_else(|| {
            Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "CKA_VALUE_LEN is missing from the template")
        })?;
        self.generate_secret(order, len).map(Derived::of)
    }

    /// Makes domain parameters.
    fn generate_parameters(&self, order: &Order<'_>, _template: &Attributes) -> Result<Parameters> {
        Err(order.makes_none())
    }

    /// Whether an operation could begin: key and parameters, before there is data.
    fn check(&self, _kind: StreamKind, job: &Job<'_>) -> Result<()> {
        Err(job.wrong_key())
    }

    /// Begins an operation whose data comes in parts. Unless a family overrides it, what has a hash is hashed,
    /// and anything else is gathered.
    fn open(&self, kind: StreamKind, job: &Job<'_>) -> Result<Box<dyn Running>> {
        self.check(kind, job)?;
        Ok(match (kind, job.spec.hash) {
            (StreamKind::Sign | StreamKind::Verify, Some(hash)) => stream::hashed(job, hash),
            _ => stream::gathered(kind, job, self.most(job.spec)),
        })
    }

    /// How much data is gathered for a mechanism that needs all of it at once, in bytes.
    fn most(&self, _spec: &MechanismSpec) -> usize {
        stream::MAX_GATHERED
    }
}

/// What an encapsulation makes.
pub struct Encapsulated {
    /// For who has the private key; not secret.
    pub ciphertext: Blob,
    /// The shared secret.
    pub secret: Blob,
}

/// What is wanted of a derivation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// The new key's length in bytes; without it, all there is.
    pub len: Option<usize>,
    /// The keys that the parameters name ([`Params::keys`]), in that order.
    pub others: &'a [Arc<Key>],
    /// Lengths of further keys (NIST SP 800-108).
    pub further: &'a [usize],
}

/// What a derivation or a generation gives.
#[derive(Debug, Default)]
pub struct Derived {
    /// The values of the new keys, in the mechanism's order; none where only `written` is wanted.
    pub keys: Vec<Blob>,
    /// What the caller gets to see: a version, initialisation vectors, a PRF's output.
    pub written: Blob,
}

impl Derived {
    pub(crate) fn of(key: Blob) -> Self {
        Self { keys: vec![key], written: Blob::new() }
    }
}

/// Domain parameters.
#[derive(Debug)]
pub struct Parameters {
    /// `PRIME`, `BASE`, and for X9.42 and DSA `SUBPRIME`.
    pub attributes: Attributes,
    /// What they were made from, if anything; not secret.
    pub seed: Blob,
}

/// Work with a key.
pub(crate) struct Job<'a> {
    pub(crate) key: &'a Key,
    pub(crate) spec: &'static MechanismSpec,
    pub(crate) params: &'a Params,
    pub(crate) family: &'static dyn Family,
}

impl<'a> Job<'a> {
    /// For one of the mechanism's purposes (`CKF_*`).
    ///
    /// # Errors
    /// `MECHANISM_INVALID` if it isn't one.
    pub(crate) fn new(key: &'a Key, mechanism: &'a Mechanism, purpose: u64) -> Result<Self> {
        let spec = spec(mechanism)?;
        let family = of(spec.algorithm).filter(|_| spec.purposes.contains(purpose)).ok_or_else(|| {
            Error::new(ReturnCode::MECHANISM_INVALID, format!("{} doesn't do that", spec.name))
        })?;
        Ok(Self { key, spec, params: &mechanism.params, family })
    }

    /// The key, if it's a secret one that the mechanism works with.
    pub(crate) fn secret(&self) -> Result<&'a SecretKey> {
        match self.key {
            Key::Secret(key) if key.serves(self.spec) => Ok(key),
            _ => Err(self.wrong_key()),
        }
    }

    /// Refuses parameters.
    pub(crate) fn no_params(&self) -> Result<()> {
        no_params(self.params)
    }

    /// The mechanism, to be kept.
    pub(crate) fn mechanism(&self) -> Mechanism {
        Mechanism { kind: self.spec.kind, params: self.params.clone() }
    }

    /// The mechanism doesn't go with the key.
    pub(crate) fn wrong_key(&self) -> Error {
        let Self { spec, key, .. } = self;
        Error::new(ReturnCode::KEY_TYPE_INCONSISTENT, format!("{} can't be done with {key:?}", spec.name))
    }
}

/// A key to be made.
pub(crate) struct Order<'a> {
    pub(crate) spec: &'static MechanismSpec,
    pub(crate) params: &'a Params,
    pub(crate) family: &'static dyn Family,
}

impl<'a> Order<'a> {
    /// By a mechanism that has the purpose.
    pub(crate) fn new(mechanism: &'a Mechanism, purpose: u64) -> Result<Self> {
        let spec = spec(mechanism)?;
        let family = of(spec.algorithm).filter(|_| spec.purposes.contains(purpose)).ok_or_else(|| {
            Error::new(ReturnCode::MECHANISM_INVALID, format!("{} doesn't make such keys", spec.name))
        })?;
        Ok(Self { spec, params: &mechanism.params, family })
    }

    fn makes_none(&self) -> Error {
        Error::new(ReturnCode::MECHANISM_INVALID, format!("{} doesn't make such keys", self.spec.name))
    }

    /// Refuses a length that the mechanism's row doesn't have.
    pub(crate) fn check_len(&self, value_len: usize, fits: bool) -> Result<()> {
        if fits {
            return Ok(());
        }
        Err(Error::new(
            ReturnCode::KEY_SIZE_RANGE,
            format!("{} doesn't make keys of {value_len} bytes", self.spec.name),
        ))
    }
}

/// The mechanism's row.
fn spec(mechanism: &Mechanism) -> Result<&'static MechanismSpec> {
    let unknown =
        || Error::new(ReturnCode::MECHANISM_INVALID, format!("{} isn't known here", mechanism.kind));
    mechanism.kind.spec().ok_or_else(unknown)
}

pub(crate) fn no_params(params: &Params) -> Result<()> {
    if *params == Params::None {
        return Ok(());
    }
    Err(Error::new(ReturnCode::MECHANISM_PARAM_INVALID, "the mechanism takes no parameters"))
}
