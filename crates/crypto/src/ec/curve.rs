//! The curves, and how `CKA_EC_PARAMS` names them.

use p256::pkcs8::der::asn1::ObjectIdentifier;
use p256::pkcs8::der::{Decode, Encode, asn1::PrintableStringRef};
use strongroom_model::{AttributeType, Attributes, Error, Result, ReturnCode};

use crate::ffi::ec::Group;

/// A named curve.
#[derive(Debug)]
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

static CURVES: [Curve; 5] = [
    Curve {
        name: "P-224",
        bits: 224,
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.33"),
        aliases: &["secp224r1"],
        group: Group::P224,
    },
    Curve {
        name: "P-256",
        bits: 256,
        oid: ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
        aliases: &["prime256v1", "secp256r1"],
        group: Group::P256,
    },
    Curve {
        name: "P-384",
        bits: 384,
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.34"),
        aliases: &["secp384r1"],
        group: Group::P384,
    },
    Curve {
        name: "P-521",
        bits: 521,
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.35"),
        aliases: &["secp521r1"],
        group: Group::P521,
    },
    Curve {
        name: "secp256k1",
        bits: 256,
        oid: ObjectIdentifier::new_unwrap("1.3.132.0.10"),
        aliases: &[],
        group: Group::Secp256k1,
    },
];

impl Curve {
    /// The curve that `CKA_EC_PARAMS` names, by OID or by PrintableString (PKCS#11 3.2 section 6.3.3).
    ///
    /// # Errors
    ///
    /// `CKR_TEMPLATE_INCOMPLETE`, `CKR_CURVE_NOT_SUPPORTED`, `CKR_DOMAIN_PARAMS_INVALID`.
    pub fn from_attributes(attributes: &Attributes) -> Result<&'static Self> {
        let params = attributes.bytes(AttributeType::EC_PARAMS).ok_or_else(|| {
            Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "a key on an elliptic curve needs CKA_EC_PARAMS")
        })?;
        if let Ok(oid) = ObjectIdentifier::from_der(params) {
            return Self::find(|curve| curve.oid == oid, &oid.to_string());
        }
        match PrintableStringRef::from_der(params) {
            Ok(name) => Self::from_name(name.as_str()),
            Err(_) => Err(Error::new(
                ReturnCode::DOMAIN_PARAMS_INVALID,
                "CKA_EC_PARAMS must be the DER encoding of a curve's OID or of its name as a PrintableString",
            )),
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
                format!("the curve {asked} isn't supported; use P-224, P-256, P-384, P-521 or secp256k1"),
            )
        })
    }
}
