//! What `strict` refuses beyond the other profiles (attacks.md).

use strongroom_model::{
    Algorithm, AttributeType as A, Attributes, Error, KeyType, MechanismType, ObjectClass, Result, ReturnCode,
};

use super::apply::Origin;

/// What a key doesn't have that wraps, nor the private half of a pair whose public half wraps. They unwrap, and do nothing
/// else: decryption, raw signatures and agreements undo the wrapping (attacks.md A1, A22); so does encryption, which gives the
/// keystream that GCM wraps with, and GMAC, which gives its subkey (A25). And what left in a wrapped form would come back as a
/// key that does one of these (A16).
pub const UNLIKE_WRAPPING: [A; 8] = [
    A::ENCRYPT,
    A::DECRYPT,
    A::SIGN,
    A::SIGN_RECOVER,
    A::VERIFY,
    A::VERIFY_RECOVER,
    A::DERIVE,
    A::EXTRACTABLE,
];

/// Attributes that together give a key away (attacks.md A1 to A3).
pub fn conflicts() -> impl Iterator<Item = (A, A)> {
    UNLIKE_WRAPPING.into_iter().map(|other| (A::WRAP, other)).chain([(A::UNWRAP, A::ENCRYPT)])
}

/// What keys may do. It's settled when a key is made, and can only become less: what was cleared on one copy, and set on
/// another, would be two halves of a forbidden pair (A3).
pub(super) const fn is_usage(attribute: A) -> bool {
    matches!(
        attribute,
        A::ENCRYPT
            | A::DECRYPT
            | A::SIGN
            | A::SIGN_RECOVER
            | A::VERIFY
            | A::VERIFY_RECOVER
            | A::WRAP
            | A::UNWRAP
            | A::DERIVE
            | A::ENCAPSULATE
            | A::DECAPSULATE
    )
}

/// Refuses what gives keys away in a new object.
///
/// # Errors
///
/// `CKR_TEMPLATE_INCONSISTENT`.
pub(super) fn check(origin: Origin, attributes: &Attributes) -> Result<()> {
    check_pairs(attributes)?;
    if origin == Origin::Unwrap && attributes.bool(A::SENSITIVE) == Some(false) {
        // attacks.md A16 and A27.
        return Err(inconsistent("the profile `strict` unwraps keys as sensitive ones only".to_owned()));
    }
    Ok(())
}

/// Refuses two halves that together give away what one of them wraps.
///
/// # Errors
///
/// `CKR_TEMPLATE_INCONSISTENT`.
pub(crate) fn check_halves(public: &Attributes, private: &Attributes) -> Result<()> {
    let other = UNLIKE_WRAPPING.into_iter().find(|attribute| private.bool(*attribute) == Some(true));
    match other {
        Some(other) if public.bool(A::WRAP) == Some(true) => Err(inconsistent(format!(
            "under the profile `strict` no pair has both CKA_WRAP and, in its private half, {other}"
        ))),
        _ => Ok(()),
    }
}

/// Refuses usages that an object doesn't have because they conflict with those that it has.
///
/// # Errors
///
/// `CKR_ATTRIBUTE_VALUE_INVALID` (A3).
pub(super) fn check_added(old: &Attributes, template: &Attributes) -> Result<()> {
    let mut new = old.clone();
    for (attribute, value) in template.iter().filter(|(attribute, _)| is_usage(*attribute)) {
        new.set(attribute, value.clone());
    }
    check_pairs(&new).map_err(|error| Error { code: ReturnCode::ATTRIBUTE_VALUE_INVALID, ..error })
}

/// Refuses pairs of usages, and wrapping with a key that can be read.
pub(super) fn check_pairs(attributes: &Attributes) -> Result<()> {
    let has = |attribute| attributes.bool(attribute) == Some(true);
    match conflicts().find(|(one, other)| has(*one) && has(*other)) {
        Some((one, other)) => {
            Err(inconsistent(format!("the profile `strict` allows no key with both {one} and {other}")))
        }
        None if has(A::WRAP) && attributes.bool(A::SENSITIVE) == Some(false) => {
            Err(inconsistent("the profile `strict` allows CKA_WRAP only on sensitive keys".to_owned()))
        }
        None => Ok(()),
    }
}

/// Refuses to wrap with a key that came from elsewhere, or from a password (attacks.md A8), unless an officer trusts it, and
/// with one that is weaker than what it wraps (A11).
///
/// # Errors
///
/// `CKR_KEY_FUNCTION_NOT_PERMITTED`, `CKR_WRAPPING_KEY_SIZE_RANGE`.
pub(crate) fn check_wrapping(wrapping: &Strength<'_>, target: &Strength<'_>) -> Result<()> {
    let is = |attribute| wrapping.attributes.bool(attribute) == Some(true);
    let random = is(A::LOCAL) && !is_known(wrapping.attributes);
    if !random && !is(A::TRUSTED) {
        return Err(Error::new(
            ReturnCode::KEY_FUNCTION_NOT_PERMITTED,
            "under the profile `strict` a key wraps if it was generated here at random, or if an officer marked it CKA_TRUSTED",
        ));
    }
    let (wraps, wrapped) = (wrapping.bits(), target.bits());
    if wraps < wrapped {
        return Err(Error::new(
            ReturnCode::WRAPPING_KEY_SIZE_RANGE,
            format!("under the profile `strict` no key of {wraps} bits of strength wraps one of {wrapped}"),
        ));
    }
    Ok(())
}

/// Whether whoever generated a key knows it.
fn is_known(key: &Attributes) -> bool {
    let generator = key.ulong(A::KEY_GEN_MECHANISM).and_then(|kind| MechanismType(kind).spec());
    generator.is_some_and(|spec| matches!(spec.algorithm, Algorithm::Pbkdf2 | Algorithm::Pkcs12Pbe))
}

/// What a trusted key unwraps is wrapped by trusted keys alone: otherwise one that was careful of that would lose it on its
/// way out and back in (attacks.md A16).
///
/// # Errors
///
/// `CKR_TEMPLATE_INCONSISTENT`.
pub(crate) fn keep_trust(trusted: bool, template: Attributes) -> Result<Attributes> {
    match template.bool(A::WRAP_WITH_TRUSTED) {
        Some(true) => Ok(template),
        _ if !trusted => Ok(template),
        None => Ok(template.with(A::WRAP_WITH_TRUSTED, true)),
        Some(false) => Err(inconsistent(
            "under the profile `strict` what a trusted key unwraps has CKA_WRAP_WITH_TRUSTED".to_owned(),
        )),
    }
}

/// What a key's strength follows from.
pub(crate) struct Strength<'a> {
    pub(crate) class: ObjectClass,
    pub(crate) key: KeyType,
    /// As `ObjectInfo::size` has it: bits of RSA and EC keys, else bytes.
    pub(crate) size: u32,
    pub(crate) attributes: &'a Attributes,
}

impl Strength<'_> {
    /// In bits, by NIST SP 800-57 part 1, table 2, and FIPS 203 to 205 for categories 1, 3 and 5.
    fn bits(&self) -> u32 {
        match self.key {
            KeyType::Rsa | KeyType::Dsa | KeyType::Dh | KeyType::X942Dh => match self.size {
                0..2048 => 80,
                2048..3072 => 112,
                3072..7680 => 128,
                7680..15360 => 192,
                _ => 256,
            },
            KeyType::Ec | KeyType::EcEdwards | KeyType::EcMontgomery => self.size.div_ceil(2).min(256),
            KeyType::Des => 56,
            KeyType::Des2 => 80,
            KeyType::Des3 => 112,
            KeyType::AesXts => self.size * 8 / 2,
            _ if self.class == ObjectClass::SecretKey => (self.size * 8).min(256),
            _ => 256,
        }
    }
}

fn inconsistent(message: String) -> Error {
    Error::new(ReturnCode::TEMPLATE_INCONSISTENT, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strengths_are_nists() {
        let attributes = Attributes::new();
        let bits = |class, key, size| Strength { class, key, size, attributes: &attributes }.bits();
        let (private, secret) = (ObjectClass::PrivateKey, ObjectClass::SecretKey);
        let found = [
            bits(private, KeyType::Rsa, 1024),
            bits(private, KeyType::Rsa, 2048),
            bits(private, KeyType::Rsa, 4096),
            bits(private, KeyType::Rsa, 8192),
            bits(private, KeyType::Ec, 256),
            bits(private, KeyType::EcMontgomery, 255),
            bits(secret, KeyType::Aes, 16),
            bits(secret, KeyType::Aes, 32),
            bits(secret, KeyType::Des3, 24),
            bits(secret, KeyType::GenericSecret, 64),
        ];
        assert_eq!(found, [80, 112, 128, 192, 128, 128, 128, 256, 112, 256]);
    }
}
