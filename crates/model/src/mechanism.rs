//! Mechanisms: what they are called, what they need, and what they may be used for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Blob, KeyType};

/// The type of a mechanism (`CK_MECHANISM_TYPE`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MechanismType(pub u64);

/// A mechanism with its parameters, parsed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mechanism {
    /// Its type.
    pub kind: MechanismType,
    /// Its parameters.
    pub params: Params,
}

/// The parameters of a mechanism. Which variant a mechanism takes follows from its [`Algorithm`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Params {
    /// None.
    None,
    /// An initialisation vector: 16 bytes for AES-CBC; 8 for AES-KW and 4 for AES-KWP, where it may be
    /// left out (then `None`).
    Iv(Blob),
    /// `CK_AES_CTR_PARAMS`.
    Ctr {
        /// How many low bits of the block count (1 to 128).
        bits: u8,
        /// The first counter block.
        block: [u8; 16],
    },
    /// `CK_GCM_PARAMS`.
    Gcm {
        /// 1 to 1,024 bytes.
        iv: Blob,
        /// Additional authenticated data.
        aad: Blob,
        /// 8 to 128, in steps of 8.
        tag_bits: u8,
    },
    /// `CK_RSA_PKCS_PSS_PARAMS`.
    Pss {
        /// Of the message.
        hash: Hash,
        /// Of the mask generation function.
        mgf: Hash,
        /// Length of the salt in bytes.
        salt: u32,
    },
    /// `CK_RSA_PKCS_OAEP_PARAMS`.
    Oaep {
        /// Of the label.
        hash: Hash,
        /// Of the mask generation function.
        mgf: Hash,
        /// The label.
        label: Blob,
    },
    /// `CK_ECDH1_DERIVE_PARAMS`.
    Ecdh {
        /// `None` is `CKD_NULL`; otherwise the X9.63 KDF with that hash.
        kdf: Option<Hash>,
        /// Shared data for the KDF.
        shared: Blob,
        /// The other side's public point: SEC 1 uncompressed or compressed, raw or in a DER OCTET STRING.
        public: Blob,
    },
}

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

/// What a mechanism does, apart from the hash it does it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA key-pair generation.
    RsaKeyPairGen,
    /// RSASSA-PKCS1-v1_5 and RSAES-PKCS1-v1_5.
    RsaPkcs,
    /// RSASSA-PSS.
    RsaPss,
    /// RSAES-OAEP.
    RsaOaep,
    /// Raw RSA.
    RsaX509,
    /// Elliptic-curve key-pair generation.
    EcKeyPairGen,
    /// ECDSA; signatures are r and s, each of the order's length, one after the other.
    Ecdsa,
    /// Elliptic-curve Diffie-Hellman; with cofactor for `CKM_ECDH1_COFACTOR_DERIVE` (all curves here have cofactor 1).
    Ecdh,
    /// AES key generation.
    AesKeyGen,
    /// AES-ECB.
    AesEcb,
    /// AES-CBC.
    AesCbc,
    /// AES-CBC with PKCS#7 padding.
    AesCbcPad,
    /// AES-CTR.
    AesCtr,
    /// AES-GCM; the tag follows the ciphertext.
    AesGcm,
    /// AES key wrap, RFC 3394.
    AesKw,
    /// AES key wrap with padding, RFC 5649.
    AesKwp,
    /// AES-CMAC.
    AesCmac,
    /// Generation of a generic secret.
    GenericKeyGen,
    /// HMAC.
    Hmac,
    /// A hash.
    Digest,
}

/// The purposes that a mechanism has (`CKF_*` of `CK_MECHANISM_INFO`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purposes(pub u64);

const ENCRYPT: u64 = cryptoki_sys::CKF_ENCRYPT | cryptoki_sys::CKF_DECRYPT;
const SIGN: u64 = cryptoki_sys::CKF_SIGN | cryptoki_sys::CKF_VERIFY;
const WRAP: u64 = cryptoki_sys::CKF_WRAP | cryptoki_sys::CKF_UNWRAP;
const DERIVE: u64 = cryptoki_sys::CKF_DERIVE;
const GENERATE: u64 = cryptoki_sys::CKF_GENERATE;
const PAIR: u64 = cryptoki_sys::CKF_GENERATE_KEY_PAIR;
const DIGEST: u64 = cryptoki_sys::CKF_DIGEST;
const EC: u64 = cryptoki_sys::CKF_EC_F_P
    | cryptoki_sys::CKF_EC_NAMEDCURVE
    | cryptoki_sys::CKF_EC_UNCOMPRESS
    | cryptoki_sys::CKF_EC_COMPRESS;

/// One row of the mechanism table.
#[derive(Debug)]
pub struct MechanismSpec {
    /// Its type.
    pub kind: MechanismType,
    /// The standard's name.
    pub name: &'static str,
    /// What it does.
    pub algorithm: Algorithm,
    /// The hash that is part of the mechanism.
    pub hash: Option<Hash>,
    /// The type of key it works with; `None` for digests.
    pub key_type: Option<KeyType>,
    /// Smallest key: bits for RSA and EC, bytes for secret keys.
    pub min_key: u64,
    /// Largest key, in the same unit.
    pub max_key: u64,
    /// What it may be used for.
    pub purposes: Purposes,
}

macro_rules! mechanisms {
    ($($name:ident = $source:ident: $algorithm:ident, $hash:expr, $key:expr, $min:literal..=$max:literal, $flags:expr;)*) => {
        impl MechanismType {
            $(#[doc = concat!("`", stringify!($source), "`.")] pub const $name: Self = Self(cryptoki_sys::$source);)*
        }

        /// The mechanism table: every mechanism there is, in the order in which they are listed.
        pub static MECHANISMS: &[MechanismSpec] = &[$(MechanismSpec {
            kind: MechanismType::$name,
            name: stringify!($source),
            algorithm: Algorithm::$algorithm,
            hash: $hash,
            key_type: $key,
            min_key: $min,
            max_key: $max,
            purposes: Purposes($flags),
        },)*];

        impl MechanismType {
            /// The mechanism's row in the table.
            pub fn spec(self) -> Option<&'static MechanismSpec> {
                // A chain of comparisons that the compiler turns into a search.
                let mut at = 0;
                $(if self == Self::$name { return Some(&MECHANISMS[at]); } at += 1;)*
                let _ = at;
                None
            }
        }
    };
}

const RSA: Option<KeyType> = Some(KeyType::Rsa);
const ECK: Option<KeyType> = Some(KeyType::Ec);
const AES: Option<KeyType> = Some(KeyType::Aes);
const GEN: Option<KeyType> = Some(KeyType::GenericSecret);
const SHA1: Option<Hash> = Some(Hash::Sha1);
const SHA224: Option<Hash> = Some(Hash::Sha224);
const SHA256: Option<Hash> = Some(Hash::Sha256);
const SHA384: Option<Hash> = Some(Hash::Sha384);
const SHA512: Option<Hash> = Some(Hash::Sha512);

mechanisms! {
    RSA_PKCS_KEY_PAIR_GEN = CKM_RSA_PKCS_KEY_PAIR_GEN: RsaKeyPairGen, None, RSA, 1024..=8192, PAIR;
    RSA_X9_31_KEY_PAIR_GEN = CKM_RSA_X9_31_KEY_PAIR_GEN: RsaKeyPairGen, None, RSA, 1024..=8192, PAIR;
    RSA_PKCS = CKM_RSA_PKCS: RsaPkcs, None, RSA, 1024..=8192, ENCRYPT | SIGN | WRAP;
    RSA_X_509 = CKM_RSA_X_509: RsaX509, None, RSA, 1024..=8192, ENCRYPT | SIGN | WRAP;
    SHA1_RSA_PKCS = CKM_SHA1_RSA_PKCS: RsaPkcs, SHA1, RSA, 1024..=8192, SIGN;
    SHA224_RSA_PKCS = CKM_SHA224_RSA_PKCS: RsaPkcs, SHA224, RSA, 1024..=8192, SIGN;
    SHA256_RSA_PKCS = CKM_SHA256_RSA_PKCS: RsaPkcs, SHA256, RSA, 1024..=8192, SIGN;
    SHA384_RSA_PKCS = CKM_SHA384_RSA_PKCS: RsaPkcs, SHA384, RSA, 1024..=8192, SIGN;
    SHA512_RSA_PKCS = CKM_SHA512_RSA_PKCS: RsaPkcs, SHA512, RSA, 1024..=8192, SIGN;
    RSA_PKCS_PSS = CKM_RSA_PKCS_PSS: RsaPss, None, RSA, 1024..=8192, SIGN;
    SHA1_RSA_PKCS_PSS = CKM_SHA1_RSA_PKCS_PSS: RsaPss, SHA1, RSA, 1024..=8192, SIGN;
    SHA224_RSA_PKCS_PSS = CKM_SHA224_RSA_PKCS_PSS: RsaPss, SHA224, RSA, 1024..=8192, SIGN;
    SHA256_RSA_PKCS_PSS = CKM_SHA256_RSA_PKCS_PSS: RsaPss, SHA256, RSA, 1024..=8192, SIGN;
    SHA384_RSA_PKCS_PSS = CKM_SHA384_RSA_PKCS_PSS: RsaPss, SHA384, RSA, 1024..=8192, SIGN;
    SHA512_RSA_PKCS_PSS = CKM_SHA512_RSA_PKCS_PSS: RsaPss, SHA512, RSA, 1024..=8192, SIGN;
    RSA_PKCS_OAEP = CKM_RSA_PKCS_OAEP: RsaOaep, None, RSA, 1024..=8192, ENCRYPT | WRAP;
    EC_KEY_PAIR_GEN = CKM_EC_KEY_PAIR_GEN: EcKeyPairGen, None, ECK, 224..=521, PAIR | EC;
    ECDSA = CKM_ECDSA: Ecdsa, None, ECK, 224..=521, SIGN | EC;
    ECDSA_SHA1 = CKM_ECDSA_SHA1: Ecdsa, SHA1, ECK, 224..=521, SIGN | EC;
    ECDSA_SHA224 = CKM_ECDSA_SHA224: Ecdsa, SHA224, ECK, 224..=521, SIGN | EC;
    ECDSA_SHA256 = CKM_ECDSA_SHA256: Ecdsa, SHA256, ECK, 224..=521, SIGN | EC;
    ECDSA_SHA384 = CKM_ECDSA_SHA384: Ecdsa, SHA384, ECK, 224..=521, SIGN | EC;
    ECDSA_SHA512 = CKM_ECDSA_SHA512: Ecdsa, SHA512, ECK, 224..=521, SIGN | EC;
    ECDH1_DERIVE = CKM_ECDH1_DERIVE: Ecdh, None, ECK, 224..=521, DERIVE | EC;
    ECDH1_COFACTOR_DERIVE = CKM_ECDH1_COFACTOR_DERIVE: Ecdh, None, ECK, 224..=521, DERIVE | EC;
    AES_KEY_GEN = CKM_AES_KEY_GEN: AesKeyGen, None, AES, 16..=32, GENERATE;
    AES_ECB = CKM_AES_ECB: AesEcb, None, AES, 16..=32, ENCRYPT;
    AES_CBC = CKM_AES_CBC: AesCbc, None, AES, 16..=32, ENCRYPT;
    AES_CBC_PAD = CKM_AES_CBC_PAD: AesCbcPad, None, AES, 16..=32, ENCRYPT | WRAP;
    AES_CTR = CKM_AES_CTR: AesCtr, None, AES, 16..=32, ENCRYPT;
    AES_GCM = CKM_AES_GCM: AesGcm, None, AES, 16..=32, ENCRYPT | WRAP;
    AES_KEY_WRAP = CKM_AES_KEY_WRAP: AesKw, None, AES, 16..=32, ENCRYPT | WRAP;
    AES_KEY_WRAP_PAD = CKM_AES_KEY_WRAP_PAD: AesKwp, None, AES, 16..=32, ENCRYPT | WRAP;
    AES_KEY_WRAP_KWP = CKM_AES_KEY_WRAP_KWP: AesKwp, None, AES, 16..=32, ENCRYPT | WRAP;
    AES_CMAC = CKM_AES_CMAC: AesCmac, None, AES, 16..=32, SIGN;
    GENERIC_SECRET_KEY_GEN = CKM_GENERIC_SECRET_KEY_GEN: GenericKeyGen, None, GEN, 1..=4096, GENERATE;
    SHA_1_HMAC = CKM_SHA_1_HMAC: Hmac, SHA1, GEN, 1..=4096, SIGN;
    SHA224_HMAC = CKM_SHA224_HMAC: Hmac, SHA224, GEN, 1..=4096, SIGN;
    SHA256_HMAC = CKM_SHA256_HMAC: Hmac, SHA256, GEN, 1..=4096, SIGN;
    SHA384_HMAC = CKM_SHA384_HMAC: Hmac, SHA384, GEN, 1..=4096, SIGN;
    SHA512_HMAC = CKM_SHA512_HMAC: Hmac, SHA512, GEN, 1..=4096, SIGN;
    SHA_1 = CKM_SHA_1: Digest, SHA1, None, 0..=0, DIGEST;
    SHA224 = CKM_SHA224: Digest, SHA224, None, 0..=0, DIGEST;
    SHA256 = CKM_SHA256: Digest, SHA256, None, 0..=0, DIGEST;
    SHA384 = CKM_SHA384: Digest, SHA384, None, 0..=0, DIGEST;
    SHA512 = CKM_SHA512: Digest, SHA512, None, 0..=0, DIGEST;
}

impl MechanismSpec {
    /// Whether it works with keys of a type. A key made for one HMAC serves that one only.
    pub fn takes(&self, key_type: KeyType) -> bool {
        self.key_type.is_some_and(|wanted| key_type.serves(wanted))
            && !matches!(key_type, KeyType::Hmac(hash) if self.hash != Some(hash))
    }
}

impl Mechanism {
    /// A mechanism without parameters.
    pub const fn plain(kind: MechanismType) -> Self {
        Self { kind, params: Params::None }
    }
}

impl Purposes {
    /// Whether all of `flags` (`CKF_*`) are among the purposes.
    pub const fn contains(self, flags: u64) -> bool {
        self.0 & flags == flags
    }
}

impl fmt::Display for MechanismType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spec() {
            Some(spec) => f.write_str(spec.name),
            None => write!(f, "CKM_{:#x}", self.0),
        }
    }
}

impl fmt::Debug for MechanismType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_finds_itself() {
        for row in MECHANISMS {
            assert!(std::ptr::eq(row.kind.spec().unwrap(), row), "{}", row.name);
        }
        assert!(MechanismType(0xdead).spec().is_none());
    }
}
