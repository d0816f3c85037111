//! Keys that are parsed and ready.

use strongroom_model::{
    AttributeType, Attributes, Error, Hash, KeyType, ObjectClass, Result, ReturnCode, Value,
};

use crate::dh::{DhPrivate, DhPublic};
use crate::dsa::{DsaPrivate, DsaPublic};
use crate::ec::{self, Curve, EcPrivate, EcPublic};
use crate::edwards::{EdwardsPrivate, EdwardsPublic};
use crate::hashbased::HashBasedPublic;
use crate::mldsa::{MlDsaPrivate, MlDsaPublic};
use crate::mlkem::{MlKemPrivate, MlKemPublic};
use crate::montgomery::{MontgomeryPrivate, MontgomeryPublic};
use crate::octets::{ByteCurve, Form};
use crate::rsa::{self, RsaPrivate, RsaPublic};
use crate::secret::{SecretKey, first_three};
use crate::sets::{self, ParameterSet};
use crate::slhdsa::{SlhDsaPrivate, SlhDsaPublic};
use crate::{digest, spki};

/// A key, parsed and ready for use from any number of threads at once.
///
/// Make it once and keep it: parsing costs as much as signing. Clones share what is parsed.
/// `Debug` shows type and size, no material.
#[derive(Clone, Debug)]
pub enum Key {
    /// An RSA private key.
    RsaPrivate(RsaPrivate),
    /// An RSA public key.
    RsaPublic(RsaPublic),
    /// A private key on an elliptic curve.
    EcPrivate(EcPrivate),
    /// A public key on an elliptic curve.
    EcPublic(EcPublic),
    /// A private key on an Edwards curve.
    EdwardsPrivate(EdwardsPrivate),
    /// A public key on an Edwards curve.
    EdwardsPublic(EdwardsPublic),
    /// A private key on a Montgomery curve.
    MontgomeryPrivate(MontgomeryPrivate),
    /// A public key on a Montgomery curve.
    MontgomeryPublic(MontgomeryPublic),
    /// A decapsulation key of ML-KEM.
    MlKemPrivate(MlKemPrivate),
    /// An encapsulation key of ML-KEM.
    MlKemPublic(MlKemPublic),
    /// A private key of ML-DSA.
    MlDsaPrivate(MlDsaPrivate),
    /// A public key of ML-DSA.
    MlDsaPublic(MlDsaPublic),
    /// A private key of SLH-DSA.
    SlhDsaPrivate(SlhDsaPrivate),
    /// A public key of SLH-DSA.
    SlhDsaPublic(SlhDsaPublic),
    /// A public key of HSS, XMSS or XMSS^MT.
    HashBasedPublic(HashBasedPublic),
    /// A private key of Diffie-Hellman.
    DhPrivate(DhPrivate),
    /// A public key of Diffie-Hellman.
    DhPublic(DhPublic),
    /// A private key of DSA.
    DsaPrivate(DsaPrivate),
    /// A public key of DSA.
    DsaPublic(DsaPublic),
    /// A secret key.
    Secret(SecretKey),
}

impl Key {
    /// Parses a key from its PKCS#11 attributes; others than these are ignored:
    ///
    /// | key | needed | used if there |
    /// |---|---|---|
    /// | RSA private | `MODULUS`, `PRIVATE_EXPONENT` | `PUBLIC_EXPONENT`, `PRIME_1` to `COEFFICIENT`; what is missing is worked out |
    /// | RSA public | `MODULUS`, `PUBLIC_EXPONENT` | |
    /// | EC private | `EC_PARAMS`, `VALUE` | |
    /// | EC public | `EC_PARAMS`, `EC_POINT` (a DER OCTET STRING; raw is accepted) | |
    /// | Edwards, Montgomery private | `EC_PARAMS`, `VALUE` (raw; a DER OCTET STRING is accepted) | |
    /// | Edwards, Montgomery public | `EC_PARAMS`, `EC_POINT` (raw, or a DER OCTET STRING or BIT STRING) | |
    /// | ML-KEM, ML-DSA private | `PARAMETER_SET`, `SEED` or `VALUE` | the other of these, which must agree |
    /// | SLH-DSA private; ML-KEM, ML-DSA, SLH-DSA public | `PARAMETER_SET`, `VALUE` | |
    /// | HSS, XMSS, XMSS^MT public | `VALUE` | |
    /// | Diffie-Hellman | `PRIME`, `BASE`, `VALUE`; X9.42: `SUBPRIME` | |
    /// | DSA | `PRIME`, `SUBPRIME`, `BASE`, `VALUE` | |
    /// | secret | `VALUE` | `VALUE_LEN` |
    ///
    /// RSA: 1,024 to 8,192 bits, public exponent odd and from 3 to below 2^33. `EC_PARAMS` names the
    /// curve by OID or by a PrintableString.
    ///
    /// # Errors
    /// `TEMPLATE_INCOMPLETE`; `ATTRIBUTE_VALUE_INVALID` for parts that don't belong together or are out
    /// of range and for points off the curve; `CURVE_NOT_SUPPORTED`; `DOMAIN_PARAMS_INVALID`;
    /// `PARAMETER_SET_NOT_SUPPORTED`; `KEY_SIZE_RANGE`; `TEMPLATE_INCONSISTENT` if the class can't have keys of the type.
    pub fn from_attributes(class: ObjectClass, key_type: KeyType, attributes: &Attributes) -> Result<Self> {
        match (class, key_type) {
            (ObjectClass::PrivateKey, KeyType::Rsa) => {
                Ok(Self::RsaPrivate(RsaPrivate::from_attributes(attributes)?))
            }
            (ObjectClass::PublicKey, KeyType::Rsa) => {
                Ok(Self::RsaPublic(RsaPublic::from_attributes(attributes)?))
            }
            (ObjectClass::PrivateKey, KeyType::Ec) => {
                Ok(Self::EcPrivate(EcPrivate::from_attributes(attributes)?))
            }
            (ObjectClass::PublicKey, KeyType::Ec) => {
                Ok(Self::EcPublic(EcPublic::from_attributes(attributes)?))
            }
            (ObjectClass::PrivateKey, KeyType::EcEdwards) => {
                Ok(Self::EdwardsPrivate(EdwardsPrivate::from_attributes(attributes)?))
            }
            (ObjectClass::PublicKey, KeyType::EcEdwards) => {
                Ok(Self::EdwardsPublic(EdwardsPublic::from_attributes(attributes)?))
            }
            (ObjectClass::PrivateKey, KeyType::EcMontgomery) => {
                Ok(Self::MontgomeryPrivate(MontgomeryPrivate::from_attributes(attributes)?))
            }
            (ObjectClass::PublicKey, KeyType::EcMontgomery) => {
                Ok(Self::MontgomeryPublic(MontgomeryPublic::from_attributes(attributes)?))
            }
            (ObjectClass::PrivateKey, KeyType::MlKem) => {
                Ok(Self::MlKemPrivate(MlKemPrivate::from_attributes(attributes)?))
            }
            (ObjectClass::PublicKey, KeyType::MlKem) => {
                Ok(Self::MlKemPublic(MlKemPublic::from_attributes(attributes)?))
            }
            (ObjectClass::PrivateKey, KeyType::MlDsa) => {
                Ok(Self::MlDsaPrivate(MlDsaPrivate::from_attributes(attributes)?))
            }
            (ObjectClass::PublicKey, KeyType::MlDsa) => {
                Ok(Self::MlDsaPublic(MlDsaPublic::from_attributes(attributes)?))
            }
            (ObjectClass::PrivateKey, KeyType::SlhDsa) => {
                Ok(Self::SlhDsaPrivate(SlhDsaPrivate::from_attributes(attributes)?))
            }
            (ObjectClass::PublicKey, KeyType::SlhDsa) => {
                Ok(Self::SlhDsaPublic(SlhDsaPublic::from_attributes(attributes)?))
            }
            (ObjectClass::PublicKey, KeyType::Hss | KeyType::Xmss | KeyType::XmssMt) => {
                Ok(Self::HashBasedPublic(HashBasedPublic::from_attributes(key_type, attributes)?))
            }
            (ObjectClass::PrivateKey, KeyType::Dh | KeyType::X942Dh) => {
                Ok(Self::DhPrivate(DhPrivate::from_attributes(key_type, attributes)?))
            }
            (ObjectClass::PublicKey, KeyType::Dh | KeyType::X942Dh) => {
                Ok(Self::DhPublic(DhPublic::from_attributes(key_type, attributes)?))
            }
            (ObjectClass::PrivateKey, KeyType::Dsa) => {
                Ok(Self::DsaPrivate(DsaPrivate::from_attributes(attributes)?))
            }
            (ObjectClass::PublicKey, KeyType::Dsa) => {
                Ok(Self::DsaPublic(DsaPublic::from_attributes(attributes)?))
            }
            (
                ObjectClass::SecretKey,
                KeyType::Aes
                | KeyType::AesXts
                | KeyType::Des
                | KeyType::Des2
                | KeyType::Des3
                | KeyType::ChaCha20
                | KeyType::Poly1305
                | KeyType::Hkdf
                | KeyType::GenericSecret
                | KeyType::Hmac(_),
            ) => Ok(Self::Secret(SecretKey::from_attributes(key_type, attributes)?)),
            _ => Err(Error::new(
                ReturnCode::TEMPLATE_INCONSISTENT,
                format!("an object of class {class:?} can't be a key of type {key_type:?}"),
            )),
        }
    }

    /// The key's size: bits of the modulus (RSA) or of the prime (Diffie-Hellman, DSA), bits of the order (EC) or of the field (Edwards,
    /// Montgomery), bytes (secret keys); for those that have
    /// one, the number of the parameter set.
    pub fn size(&self) -> u32 {
        match self {
            Self::RsaPrivate(key) => key.bits(),
            Self::RsaPublic(key) => key.bits(),
            Self::EcPrivate(key) => key.curve().bits,
            Self::EcPublic(key) => key.curve().bits,
            Self::EdwardsPrivate(key) => key.curve().bits,
            Self::EdwardsPublic(key) => key.curve().bits,
            Self::MontgomeryPrivate(key) => key.curve().bits,
            Self::MontgomeryPublic(key) => key.curve().bits,
            Self::MlKemPrivate(key) => key.set().number() as u32,
            Self::MlKemPublic(key) => key.set().number() as u32,
            Self::MlDsaPrivate(key) => key.set().number() as u32,
            Self::MlDsaPublic(key) => key.set().number() as u32,
            Self::SlhDsaPrivate(key) => key.set().number() as u32,
            Self::SlhDsaPublic(key) => key.set().number() as u32,
            Self::HashBasedPublic(_) => 0,
            Self::DhPrivate(key) => key.bits(),
            Self::DhPublic(key) => key.bits(),
            Self::DsaPrivate(key) => key.bits(),
            Self::DsaPublic(key) => key.bits(),
            Self::Secret(key) => u32::try_from(key.value.len()).unwrap_or(u32::MAX),
        }
    }

    /// `CKA_CHECK_VALUE` (PKCS#11 3.2 section 4.11): for an AES key the first bytes of the encrypted
    /// zero block, for other secrets of the value's SHA-1. For public and private keys, where the
    /// standard has none, of the SHA-1 of the modulus, of the uncompressed point or of the public value, so
    /// that both halves of a pair have the same.
    pub fn check_value(&self) -> Result<[u8; 3]> {
        let material = match self {
            Self::Secret(key) => return key.check_value(),
            Self::DhPrivate(key) => {
                key.public()?.attributes().bytes(AttributeType::VALUE).unwrap_or_default().to_vec()
            }
            Self::DhPublic(key) => key.attributes().bytes(AttributeType::VALUE).unwrap_or_default().to_vec(),
            Self::DsaPrivate(key) => key.public_value().to_vec(),
            Self::DsaPublic(key) => key.value().to_vec(),
            Self::RsaPrivate(key) => key.public().modulus().to_vec(),
            Self::RsaPublic(key) => key.modulus().to_vec(),
            Self::EcPrivate(key) => key.public_point()?,
            Self::EcPublic(key) => key.public_point()?,
            Self::EdwardsPrivate(key) => key.public_bytes(),
            Self::EdwardsPublic(key) => key.bytes().to_vec(),
            Self::MontgomeryPrivate(key) => key.public_bytes().to_vec(),
            Self::MontgomeryPublic(key) => key.bytes().to_vec(),
            Self::MlKemPrivate(key) => key.public_value()?,
            Self::MlKemPublic(key) => key.value()?,
            Self::MlDsaPrivate(key) => key.public_value()?,
            Self::MlDsaPublic(key) => key.value()?,
            Self::SlhDsaPrivate(key) => key.public_value().to_vec(),
            Self::SlhDsaPublic(key) => key.value().to_vec(),
            Self::HashBasedPublic(key) => key.value().to_vec(),
        };
        Ok(first_three(&digest::digest(Hash::Sha1, &[&material])))
    }

    /// The DER SubjectPublicKeyInfo of a public key, or of the one that belongs to a private key.
    ///
    /// # Errors
    /// `KEY_TYPE_INCONSISTENT` for a secret key.
    pub fn public_key_info(&self) -> Result<Vec<u8>> {
        match self {
            Self::DhPrivate(key) => spki::dh(&key.public()?),
            Self::DhPublic(key) => spki::dh(key),
            Self::DsaPrivate(key) => spki::dsa(&key.attributes(), &key.public_value()),
            Self::DsaPublic(key) => spki::dsa(&key.attributes(), &key.value()),
            Self::RsaPrivate(key) => spki::rsa(key.public()),
            Self::RsaPublic(key) => spki::rsa(key),
            Self::EcPrivate(key) => spki::ec(key.curve(), &key.public_point()?),
            Self::EcPublic(key) => spki::ec(key.curve(), &key.public_point()?),
            Self::EdwardsPrivate(key) => spki::of_bytes(key.curve(), &key.public_bytes()),
            Self::EdwardsPublic(key) => spki::of_bytes(key.curve(), key.bytes()),
            Self::MontgomeryPrivate(key) => spki::of_bytes(key.curve(), key.public_bytes()),
            Self::MontgomeryPublic(key) => spki::of_bytes(key.curve(), key.bytes()),
            Self::MlKemPrivate(key) => spki::of_set(key.set(), &key.public_value()?),
            Self::MlKemPublic(key) => spki::of_set(key.set(), &key.value()?),
            Self::MlDsaPrivate(key) => spki::of_set(key.set(), &key.public_value()?),
            Self::MlDsaPublic(key) => spki::of_set(key.set(), &key.value()?),
            Self::SlhDsaPrivate(key) => spki::of_set(key.set(), key.public_value()),
            Self::SlhDsaPublic(key) => spki::of_set(key.set(), key.value()),
            Self::HashBasedPublic(key) => spki::plain(key.oid(), key.value()),
            Self::Secret(_) => {
                Err(Error::new(ReturnCode::KEY_TYPE_INCONSISTENT, "a secret key has no public half"))
            }
        }
    }
}

/// The attributes that an imported key lacks and that follow from the rest, and in their usual form
/// those that it has in another: to be set over the imported ones.
///
/// RSA private: primes, CRT parts and public exponent; RSA public: `MODULUS_BITS`; big integers without
/// leading zeros. EC private: `VALUE` as long as the order; EC public: `EC_POINT` as DER OCTET STRING of
/// the uncompressed point, or of the public key's bytes (Edwards, Montgomery). ML-KEM, ML-DSA private: `VALUE`.
/// HSS: its types; XMSS: `PARAMETER_SET`. Secret keys: `VALUE_LEN`.
///
/// # Errors
/// As [`Key::from_attributes`], which accepts what has passed here.
pub fn complete_import(class: ObjectClass, key_type: KeyType, attributes: &Attributes) -> Result<Attributes> {
    let complete = match Key::from_attributes(class, key_type, attributes)? {
        Key::DhPrivate(key) => key.attributes(),
        Key::DhPublic(key) => key.attributes(),
        Key::DsaPrivate(key) => key.attributes(),
        Key::DsaPublic(key) => key.attributes(),
        Key::RsaPrivate(key) => key.attributes()?,
        Key::RsaPublic(key) => {
            rsa::public_attributes(&key).with(AttributeType::MODULUS_BITS, u64::from(key.bits()))
        }
        Key::EcPrivate(key) => Attributes::new().with(AttributeType::VALUE, key.value()?),
        Key::EcPublic(key) => {
            Attributes::new().with(AttributeType::EC_POINT, ec::octet_string(&key.public_point()?))
        }
        Key::EdwardsPrivate(key) => Attributes::new().with(AttributeType::VALUE, key.value()),
        Key::MontgomeryPrivate(key) => Attributes::new().with(AttributeType::VALUE, key.value()),
        Key::EdwardsPublic(key) => {
            Attributes::new().with(AttributeType::EC_POINT, ec::octet_string(key.bytes()))
        }
        Key::MontgomeryPublic(key) => {
            Attributes::new().with(AttributeType::EC_POINT, ec::octet_string(key.bytes()))
        }
        Key::MlKemPrivate(key) => key.attributes()?,
        Key::MlDsaPrivate(key) => key.attributes()?,
        Key::SlhDsaPrivate(key) => sets::private_attributes(key.set(), None, key.value()),
        Key::HashBasedPublic(key) => key.attributes(),
        Key::MlKemPublic(_) | Key::MlDsaPublic(_) | Key::SlhDsaPublic(_) => Attributes::new(),
        Key::Secret(key) => Attributes::new().with(AttributeType::VALUE_LEN, key.value.len() as u64),
    };
    let differs = |(attribute, value): &(AttributeType, Value)| attributes.get(*attribute) != Some(value);
    Ok(complete.into_iter().filter(differs).collect())
}

/// The size of a key on an elliptic curve, as [`Key::size`] has it, from `CKA_EC_PARAMS` alone; 0 for other keys.
pub fn curve_bits(key_type: KeyType, attributes: &Attributes) -> u32 {
    let bits = match key_type {
        KeyType::Ec => Curve::from_attributes(attributes).map(|curve| curve.bits),
        KeyType::EcEdwards => ByteCurve::from_attributes(Form::Edwards, attributes).map(|curve| curve.bits),
        KeyType::EcMontgomery => {
            ByteCurve::from_attributes(Form::Montgomery, attributes).map(|curve| curve.bits)
        }
        _ => Ok(0),
    };
    bits.unwrap_or(0)
}
