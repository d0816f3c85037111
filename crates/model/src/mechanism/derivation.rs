//! The parameters of mechanisms that derive keys.

use serde::{Deserialize, Serialize};

use super::{Hash, Params};
use crate::{Attributes, Blob, Handle, at_most, limits};

/// A pseudo-random function that derivations are built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Prf {
    /// HMAC.
    Hmac(Hash),
    /// AES-CMAC; takes AES keys' lengths only.
    Cmac,
}

impl Prf {
    /// Bytes that it gives.
    #[expect(clippy::len_without_is_empty, reason = "it always gives some")]
    pub const fn len(self) -> usize {
        match self {
            Self::Hmac(hash) => hash.len(),
            Self::Cmac => 16,
        }
    }
}

/// How a number is laid out among a PRF's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberFormat {
    /// Least significant byte first.
    pub little_endian: bool,
    /// 8 to 64, in steps of 8; a counter has 32 at most.
    pub bits: u8,
}

/// A part of the data that a PRF of SP 800-108 is applied to (`CK_PRF_DATA_PARAM`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KbkdfField {
    /// The iteration variable of the feedback and double-pipeline modes: K(i-1) or A(i).
    Iteration,
    /// The counter: the iteration variable of the counter mode, optional in others.
    Counter(NumberFormat),
    /// The length of all that is derived, in bits.
    Length {
        /// Whether it's that of the PRF's output rather than that of the keys.
        of_segments: bool,
        /// How it's written.
        format: NumberFormat,
    },
    /// Bytes.
    Bytes(Blob),
    /// The value of another key.
    Key(Handle),
}

/// Parameters of the mechanisms of NIST SP 800-108 (`CK_SP800_108_KDF_PARAMS`, `CK_SP800_108_FEEDBACK_KDF_PARAMS`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kbkdf {
    /// The PRF.
    pub prf: Prf,
    /// What it's applied to, in this order.
    #[serde(deserialize_with = "at_most::<{ limits::MAX_PRF_FIELDS }, _, _>")]
    pub fields: Vec<KbkdfField>,
    /// K(0) of the feedback mode.
    pub iv: Blob,
    /// Templates of further keys.
    #[serde(deserialize_with = "at_most::<{ limits::MAX_FURTHER_KEYS }, _, _>")]
    pub further: Vec<Attributes>,
}

/// Parameters of HKDF (`CK_HKDF_PARAMS`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hkdf {
    /// Whether to extract.
    pub extract: bool,
    /// Whether to expand.
    pub expand: bool,
    /// The hash.
    pub hash: Hash,
    /// The salt of the extraction.
    pub salt: Salt,
    /// The info of the expansion.
    pub info: Blob,
}

/// A salt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Salt {
    /// None: zeros.
    None,
    /// Bytes.
    Data(Blob),
    /// The value of another key.
    Key(Handle),
}

/// Parameters of password-based key generation (`CK_PKCS5_PBKD2_PARAMS2`, `CK_PBE_PARAMS`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordBased {
    /// Of HMAC, or of PKCS #12's own function.
    pub hash: Hash,
    /// The password.
    pub password: Blob,
    /// The salt.
    pub salt: Blob,
    /// At most [`limits::MAX_PBE_ITERATIONS`], each block of the key counted.
    pub iterations: u32,
}

/// What the two sides of a TLS handshake have sent (`CK_SSL3_RANDOM_DATA`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Randoms {
    /// The client.
    pub client: Blob,
    /// The server.
    pub server: Blob,
}

/// Sizes of what is derived for a TLS connection (`CK_SSL3_KEY_MAT_PARAMS`, `CK_TLS12_KEY_MAT_PARAMS`), in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionSizes {
    /// A MAC key; 0 for none.
    pub mac: u32,
    /// A cipher's key.
    pub key: u32,
    /// An initialisation vector; 0 for none.
    pub iv: u32,
}

/// Parameters of the mechanisms of TLS and SSL 3.0. The hash is that of TLS 1.2's PRF; `None` stands for the PRF of
/// TLS 1.0 and 1.1, and for what SSL 3.0 has in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tls {
    /// `CK_VERSION`: major and minor, at the start of a premaster secret.
    Version([u8; 2]),
    /// `CK_SSL3_MASTER_KEY_DERIVE_PARAMS`, `CK_TLS12_MASTER_KEY_DERIVE_PARAMS`.
    Master {
        /// Of the PRF.
        hash: Option<Hash>,
        /// The randoms.
        randoms: Randoms,
    },
    /// `CK_TLS12_EXTENDED_MASTER_KEY_DERIVE_PARAMS` (RFC 7627).
    ExtendedMaster {
        /// Of the PRF.
        hash: Option<Hash>,
        /// The hash of the handshake.
        session_hash: Blob,
    },
    /// `CK_SSL3_KEY_MAT_PARAMS`, `CK_TLS12_KEY_MAT_PARAMS`.
    Connection {
        /// Of the PRF.
        hash: Option<Hash>,
        /// The randoms.
        randoms: Randoms,
        /// The sizes.
        sizes: ConnectionSizes,
    },
    /// `CK_TLS_PRF_PARAMS`: the PRF's output is given to the caller.
    Prf {
        /// The label.
        label: Blob,
        /// The seed.
        seed: Blob,
        /// Bytes wanted.
        len: u32,
    },
    /// `CK_TLS_KDF_PARAMS` (RFC 5705).
    Exporter {
        /// Of the PRF.
        hash: Option<Hash>,
        /// The label.
        label: Blob,
        /// The randoms.
        randoms: Randoms,
        /// The context, where there is one.
        context: Option<Blob>,
    },
    /// `CK_TLS_MAC_PARAMS`: what a `Finished` message verifies.
    Finished {
        /// Of the PRF.
        hash: Option<Hash>,
        /// Bytes, at least 12.
        len: u32,
        /// Whether it's the server's.
        server: bool,
    },
}

/// Parameters of the mechanisms of IKE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ike {
    /// `CK_IKE2_PRF_PLUS_DERIVE_PARAMS`.
    PrfPlus {
        /// The PRF.
        prf: Prf,
        /// A key in front of the seed.
        seed_key: Option<Handle>,
        /// The seed.
        seed: Blob,
    },
    /// `CK_IKE_PRF_DERIVE_PARAMS`.
    Prf {
        /// The PRF.
        prf: Prf,
        /// Whether the nonces are the PRF's key, and the base key its data.
        data_as_key: bool,
        /// The new shared secret, when keys are renewed.
        new_key: Option<Handle>,
        /// The nonces, one after the other.
        nonces: Blob,
    },
    /// `CK_IKE1_PRF_DERIVE_PARAMS`.
    Ike1Prf {
        /// The PRF.
        prf: Prf,
        /// The shared secret.
        gxy: Handle,
        /// The key that was derived before.
        previous: Option<Handle>,
        /// The cookies, one after the other.
        cookies: Blob,
        /// The number of the key.
        number: u8,
    },
    /// `CK_IKE1_EXTENDED_DERIVE_PARAMS`.
    Ike1Extended {
        /// The PRF.
        prf: Prf,
        /// The shared secret.
        gxy: Option<Handle>,
        /// More data.
        extra: Blob,
    },
}

/// The key derivation functions that agreement mechanisms apply to the shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AgreementKdf {
    /// ANSI X9.63, and X9.42 by concatenation: Z, counter, shared data (`CKD_*_KDF`).
    X963(Hash),
    /// NIST SP 800-56A section 5.8.2.1: counter, Z, shared data (`CKD_*_KDF_SP800`).
    Sp800(Hash),
    /// ANSI X9.42 with DER-encoded shared data, which holds the counter (RFC 2631; `CKD_SHA1_KDF_ASN1`).
    X942Asn1,
}

impl AgreementKdf {
    /// From `CKD_*` as elliptic curves have them; not `CKD_NULL`.
    pub fn from_ck(kdf: u64) -> Option<Self> {
        let sp800 = match kdf {
            cryptoki_sys::CKD_SHA1_KDF_SP800 => Hash::Sha1,
            cryptoki_sys::CKD_SHA224_KDF_SP800 => Hash::Sha224,
            cryptoki_sys::CKD_SHA256_KDF_SP800 => Hash::Sha256,
            cryptoki_sys::CKD_SHA384_KDF_SP800 => Hash::Sha384,
            cryptoki_sys::CKD_SHA512_KDF_SP800 => Hash::Sha512,
            cryptoki_sys::CKD_SHA3_224_KDF_SP800 => Hash::Sha3_224,
            cryptoki_sys::CKD_SHA3_256_KDF_SP800 => Hash::Sha3_256,
            cryptoki_sys::CKD_SHA3_384_KDF_SP800 => Hash::Sha3_384,
            cryptoki_sys::CKD_SHA3_512_KDF_SP800 => Hash::Sha3_512,
            _ => return Hash::from_kdf(kdf).map(Self::X963),
        };
        Some(Self::Sp800(sp800))
    }
}

impl From<Hash> for AgreementKdf {
    /// ANSI X9.63, the usual one.
    fn from(hash: Hash) -> Self {
        Self::X963(hash)
    }
}

impl Params {
    /// The other keys that the parameters name, in the order in which they go into the derivation.
    pub fn keys(&self) -> Vec<Handle> {
        match self {
            Self::Key(handle) => vec![*handle],
            Self::Kbkdf(params) => params
                .fields
                .iter()
                .filter_map(|field| match field {
                    KbkdfField::Key(handle) => Some(*handle),
                    _ => None,
                })
                .collect(),
            Self::Hkdf(Hkdf { salt: Salt::Key(handle), .. }) => vec![*handle],
            Self::Ike(Ike::PrfPlus { seed_key: handle, .. } | Ike::Prf { new_key: handle, .. }) => {
                handle.iter().copied().collect()
            }
            Self::Ike(Ike::Ike1Prf { gxy, previous, .. }) => previous.iter().chain([gxy]).copied().collect(),
            Self::Ike(Ike::Ike1Extended { gxy, .. }) => gxy.iter().copied().collect(),
            _ => Vec::new(),
        }
    }
}
