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
    /// SHA-512/224 (FIPS 180-4).
    Sha512_224,
    /// SHA-512/256.
    Sha512_256,
    /// SHA3-224 (FIPS 202).
    Sha3_224,
    /// SHA3-256.
    Sha3_256,
    /// SHA3-384.
    Sha3_384,
    /// SHA3-512.
    Sha3_512,
    /// MD5 (RFC 1321). Broken; for those who migrate what can't do without.
    Md5,
}

impl Hash {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Sha512_224,
        Self::Sha512_256,
        Self::Sha3_224,
        Self::Sha3_256,
        Self::Sha3_384,
        Self::Sha3_512,
        Self::Md5,
    ];

    /// Length of the digest in bytes.
    #[expect(clippy::len_without_is_empty, reason = "no digest is empty")]
    pub const fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 | Self::Sha512_224 | Self::Sha3_224 => 28,
            Self::Sha256 | Self::Sha512_256 | Self::Sha3_256 => 32,
            Self::Sha384 | Self::Sha3_384 => 48,
            Self::Sha512 | Self::Sha3_512 => 64,
        }
    }

    /// The type of keys for this hash's HMAC, as `CKK_*`.
    pub const fn hmac_key_type(self) -> u64 {
        match self {
            Self::Md5 => cryptoki_sys::CKK_MD5_HMAC,
            Self::Sha1 => cryptoki_sys::CKK_SHA_1_HMAC,
            Self::Sha224 => cryptoki_sys::CKK_SHA224_HMAC,
            Self::Sha256 => cryptoki_sys::CKK_SHA256_HMAC,
            Self::Sha384 => cryptoki_sys::CKK_SHA384_HMAC,
            Self::Sha512 => cryptoki_sys::CKK_SHA512_HMAC,
            Self::Sha512_224 => cryptoki_sys::CKK_SHA512_224_HMAC,
            Self::Sha512_256 => cryptoki_sys::CKK_SHA512_256_HMAC,
            Self::Sha3_224 => cryptoki_sys::CKK_SHA3_224_HMAC,
            Self::Sha3_256 => cryptoki_sys::CKK_SHA3_256_HMAC,
            Self::Sha3_384 => cryptoki_sys::CKK_SHA3_384_HMAC,
            Self::Sha3_512 => cryptoki_sys::CKK_SHA3_512_HMAC,
        }
    }

    /// The hash whose HMAC a type of keys (`CKK_*`) is for.
    pub const fn from_hmac_key_type(key_type: u64) -> Option<Self> {
        let mut at = 0;
        while at < Self::ALL.len() {
            if Self::ALL[at].hmac_key_type() == key_type {
                return Some(Self::ALL[at]);
            }
            at += 1;
        }
        None
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
            cryptoki_sys::CKG_MGF1_SHA3_224 => Some(Self::Sha3_224),
            cryptoki_sys::CKG_MGF1_SHA3_256 => Some(Self::Sha3_256),
            cryptoki_sys::CKG_MGF1_SHA3_384 => Some(Self::Sha3_384),
            cryptoki_sys::CKG_MGF1_SHA3_512 => Some(Self::Sha3_512),
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
            cryptoki_sys::CKD_SHA3_224_KDF => Some(Self::Sha3_224),
            cryptoki_sys::CKD_SHA3_256_KDF => Some(Self::Sha3_256),
            cryptoki_sys::CKD_SHA3_384_KDF => Some(Self::Sha3_384),
            cryptoki_sys::CKD_SHA3_512_KDF => Some(Self::Sha3_512),
            _ => None,
        }
    }
}
