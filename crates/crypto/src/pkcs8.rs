//! Private keys in PKCS#8's format, PrivateKeyInfo (RFC 5208, RFC 5958; PKCS#11 3.2 section 6.7).

use ::rsa::pkcs1;
use p256::pkcs8::der::asn1::{
    AnyRef, BitStringRef, ContextSpecific, ObjectIdentifier, OctetStringRef, UintRef,
};
use p256::pkcs8::der::{self, Decode, Encode, Reader, SliceReader, Tag, TagMode, TagNumber};
use p256::pkcs8::{PrivateKeyInfoRef, spki::AlgorithmIdentifierRef};
use strongroom_model::{AttributeType, Attributes, Blob, Error, KeyType, ObjectClass, Result, ReturnCode};
use zeroize::Zeroizing;

use crate::Key;
use crate::ec::{Curve, EcPrivate};
use crate::ffi::kem::Kem;
use crate::ffi::pqdsa::Dsa;
use crate::octets::ByteCurve;
use crate::rsa::RsaPrivate;
use crate::seeded;
use crate::sets::{self, ParameterSet};
use crate::slhdsa::{Slh, SlhDsaPrivate};
use crate::spki;

/// The version of an ECPrivateKey (RFC 5915).
const EC_VERSION: u8 = 1;
/// Tags in an ECPrivateKey.
const EC_PARAMETERS: TagNumber = TagNumber(0);
const EC_PUBLIC_KEY: TagNumber = TagNumber(1);

/// The DER encoding of a private key. A key on an elliptic curve comes with its public point, one that was made from a
/// seed comes with the seed.
///
/// # Errors
/// `KEY_NOT_WRAPPABLE` for a key that isn't private.
pub fn to_pkcs8(key: &Key) -> Result<Blob> {
    match key {
        Key::RsaPrivate(key) => rsa_info(key),
        Key::EcPrivate(key) => ec_info(key),
        Key::DhPrivate(key) => dh_info(&key.attributes()),
        Key::DsaPrivate(key) => dsa_info(&key.attributes()),
        Key::EdwardsPrivate(key) => bytes_info(key.curve(), &key.value()),
        Key::MontgomeryPrivate(key) => bytes_info(key.curve(), &key.value()),
        Key::MlKemPrivate(key) => seeded_info(key.set(), key.seed(), &key.value()?),
        Key::MlDsaPrivate(key) => seeded_info(key.set(), key.seed(), &key.value()?),
        Key::SlhDsaPrivate(key) => slh_info(key),
        _ => Err(Error::new(ReturnCode::KEY_NOT_WRAPPABLE, "only a private key has a PKCS#8 encoding")),
    }
}

/// The type of a DER-encoded private key, and the attributes of its material. The numbers have been
/// found to belong together; a public point that comes with an EC key must be the key's.
///
/// # Errors
/// `WRAPPED_KEY_INVALID` for what isn't the encoding of one private key of an algorithm that is known, with nothing behind it.
pub fn from_pkcs8(der: &[u8]) -> Result<(KeyType, Attributes)> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(malformed)?;
    if info.algorithm.oid == pkcs1::ALGORITHM_OID {
        rsa_attributes(&info)
    } else if info.algorithm.oid == p256::elliptic_curve::ALGORITHM_OID {
        ec_attributes(&info)
    } else if let Some(curve) = ByteCurve::from_oid(info.algorithm.oid) {
        bytes_attributes(&info, curve)
    } else if info.algorithm.oid == spki::DSA_OID {
        let group = info.algorithm.parameters.and_then(spki::dsa_group);
        let group = group.ok_or_else(|| malformed("the group isn't one of DSA"))?;
        let value = UintRef::from_der(info.private_key.as_bytes()).map_err(malformed)?;
        checked(KeyType::Dsa, group.with(AttributeType::VALUE, Blob::from(value.as_bytes())), None)
    } else if let Some(key_type) = spki::dh_type(info.algorithm.oid) {
        let group = info.algorithm.parameters.and_then(|parameters| spki::dh_group(key_type, parameters));
        let group = group.ok_or_else(|| malformed("the group isn't one of Diffie-Hellman"))?;
        let value = UintRef::from_der(info.private_key.as_bytes()).map_err(malformed)?;
        checked(key_type, group.with(AttributeType::VALUE, Blob::from(value.as_bytes())), None)
    } else if let Some(set) = Kem::from_oid(info.algorithm.oid) {
        seeded_attributes(&info, KeyType::MlKem, set)
    } else if let Some(set) = Dsa::from_oid(info.algorithm.oid) {
        seeded_attributes(&info, KeyType::MlDsa, set)
    } else if let Some(set) = Slh::from_oid(info.algorithm.oid) {
        must_lack_parameters(&info, set)?;
        let value = Blob::from(info.private_key.as_bytes());
        checked(KeyType::SlhDsa, sets::private_attributes(set, None, value), None)
    } else {
        Err(Error::new(
            ReturnCode::WRAPPED_KEY_INVALID,
            format!("a private key of the algorithm {} isn't supported", info.algorithm.oid),
        ))
    }
}

/// A key of Diffie-Hellman, by PKCS #3 or, with a subprime, by X9.42.
fn dh_info(key: &Attributes) -> Result<Blob> {
    let key_type = if key.contains(AttributeType::SUBPRIME) { KeyType::X942Dh } else { KeyType::Dh };
    let encode = || -> der::Result<Blob> {
        let value = UintRef::new(key.bytes(AttributeType::VALUE).unwrap_or_default())?;
        let value = Zeroizing::new(value.to_der()?);
        spki::with_dh_group(key_type, key, |algorithm| info(algorithm, &value))
    };
    encode().map_err(unencodable)
}

/// A key of DSA: the number alone (PKCS#11 3.2 section 6.7).
fn dsa_info(key: &Attributes) -> Result<Blob> {
    let encode = || -> der::Result<Blob> {
        let value = UintRef::new(key.bytes(AttributeType::VALUE).unwrap_or_default())?;
        let value = Zeroizing::new(value.to_der()?);
        spki::with_dsa_group(key, |algorithm| info(algorithm, &value))
    };
    encode().map_err(unencodable)
}

fn rsa_info(key: &RsaPrivate) -> Result<Blob> {
    let numbers = key.attributes()?;
    let number = |attribute| UintRef::new(numbers.bytes(attribute).unwrap_or_default());
    let encode = || -> der::Result<Blob> {
        let key = pkcs1::RsaPrivateKey {
            modulus: number(AttributeType::MODULUS)?,
            public_exponent: number(AttributeType::PUBLIC_EXPONENT)?,
            private_exponent: number(AttributeType::PRIVATE_EXPONENT)?,
            prime1: number(AttributeType::PRIME_1)?,
            prime2: number(AttributeType::PRIME_2)?,
            exponent1: number(AttributeType::EXPONENT_1)?,
            exponent2: number(AttributeType::EXPONENT_2)?,
            coefficient: number(AttributeType::COEFFICIENT)?,
            other_prime_infos: None,
        };
        info(pkcs1::ALGORITHM_ID, &Zeroizing::new(key.to_der()?))
    };
    encode().map_err(unencodable)
}

fn rsa_attributes(info: &PrivateKeyInfoRef<'_>) -> Result<(KeyType, Attributes)> {
    if info.algorithm.parameters.is_some_and(|parameters| parameters != AnyRef::NULL) {
        return Err(Error::new(ReturnCode::WRAPPED_KEY_INVALID, "an RSA key has no algorithm parameters"));
    }
    let key = pkcs1::RsaPrivateKeyRef::from_der(info.private_key.as_bytes()).map_err(malformed)?;
    if key.other_prime_infos.is_some() {
        return Err(Error::new(
            ReturnCode::WRAPPED_KEY_INVALID,
            "RSA keys of more than two primes aren't supported",
        ));
    }
    let attributes = Attributes::new()
        .with(AttributeType::MODULUS, key.modulus.as_bytes())
        .with(AttributeType::PUBLIC_EXPONENT, key.public_exponent.as_bytes())
        .with(AttributeType::PRIVATE_EXPONENT, key.private_exponent.as_bytes())
        .with(AttributeType::PRIME_1, key.prime1.as_bytes())
        .with(AttributeType::PRIME_2, key.prime2.as_bytes())
        .with(AttributeType::EXPONENT_1, key.exponent1.as_bytes())
        .with(AttributeType::EXPONENT_2, key.exponent2.as_bytes())
        .with(AttributeType::COEFFICIENT, key.coefficient.as_bytes());
    checked(KeyType::Rsa, attributes, None)
}

fn ec_info(key: &EcPrivate) -> Result<Blob> {
    let (value, point) = (key.value()?, key.public_point()?);
    let encode = || -> der::Result<Blob> {
        let public = ContextSpecific {
            tag_number: EC_PUBLIC_KEY,
            tag_mode: TagMode::Explicit,
            value: BitStringRef::from_bytes(&point)?,
        };
        let value = OctetStringRef::new(&value)?;
        let mut content = Zeroizing::new(Vec::with_capacity(256));
        EC_VERSION.encode_to_vec(&mut content)?;
        value.encode_to_vec(&mut content)?;
        public.encode_to_vec(&mut content)?;
        let sequence = Zeroizing::new(AnyRef::new(Tag::Sequence, &content)?.to_der()?);
        let algorithm = AlgorithmIdentifierRef {
            oid: p256::elliptic_curve::ALGORITHM_OID,
            parameters: Some(AnyRef::from(&key.curve().oid)),
        };
        info(algorithm, &sequence)
    };
    encode().map_err(unencodable)
}

fn ec_attributes(info: &PrivateKeyInfoRef<'_>) -> Result<(KeyType, Attributes)> {
    let named = info.algorithm.parameters_oid().map_err(|_| {
        Error::new(ReturnCode::WRAPPED_KEY_INVALID, "the elliptic curve must be named by its OID")
    })?;
    let curve = Curve::from_oid(named).map_err(invalid)?;
    let key = EcPrivateKey::decode(info.private_key.as_bytes()).map_err(malformed)?;
    if key.curve.is_some_and(|oid| oid != named) {
        return Err(Error::new(ReturnCode::WRAPPED_KEY_INVALID, "the key names two elliptic curves"));
    }
    let attributes = Attributes::new()
        .with(AttributeType::EC_PARAMS, curve.params())
        .with(AttributeType::VALUE, EcPrivate::new(curve, key.value).map_err(invalid)?.value()?);
    checked(KeyType::Ec, attributes, key.point)
}

/// RFC 8410 section 7, in version 1: without the public key, as most implementations write it.
fn bytes_info(curve: &ByteCurve, value: &[u8]) -> Result<Blob> {
    info(AlgorithmIdentifierRef { oid: curve.oid, parameters: None }, &curve.inner(value))
        .map_err(unencodable)
}

fn bytes_attributes(info: &PrivateKeyInfoRef<'_>, curve: &ByteCurve) -> Result<(KeyType, Attributes)> {
    if info.algorithm.parameters.is_some() {
        let message = format!("{} has no algorithm parameters", curve.name);
        return Err(Error::new(ReturnCode::WRAPPED_KEY_INVALID, message));
    }
    let value = <&OctetStringRef>::from_der(info.private_key.as_bytes()).map_err(malformed)?.as_bytes();
    let attributes = curve.private_attributes(&curve.params(), value);
    let public = info.public_key.map(|bits| bits.as_bytes().unwrap_or_default());
    checked(curve.form.key_type(), attributes, public)
}

/// What an ECPrivateKey holds (RFC 5915 section 3).
struct EcPrivateKey<'a> {
    value: &'a [u8],
    curve: Option<ObjectIdentifier>,
    point: Option<&'a [u8]>,
}

impl<'a> EcPrivateKey<'a> {
    fn decode(der: &'a [u8]) -> der::Result<Self> {
        let mut reader = SliceReader::new(der)?;
        let key = reader.sequence(|reader| -> der::Result<Self> {
            if u8::decode(reader)? != EC_VERSION {
                return Err(Tag::Integer.value_error().into());
            }
            let value = <&OctetStringRef>::decode(reader)?.as_bytes();
            let curve = reader.context_specific::<ObjectIdentifier>(EC_PARAMETERS, TagMode::Explicit)?;
            let public = reader.context_specific::<BitStringRef<'a>>(EC_PUBLIC_KEY, TagMode::Explicit)?;
            let point = public.map(|bits| bits.as_bytes().ok_or(Tag::BitString.value_error())).transpose()?;
            Ok(Self { value, curve, point })
        })?;
        reader.finish()?;
        Ok(key)
    }
}

fn seeded_info(set: impl ParameterSet, seed: Option<&Blob>, value: &[u8]) -> Result<Blob> {
    let encode = || -> der::Result<Blob> {
        let algorithm = AlgorithmIdentifierRef { oid: ObjectIdentifier::new(set.oid())?, parameters: None };
        info(algorithm, &seeded::encode(seed.map(Blob::as_slice), value)?)
    };
    encode().map_err(unencodable)
}

fn seeded_attributes(
    info: &PrivateKeyInfoRef<'_>,
    key_type: KeyType,
    set: impl ParameterSet,
) -> Result<(KeyType, Attributes)> {
    must_lack_parameters(info, set)?;
    let (seed, value) = seeded::decode(info.private_key.as_bytes()).map_err(malformed)?;
    let mut attributes = Attributes::new().with(AttributeType::PARAMETER_SET, set.number());
    for (attribute, part) in [(AttributeType::SEED, seed), (AttributeType::VALUE, value)] {
        if let Some(part) = part {
            attributes.set(attribute, part);
        }
    }
    checked(key_type, attributes, None)
}

/// The private key as it is (RFC 9909 section 6).
fn slh_info(key: &SlhDsaPrivate) -> Result<Blob> {
    let encode = || -> der::Result<Blob> {
        let oid = ObjectIdentifier::new(key.set().oid())?;
        info(AlgorithmIdentifierRef { oid, parameters: None }, &key.value())
    };
    encode().map_err(unencodable)
}

fn must_lack_parameters(info: &PrivateKeyInfoRef<'_>, set: impl ParameterSet) -> Result<()> {
    if info.algorithm.parameters.is_none() {
        return Ok(());
    }
    Err(Error::new(ReturnCode::WRAPPED_KEY_INVALID, format!("{} has no algorithm parameters", set.name())))
}

/// Lets the engine check that the numbers belong together, and compares the public point.
fn checked(key_type: KeyType, attributes: Attributes, point: Option<&[u8]>) -> Result<(KeyType, Attributes)> {
    let key = Key::from_attributes(ObjectClass::PrivateKey, key_type, &attributes).map_err(invalid)?;
    let same = match (&key, point) {
        (Key::EcPrivate(key), Some(point)) => {
            let given = crate::ec::EcPublic::new(key.curve(), point, ReturnCode::WRAPPED_KEY_INVALID)?;
            given.public_point()? == key.public_point()?
        }
        (Key::EdwardsPrivate(key), Some(public)) => key.public_bytes() == public,
        (Key::MontgomeryPrivate(key), Some(public)) => key.public_bytes() == public,
        _ => true,
    };
    if !same {
        return Err(Error::new(
            ReturnCode::WRAPPED_KEY_INVALID,
            "the public key beside it isn't the private key's",
        ));
    }
    Ok((key_type, attributes))
}

fn info(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> der::Result<Blob> {
    Ok(PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(key)?).to_der()?.into())
}

/// The decoder's messages name places and tags, no values.
fn malformed(error: impl std::fmt::Display) -> Error {
    Error::new(
        ReturnCode::WRAPPED_KEY_INVALID,
        format!("this isn't the PKCS#8 encoding of a private key: {error}"),
    )
}

fn invalid(error: Error) -> Error {
    Error { code: ReturnCode::WRAPPED_KEY_INVALID, ..error }
}

fn unencodable(error: der::Error) -> Error {
    Error::new(ReturnCode::FUNCTION_FAILED, format!("the private key couldn't be encoded: {error}"))
}
