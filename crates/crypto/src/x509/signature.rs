//! Signatures on certificates: which algorithm an identifier means, and whether it holds.

use ::rsa::pkcs1;
use strongroom_model::{Error, KeyType, Mechanism, MechanismType, ObjectClass, Result, ReturnCode};
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::operation::{Input, verify};
use crate::{Key, from_public_key_info};

const SHA256_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// Algorithms whose signatures are checked (RFC 4055 section 5, RFC 5758 section 3.2): SHA-256 and stronger.
const KNOWN: [(ObjectIdentifier, MechanismType); 6] = [
    (SHA256_RSA, MechanismType::SHA256_RSA_PKCS),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12"), MechanismType::SHA384_RSA_PKCS),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13"), MechanismType::SHA512_RSA_PKCS),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"), MechanismType::ECDSA_SHA256),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3"), MechanismType::ECDSA_SHA384),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4"), MechanismType::ECDSA_SHA512),
];

/// Others, by the names that OpenSSL has for them.
const OTHERS: [(ObjectIdentifier, &str); 8] = [
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.4"), "md5WithRSAEncryption, which is too weak"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.5"), "sha1WithRSAEncryption, which is too weak"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.14"), "sha224WithRSAEncryption, which is too weak"),
    (ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10"), "rsassaPss"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.1"), "ecdsa-with-SHA1, which is too weak"),
    (ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.1"), "ecdsa-with-SHA224, which is too weak"),
    (ObjectIdentifier::new_unwrap("1.3.101.112"), "ED25519"),
    (ObjectIdentifier::new_unwrap("1.3.101.113"), "ED448"),
];

/// The algorithm that a key of ours signs certificates with.
pub(super) fn algorithm_of(key: &Key) -> Result<(AlgorithmIdentifierOwned, Mechanism)> {
    let (oid, mechanism) = match key {
        Key::RsaPrivate(_) => KNOWN[0],
        Key::EcPrivate(_) => KNOWN[3],
        _ => {
            return Err(Error::new(
                ReturnCode::KEY_TYPE_INCONSISTENT,
                "certificates are signed by RSA or EC",
            ));
        }
    };
    // RSA has NULL for parameters, ECDSA has none (RFC 4055 section 5, RFC 5758 section 3.2).
    let parameters = matches!(key, Key::RsaPrivate(_)).then(|| AnyRef::NULL.into());
    Ok((AlgorithmIdentifierOwned { oid, parameters }, Mechanism::plain(mechanism)))
}

/// Checks a signature by the key that a SubjectPublicKeyInfo has.
///
/// # Errors
/// `MECHANISM_INVALID` for an algorithm that isn't known or too weak, `SIGNATURE_INVALID`, those of the key.
pub(super) fn check(
    signer: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    message: &[u8],
    signature: &[u8],
) -> Result<()> {
    let Some((_, mechanism)) = KNOWN.iter().find(|(oid, _)| *oid == algorithm.oid) else {
        let name = OTHERS.iter().find(|(oid, _)| *oid == algorithm.oid);
        let name =
            name.map_or_else(|| format!("the algorithm {}", algorithm.oid), |(_, name)| (*name).to_owned());
        return Err(Error::new(
            ReturnCode::MECHANISM_INVALID,
            format!(
                "is signed by {name}: sign it by RSA or ECDSA with SHA-256, SHA-384 or SHA-512 (openssl's -sha256)"
            ),
        ));
    };
    let by_null =
        algorithm.parameters.as_ref().is_none_or(|parameters| AnyRef::from(parameters) == AnyRef::NULL);
    if !by_null {
        return Err(Error::new(ReturnCode::MECHANISM_INVALID, "has a signature with odd parameters"));
    }
    let (key_type, attributes) = from_public_key_info(signer)?;
    let wrong = || Error::new(ReturnCode::SIGNATURE_INVALID, "has a signature that doesn't verify");
    let wanted = if is_rsa(algorithm.oid) { KeyType::Rsa } else { KeyType::Ec };
    if key_type != wanted {
        return Err(wrong());
    }
    let key = Key::from_attributes(ObjectClass::PublicKey, key_type, &attributes)?;
    let raw;
    let signature = match &key {
        Key::EcPublic(key) => {
            raw = two_numbers(signature, key.curve().bits).ok_or_else(wrong)?;
            raw.as_slice()
        }
        _ => signature,
    };
    verify(&key, &Mechanism::plain(*mechanism), Input::Message(message), signature).map_err(|_| wrong())
}

fn is_rsa(oid: ObjectIdentifier) -> bool {
    oid.as_bytes().starts_with(pkcs1::ALGORITHM_OID.as_bytes().split_last().map_or(&[], |(_, start)| start))
}

/// ECDSA-Sig-Value (RFC 3279 section 2.2.3) as the engine takes it: both numbers as long as the order.
fn two_numbers(der: &[u8], bits: u32) -> Option<Vec<u8>> {
    let len = bits.div_ceil(8) as usize;
    let mut raw = vec![0; 2 * len];
    let mut reader = SliceReader::new(der).ok()?;
    let (r, s) = reader
        .sequence(|reader| -> x509_cert::der::Result<_> {
            Ok((UintRef::decode(reader)?, UintRef::decode(reader)?))
        })
        .ok()?;
    reader.finish().ok()?;
    for (number, end) in [(r, len), (s, 2 * len)] {
        let bytes = number.as_bytes();
        raw[end.checked_sub(bytes.len()).filter(|start| *start >= end - len)?..end].copy_from_slice(bytes);
    }
    Some(raw)
}

/// The engine's ECDSA signature as certificates have it.
pub(super) fn to_der(raw: &[u8]) -> x509_cert::der::Result<Vec<u8>> {
    use x509_cert::der::{Encode, Tag};
    let (r, s) = raw.split_at(raw.len() / 2);
    let mut content = UintRef::new(r)?.to_der()?;
    content.extend(UintRef::new(s)?.to_der()?);
    AnyRef::new(Tag::Sequence, &content)?.to_der()
}
