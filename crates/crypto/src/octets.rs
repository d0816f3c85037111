//! Curves whose keys are strings of bytes: those of Edwards and Montgomery form (RFC 7748, RFC 8032, RFC 8410).

use p256::pkcs8::der::asn1::{BitStringRef, ObjectIdentifier, OctetStringRef};
use p256::pkcs8::der::{Decode, Encode};
use strongroom_model::{AttributeType, Attributes, Blob, Error, KeyType, Result, ReturnCode};
use zeroize::Zeroizing;

use crate::ec::{CurveName, octet_string};

/// The form of a curve: what its keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Signatures.
    Edwards,
    /// Key agreement.
    Montgomery,
}

impl Form {
    pub(crate) const fn key_type(self) -> KeyType {
        match self {
            Self::Edwards => KeyType::EcEdwards,
            Self::Montgomery => KeyType::EcMontgomery,
        }
    }
}

/// A curve whose keys are bytes.
#[derive(Debug)]
pub struct ByteCurve {
    /// The name of the scheme.
    pub name: &'static str,
    /// Bits of its field.
    pub bits: u32,
    /// Length of a private key, and of a public one, in bytes.
    pub(crate) len: usize,
    pub(crate) form: Form,
    /// RFC 8410's; others that it goes by are in `aliases`.
    pub(crate) oid: ObjectIdentifier,
    aliases: &'static [ObjectIdentifier],
    /// What else it's called.
    names: &'static [&'static str],
}

static CURVES: [ByteCurve; 4] = [
    ByteCurve {
        name: "Ed25519",
        bits: 255,
        len: 32,
        form: Form::Edwards,
        oid: ObjectIdentifier::new_unwrap("1.3.101.112"),
        aliases: &[ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11591.15.1")],
        names: &["edwards25519", "id-Ed25519"],
    },
    ByteCurve {
        name: "Ed448",
        bits: 448,
        len: 57,
        form: Form::Edwards,
        oid: ObjectIdentifier::new_unwrap("1.3.101.113"),
        aliases: &[],
        names: &["edwards448", "id-Ed448"],
    },
    ByteCurve {
        name: "X25519",
        bits: 255,
        len: 32,
        form: Form::Montgomery,
        oid: ObjectIdentifier::new_unwrap("1.3.101.110"),
        aliases: &[ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3029.1.5.1")],
        names: &["curve25519", "id-X25519"],
    },
    ByteCurve {
        name: "X448",
        bits: 448,
        len: 56,
        form: Form::Montgomery,
        oid: ObjectIdentifier::new_unwrap("1.3.101.111"),
        aliases: &[],
        names: &["curve448", "id-X448"],
    },
];

impl ByteCurve {
    /// The curve of a form that `CKA_EC_PARAMS` names, by OID or by PrintableString (PKCS#11 3.2 section 6.3.5).
    ///
    /// # Errors
    ///
    /// `TEMPLATE_INCOMPLETE`, `CURVE_NOT_SUPPORTED` (another form's too), `DOMAIN_PARAMS_INVALID`.
    pub(crate) fn from_attributes(form: Form, attributes: &Attributes) -> Result<&'static Self> {
        let named = CurveName::from_attributes(attributes)?;
        let found = CURVES.iter().find(|curve| {
            curve.form == form
                && match named {
                    CurveName::Oid(oid) => curve.oid == oid || curve.aliases.contains(&oid),
                    CurveName::Name(name) => {
                        [curve.name].iter().chain(curve.names).any(|known| known.eq_ignore_ascii_case(name))
                    }
                }
        });
        found.ok_or_else(|| {
            let offered = match form {
                Form::Edwards => "Ed25519 or Ed448",
                Form::Montgomery => "X25519 or X448",
            };
            Error::new(
                ReturnCode::CURVE_NOT_SUPPORTED,
                format!("{form:?} keys aren't on the curve {named}; use {offered}"),
            )
        })
    }

    /// The curve with RFC 8410's OID.
    pub(crate) fn from_oid(oid: ObjectIdentifier) -> Option<&'static Self> {
        CURVES.iter().find(|curve| curve.oid == oid)
    }

    /// The usual `CKA_EC_PARAMS`.
    pub(crate) fn params(&self) -> Vec<u8> {
        // An OID that was parsed can be written: it has a bounded length.
        self.oid.to_der().unwrap_or_default()
    }

    /// A public key: bytes as they are, or in a DER OCTET STRING or BIT STRING, as clients have it. The lengths of the
    /// three differ, so that none is taken for another. `refusal` is what other lengths are answered with.
    pub(crate) fn public_bytes<'a>(&self, bytes: &'a [u8], refusal: ReturnCode) -> Result<&'a [u8]> {
        let wrapped = || match <&OctetStringRef>::from_der(bytes) {
            Ok(string) => Some(string.as_bytes()),
            Err(_) => BitStringRef::from_der(bytes).ok()?.as_bytes(),
        };
        let key = if bytes.len() == self.len { Some(bytes) } else { wrapped() };
        key.filter(|key| key.len() == self.len).ok_or_else(|| {
            Error::new(refusal, format!("a public key for {} has {} bytes", self.name, self.len))
        })
    }

    /// `CKA_VALUE`: bytes as they are, or in a DER OCTET STRING, as RFC 8410 has them within PKCS#8.
    pub(crate) fn private_bytes<'a>(&self, attributes: &'a Attributes) -> Result<&'a [u8]> {
        let bytes = attributes.bytes(AttributeType::VALUE).ok_or_else(|| {
            Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "a private key on an elliptic curve needs CKA_VALUE")
        })?;
        let key = match <&OctetStringRef>::from_der(bytes) {
            Ok(string) if bytes.len() != self.len => string.as_bytes(),
            _ => bytes,
        };
        if key.len() == self.len {
            return Ok(key);
        }
        Err(Error::new(
            ReturnCode::ATTRIBUTE_VALUE_INVALID,
            format!("a private key for {} has {} bytes, not {}", self.name, self.len, bytes.len()),
        ))
    }

    /// The attributes of a public key. The point is in a DER OCTET STRING, as PKCS#11 3.0 and most modules have it and
    /// all clients read it.
    pub(crate) fn public_attributes(&self, params: &[u8], key: &[u8]) -> Attributes {
        Attributes::new()
            .with(AttributeType::EC_PARAMS, params)
            .with(AttributeType::EC_POINT, octet_string(key))
    }

    /// The attributes of a private key.
    pub(crate) fn private_attributes(&self, params: &[u8], key: &[u8]) -> Attributes {
        Attributes::new().with(AttributeType::EC_PARAMS, params).with(AttributeType::VALUE, Blob::from(key))
    }

    /// A private key as PKCS#8 holds it: an OCTET STRING within its own (RFC 8410 section 7).
    pub(crate) fn inner(&self, key: &[u8]) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(octet_string(key))
    }
}

/// `CKA_EC_PARAMS` as the caller wrote it.
pub(crate) fn stated_params(template: &Attributes) -> &[u8] {
    template.bytes(AttributeType::EC_PARAMS).unwrap_or_default()
}

/// `CKA_EC_POINT`.
pub(crate) fn stated_point(attributes: &Attributes) -> Result<&[u8]> {
    attributes.bytes(AttributeType::EC_POINT).ok_or_else(|| {
        Error::new(ReturnCode::TEMPLATE_INCOMPLETE, "a public key on an elliptic curve needs CKA_EC_POINT")
    })
}
