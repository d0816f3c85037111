//! The table (PKCS#11 3.2 section 4 and the `standard` column of cloudhsm.md; attacks.md for what is sticky).

use strongroom_model::{AttributeType, KeyType, ObjectClass};

use super::apply::Origin;

/// Whether a caller gives an attribute when an object comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supply {
    /// Must: `CKR_TEMPLATE_INCOMPLETE`.
    Must,
    /// May.
    May,
    /// May, but only to state what it would be anyway: `CKR_ATTRIBUTE_VALUE_INVALID`.
    Same,
    /// Mustn't: `CKR_ATTRIBUTE_READ_ONLY`.
    Never,
    /// May, but only to state the default: `CKR_ATTRIBUTE_VALUE_INVALID`.
    Default,
    /// Mustn't, since the profile doesn't know it there: `CKR_TEMPLATE_INCONSISTENT`.
    Unsupported,
}

/// How an attribute may change later. Otherwise `CKR_ATTRIBUTE_READ_ONLY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Motion {
    /// Not at all.
    Fixed,
    /// In any way.
    Free,
    /// From false to true.
    Up,
    /// From true to false.
    Down,
    /// By an officer only.
    Officer,
}

/// What an attribute is when nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Absent.
    Absent,
    /// False.
    False,
    /// True.
    True,
    /// True if the key's type can do what the attribute stands for, under `standard`.
    Able,
    /// No bytes, no mechanisms.
    Empty,
    /// Zero.
    Zero,
}

/// One row.
#[derive(Debug)]
pub struct Rule {
    /// The attribute.
    pub attribute: AttributeType,
    /// The classes of object that have it.
    pub classes: &'static [ObjectClass],
    /// The types of key that have it; all if empty.
    pub keys: &'static [Kind],
    /// `C_CreateObject`.
    pub create: Supply,
    /// `C_GenerateKey`, `C_GenerateKeyPair`.
    pub generate: Supply,
    /// `C_UnwrapKey`.
    pub unwrap: Supply,
    /// `C_DeriveKey`.
    pub derive: Supply,
    /// `C_SetAttributeValue`.
    pub set: Motion,
    /// `C_CopyObject`.
    pub copy: Motion,
    /// What it is if nobody says.
    pub fallback: Fallback,
}

impl Rule {
    /// Whether a caller gives the attribute.
    pub(super) fn supply(&self, origin: Origin) -> Supply {
        match origin {
            Origin::Create => self.create,
            Origin::Generate => self.generate,
            Origin::Unwrap => self.unwrap,
            Origin::Derive => self.derive,
        }
    }
}

/// A family of key types with the same attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RSA.
    Rsa,
    /// Of any form: short Weierstrass, Edwards, Montgomery.
    Ec,
    /// Those whose parameters are a set with a number: ML-DSA, ML-KEM, SLH-DSA.
    ParameterSet,
    /// Hash-based signatures with state: HSS, XMSS, XMSS^MT.
    HashBased,
    /// DSA.
    Dsa,
    /// PKCS #3: no subprime.
    Dh,
    /// X9.42.
    X942Dh,
    /// Of any type.
    Secret,
}

use AttributeType as A;
use Fallback::{Able, Absent, Empty, False, True, Zero};
use Motion::{Down, Fixed, Free, Officer, Up};
use ObjectClass::{
    Certificate, Data, DomainParameters, HwFeature, Mechanism, PrivateKey, Profile, PublicKey, SecretKey,
    Trust, Validation,
};
use Supply::{May, Must, Never, Same};

const ALL: &[ObjectClass] = &ObjectClass::ALL;
const KEYS: &[ObjectClass] = &[PublicKey, PrivateKey, SecretKey];
const HIDDEN: &[ObjectClass] = &[PrivateKey, SecretKey];
const SHOWN: &[ObjectClass] =
    &[Data, Certificate, PublicKey, DomainParameters, Trust, HwFeature, Mechanism, Profile, Validation];
const DOMAIN: &[ObjectClass] = &[DomainParameters];
const TYPED: &[ObjectClass] = &[PublicKey, PrivateKey, SecretKey, DomainParameters];
const TRUST: &[ObjectClass] = &[Trust];
const FEATURE: &[ObjectClass] = &[HwFeature];
const MECHANISM: &[ObjectClass] = &[Mechanism];
const PROFILE: &[ObjectClass] = &[Profile];
const VALIDATION: &[ObjectClass] = &[Validation];
const CERTIFICATE: &[ObjectClass] = &[Certificate];
const DATA: &[ObjectClass] = &[Data];
const PUBLIC: &[ObjectClass] = &[PublicKey];
const PRIVATE: &[ObjectClass] = &[PrivateKey];
const SECRET: &[ObjectClass] = &[SecretKey];
const PAIR: &[ObjectClass] = &[PublicKey, PrivateKey];
const ANY: &[Kind] = &[];
const RSA: &[Kind] = &[Kind::Rsa];
const EC: &[Kind] = &[Kind::Ec];
const SETS: &[Kind] = &[Kind::ParameterSet];
const HASHES: &[Kind] = &[Kind::HashBased];
const DH: &[Kind] = &[Kind::Dh];
const PRIMES: &[Kind] = &[Kind::Dsa, Kind::X942Dh];
const GROUPS: &[Kind] = &[Kind::Dsa, Kind::Dh, Kind::X942Dh];

/// The table.
#[rustfmt::skip]
pub static RULES: &[Rule] = &[
    // attribute                    classes      keys  create generate unwrap derive set      copy     fallback
    row(A::CLASS,                   ALL,         ANY,  Must,  Same,    Must,  Same,  Fixed,   Fixed,   Absent),
    row(A::TOKEN,                   ALL,         ANY,  May,   May,     May,   May,   Fixed,   Free,    False),
    row(A::PRIVATE,                 HIDDEN,      ANY,  May,   May,     May,   May,   Fixed,   Up,      True),
    row(A::PRIVATE,                 SHOWN,       ANY,  May,   May,     May,   May,   Fixed,   Up,      False),
    row(A::MODIFIABLE,              ALL,         ANY,  May,   May,     May,   May,   Fixed,   Down,    True),
    row(A::COPYABLE,                ALL,         ANY,  May,   May,     May,   May,   Down,    Down,    True),
    row(A::DESTROYABLE,             ALL,         ANY,  May,   May,     May,   May,   Fixed,   Down,    True),
    row(A::LABEL,                   ALL,         ANY,  May,   May,     May,   May,   Free,    Free,    Empty),
    row(A::UNIQUE_ID,               ALL,         ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),

    row(A::APPLICATION,             DATA,        ANY,  May,   Never,   Never, May,   Free,    Free,    Empty),
    row(A::OBJECT_ID,               DATA,        ANY,  May,   Never,   Never, May,   Free,    Free,    Empty),
    row(A::VALUE,                   DATA,        ANY,  May,   Never,   Never, Never, Free,    Free,    Empty),

    row(A::CERTIFICATE_TYPE,        CERTIFICATE, ANY,  Must,  Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::CERTIFICATE_CATEGORY,    CERTIFICATE, ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Zero),
    row(A::JAVA_MIDP_SECURITY_DOMAIN, CERTIFICATE, ANY, May,  Never,   Never, Never, Fixed,   Fixed,   Zero),
    row(A::SUBJECT,                 CERTIFICATE, ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::ISSUER,                  CERTIFICATE, ANY,  May,   Never,   Never, Never, Free,    Free,    Empty),
    row(A::SERIAL_NUMBER,           CERTIFICATE, ANY,  May,   Never,   Never, Never, Free,    Free,    Empty),
    row(A::VALUE,                   CERTIFICATE, ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Empty),
    row(A::URL,                     CERTIFICATE, ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Empty),
    row(A::HASH_OF_SUBJECT_PUBLIC_KEY, CERTIFICATE, ANY, May, Never,   Never, Never, Fixed,   Fixed,   Empty),
    row(A::HASH_OF_ISSUER_PUBLIC_KEY, CERTIFICATE, ANY, May,  Never,   Never, Never, Fixed,   Fixed,   Empty),
    row(A::NAME_HASH_ALGORITHM,     CERTIFICATE, ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::PUBLIC_KEY_INFO,         CERTIFICATE, ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Empty),
    row(A::CHECK_VALUE,             CERTIFICATE, ANY,  Same,  Never,   Never, Never, Fixed,   Fixed,   Empty),
    row(A::ID,                      CERTIFICATE, ANY,  May,   Never,   Never, Never, Free,    Free,    Empty),
    row(A::START_DATE,              CERTIFICATE, ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Empty),
    row(A::END_DATE,                CERTIFICATE, ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Empty),
    row(A::TRUSTED,                 CERTIFICATE, ANY,  May,   Never,   Never, Never, Officer, Officer, False),

    row(A::OWNER,                   CERTIFICATE, ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::AC_ISSUER,               CERTIFICATE, ANY,  May,   Never,   Never, Never, Free,    Free,    Empty),
    row(A::ATTR_TYPES,              CERTIFICATE, ANY,  May,   Never,   Never, Never, Free,    Free,    Empty),

    row(A::ISSUER,                  TRUST,       ANY,  Must,  Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::SERIAL_NUMBER,           TRUST,       ANY,  Must,  Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::HASH_OF_CERTIFICATE,     TRUST,       ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Empty),
    row(A::NAME_HASH_ALGORITHM,     TRUST,       ANY,  May,   Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::TRUST_SERVER_AUTH,       TRUST,       ANY,  May,   Never,   Never, Never, Free,    Free,    Zero),
    row(A::TRUST_CLIENT_AUTH,       TRUST,       ANY,  May,   Never,   Never, Never, Free,    Free,    Zero),
    row(A::TRUST_CODE_SIGNING,      TRUST,       ANY,  May,   Never,   Never, Never, Free,    Free,    Zero),
    row(A::TRUST_EMAIL_PROTECTION,  TRUST,       ANY,  May,   Never,   Never, Never, Free,    Free,    Zero),
    row(A::TRUST_IPSEC_IKE,         TRUST,       ANY,  May,   Never,   Never, Never, Free,    Free,    Zero),
    row(A::TRUST_TIME_STAMPING,     TRUST,       ANY,  May,   Never,   Never, Never, Free,    Free,    Zero),
    row(A::TRUST_OCSP_SIGNING,      TRUST,       ANY,  May,   Never,   Never, Never, Free,    Free,    Zero),

    row(A::HW_FEATURE_TYPE,         FEATURE,     ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALUE,                   FEATURE,     ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::RESET_ON_INIT,           FEATURE,     ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::HAS_RESET,               FEATURE,     ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::MECHANISM_TYPE,          MECHANISM,   ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::PROFILE_ID,              PROFILE,     ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALIDATION_TYPE,         VALIDATION,  ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALIDATION_VERSION,      VALIDATION,  ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALIDATION_LEVEL,        VALIDATION,  ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALIDATION_MODULE_ID,    VALIDATION,  ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALIDATION_FLAG,         VALIDATION,  ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALIDATION_AUTHORITY_TYPE, VALIDATION, ANY, Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALIDATION_COUNTRY,      VALIDATION,  ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALIDATION_CERTIFICATE_IDENTIFIER, VALIDATION, ANY, Never, Never, Never, Never, Fixed, Fixed, Absent),
    row(A::VALIDATION_CERTIFICATE_URI, VALIDATION, ANY, Never, Never,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALIDATION_VENDOR_URI,   VALIDATION,  ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALIDATION_PROFILE,      VALIDATION,  ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),

    row(A::KEY_TYPE,                TYPED,       ANY,  Must,  Same,    Must,  May,   Fixed,   Fixed,   Absent),
    row(A::ID,                      KEYS,        ANY,  May,   May,     May,   May,   Free,    Free,    Empty),
    row(A::START_DATE,              KEYS,        ANY,  May,   May,     May,   May,   Free,    Free,    Empty),
    row(A::END_DATE,                KEYS,        ANY,  May,   May,     May,   May,   Free,    Free,    Empty),
    row(A::LOCAL,                   TYPED,       ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::KEY_GEN_MECHANISM,       KEYS,        ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::OBJECT_VALIDATION_FLAGS, KEYS,        ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Zero),
    row(A::ALLOWED_MECHANISMS,      KEYS,        ANY,  May,   May,     May,   May,   Fixed,   Fixed,   Empty),
    row(A::DERIVE,                  KEYS,        ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::CHECK_VALUE,             KEYS,        ANY,  Same,  Same,    Same,  Same,  Fixed,   Fixed,   Absent),
    row(A::SUBJECT,                 PAIR,        ANY,  May,   May,     May,   Never, Free,    Free,    Empty),
    row(A::PUBLIC_KEY_INFO,         PAIR,        ANY,  Same,  Same,    Same,  Never, Fixed,   Fixed,   Absent),

    row(A::ENCRYPT,                 PUBLIC,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::VERIFY,                  PUBLIC,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::VERIFY_RECOVER,          PUBLIC,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::WRAP,                    PUBLIC,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::TRUSTED,                 PUBLIC,      ANY,  May,   May,     May,   May,   Officer, Officer, False),
    row(A::WRAP_TEMPLATE,           PUBLIC,      ANY,  May,   May,     May,   May,   Fixed,   Fixed,   Absent),

    row(A::DECRYPT,                 PRIVATE,     ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::SIGN,                    PRIVATE,     ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::SIGN_RECOVER,            PRIVATE,     ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::UNWRAP,                  PRIVATE,     ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::ALWAYS_AUTHENTICATE,     PRIVATE,     ANY,  May,   May,     May,   May,   Fixed,   Fixed,   False),

    row(A::ENCRYPT,                 SECRET,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::DECRYPT,                 SECRET,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::SIGN,                    SECRET,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::VERIFY,                  SECRET,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::WRAP,                    SECRET,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::UNWRAP,                  SECRET,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::TRUSTED,                 SECRET,      ANY,  May,   May,     May,   May,   Officer, Officer, False),
    row(A::WRAP_TEMPLATE,           SECRET,      ANY,  May,   May,     May,   May,   Fixed,   Fixed,   Absent),

    row(A::SENSITIVE,               HIDDEN,      ANY,  May,   May,     May,   May,   Up,      Up,      True),
    row(A::EXTRACTABLE,             HIDDEN,      ANY,  May,   May,     May,   May,   Down,    Down,    False),
    row(A::WRAP_WITH_TRUSTED,       HIDDEN,      ANY,  May,   May,     May,   May,   Up,      Up,      False),
    row(A::ALWAYS_SENSITIVE,        HIDDEN,      ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::NEVER_EXTRACTABLE,       HIDDEN,      ANY,  Never, Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::UNWRAP_TEMPLATE,         HIDDEN,      ANY,  May,   May,     May,   May,   Fixed,   Fixed,   Absent),
    row(A::DERIVE_TEMPLATE,         HIDDEN,      ANY,  May,   May,     May,   May,   Fixed,   Fixed,   Absent),

    row(A::MODULUS,                 PAIR,        RSA,  Must,  Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::MODULUS_BITS,            PUBLIC,      RSA,  Same,  Must,    Never, Never, Fixed,   Fixed,   Absent),
    row(A::PUBLIC_EXPONENT,         PUBLIC,      RSA,  Must,  May,     Never, Never, Fixed,   Fixed,   Absent),
    row(A::PUBLIC_EXPONENT,         PRIVATE,     RSA,  May,   Same,    Never, Never, Fixed,   Fixed,   Absent),
    row(A::PRIVATE_EXPONENT,        PRIVATE,     RSA,  Must,  Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::PRIME_1,                 PRIVATE,     RSA,  May,   Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::PRIME_2,                 PRIVATE,     RSA,  May,   Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::EXPONENT_1,              PRIVATE,     RSA,  May,   Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::EXPONENT_2,              PRIVATE,     RSA,  May,   Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::COEFFICIENT,             PRIVATE,     RSA,  May,   Never,   Never, Never, Fixed,   Fixed,   Absent),

    row(A::EC_PARAMS,               PUBLIC,      EC,   Must,  Must,    Never, Never, Fixed,   Fixed,   Absent),
    row(A::EC_PARAMS,               PRIVATE,     EC,   Must,  Same,    Never, Never, Fixed,   Fixed,   Absent),
    row(A::EC_POINT,                PUBLIC,      EC,   Must,  Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALUE,                   PRIVATE,     EC,   Must,  Never,   Never, Never, Fixed,   Fixed,   Absent),

    row(A::PARAMETER_SET,           PUBLIC,      SETS, Must,  Must,    Never, Never, Fixed,   Fixed,   Absent),
    row(A::PARAMETER_SET,           PRIVATE,     SETS, Must,  Same,    Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALUE,                   PUBLIC,      SETS, Must,  Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALUE,                   PRIVATE,     SETS, May,   Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::SEED,                    PRIVATE,     SETS, May,   Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::ENCAPSULATE,             PUBLIC,      ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::DECAPSULATE,             PRIVATE,     ANY,  May,   May,     May,   May,   Free,    Free,    Able),
    row(A::ENCAPSULATE_TEMPLATE,    PUBLIC,      ANY,  May,   May,     May,   May,   Fixed,   Fixed,   Absent),
    row(A::DECAPSULATE_TEMPLATE,    PRIVATE,     ANY,  May,   May,     May,   May,   Fixed,   Fixed,   Absent),

    row(A::VALUE,                   PUBLIC,      HASHES, Must, Never,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::PARAMETER_SET,           PUBLIC,      HASHES, Same, Never,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::HSS_LEVELS,              PUBLIC,      HASHES, Same, Never,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::HSS_LMS_TYPE,            PUBLIC,      HASHES, Same, Never,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::HSS_LMOTS_TYPE,          PUBLIC,      HASHES, Same, Never,  Never, Never, Fixed,   Fixed,   Absent),

    row(A::PRIME,                   DOMAIN,      GROUPS, Must, Never,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::SUBPRIME,                DOMAIN,      PRIMES, Must, Never,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::BASE,                    DOMAIN,      GROUPS, Must, Never,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::PRIME_BITS,              DOMAIN,      GROUPS, Never, Must,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::SUBPRIME_BITS,           DOMAIN,      PRIMES, Never, May,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::PRIME,                   PUBLIC,      GROUPS, Must, Must,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::SUBPRIME,                PUBLIC,      PRIMES, Must, Must,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::BASE,                    PUBLIC,      GROUPS, Must, Must,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALUE,                   PUBLIC,      GROUPS, Must, Never,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::PRIME,                   PRIVATE,     GROUPS, Must, Same,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::SUBPRIME,                PRIVATE,     PRIMES, Must, Same,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::BASE,                    PRIVATE,     GROUPS, Must, Same,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALUE,                   PRIVATE,     GROUPS, Must, Never,  Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALUE_BITS,              PRIVATE,     DH,   Never, May,     Never, Never, Fixed,   Fixed,   Absent),

    row(A::VALUE,                   SECRET,      ANY,  Must,  Never,   Never, Never, Fixed,   Fixed,   Absent),
    row(A::VALUE_LEN,               SECRET,      ANY,  Same,  Must,    Same,  Same,  Fixed,   Fixed,   Absent),
];

/// The row of an attribute for objects of a class and key type.
pub(crate) fn rule(
    attribute: AttributeType,
    class: ObjectClass,
    key: Option<KeyType>,
) -> Option<&'static Rule> {
    rules(class, key).find(|rule| rule.attribute == attribute)
}

/// All rows for objects of a class and key type.
pub(crate) fn rules(class: ObjectClass, key: Option<KeyType>) -> impl Iterator<Item = &'static Rule> {
    let kind = key.map(Kind::of);
    RULES.iter().filter(move |rule| {
        rule.classes.contains(&class)
            && (rule.keys.is_empty() || kind.is_some_and(|kind| rule.keys.contains(&kind)))
    })
}

/// Whether an attribute is key material in objects of a class.
pub(crate) fn is_secret(attribute: AttributeType, class: ObjectClass) -> bool {
    HIDDEN.contains(&class) && attribute.is_key_material()
}

/// Whether keys of a type can do what a usage attribute stands for.
pub(crate) fn is_able(attribute: AttributeType, class: ObjectClass, key: KeyType) -> bool {
    match key {
        KeyType::Rsa => !matches!(attribute, A::DERIVE | A::ENCAPSULATE | A::DECAPSULATE),
        KeyType::Ec if class == PrivateKey => matches!(attribute, A::SIGN | A::DERIVE),
        KeyType::EcMontgomery | KeyType::Dh | KeyType::X942Dh => {
            attribute == A::DERIVE && class == PrivateKey
        }
        KeyType::MlKem => matches!(attribute, A::ENCAPSULATE | A::DECAPSULATE),
        KeyType::Ec
        | KeyType::EcEdwards
        | KeyType::MlDsa
        | KeyType::SlhDsa
        | KeyType::Hss
        | KeyType::Xmss
        | KeyType::XmssMt
        | KeyType::Dsa => matches!(attribute, A::SIGN | A::VERIFY),
        KeyType::Aes | KeyType::Des | KeyType::Des2 | KeyType::Des3 => attribute != A::DERIVE,
        KeyType::AesXts | KeyType::ChaCha20 => matches!(attribute, A::ENCRYPT | A::DECRYPT),
        KeyType::Poly1305 => matches!(attribute, A::SIGN | A::VERIFY),
        KeyType::Hkdf => attribute == A::DERIVE,
        KeyType::GenericSecret | KeyType::Hmac(_) => matches!(attribute, A::SIGN | A::VERIFY | A::DERIVE),
    }
}

impl Kind {
    fn of(key: KeyType) -> Self {
        match key {
            KeyType::Rsa => Self::Rsa,
            KeyType::Ec | KeyType::EcEdwards | KeyType::EcMontgomery => Self::Ec,
            KeyType::MlKem | KeyType::MlDsa | KeyType::SlhDsa => Self::ParameterSet,
            KeyType::Hss | KeyType::Xmss | KeyType::XmssMt => Self::HashBased,
            KeyType::Dsa => Self::Dsa,
            KeyType::Dh => Self::Dh,
            KeyType::X942Dh => Self::X942Dh,
            KeyType::Aes
            | KeyType::AesXts
            | KeyType::Des
            | KeyType::Des2
            | KeyType::Des3
            | KeyType::ChaCha20
            | KeyType::Poly1305
            | KeyType::Hkdf
            | KeyType::GenericSecret
            | KeyType::Hmac(_) => Self::Secret,
        }
    }
}

#[allow(clippy::too_many_arguments, reason = "the columns of the table")]
const fn row(
    attribute: AttributeType,
    classes: &'static [ObjectClass],
    keys: &'static [Kind],
    create: Supply,
    generate: Supply,
    unwrap: Supply,
    derive: Supply,
    set: Motion,
    copy: Motion,
    fallback: Fallback,
) -> Rule {
    Rule { attribute, classes, keys, create, generate, unwrap, derive, set, copy, fallback }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_object_has_two_rows_for_an_attribute() {
        let keys = [KeyType::Rsa, KeyType::Ec, KeyType::Aes, KeyType::GenericSecret];
        for class in ObjectClass::ALL {
            for key in keys.map(Some).into_iter().chain([None]) {
                for &attribute in AttributeType::ALL {
                    let rows = rules(class, key).filter(|rule| rule.attribute == attribute).count();
                    assert!(rows <= 1, "{attribute} has {rows} rows for {class:?} {key:?}");
                }
            }
        }
    }

    #[test]
    fn every_known_attribute_is_in_the_table() {
        for &attribute in AttributeType::ALL {
            assert!(RULES.iter().any(|rule| rule.attribute == attribute), "{attribute}");
        }
    }
}
