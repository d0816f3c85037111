//! Object classes, key types, and what a client needs to know of a key.

use serde::{Deserialize, Serialize};

use crate::{AttributeType, Handle};

/// The class of an object (`CK_OBJECT_CLASS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ObjectClass {
    /// `CKO_DATA`.
    Data,
    /// `CKO_CERTIFICATE`.
    Certificate,
    /// `CKO_PUBLIC_KEY`.
    PublicKey,
    /// `CKO_PRIVATE_KEY`.
    PrivateKey,
    /// `CKO_SECRET_KEY`.
    SecretKey,
    /// `CKO_DOMAIN_PARAMETERS`.
    DomainParameters,
    /// `CKO_TRUST`.
    Trust,
    /// `CKO_HW_FEATURE`: built in.
    HwFeature,
    /// `CKO_MECHANISM`: built in.
    Mechanism,
    /// `CKO_PROFILE`: built in.
    Profile,
    /// `CKO_VALIDATION`: built in.
    Validation,
}

impl ObjectClass {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Data,
        Self::Certificate,
        Self::PublicKey,
        Self::PrivateKey,
        Self::SecretKey,
        Self::DomainParameters,
        Self::Trust,
        Self::HwFeature,
        Self::Mechanism,
        Self::Profile,
        Self::Validation,
    ];

    /// From `CKO_*`; `None` for classes that aren't known.
    pub const fn from_ck(class: u64) -> Option<Self> {
        match class {
            cryptoki_sys::CKO_DATA => Some(Self::Data),
            cryptoki_sys::CKO_CERTIFICATE => Some(Self::Certificate),
            cryptoki_sys::CKO_PUBLIC_KEY => Some(Self::PublicKey),
            cryptoki_sys::CKO_PRIVATE_KEY => Some(Self::PrivateKey),
            cryptoki_sys::CKO_SECRET_KEY => Some(Self::SecretKey),
            cryptoki_sys::CKO_DOMAIN_PARAMETERS => Some(Self::DomainParameters),
            cryptoki_sys::CKO_TRUST => Some(Self::Trust),
            cryptoki_sys::CKO_HW_FEATURE => Some(Self::HwFeature),
            cryptoki_sys::CKO_MECHANISM => Some(Self::Mechanism),
            cryptoki_sys::CKO_PROFILE => Some(Self::Profile),
            cryptoki_sys::CKO_VALIDATION => Some(Self::Validation),
            _ => None,
        }
    }

    /// As `CKO_*`.
    pub const fn to_ck(self) -> u64 {
        match self {
            Self::Data => cryptoki_sys::CKO_DATA,
            Self::Certificate => cryptoki_sys::CKO_CERTIFICATE,
            Self::PublicKey => cryptoki_sys::CKO_PUBLIC_KEY,
            Self::PrivateKey => cryptoki_sys::CKO_PRIVATE_KEY,
            Self::SecretKey => cryptoki_sys::CKO_SECRET_KEY,
            Self::DomainParameters => cryptoki_sys::CKO_DOMAIN_PARAMETERS,
            Self::Trust => cryptoki_sys::CKO_TRUST,
            Self::HwFeature => cryptoki_sys::CKO_HW_FEATURE,
            Self::Mechanism => cryptoki_sys::CKO_MECHANISM,
            Self::Profile => cryptoki_sys::CKO_PROFILE,
            Self::Validation => cryptoki_sys::CKO_VALIDATION,
        }
    }

    /// Whether tokens have such objects of themselves, and nobody makes any.
    pub const fn is_built_in(self) -> bool {
        matches!(self, Self::HwFeature | Self::Mechanism | Self::Profile | Self::Validation)
    }

    /// Whether it is a key of any kind.
    pub const fn is_key(self) -> bool {
        matches!(self, Self::PublicKey | Self::PrivateKey | Self::SecretKey)
    }
}

/// The type of a key (`CK_KEY_TYPE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyType {
    /// `CKK_RSA`.
    Rsa,
    /// `CKK_EC`.
    Ec,
    /// `CKK_GENERIC_SECRET`.
    GenericSecret,
    /// `CKK_AES`.
    Aes,
    /// `CKK_EC_EDWARDS`.
    EcEdwards,
    /// `CKK_EC_MONTGOMERY`.
    EcMontgomery,
    /// `CKK_ML_KEM`.
    MlKem,
    /// `CKK_ML_DSA`.
    MlDsa,
    /// `CKK_SLH_DSA`.
    SlhDsa,
    /// `CKK_HSS`.
    Hss,
    /// `CKK_XMSS`.
    Xmss,
    /// `CKK_XMSSMT`.
    XmssMt,
    /// `CKK_DSA`.
    Dsa,
    /// `CKK_DH`.
    Dh,
    /// `CKK_X9_42_DH`.
    X942Dh,
    /// `CKK_AES_XTS`.
    AesXts,
    /// `CKK_DES`.
    Des,
    /// `CKK_DES2`.
    Des2,
    /// `CKK_DES3`.
    Des3,
    /// `CKK_CHACHA20`.
    ChaCha20,
    /// `CKK_POLY1305`.
    Poly1305,
    /// `CKK_HKDF`.
    Hkdf,
    /// `CKK_SHA_1_HMAC` and the like: a generic secret for one HMAC only.
    Hmac(crate::Hash),
}

impl KeyType {
    /// From `CKK_*`; `None` for types that aren't known.
    pub const fn from_ck(key_type: u64) -> Option<Self> {
        use crate::Hash;
        match key_type {
            cryptoki_sys::CKK_RSA => Some(Self::Rsa),
            cryptoki_sys::CKK_EC => Some(Self::Ec),
            cryptoki_sys::CKK_GENERIC_SECRET => Some(Self::GenericSecret),
            cryptoki_sys::CKK_AES => Some(Self::Aes),
            cryptoki_sys::CKK_EC_EDWARDS => Some(Self::EcEdwards),
            cryptoki_sys::CKK_EC_MONTGOMERY => Some(Self::EcMontgomery),
            cryptoki_sys::CKK_ML_KEM => Some(Self::MlKem),
            cryptoki_sys::CKK_ML_DSA => Some(Self::MlDsa),
            cryptoki_sys::CKK_SLH_DSA => Some(Self::SlhDsa),
            cryptoki_sys::CKK_HSS => Some(Self::Hss),
            cryptoki_sys::CKK_XMSS => Some(Self::Xmss),
            cryptoki_sys::CKK_XMSSMT => Some(Self::XmssMt),
            cryptoki_sys::CKK_DSA => Some(Self::Dsa),
            cryptoki_sys::CKK_DH => Some(Self::Dh),
            cryptoki_sys::CKK_X9_42_DH => Some(Self::X942Dh),
            cryptoki_sys::CKK_AES_XTS => Some(Self::AesXts),
            cryptoki_sys::CKK_DES => Some(Self::Des),
            cryptoki_sys::CKK_DES2 => Some(Self::Des2),
            cryptoki_sys::CKK_DES3 => Some(Self::Des3),
            cryptoki_sys::CKK_CHACHA20 => Some(Self::ChaCha20),
            cryptoki_sys::CKK_POLY1305 => Some(Self::Poly1305),
            cryptoki_sys::CKK_HKDF => Some(Self::Hkdf),
            _ => match Hash::from_hmac_key_type(key_type) {
                Some(hash) => Some(Self::Hmac(hash)),
                None => None,
            },
        }
    }

    /// As `CKK_*`.
    pub const fn to_ck(self) -> u64 {
        match self {
            Self::Rsa => cryptoki_sys::CKK_RSA,
            Self::Ec => cryptoki_sys::CKK_EC,
            Self::GenericSecret => cryptoki_sys::CKK_GENERIC_SECRET,
            Self::Aes => cryptoki_sys::CKK_AES,
            Self::EcEdwards => cryptoki_sys::CKK_EC_EDWARDS,
            Self::EcMontgomery => cryptoki_sys::CKK_EC_MONTGOMERY,
            Self::MlKem => cryptoki_sys::CKK_ML_KEM,
            Self::MlDsa => cryptoki_sys::CKK_ML_DSA,
            Self::SlhDsa => cryptoki_sys::CKK_SLH_DSA,
            Self::Hss => cryptoki_sys::CKK_HSS,
            Self::Xmss => cryptoki_sys::CKK_XMSS,
            Self::XmssMt => cryptoki_sys::CKK_XMSSMT,
            Self::Dsa => cryptoki_sys::CKK_DSA,
            Self::Dh => cryptoki_sys::CKK_DH,
            Self::X942Dh => cryptoki_sys::CKK_X9_42_DH,
            Self::AesXts => cryptoki_sys::CKK_AES_XTS,
            Self::Des => cryptoki_sys::CKK_DES,
            Self::Des2 => cryptoki_sys::CKK_DES2,
            Self::Des3 => cryptoki_sys::CKK_DES3,
            Self::ChaCha20 => cryptoki_sys::CKK_CHACHA20,
            Self::Poly1305 => cryptoki_sys::CKK_POLY1305,
            Self::Hkdf => cryptoki_sys::CKK_HKDF,
            Self::Hmac(hash) => hash.hmac_key_type(),
        }
    }

    /// Whether it's a type of secret keys.
    pub const fn is_secret(self) -> bool {
        matches!(
            self,
            Self::GenericSecret
                | Self::Aes
                | Self::AesXts
                | Self::Des
                | Self::Des2
                | Self::Des3
                | Self::ChaCha20
                | Self::Poly1305
                | Self::Hkdf
                | Self::Hmac(_)
        )
    }

    /// The length of all keys of the type in bytes, where they have but one.
    pub const fn only_len(self) -> Option<usize> {
        match self {
            Self::Des => Some(8),
            Self::Des2 => Some(16),
            Self::Des3 => Some(24),
            Self::ChaCha20 | Self::Poly1305 => Some(32),
            _ => None,
        }
    }

    /// Whether a key of this type works with mechanisms made for `wanted`: an HMAC key is a generic
    /// secret too, and a DES key of double length does for one of triple length.
    pub fn serves(self, wanted: Self) -> bool {
        self == wanted
            || matches!((self, wanted), (Self::Hmac(_), Self::GenericSecret) | (Self::Des2, Self::Des3))
    }
}

/// What a key may be used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage(u16);

impl Usage {
    /// The usage attributes, in the order of their bits.
    pub const ATTRIBUTES: [AttributeType; 11] = [
        AttributeType::ENCRYPT,
        AttributeType::DECRYPT,
        AttributeType::SIGN,
        AttributeType::VERIFY,
        AttributeType::WRAP,
        AttributeType::UNWRAP,
        AttributeType::DERIVE,
        AttributeType::SIGN_RECOVER,
        AttributeType::VERIFY_RECOVER,
        AttributeType::ENCAPSULATE,
        AttributeType::DECAPSULATE,
    ];

    /// Whether the usage that an attribute stands for is allowed.
    pub fn allows(self, attribute: AttributeType) -> bool {
        Self::bit(attribute).is_some_and(|bit| self.0 & bit != 0)
    }

    /// Allows the usage that an attribute stands for.
    pub fn allow(&mut self, attribute: AttributeType) {
        if let Some(bit) = Self::bit(attribute) {
            self.0 |= bit;
        }
    }

    fn bit(attribute: AttributeType) -> Option<u16> {
        Self::ATTRIBUTES.iter().position(|known| *known == attribute).map(|at| 1 << at)
    }
}

/// What a client keeps of an object, so that it can answer `C_SignInit` and length queries without
/// asking. The node checks everything again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInfo {
    /// The object.
    pub handle: Handle,
    /// Its class.
    pub class: ObjectClass,
    /// Its key type; `None` for what isn't a key.
    pub key_type: Option<KeyType>,
    /// Size of the key: bits of the modulus (RSA), of the prime (DSA, DH) or of the field's order (EC), bytes of a secret key; the
    /// number of the parameter set (`CKA_PARAMETER_SET`) for keys that have one; else 0.
    pub size: u32,
    /// What it may be used for.
    pub usage: Usage,
    /// `CKA_TOKEN`.
    pub token: bool,
    /// `CKA_PRIVATE`.
    pub private: bool,
    /// `CKA_ALWAYS_AUTHENTICATE`.
    pub always_authenticate: bool,
    /// `CKA_ALLOWED_MECHANISMS`; empty means that all are.
    pub allowed_mechanisms: Vec<u64>,
    /// Bits of the subprime of a DSA key, which its size doesn't tell; 0 for others.
    pub subprime_bits: u16,
}
