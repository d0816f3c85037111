//! RSA: keys, signatures and encryption.

mod encrypt;
mod generate;
mod hybrid;
mod numbers;
mod pkcs1;
mod recover;
mod sign;
mod x931;

use std::fmt;
use std::sync::Arc;

use strongroom_model::{Algorithm, AttributeType, Attributes, Blob, Error, Hash, Result, ReturnCode};
use zeroize::Zeroizing;

use encrypt::{check_encryption, decrypt, encrypt};
use recover::recover;
use sign::{check_signing, sign, verify};

use crate::family::{Family, Job, Order, no_params};
use crate::ffi::bignum::Number;
use crate::ffi::rsa::{PrivateNumbers, RsaKey};
use crate::operation::{Input, recoded};
use crate::stream::StreamKind;
use crate::{Key, KeyPair, digest};

/// The smallest modulus in bits.
pub(crate) const MIN_BITS: u32 = 1024;
/// The largest modulus in bits.
pub(crate) const MAX_BITS: u32 = 8192;

/// RSA: keys, signatures, encryption, and the wrapping of keys by encryption.
pub(crate) struct Rsa;

impl Family for Rsa {
    fn sign(&self, job: &Job<'_>, input: Input<'_>) -> Result<Blob> {
        match job.key {
            Key::RsaPrivate(key) => sign(key, job.spec, job.params, input),
            _ => Err(job.wrong_key()),
        }
    }

    fn verify(&self, job: &Job<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        match job.key {
            Key::RsaPublic(key) => verify(key, job.spec, job.params, input, signature),
            _ => Err(job.wrong_key()),
        }
    }

    fn recover(&self, job: &Job<'_>, signature: &[u8]) -> Result<Blob> {
        match job.key {
            Key::RsaPublic(key) => recover(key, job.spec, job.params, signature),
            _ => Err(job.wrong_key()),
        }
    }

    fn encrypt(&self, job: &Job<'_>, data: &[u8]) -> Result<Blob> {
        match job.key {
            Key::RsaPublic(key) => encrypt(key, job.spec, job.params, data),
            _ => Err(job.wrong_key()),
        }
    }

    fn decrypt(&self, job: &Job<'_>, data: &[u8]) -> Result<Blob> {
        match job.key {
            Key::RsaPrivate(key) => decrypt(key, job.spec, job.params, data, &[]),
            _ => Err(job.wrong_key()),
        }
    }

    fn wrap(&self, job: &Job<'_>, plain: &[u8]) -> Result<Blob> {
        let wrapped = match (job.spec.algorithm, job.key) {
            (Algorithm::RsaAesKeyWrap, Key::RsaPublic(key)) => hybrid::wrap(key, job.params, plain),
            _ => self.encrypt(job, plain),
        };
        wrapped.map_err(|error| match error.code {
            ReturnCode::KEY_SIZE_RANGE => recoded(error, ReturnCode::WRAPPING_KEY_SIZE_RANGE),
            ReturnCode::DATA_LEN_RANGE => recoded(error, ReturnCode::KEY_SIZE_RANGE),
            ReturnCode::DATA_INVALID => recoded(error, ReturnCode::KEY_NOT_WRAPPABLE),
            _ => error,
        })
    }

    fn unwrap(&self, job: &Job<'_>, wrapped: &[u8], lengths: &[usize]) -> Result<Blob> {
        let Key::RsaPrivate(key) = job.key else { return Err(job.wrong_key()) };
        let plain = match job.spec.algorithm {
            Algorithm::RsaAesKeyWrap => hybrid::unwrap(key, job.params, wrapped),
            _ => decrypt(key, job.spec, job.params, wrapped, lengths),
        };
        plain.map_err(|error| match error.code {
            ReturnCode::KEY_SIZE_RANGE => recoded(error, ReturnCode::UNWRAPPING_KEY_SIZE_RANGE),
            ReturnCode::ENCRYPTED_DATA_LEN_RANGE => recoded(error, ReturnCode::WRAPPED_KEY_LEN_RANGE),
            ReturnCode::ENCRYPTED_DATA_INVALID => recoded(error, ReturnCode::WRAPPED_KEY_INVALID),
            _ => error,
        })
    }

    fn generate_pair(&self, order: &Order<'_>, public_template: &Attributes) -> Result<KeyPair> {
        no_params(order.params)?;
        generate::pair(public_template)
    }

    fn check(&self, kind: StreamKind, job: &Job<'_>) -> Result<()> {
        match (kind, job.key) {
            (StreamKind::Encrypt, Key::RsaPublic(_)) | (StreamKind::Decrypt, Key::RsaPrivate(_)) => {
                check_encryption(job.spec, job.params)
            }
            (StreamKind::Sign, Key::RsaPrivate(key)) => check_signing(key.public(), job.spec, job.params),
            (StreamKind::Verify, Key::RsaPublic(key)) => check_signing(key, job.spec, job.params),
            _ => Err(job.wrong_key()),
        }
    }
}

/// An RSA private key.
#[derive(Clone)]
pub struct RsaPrivate {
    public: RsaPublic,
    /// Makes the answers to bad PKCS #1 v1.5 ciphertexts: the SHA-256 of the private exponent.
    rejection: Arc<Zeroizing<Vec<u8>>>,
}

/// An RSA public key.
#[derive(Clone)]
pub struct RsaPublic {
    key: Arc<RsaKey>,
    modulus: Arc<[u8]>,
    exponent: Arc<[u8]>,
    bits: u32,
}

impl fmt::Debug for RsaPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPrivate({} bits)", self.bits())
    }
}

impl fmt::Debug for RsaPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublic({} bits)", self.bits)
    }
}

impl RsaPrivate {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        Self::from_numbers(&numbers::complete(attributes)?)
    }

    fn from_numbers(numbers: &PrivateNumbers) -> Result<Self> {
        let key = RsaKey::from_private(numbers).map_err(|_| numbers::inconsistent())?;
        Self::new(key, numbers)
    }

    /// A new pair. `bits` is a multiple of 128 from 1,024 to 8,192; the exponent is odd, at least 3 and
    /// below 2^32.
    pub(crate) fn generate(bits: u32, exponent: &[u8]) -> Result<Self> {
        let key = RsaKey::generate(bits, &Number::from_bytes(exponent)?)?;
        let numbers = key.private_numbers()?;
        Self::new(key, &numbers)
    }

    fn new(key: RsaKey, numbers: &PrivateNumbers) -> Result<Self> {
        let exponent = numbers.d.to_padded(key.size())?;
        let rejection = Zeroizing::new(digest::digest(Hash::Sha256, &[&exponent]));
        let public = RsaPublic::new(key, &numbers.n, &numbers.e);
        Ok(Self { public, rejection: Arc::new(rejection) })
    }

    /// Bits of the modulus.
    pub fn bits(&self) -> u32 {
        self.public.bits
    }

    /// The public numbers. The key in there can do the private operations too.
    pub(crate) fn public(&self) -> &RsaPublic {
        &self.public
    }

    /// A public key of its own, for the other half of a pair.
    pub(crate) fn to_public(&self) -> Result<RsaPublic> {
        let (n, e) = (Number::from_bytes(&self.public.modulus)?, Number::from_bytes(&self.public.exponent)?);
        Ok(RsaPublic::new(RsaKey::from_public(&n, &e)?, &n, &e))
    }

    /// All eight numbers as attributes.
    pub(crate) fn attributes(&self) -> Result<Attributes> {
        Ok(numbers::attributes(&self.public.key.private_numbers()?))
    }

    /// The bare private operation on a number below the modulus, as long as the modulus.
    fn private(&self, input: &[u8]) -> Result<Blob> {
        // The engine refuses the numbers that stay what they are: 0, 1 and, the exponent being odd, n-1.
        // Whoever has the ciphertext sees that it's one of them, so that nothing is told by the time.
        let (last, head) = input.split_last().ok_or(ReturnCode::ARGUMENTS_BAD)?;
        let (modulus_last, modulus_head) =
            self.public.modulus.split_last().ok_or(ReturnCode::ARGUMENTS_BAD)?;
        let trivial = (*last <= 1 && head.iter().all(|byte| *byte == 0))
            || (head == modulus_head && *last == modulus_last - 1);
        if trivial { Ok(Blob::from(input)) } else { Ok(self.public.key.private(input)?) }
    }
}

impl RsaPublic {
    pub(crate) fn from_attributes(attributes: &Attributes) -> Result<Self> {
        let (n, e) = (
            numbers::required(attributes, AttributeType::MODULUS)?,
            numbers::required(attributes, AttributeType::PUBLIC_EXPONENT)?,
        );
        numbers::check_public(&n, &e)?;
        let key = RsaKey::from_public(&n, &e).map_err(|_| numbers::inconsistent())?;
        Ok(Self::new(key, &n, &e))
    }

    fn new(key: RsaKey, n: &Number, e: &Number) -> Self {
        let (modulus, exponent) = (n.to_bytes(), e.to_bytes());
        Self {
            key: Arc::new(key),
            modulus: modulus[..].into(),
            exponent: exponent[..].into(),
            bits: n.bits(),
        }
    }

    /// Bits of the modulus.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The modulus, without leading zeros.
    pub(crate) fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The public exponent, without leading zeros.
    pub(crate) fn exponent(&self) -> &[u8] {
        &self.exponent
    }

    /// Whether it's an RSASSA-PKCS1-v1_5 signature by this key over a message with this digest.
    pub(crate) fn verifies_digest(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        let block = pkcs1::block_type_1(&pkcs1::digest_info(hash, digest), self.len());
        signature.len() == self.len()
            && self.key.public(signature).is_ok_and(|recovered| recovered[..] == block[..])
    }

    /// Length of the modulus in bytes.
    fn len(&self) -> usize {
        self.key.size()
    }

    /// Data for raw RSA: with zeros in front as long as the modulus, and less than it
    /// (PKCS#11 3.2 section 6.1.12).
    fn pad_raw(&self, data: &[u8]) -> Result<Blob> {
        let Some(zeros) = self.len().checked_sub(data.len()) else {
            return Err(Error::new(
                ReturnCode::DATA_LEN_RANGE,
                format!("raw RSA takes up to {} bytes, not {}", self.len(), data.len()),
            ));
        };
        let mut padded = Blob::zeroed(self.len());
        padded[zeros..].copy_from_slice(data);
        if padded[..] < self.modulus[..] {
            Ok(padded)
        } else {
            Err(Error::new(ReturnCode::DATA_INVALID, "as a number, the data isn't less than the modulus"))
        }
    }
}

/// The two numbers of a public key as attributes.
pub(crate) fn public_attributes(key: &RsaPublic) -> Attributes {
    Attributes::new()
        .with(AttributeType::MODULUS, key.modulus())
        .with(AttributeType::PUBLIC_EXPONENT, key.exponent())
}
