//! Hash-based signatures with state: HSS (RFC 8554), XMSS and XMSS^MT (RFC 8391), with the parameter sets of NIST SP
//! 800-208 (PKCS#11 3.2 sections 6.65 and 6.66). Verification only: a private key whose state is on several nodes, or in
//! a backup, signs twice with the same part of it sooner or later, and is then broken.
//!
//! No secrets are handled here, and no crate is kept well enough to do it, so these are Strongroom's own.

mod lms;
mod xmss;

use std::fmt;
use std::sync::Arc;

use strongroom_model::{
    AttributeType, Attributes, Error, Hash, KeyType, MechanismSpec, Result, ReturnCode, limits,
};

use crate::digest::digest;
use crate::family::{Family, Job};
use crate::ffi::shake::{Shake, Sponge};
use crate::operation::Input;
use crate::stream::StreamKind;
use crate::{Key, sets};

use lms::Hss;
use xmss::Xmss;

/// A public key of HSS, XMSS or XMSS^MT.
#[derive(Clone)]
pub struct HashBasedPublic {
    key_type: KeyType,
    value: Arc<[u8]>,
}

impl fmt::Debug for HashBasedPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HashBasedPublic({:?})", self.key_type)
    }
}

impl HashBasedPublic {
    pub(crate) fn from_attributes(key_type: KeyType, attributes: &Attributes) -> Result<Self> {
        Self::new(key_type, sets::public_part(attributes)?)
    }

    pub(crate) fn new(key_type: KeyType, value: &[u8]) -> Result<Self> {
        let parsed = match key_type {
            KeyType::Hss => Hss::parse(value).is_some(),
            _ => Xmss::parse(value, key_type == KeyType::XmssMt).is_some(),
        };
        if parsed {
            return Ok(Self { key_type, value: value.into() });
        }
        Err(Error::new(
            ReturnCode::ATTRIBUTE_VALUE_INVALID,
            format!("CKA_VALUE isn't a public key of {key_type:?} of a parameter set that is known"),
        ))
    }

    /// The public key.
    pub(crate) fn value(&self) -> &[u8] {
        &self.value
    }

    /// The object identifier of such keys (RFC 9708 section 4, RFC 9802 section 4).
    pub(crate) fn oid(&self) -> &'static str {
        oid(self.key_type)
    }

    /// What follows from the value: `HSS_LEVELS`, `HSS_LMS_TYPE` and `HSS_LMOTS_TYPE`, or `PARAMETER_SET`.
    pub(crate) fn attributes(&self) -> Attributes {
        match self.key_type {
            KeyType::Hss => Hss::parse(&self.value).map_or_else(Attributes::new, |key| {
                Attributes::new()
                    .with(AttributeType::HSS_LEVELS, u64::from(key.levels))
                    .with(AttributeType::HSS_LMS_TYPE, u64::from(key.top.kind))
                    .with(AttributeType::HSS_LMOTS_TYPE, u64::from(key.top.ots_kind))
            }),
            _ => Xmss::parse(&self.value, self.key_type == KeyType::XmssMt)
                .map_or_else(Attributes::new, |key| {
                    Attributes::new().with(AttributeType::PARAMETER_SET, u64::from(key.number))
                }),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<()> {
        let verdict = match self.key_type {
            KeyType::Hss => Hss::parse(&self.value).and_then(|key| key.verify(message, signature)),
            _ => Xmss::parse(&self.value, self.key_type == KeyType::XmssMt)
                .and_then(|key| key.verify(message, signature)),
        };
        if verdict == Some(true) { Ok(()) } else { Err(ReturnCode::SIGNATURE_INVALID.into()) }
    }
}

/// The type of keys with an object identifier.
pub(crate) fn from_oid(wanted: &str) -> Option<KeyType> {
    [KeyType::Hss, KeyType::Xmss, KeyType::XmssMt].into_iter().find(|key_type| oid(*key_type) == wanted)
}

const fn oid(key_type: KeyType) -> &'static str {
    match key_type {
        KeyType::Hss => "1.2.840.113549.1.9.16.3.17",
        KeyType::XmssMt => "1.3.6.1.5.5.7.6.35",
        _ => "1.3.6.1.5.5.7.6.34",
    }
}

/// Verification.
pub(crate) struct HashBased;

impl Family for HashBased {
    fn verify(&self, job: &Job<'_>, input: Input<'_>, signature: &[u8]) -> Result<()> {
        self.check(StreamKind::Verify, job)?;
        let Key::HashBasedPublic(key) = job.key else { return Err(job.wrong_key()) };
        key.verify(input.bytes(), signature)
    }

    fn check(&self, kind: StreamKind, job: &Job<'_>) -> Result<()> {
        job.no_params()?;
        match (kind, job.key) {
            (StreamKind::Verify, Key::HashBasedPublic(key)) if job.spec.key_type == Some(key.key_type) => {
                Ok(())
            }
            _ => Err(job.wrong_key()),
        }
    }

    /// The signature says what stands before the message in its hash, and comes last.
    fn most(&self, _spec: &MechanismSpec) -> usize {
        limits::MAX_DATA
    }
}

/// A hash function of these signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hasher {
    /// Cut to so many bytes.
    Sha256 {
        len: usize,
    },
    Sha512,
    /// 32 bytes of it.
    Shake128,
    Shake256 {
        len: usize,
    },
}

impl Hasher {
    /// Length of what it gives in bytes.
    const fn len(self) -> usize {
        match self {
            Self::Sha256 { len } | Self::Shake256 { len } => len,
            Self::Sha512 => 64,
            Self::Shake128 => 32,
        }
    }

    fn hash(self, parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha256 { len } => {
                let mut hash = digest(Hash::Sha256, parts);
                hash.truncate(len);
                hash
            }
            Self::Sha512 => digest(Hash::Sha512, parts),
            Self::Shake128 => shake(Shake::Shake128, parts, self.len()),
            Self::Shake256 { len } => shake(Shake::Shake256, parts, len),
        }
    }
}

/// Fails only for want of memory, as digests do.
fn shake(shake: Shake, parts: &[&[u8]], len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    let mut sponge = Sponge::new(shake).expect("memory for a digest");
    for part in parts {
        sponge.update(part).expect("memory for a digest");
    }
    sponge.finish(&mut out).expect("memory for a digest");
    out
}

/// What is left of an encoding.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn word(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_be_bytes)
    }

    const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}
