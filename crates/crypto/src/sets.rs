//! Algorithms whose parameters are a set with a number, `CKA_PARAMETER_SET` (PKCS#11 3.2 sections 6.67 to 6.69).

use p256::pkcs8::der::asn1::ObjectIdentifier;
use strongroom_model::{AttributeType, Attributes, Blob, Error, Result, ReturnCode};
use subtle::ConstantTimeEq;

use crate::seeded::Parts;

/// A parameter set.
pub(crate) trait ParameterSet: Copy + PartialEq + 'static {
    /// All of the family.
    const ALL: &'static [Self];
    /// The family's name.
    const FAMILY: &'static str;

    /// As `CKP_*`.
    fn number(self) -> u64;

    /// Its standard's name.
    fn name(self) -> &'static str;

    /// Its object identifier: that of keys, and of the pure signature algorithm.
    fn oid(self) -> &'static str;

    /// The set with an object identifier.
    fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        Self::ALL.iter().copied().find(|set| ObjectIdentifier::new(set.oid()).is_ok_and(|own| own == oid))
    }
}

/// The set that `CKA_PARAMETER_SET` names.
///
/// # Errors
/// `TEMPLATE_INCOMPLETE`, `PARAMETER_SET_NOT_SUPPORTED`.
pub(crate) fn of<S: ParameterSet>(attributes: &Attributes) -> Result<S> {
    let number = attributes.ulong(AttributeType::PARAMETER_SET).ok_or_else(|| {
        Error::new(
            ReturnCode::TEMPLATE_INCOMPLETE,
            format!("CKA_PARAMETER_SET is missing: {} needs it", S::FAMILY),
        )
    })?;
    S::ALL.iter().copied().find(|set| set.number() == number).ok_or_else(|| {
        let names: Vec<_> = S::ALL.iter().map(|set| format!("{} ({})", set.number(), set.name())).collect();
        Error::new(
            ReturnCode::PARAMETER_SET_NOT_SUPPORTED,
            format!("{} has no parameter set {number}; there are {}", S::FAMILY, names.join(", ")),
        )
    })
}

/// `CKA_VALUE` of a public key.
///
/// # Errors
/// `TEMPLATE_INCOMPLETE`.
pub(crate) fn public_part(attributes: &Attributes) -> Result<&[u8]> {
    attributes
        .bytes(AttributeType::VALUE)
        .ok_or_else(|| Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "a public key needs CKA_VALUE"))
}

/// `CKA_SEED` and `CKA_VALUE` of a private key. One that is empty counts as absent: some clients give both.
pub(crate) fn private_parts(attributes: &Attributes) -> Parts<'_> {
    let part = |attribute| attributes.bytes(attribute).filter(|bytes| !bytes.is_empty());
    (part(AttributeType::SEED), part(AttributeType::VALUE))
}

/// A seed of `N` bytes.
///
/// # Errors
/// `ATTRIBUTE_VALUE_INVALID`.
pub(crate) fn seed<const N: usize>(set: impl ParameterSet, bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().map_err(|_| {
        Error::new(
            ReturnCode::ATTRIBUTE_VALUE_INVALID,
            format!("CKA_SEED of {} has {N} bytes, not {}", set.name(), bytes.len()),
        )
    })
}

/// Refuses an expanded private key that isn't the one that the seed gives.
///
/// # Errors
/// `ATTRIBUTE_VALUE_INVALID`.
pub(crate) fn must_agree(set: impl ParameterSet, made: &[u8], stated: &[u8]) -> Result<()> {
    if made.ct_eq(stated).into() {
        return Ok(());
    }
    Err(Error::new(
        ReturnCode::ATTRIBUTE_VALUE_INVALID,
        format!("CKA_VALUE isn't the {} private key that CKA_SEED gives", set.name()),
    ))
}

pub(crate) fn no_parts(set: impl ParameterSet) -> Error {
    let message = format!("a private key of {} needs CKA_SEED, CKA_VALUE or both", set.name());
    Error::new(ReturnCode::TEMPLATE_INCOMPLETE, message)
}

pub(crate) fn invalid_private(set: impl ParameterSet) -> Error {
    Error::new(
        ReturnCode::ATTRIBUTE_VALUE_INVALID,
        format!("CKA_VALUE isn't a private key of {}", set.name()),
    )
}

pub(crate) fn invalid_public(set: impl ParameterSet) -> Error {
    Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, format!("CKA_VALUE isn't a public key of {}", set.name()))
}

pub(crate) fn public_attributes(set: impl ParameterSet, value: Vec<u8>) -> Attributes {
    Attributes::new().with(AttributeType::PARAMETER_SET, set.number()).with(AttributeType::VALUE, value)
}

pub(crate) fn private_attributes(set: impl ParameterSet, seed: Option<&Blob>, value: Blob) -> Attributes {
    let mut attributes =
        Attributes::new().with(AttributeType::PARAMETER_SET, set.number()).with(AttributeType::VALUE, value);
    if let Some(seed) = seed {
        attributes.set(AttributeType::SEED, seed.clone());
    }
    attributes
}
