//! The vendor's templates: what `cloudhsm` makes of the table (cloudhsm.md 4.8, 4.9).
//!
//! Of keys only. What isn't here the vendor's HSMs don't have.

use strongroom_model::{AttributeType, HsmType, KeyType, ObjectClass, Variant};

use super::apply::Origin;
use super::table::{Fallback, Motion};

/// What the vendor's tables say of an attribute in a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letter {
    /// Y: it may be there.
    Settable,
    /// N: it isn't supported.
    Unsupported,
    /// R: it's read-only.
    ReadOnly,
    /// 1: only its default is accepted.
    OnlyDefault,
    /// 2: it must be there.
    Mandatory,
    /// -: the vendor's table has no row; it's as under `standard`.
    Unsaid,
}

/// The vendor's letters for an attribute: one for each of [`COLUMNS`].
#[derive(Clone, Copy, Debug)]
pub struct Letters {
    /// The attribute.
    pub attribute: AttributeType,
    /// `C_CreateObject`, `C_GenerateKey` and `C_GenerateKeyPair`, `C_UnwrapKey`, `C_DeriveKey`, `C_GetAttributeValue`.
    pub of: [&'static [u8; 7]; 5],
}

/// What the letters stand for, in their order.
pub const COLUMNS: [&str; 7] =
    ["private EC", "public EC", "private RSA", "public RSA", "AES", "triple DES", "generic secret"];

/// All that the vendor's tables say.
pub fn letters() -> impl Iterator<Item = Letters> {
    ROWS.iter().flat_map(|row| {
        let of = [row.create, row.generate, row.unwrap, row.derive, row.get];
        row.attributes.iter().map(move |attribute| Letters { attribute: *attribute, of })
    })
}

/// Attributes with one letter for each of [`COLUMNS`].
struct Row {
    attributes: &'static [AttributeType],
    generate: &'static [u8; 7],
    create: &'static [u8; 7],
    unwrap: &'static [u8; 7],
    derive: &'static [u8; 7],
    /// What `C_GetAttributeValue` answers: Y, R and S (unless sensitive), or N.
    get: &'static [u8; 7],
}

use AttributeType as A;

#[rustfmt::skip]
static ROWS: &[Row] = &[
    //                                    generate    create      unwrap      derive      get
    row(&[A::CLASS, A::KEY_TYPE],         b"YYYYYYY", b"2222222", b"2N2N222", b"NNNN222", b"YYYYYYY"),
    row(&[A::LABEL, A::ID, A::TOKEN],     b"YYYYYYY", b"YYYYYYY", b"YNYNYYY", b"NNNNYYY", b"YYYYYYY"),
    row(&[A::LOCAL],                      b"RRRRRRR", b"RRRRRRR", b"RNRNRRR", b"NNNNRRR", b"YYYYYYY"),
    row(&[A::PRIVATE, A::MODIFIABLE],     b"1111111", b"1111111", b"1N1N111", b"NNNN111", b"YYYYYYY"),
    row(&[A::DESTROYABLE],                b"YYYYYYY", b"YYYYYYY", b"YNYNYYY", b"NNNN111", b"YYYYYYY"),
    row(&[A::DERIVE],                     b"YYYYYYY", b"YYYYYYY", b"YNYNYYY", b"NNNNYYY", b"YYYYYYY"),
    row(&[A::ENCRYPT],                    b"NYNYYYN", b"NNNYYYN", b"NNNNYYN", b"NNNNYYN", b"NNNYYYN"),
    row(&[A::DECRYPT],                    b"YNYNYYN", b"NNYNYYN", b"NNYNYYN", b"NNNNYYN", b"NNYNYYN"),
    row(&[A::SIGN],                       b"YNYNYYY", b"YNYNYYY", b"YNYNYYY", b"NNNNYYY", b"YNYNYYY"),
    row(&[A::VERIFY],                     b"NYNYYYY", b"NYNYYYY", b"NNNNYYY", b"NNNNYYY", b"NYNYYYY"),
    row(&[A::WRAP],                       b"NYNYYYN", b"NNNYYYN", b"NNNNYYN", b"NNNNYYN", b"NNNYYYN"),
    row(&[A::UNWRAP],                     b"YNYNYYN", b"NNYNYYN", b"NNYNYYN", b"NNNNYYN", b"NNYNYYN"),
    row(&[A::WRAP_TEMPLATE],              b"NYNYYYN", b"NYNYYYN", b"NNNN--N", b"NNNN--N", b"NYNYYYN"),
    row(&[A::UNWRAP_TEMPLATE],            b"YNYNYYN", b"YNYNYYN", b"-N-N--N", b"NNNN--N", b"YNYNYYN"),
    row(&[A::TRUSTED],                    b"NYNYYYN", b"NYNYYYN", b"NNNN---", b"NNNN---", b"NYNYYYY"),
    row(&[A::WRAP_WITH_TRUSTED],          b"YNYNYYY", b"YNYNYYY", b"-N-N---", b"NNNN---", b"YNYNYYY"),
    row(&[A::SENSITIVE, A::EXTRACTABLE],  b"YNYNYYY", b"YNYNYYY", b"YNYNYYY", b"NNNNYYY", b"YNYNYYY"),
    row(&[A::ALWAYS_SENSITIVE],           b"RNRNNNN", b"RNRNRRR", b"RNRNRRR", b"NNNNRRR", b"RNRNRRR"),
    row(&[A::NEVER_EXTRACTABLE],          b"RNRNRRR", b"RNRNRRR", b"RNRNRRR", b"NNNNRRR", b"YNYNYYY"),
    row(&[A::CHECK_VALUE],                b"RRRRRRR", b"RRRRRRR", b"RNRNRRR", b"NNNNRRR", b"YYYYYYN"),
    row(&[A::EC_PARAMS],                  b"N2NNNNN", b"22NNNNN", b"NNNNNNN", b"NNNNNNN", b"YYNNNNN"),
    row(&[A::EC_POINT],                   b"NNNNNNN", b"N2NNNNN", b"NNNNNNN", b"NNNNNNN", b"NYNNNNN"),
    row(&[A::MODULUS_BITS],               b"NNN2NNN", b"NNNNNNN", b"NNNNNNN", b"NNNNNNN", b"NNNYNNN"),
    row(&[A::PUBLIC_EXPONENT],            b"NNN2NNN", b"NN22NNN", b"NNNNNNN", b"NNNNNNN", b"NNYYNNN"),
    row(&[A::MODULUS],                    b"NNNNNNN", b"NN22NNN", b"NNNNNNN", b"NNNNNNN", b"NNYYNNN"),
    row(&[A::PRIVATE_EXPONENT],           b"NNNNNNN", b"NN2NNNN", b"NNNNNNN", b"NNNNNNN", b"NNSNNNN"),
    row(&[A::PRIME_1, A::PRIME_2, A::EXPONENT_1, A::EXPONENT_2, A::COEFFICIENT],
                                          b"NNNNNNN", b"NNYNNNN", b"NNNNNNN", b"NNNNNNN", b"NNSNNNN"),
    row(&[A::VALUE],                      b"NNNNNNN", b"2NNN222", b"NNNNNNN", b"NNNNNNN", b"SNNNYYY"),
    row(&[A::VALUE_LEN],                  b"NNNN2N2", b"NNNNNNN", b"NNNNNNN", b"NNNN2N2", b"NNNNYNY"),
];

/// The letter for an attribute in a template.
pub(super) fn letter(attribute: A, class: ObjectClass, key: KeyType, origin: Origin) -> Letter {
    let found = column(class, key).zip(ROWS.iter().find(|row| row.attributes.contains(&attribute)));
    let Some((column, row)) = found else { return Letter::Unsupported };
    let letters = match origin {
        Origin::Create => row.create,
        Origin::Generate => row.generate,
        Origin::Unwrap => row.unwrap,
        Origin::Derive => row.derive,
    };
    match letters[column] {
        b'Y' => Letter::Settable,
        b'R' => Letter::ReadOnly,
        b'1' => Letter::OnlyDefault,
        b'2' => Letter::Mandatory,
        b'-' => Letter::Unsaid,
        _ => Letter::Unsupported,
    }
}

/// Whether a key tells an attribute at all.
pub(super) fn is_told(attribute: A, class: ObjectClass, key: KeyType) -> bool {
    let row = ROWS.iter().find(|row| row.attributes.contains(&attribute));
    column(class, key).zip(row).is_some_and(|(column, row)| row.get[column] != b'N')
}

/// Whether the vendor has keys of a type.
pub(super) fn has_keys(class: ObjectClass, key: KeyType) -> bool {
    column(class, key).is_some()
}

/// What an attribute is when nobody says, where the vendor has it otherwise than the table.
pub(super) fn fallback(attribute: A, class: ObjectClass, origin: Origin) -> Option<Fallback> {
    match attribute {
        A::PRIVATE | A::EXTRACTABLE => Some(Fallback::True),
        A::SIGN | A::VERIFY if class == ObjectClass::SecretKey && origin == Origin::Generate => {
            Some(Fallback::True)
        }
        _ => None,
    }
}

/// How the vendor's command changes an attribute later; its library changes none (cloudhsm.md 4.8). What stays, stays: that's
/// so under every profile.
pub(super) fn motion(attribute: A, class: ObjectClass, variant: Variant) -> Motion {
    let newer = variant.hsm == HsmType::Hsm2m;
    match attribute {
        A::LABEL | A::ENCRYPT | A::DECRYPT | A::SIGN | A::VERIFY | A::WRAP | A::UNWRAP => Motion::Free,
        A::WRAP_TEMPLATE | A::UNWRAP_TEMPLATE => Motion::Free,
        A::ID if newer => Motion::Free,
        A::DERIVE if newer && class != ObjectClass::PublicKey => Motion::Free,
        A::MODIFIABLE | A::DESTROYABLE => Motion::Down,
        A::WRAP_WITH_TRUSTED => Motion::Up,
        A::TRUSTED => Motion::Officer,
        _ => Motion::Fixed,
    }
}

fn column(class: ObjectClass, key: KeyType) -> Option<usize> {
    match (class, key) {
        (ObjectClass::PrivateKey, KeyType::Ec | KeyType::EcEdwards) => Some(0),
        (ObjectClass::PublicKey, KeyType::Ec | KeyType::EcEdwards) => Some(1),
        (ObjectClass::PrivateKey, KeyType::Rsa) => Some(2),
        (ObjectClass::PublicKey, KeyType::Rsa) => Some(3),
        (ObjectClass::SecretKey, KeyType::Aes) => Some(4),
        (ObjectClass::SecretKey, KeyType::Des3) => Some(5),
        (ObjectClass::SecretKey, KeyType::GenericSecret) => Some(6),
        _ => None,
    }
}

const fn row(
    attributes: &'static [A],
    generate: &'static [u8; 7],
    create: &'static [u8; 7],
    unwrap: &'static [u8; 7],
    derive: &'static [u8; 7],
    get: &'static [u8; 7],
) -> Row {
    Row { attributes, generate, create, unwrap, derive, get }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_vendors_letters_and_each_attribute_once() {
        let mut seen = std::collections::BTreeSet::new();
        for row in ROWS {
            assert!(row.attributes.iter().all(|attribute| seen.insert(*attribute)));
            for letters in [row.generate, row.create, row.unwrap, row.derive] {
                assert!(letters.iter().all(|letter| b"YNR12-".contains(letter)), "{:?}", row.attributes);
            }
            assert!(row.get.iter().all(|letter| b"YNRS".contains(letter)), "{:?}", row.attributes);
            assert_eq!(&row.derive[..4], b"NNNN", "{:?}: derived keys are secret", row.attributes);
            assert_eq!(
                (row.unwrap[1], row.unwrap[3]),
                (b'N', b'N'),
                "{:?}: public keys aren't unwrapped",
                row.attributes
            );
        }
    }
}
