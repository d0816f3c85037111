//! Names of hashes and key types, as cloudhsm-cli has them.

use clap::ValueEnum;
use strongroom_model::{Hash, KeyType, ObjectClass};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HashName {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl HashName {
    pub(crate) const fn hash(self) -> Hash {
        match self {
            Self::Sha1 => Hash::Sha1,
            Self::Sha224 => Hash::Sha224,
            Self::Sha256 => Hash::Sha256,
            Self::Sha384 => Hash::Sha384,
            Self::Sha512 => Hash::Sha512,
        }
    }
}

/// A parameter set of ML-DSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MlDsaName {
    #[value(name = "ml-dsa-44")]
    MlDsa44,
    #[value(name = "ml-dsa-65")]
    MlDsa65,
    #[value(name = "ml-dsa-87")]
    MlDsa87,
}

impl MlDsaName {
    /// As `CKP_*`.
    pub(crate) const fn number(self) -> u64 {
        match self {
            Self::MlDsa44 => cryptoki_sys::CKP_ML_DSA_44,
            Self::MlDsa65 => cryptoki_sys::CKP_ML_DSA_65,
            Self::MlDsa87 => cryptoki_sys::CKP_ML_DSA_87,
        }
    }
}

/// MGF1 (RFC 8017 appendix B.2.1) with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MgfName {
    #[value(name = "mgf1-sha1")]
    Sha1,
    #[value(name = "mgf1-sha224")]
    Sha224,
    #[value(name = "mgf1-sha256")]
    Sha256,
    #[value(name = "mgf1-sha384")]
    Sha384,
    #[value(name = "mgf1-sha512")]
    Sha512,
}

impl MgfName {
    pub(crate) const fn hash(self) -> Hash {
        match self {
            Self::Sha1 => Hash::Sha1,
            Self::Sha224 => Hash::Sha224,
            Self::Sha256 => Hash::Sha256,
            Self::Sha384 => Hash::Sha384,
            Self::Sha512 => Hash::Sha512,
        }
    }
}

/// What an imported or unwrapped key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyTypeClass {
    Aes,
    GenericSecret,
    EcPrivate,
    EcEdwardsPrivate,
    EcMontgomeryPrivate,
    RsaPrivate,
    EcPublic,
    RsaPublic,
}

impl KeyTypeClass {
    pub(crate) const fn class(self) -> ObjectClass {
        match self {
            Self::Aes | Self::GenericSecret => ObjectClass::SecretKey,
            Self::EcPrivate | Self::EcEdwardsPrivate | Self::EcMontgomeryPrivate | Self::RsaPrivate => {
                ObjectClass::PrivateKey
            }
            Self::EcPublic | Self::RsaPublic => ObjectClass::PublicKey,
        }
    }

    pub(crate) const fn key_type(self) -> KeyType {
        match self {
            Self::Aes => KeyType::Aes,
            Self::GenericSecret => KeyType::GenericSecret,
            Self::EcPrivate | Self::EcPublic => KeyType::Ec,
            Self::EcEdwardsPrivate => KeyType::EcEdwards,
            Self::EcMontgomeryPrivate => KeyType::EcMontgomery,
            Self::RsaPrivate | Self::RsaPublic => KeyType::Rsa,
        }
    }
}
