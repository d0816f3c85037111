//! Hash functions.

use serde::{Deserialize, Serialize};

use super::{Algorithm, MechanismSpec, MechanismType};

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hash {
    /// SHA-1.
    Sha1,
    /// SHA-224.
    Sha224,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Sha1, Self::Sha224, Self::Sha256, Self::Sha384, Self::Sha512];

    /// Length of the digest in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The hash of a digest mechanism such as `CKM_SHA256`.
    pub fn from_mechanism(kind: MechanismType) -> Option<Self> {
        match kind.spec() {
            Some(MechanismSpec { algorithm: Algorithm::Digest, hash, .. }) => *hash,
            _ => None,
        }
    }

    /// The hash of a mask generation function such as `CKG_MGF1_SHA256`.
    pub fn from_mgf(mgf: u64) -> Option<Self> {
        match mgf {
            cryptoki_sys::CKG_MGF1_SHA1 => Some(Self::Sha1),
            cryptoki_sys::CKG_MGF1_SHA224 => Some(Self::Sha224),
            cryptoki_sys::CKG_MGF1_SHA256 => Some(Self::Sha256),
            cryptoki_sys::CKG_MGF1_SHA384 => Some(Self::Sha384),
            cryptoki_sys::CKG_MGF1_SHA512 => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The hash of a key derivation function such as `CKD_SHA256_KDF` (not `CKD_NULL`).
    pub fn from_kdf(kdf: u64) -> Option<Self> {
        match kdf {
            cryptoki_sys::CKD_SHA1_KDF => Some(Self::Sha1),
            cryptoki_sys::CKD_SHA224_KDF => Some(Self::Sha224),
            cryptoki_sys::CKD_SHA256_KDF => Some(Self::Sha256),
            cryptoki_sys::CKD_SHA384_KDF => Some(Self::Sha384),
            cryptoki_sys::CKD_SHA512_KDF => Some(Self::Sha512),
            _ => None,
        }
    }
}
