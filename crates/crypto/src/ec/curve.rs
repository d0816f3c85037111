//! The curves, and how `CKA_EC_PARAMS` names them.

use std::fmt;

use p256::pkcs8::der::asn1::{AnyRef, ObjectIdentifier, PrintableStringRef};
use p256::pkcs8::der::{Decode, Encode};
use strongroom_model::{AttributeType, Attributes, Error, Result, ReturnCode};

use crate::ffi::ec::Group;
use crate::ffi::ec_told;

/// A named curve.
pub struct Curve {
    /// Its usual name.
    pub name: &'static str,
    /// Bits of its order.
    pub bits: u32,
    /// Its object identifier.
    pub(crate) oid: ObjectIdentifier,
    /// What it's called as well.
    aliases: &'static [&'static str],
    pub(crate) group: Group,
}

#[rustfmt::skip]
static CURVES: [Curve; 20] = [
    curve("P-192", 192, "1.2.840.10045.3.1.1", &["prime192v1", "secp192r1"], Group::Told(&ec_told::P192)),
    curve("P-224", 224, "1.3.132.0.33", &["secp224r1"], Group::P224),
    curve("P-256", 256, "1.2.840.10045.3.1.7", &["prime256v1", "secp256r1"], Group::P256),
    curve("P-384", 384, "1.3.132.0.34", &["secp384r1"], Group::P384),
    curve("P-521", 521, "1.3.132.0.35", &["secp521r1"], Group::P521),
    curve("secp256k1", 256, "1.3.132.0.10", &[], Group::Secp256k1),
    curve("brainpoolP160r1", 160, "1.3.36.3.3.2.8.1.1.1", &[], Group::Told(&ec_told::BRAINPOOL_P160R1)),
    curve("brainpoolP160t1", 160, "1.3.36.3.3.2.8.1.1.2", &[], Group::Told(&ec_told::BRAINPOOL_P160T1)),
    curve("brainpoolP192r1", 192, "1.3.36.3.3.2.8.1.1.3", &[], Group::Told(&ec_told::BRAINPOOL_P192R1)),
    curve("brainpoolP192t1", 192, "1.3.36.3.3.2.8.1.1.4", &[], Group::Told(&ec_told::BRAINPOOL_P192T1)),
    curve("brainpoolP224r1", 224, "1.3.36.3.3.2.8.1.1.5", &[], Group::Told(&ec_told::BRAINPOOL_P224R1)),
    curve("brainpoolP224t1", 224, "1.3.36.3.3.2.8.1.1.6", &[], Group::Told(&ec_told::BRAINPOOL_P224T1)),
    curve("brainpoolP256r1", 256, "1.3.36.3.3.2.8.1.1.7", &[], Group::Told(&ec_told::BRAINPOOL_P256R1)),
    curve("brainpoolP256t1", 256, "1.3.36.3.3.2.8.1.1.8", &[], Group::Told(&ec_told::BRAINPOOL_P256T1)),
    curve("brainpoolP320r1", 320, "1.3.36.3.3.2.8.1.1.9", &[], Group::Told(&ec_told::BRAINPOOL_P320R1)),
    curve("brainpoolP320t1", 320, "1.3.36.3.3.2.8.1.1.10", &[], Group::Told(&ec_told::BRAINPOOL_P320T1)),
    curve("brainpoolP384r1", 384, "1.3.36.3.3.2.8.1.1.11", &[], Group::Told(&ec_told::BRAINPOOL_P384R1)),
    curve("brainpoolP384t1", 384, "1.3.36.3.3.2.8.1.1.12", &[], Group::Told(&ec_told::BRAINPOOL_P384T1)),
    curve("brainpoolP512r1", 512, "1.3.36.3.3.2.8.1.1.13", &[], Group::Told(&ec_told::BRAINPOOL_P512R1)),
    curve("brainpoolP512t1", 512, "1.3.36.3.3.2.8.1.1.14", &[], Group::Told(&ec_told::BRAINPOOL_P512T1)),
];

const fn curve(
    name: &'static str,
    bits: u32,
    oid: &'static str,
    aliases: &'static [&'static str],
    group: Group,
) -> Curve {
    Curve { name, bits, oid: ObjectIdentifier::new_unwrap(oid), aliases, group }
}

impl fmt::Debug for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// How `CKA_EC_PARAMS` names a curve.
#[derive(Clone, Copy)]
pub(crate) enum CurveName<'a> {
    Oid(ObjectIdentifier),
    Name(&'a str),
}

impl<'a> CurveName<'a> {
    pub(crate) fn from_attributes(attributes: &'a Attributes) -> Result<Self> {
        let params = attributes.bytes(AttributeType::EC_PARAMS).ok_or_else(|| {
            Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "a key on an elliptic curve needs CKA_EC_PARAMS")
        })?;
        if let Ok(oid) = ObjectIdentifier::from_der(params) {
            return Ok(Self::Oid(oid));
        }
        let name = AnyRef::from_der(params).ok().filter(|_| PrintableStringRef::from_der(params).is_ok());
        name.and_then(|name| str::from_utf8(name.value()).ok()).map(Self::Name).ok_or_else(|| {
            Error::new(
                ReturnCode::DOMAIN_PARAMS_INVALID,
                "CKA_EC_PARAMS must be the DER encoding of a curve's OID or of its name as a PrintableString",
            )
        })
    }
}

impl fmt::Display for CurveName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oid(oid) => write!(f, "{oid}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Curve {
    /// The curve that `CKA_EC_PARAMS` names, by OID or by PrintableString (PKCS#11 3.2 section 6.3.3).
    ///
    /// # Errors
    ///
    /// `CKR_TEMPLATE_INCOMPLETE`, `CKR_CURVE_NOT_SUPPORTED`, `CKR_DOMAIN_PARAMS_INVALID`.
    pub fn from_attributes(attributes: &Attributes) -> Result<&'static Self> {
        match CurveName::from_attributes(attributes)? {
            CurveName::Oid(oid) => Self::from_oid(oid),
            CurveName::Name(name) => Self::from_name(name),
        }
    }

    pub(crate) fn from_oid(oid: ObjectIdentifier) -> Result<&'static Self> {
        Self::find(|curve| curve.oid == oid, &oid.to_string())
    }

    /// The OID's DER encoding: the usual `CKA_EC_PARAMS`.
    pub fn params(&self) -> Vec<u8> {
        // An OID that was parsed can be written: it has a bounded length.
        self.oid.to_der().unwrap_or_default()
    }

    fn from_name(name: &str) -> Result<&'static Self> {
        let called = |known: &str| known.eq_ignore_ascii_case(name);
        Self::find(|curve| called(curve.name) || curve.aliases.iter().any(|alias| called(alias)), name)
    }

    fn find(is_it: impl Fn(&Self) -> bool, asked: &str) -> Result<&'static Self> {
        CURVES.iter().find(|curve| is_it(curve)).ok_or_else(|| {
            Error::new(
                ReturnCode::CURVE_NOT_SUPPORTED,
                format!(
                    "the curve {asked} isn't supported; use P-192 to P-521, secp256k1 or one of Brainpool's"
                ),
            )
        })
    }
}
