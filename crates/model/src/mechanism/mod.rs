//! Mechanisms: what they are called, what they need, and what they may be used for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::KeyType;

mod algorithm;
mod derivation;
mod hash;
mod numbers;
mod params;
mod signing;
mod table;

pub use algorithm::Algorithm;
pub use derivation::{
    AgreementKdf, ConnectionSizes, Hkdf, Ike, Kbkdf, KbkdfField, NumberFormat, PasswordBased, Prf, Randoms,
    Salt, Tls,
};
pub use hash::Hash;
pub use params::Params;
pub use signing::{Hedge, SignContext};
pub use table::MECHANISMS;

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

/// The purposes that a mechanism has (`CKF_*` of `CK_MECHANISM_INFO`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purposes(pub u64);

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
    /// Smallest key: bits for RSA and EC, bytes for secret keys, bytes of the public key for ML-KEM, ML-DSA and SLH-DSA.
    pub min_key: u64,
    /// Largest key, in the same unit.
    pub max_key: u64,
    /// What it may be used for.
    pub purposes: Purposes,
}

impl MechanismSpec {
    /// Whether it works with keys of a type. A key made for one HMAC serves that one only.
    pub fn takes(&self, key_type: KeyType) -> bool {
        if self.algorithm.takes_any_secret() {
            return key_type.is_secret();
        }
        if self.algorithm == Algorithm::PublicFromPrivate {
            return !key_type.is_secret();
        }
        let agrees = self.algorithm == Algorithm::Ecdh || self.kind == MechanismType::ECDH_AES_KEY_WRAP;
        if agrees && key_type == KeyType::EcMontgomery {
            return true;
        }
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
    /// `CKF_ENCRYPT`.
    pub const ENCRYPT: u64 = cryptoki_sys::CKF_ENCRYPT;
    /// `CKF_DECRYPT`.
    pub const DECRYPT: u64 = cryptoki_sys::CKF_DECRYPT;
    /// `CKF_DIGEST`.
    pub const DIGEST: u64 = cryptoki_sys::CKF_DIGEST;
    /// `CKF_SIGN`.
    pub const SIGN: u64 = cryptoki_sys::CKF_SIGN;
    /// `CKF_VERIFY`.
    pub const VERIFY: u64 = cryptoki_sys::CKF_VERIFY;
    /// `CKF_SIGN_RECOVER`.
    pub const SIGN_RECOVER: u64 = cryptoki_sys::CKF_SIGN_RECOVER;
    /// `CKF_VERIFY_RECOVER`.
    pub const VERIFY_RECOVER: u64 = cryptoki_sys::CKF_VERIFY_RECOVER;
    /// `CKF_GENERATE`.
    pub const GENERATE: u64 = cryptoki_sys::CKF_GENERATE;
    /// `CKF_GENERATE_KEY_PAIR`.
    pub const GENERATE_PAIR: u64 = cryptoki_sys::CKF_GENERATE_KEY_PAIR;
    /// `CKF_WRAP`.
    pub const WRAP: u64 = cryptoki_sys::CKF_WRAP;
    /// `CKF_UNWRAP`.
    pub const UNWRAP: u64 = cryptoki_sys::CKF_UNWRAP;
    /// `CKF_DERIVE`.
    pub const DERIVE: u64 = cryptoki_sys::CKF_DERIVE;
    /// `CKF_ENCAPSULATE`.
    pub const ENCAPSULATE: u64 = cryptoki_sys::CKF_ENCAPSULATE;
    /// `CKF_DECAPSULATE`.
    pub const DECAPSULATE: u64 = cryptoki_sys::CKF_DECAPSULATE;

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
