//! Public keys in X.509's format, SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7, RFC 5480).

use ::rsa::pkcs1;
use p256::pkcs8::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use p256::pkcs8::der::{self, Decode, Encode, Reader, SliceReader, Tag, Tagged};
use p256::pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use strongroom_model::{AttributeType, Attributes, Error, KeyType, ObjectClass, Result, ReturnCode};

use crate::Key;
use crate::dh::DhPublic;
use crate::ec::{Curve, octet_string};
use crate::ffi::kem::Kem;
use crate::ffi::pqdsa::Dsa;
use crate::hashbased;
use crate::octets::ByteCurve;
use crate::rsa::RsaPublic;
use crate::sets::{self, ParameterSet};
use crate::slhdsa::Slh;

/// The type of a DER-encoded public key, and the attributes of its material, which the engine has found to be a key's.
///
/// # Errors
/// `ATTRIBUTE_VALUE_INVALID` for what isn't the encoding of one public key of an algorithm that is known, with nothing behind it, and
/// `CURVE_NOT_SUPPORTED` for curves that aren't known.
pub fn from_public_key_info(der: &[u8]) -> Result<(KeyType, Attributes)> {
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(malformed)?;
    let bits = info.subject_public_key.as_bytes().ok_or_else(|| malformed("bits are left over"))?;
    let (key_type, attributes) = if info.algorithm.oid == pkcs1::ALGORITHM_OID {
        let numbers = pkcs1::RsaPublicKeyRef::from_der(bits).map_err(malformed)?;
        let attributes = Attributes::new()
            .with(AttributeType::MODULUS, numbers.modulus.as_bytes())
            .with(AttributeType::PUBLIC_EXPONENT, numbers.public_exponent.as_bytes());
        (KeyType::Rsa, attributes)
    } else if info.algorithm.oid == p256::elliptic_curve::ALGORITHM_OID {
        let curve =
            info.algorithm.parameters_oid().map_err(|_| malformed("the curve isn't named by its OID"))?;
        let attributes = Attributes::new()
            .with(AttributeType::EC_PARAMS, Curve::from_oid(curve)?.params())
            .with(AttributeType::EC_POINT, octet_string(bits));
        (KeyType::Ec, attributes)
    } else if let Some(curve) = ByteCurve::from_oid(info.algorithm.oid) {
        must_be_absent(info.algorithm.parameters)?;
        (curve.form.key_type(), curve.public_attributes(&curve.params(), bits))
    } else if let Some(set) = Kem::from_oid(info.algorithm.oid) {
        must_be_absent(info.algorithm.parameters)?;
        (KeyType::MlKem, sets::public_attributes(set, bits.to_vec()))
    } else if let Some(set) = Dsa::from_oid(info.algorithm.oid) {
        must_be_absent(info.algorithm.parameters)?;
        (KeyType::MlDsa, sets::public_attributes(set, bits.to_vec()))
    } else if let Some(set) = Slh::from_oid(info.algorithm.oid) {
        must_be_absent(info.algorithm.parameters)?;
        (KeyType::SlhDsa, sets::public_attributes(set, bits.to_vec()))
    } else if let Some(key_type) = hashbased::from_oid(&info.algorithm.oid.to_string()) {
        must_be_absent(info.algorithm.parameters)?;
        (key_type, Attributes::new().with(AttributeType::VALUE, bits))
    } else if info.algorithm.oid == DSA_OID {
        let group = info.algorithm.parameters.and_then(dsa_group);
        let group = group.ok_or_else(|| malformed("the group isn't one of DSA"))?;
        let value = UintRef::from_der(bits).map_err(malformed)?;
        (KeyType::Dsa, group.with(AttributeType::VALUE, value.as_bytes()))
    } else if let Some(key_type) = dh_type(info.algorithm.oid) {
        let group = info.algorithm.parameters.and_then(|parameters| dh_group(key_type, parameters));
        let group = group.ok_or_else(|| malformed("the group isn't one of Diffie-Hellman"))?;
        let value = UintRef::from_der(bits).map_err(malformed)?;
        (key_type, group.with(AttributeType::VALUE, value.as_bytes()))
    } else {
        return Err(malformed(format!("the algorithm {} isn't supported", info.algorithm.oid)));
    };
    Key::from_attributes(ObjectClass::PublicKey, key_type, &attributes)?;
    Ok((key_type, attributes))
}

/// The parameters of an algorithm that has none: there mustn't even be NULL.
fn must_be_absent(parameters: Option<AnyRef<'_>>) -> Result<()> {
    if parameters.is_some() { Err(malformed("the algorithm has no parameters")) } else { Ok(()) }
}

/// What is said names places and tags.
fn malformed(problem: impl std::fmt::Display) -> Error {
    Error::new(
        ReturnCode::ATTRIBUTE_VALUE_INVALID,
        format!("this isn't the encoding of a public key (SubjectPublicKeyInfo): {problem}"),
    )
}

pub(crate) fn rsa(key: &RsaPublic) -> Result<Vec<u8>> {
    let encode = || -> der::Result<Vec<u8>> {
        let numbers = pkcs1::RsaPublicKey {
            modulus: UintRef::new(key.modulus())?,
            public_exponent: UintRef::new(key.exponent())?,
        };
        info(pkcs1::ALGORITHM_ID, &numbers.to_der()?)
    };
    encode().map_err(too_large)
}

pub(crate) fn ec(curve: &Curve, point: &[u8]) -> Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifierRef {
        oid: p256::elliptic_curve::ALGORITHM_OID,
        parameters: Some(AnyRef::from(&curve.oid)),
    };
    info(algorithm, point).map_err(too_large)
}

/// On an Edwards or Montgomery curve: the public key as it is (RFC 8410).
pub(crate) fn of_bytes(curve: &ByteCurve, key: &[u8]) -> Result<Vec<u8>> {
    info(AlgorithmIdentifierRef { oid: curve.oid, parameters: None }, key).map_err(too_large)
}

/// Of a parameter set: the public key as it is (RFC 9881, RFC 9909, RFC 9935).
pub(crate) fn of_set(set: impl ParameterSet, key: &[u8]) -> Result<Vec<u8>> {
    plain(set.oid(), key)
}

/// Of an algorithm without parameters: the public key as it is (RFC 9708, RFC 9802).
pub(crate) fn plain(oid: &str, key: &[u8]) -> Result<Vec<u8>> {
    let encode = || info(AlgorithmIdentifierRef { oid: ObjectIdentifier::new(oid)?, parameters: None }, key);
    encode().map_err(too_large)
}

/// PKCS #3's and X9.42's own (RFC 3279 section 2.3.3 for the latter).
const DH_OIDS: [(ObjectIdentifier, KeyType); 2] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.3.1"), KeyType::Dh),
    (ObjectIdentifier::new_unwrap("1.2.840.10046.2.1"), KeyType::X942Dh),
];

pub(crate) fn dh(key: &DhPublic) -> Result<Vec<u8>> {
    let attributes = key.attributes();
    let encode = || -> der::Result<Vec<u8>> {
        let value = UintRef::new(attributes.bytes(AttributeType::VALUE).unwrap_or_default())?.to_der()?;
        with_dh_group(key.key_type(), &attributes, |algorithm| info(algorithm, &value))
    };
    encode().map_err(too_large)
}

/// Hands on the algorithm of a group's keys.
pub(crate) fn with_dh_group<T>(
    key_type: KeyType,
    group: &Attributes,
    then: impl FnOnce(AlgorithmIdentifierRef<'_>) -> der::Result<T>,
) -> der::Result<T> {
    let mut numbers = Vec::new();
    for attribute in [AttributeType::PRIME, AttributeType::BASE, AttributeType::SUBPRIME] {
        if let Some(number) = group.bytes(attribute) {
            numbers.extend(UintRef::new(number)?.to_der()?);
        }
    }
    let oid = DH_OIDS.iter().find(|(_, known)| *known == key_type).map_or(DH_OIDS[0].0, |(oid, _)| *oid);
    then(AlgorithmIdentifierRef { oid, parameters: Some(AnyRef::new(Tag::Sequence, &numbers)?) })
}

/// The type of keys that an algorithm of Diffie-Hellman is for.
pub(crate) fn dh_type(oid: ObjectIdentifier) -> Option<KeyType> {
    DH_OIDS.iter().find(|(known, _)| *known == oid).map(|(_, key_type)| *key_type)
}

/// The group in an algorithm's parameters; what is optional behind it is left aside.
pub(crate) fn dh_group(key_type: KeyType, parameters: AnyRef<'_>) -> Option<Attributes> {
    if parameters.tag() != Tag::Sequence {
        return None;
    }
    let mut reader = SliceReader::new(parameters.value()).ok()?;
    let mut next = || UintRef::decode(&mut reader).ok().map(|number| number.as_bytes().to_vec());
    let group = Attributes::new().with(AttributeType::PRIME, next()?).with(AttributeType::BASE, next()?);
    if key_type == KeyType::Dh { Some(group) } else { Some(group.with(AttributeType::SUBPRIME, next()?)) }
}

/// DSA (RFC 3279 section 2.3.2).
pub(crate) const DSA_OID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
/// What the parameters of DSA are, in their order.
const DSA_GROUP: [AttributeType; 3] = [AttributeType::PRIME, AttributeType::SUBPRIME, AttributeType::BASE];

/// A key of DSA: its group, and its public value.
pub(crate) fn dsa(group: &Attributes, value: &[u8]) -> Result<Vec<u8>> {
    let encode = || -> der::Result<Vec<u8>> {
        let value = UintRef::new(value)?.to_der()?;
        with_dsa_group(group, |algorithm| info(algorithm, &value))
    };
    encode().map_err(too_large)
}

/// Hands on the algorithm of a group's keys.
pub(crate) fn with_dsa_group<T>(
    group: &Attributes,
    then: impl FnOnce(AlgorithmIdentifierRef<'_>) -> der::Result<T>,
) -> der::Result<T> {
    let mut numbers = Vec::new();
    for attribute in DSA_GROUP {
        numbers.extend(UintRef::new(group.bytes(attribute).unwrap_or_default())?.to_der()?);
    }
    then(AlgorithmIdentifierRef { oid: DSA_OID, parameters: Some(AnyRef::new(Tag::Sequence, &numbers)?) })
}

/// The group in DSA's parameters.
pub(crate) fn dsa_group(parameters: AnyRef<'_>) -> Option<Attributes> {
    if parameters.tag() != Tag::Sequence {
        return None;
    }
    let mut reader = SliceReader::new(parameters.value()).ok()?;
    let mut group = Attributes::new();
    for attribute in DSA_GROUP {
        group.set(attribute, UintRef::decode(&mut reader).ok()?.as_bytes());
    }
    reader.finish().ok().map(|()| group)
}

fn info(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> der::Result<Vec<u8>> {
    SubjectPublicKeyInfoRef { algorithm, subject_public_key: BitStringRef::from_bytes(key)? }.to_der()
}

fn too_large(error: der::Error) -> Error {
    Error::new(ReturnCode::FUNCTION_FAILED, format!("the public key couldn't be encoded: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_model::{Mechanism, MechanismType};

    fn made(kind: MechanismType, template: &Attributes) -> Key {
        crate::generate_pair(&Mechanism::plain(kind), template).unwrap().public_key
    }

    #[test]
    fn what_is_encoded_is_read_again() {
        let rsa = Attributes::new().with(AttributeType::MODULUS_BITS, 2048);
        let curve = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
        let ec = Attributes::new().with(AttributeType::EC_PARAMS, &curve[..]);
        for (kind, template, expected) in [
            (MechanismType::RSA_PKCS_KEY_PAIR_GEN, rsa, KeyType::Rsa),
            (MechanismType::EC_KEY_PAIR_GEN, ec, KeyType::Ec),
        ] {
            let der = made(kind, &template).public_key_info().unwrap();
            let (key_type, attributes) = from_public_key_info(&der).unwrap();
            assert_eq!(key_type, expected);
            let again = Key::from_attributes(ObjectClass::PublicKey, key_type, &attributes).unwrap();
            assert_eq!(again.public_key_info().unwrap(), der);
            for damaged in [&der[..der.len() - 1], &[der.as_slice(), &[0]].concat(), &der[2..], &[]] {
                assert!(from_public_key_info(damaged).is_err());
            }
        }
    }
}
