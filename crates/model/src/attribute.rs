//! Attribute types, their values, and sets of attributes.

use std::cell::Cell;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::{Blob, at_most, limits};

/// The type of an attribute (`CK_ATTRIBUTE_TYPE`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttributeType(pub u64);

/// How an attribute's value is laid out in C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `CK_BBOOL`.
    Bool,
    /// `CK_ULONG`.
    Ulong,
    /// Bytes of any length.
    Bytes,
    /// `CK_DATE`: 8 characters, or nothing.
    Date,
    /// A list of `CK_MECHANISM_TYPE`.
    Mechanisms,
    /// A list of attributes.
    Template,
}

macro_rules! attribute_types {
    ($($name:ident = $source:ident: $shape:ident;)*) => {
        impl AttributeType {
            $(#[doc = concat!("`", stringify!($source), "`.")] pub const $name: Self = Self(cryptoki_sys::$source);)*

            /// Every attribute that this project knows.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The layout of the attribute's value; `None` for an attribute that isn't known.
            pub const fn shape(self) -> Option<Shape> {
                match self {
                    $(Self::$name => Some(Shape::$shape),)*
                    _ => None,
                }
            }

            /// The standard's name of the attribute.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some(stringify!($source)),)*
                    _ => None,
                }
            }
        }
    };
}

attribute_types! {
    CLASS = CKA_CLASS: Ulong;
    TOKEN = CKA_TOKEN: Bool;
    PRIVATE = CKA_PRIVATE: Bool;
    LABEL = CKA_LABEL: Bytes;
    UNIQUE_ID = CKA_UNIQUE_ID: Bytes;
    APPLICATION = CKA_APPLICATION: Bytes;
    VALUE = CKA_VALUE: Bytes;
    OBJECT_ID = CKA_OBJECT_ID: Bytes;
    CERTIFICATE_TYPE = CKA_CERTIFICATE_TYPE: Ulong;
    ISSUER = CKA_ISSUER: Bytes;
    SERIAL_NUMBER = CKA_SERIAL_NUMBER: Bytes;
    TRUSTED = CKA_TRUSTED: Bool;
    CERTIFICATE_CATEGORY = CKA_CERTIFICATE_CATEGORY: Ulong;
    JAVA_MIDP_SECURITY_DOMAIN = CKA_JAVA_MIDP_SECURITY_DOMAIN: Ulong;
    URL = CKA_URL: Bytes;
    HASH_OF_SUBJECT_PUBLIC_KEY = CKA_HASH_OF_SUBJECT_PUBLIC_KEY: Bytes;
    HASH_OF_ISSUER_PUBLIC_KEY = CKA_HASH_OF_ISSUER_PUBLIC_KEY: Bytes;
    NAME_HASH_ALGORITHM = CKA_NAME_HASH_ALGORITHM: Ulong;
    CHECK_VALUE = CKA_CHECK_VALUE: Bytes;
    KEY_TYPE = CKA_KEY_TYPE: Ulong;
    SUBJECT = CKA_SUBJECT: Bytes;
    ID = CKA_ID: Bytes;
    SENSITIVE = CKA_SENSITIVE: Bool;
    ENCRYPT = CKA_ENCRYPT: Bool;
    DECRYPT = CKA_DECRYPT: Bool;
    WRAP = CKA_WRAP: Bool;
    UNWRAP = CKA_UNWRAP: Bool;
    SIGN = CKA_SIGN: Bool;
    SIGN_RECOVER = CKA_SIGN_RECOVER: Bool;
    VERIFY = CKA_VERIFY: Bool;
    VERIFY_RECOVER = CKA_VERIFY_RECOVER: Bool;
    DERIVE = CKA_DERIVE: Bool;
    START_DATE = CKA_START_DATE: Date;
    END_DATE = CKA_END_DATE: Date;
    MODULUS = CKA_MODULUS: Bytes;
    MODULUS_BITS = CKA_MODULUS_BITS: Ulong;
    PUBLIC_EXPONENT = CKA_PUBLIC_EXPONENT: Bytes;
    PRIVATE_EXPONENT = CKA_PRIVATE_EXPONENT: Bytes;
    PRIME_1 = CKA_PRIME_1: Bytes;
    PRIME_2 = CKA_PRIME_2: Bytes;
    EXPONENT_1 = CKA_EXPONENT_1: Bytes;
    EXPONENT_2 = CKA_EXPONENT_2: Bytes;
    COEFFICIENT = CKA_COEFFICIENT: Bytes;
    PUBLIC_KEY_INFO = CKA_PUBLIC_KEY_INFO: Bytes;
    VALUE_LEN = CKA_VALUE_LEN: Ulong;
    EXTRACTABLE = CKA_EXTRACTABLE: Bool;
    LOCAL = CKA_LOCAL: Bool;
    NEVER_EXTRACTABLE = CKA_NEVER_EXTRACTABLE: Bool;
    ALWAYS_SENSITIVE = CKA_ALWAYS_SENSITIVE: Bool;
    KEY_GEN_MECHANISM = CKA_KEY_GEN_MECHANISM: Ulong;
    MODIFIABLE = CKA_MODIFIABLE: Bool;
    COPYABLE = CKA_COPYABLE: Bool;
    DESTROYABLE = CKA_DESTROYABLE: Bool;
    EC_PARAMS = CKA_EC_PARAMS: Bytes;
    EC_POINT = CKA_EC_POINT: Bytes;
    ALWAYS_AUTHENTICATE = CKA_ALWAYS_AUTHENTICATE: Bool;
    WRAP_WITH_TRUSTED = CKA_WRAP_WITH_TRUSTED: Bool;
    WRAP_TEMPLATE = CKA_WRAP_TEMPLATE: Template;
    UNWRAP_TEMPLATE = CKA_UNWRAP_TEMPLATE: Template;
    DERIVE_TEMPLATE = CKA_DERIVE_TEMPLATE: Template;
    ALLOWED_MECHANISMS = CKA_ALLOWED_MECHANISMS: Mechanisms;
    PRIME = CKA_PRIME: Bytes;
    SUBPRIME = CKA_SUBPRIME: Bytes;
    BASE = CKA_BASE: Bytes;
    VALUE_BITS = CKA_VALUE_BITS: Ulong;
    PARAMETER_SET = CKA_PARAMETER_SET: Ulong;
    SEED = CKA_SEED: Bytes;
    ENCAPSULATE = CKA_ENCAPSULATE: Bool;
    DECAPSULATE = CKA_DECAPSULATE: Bool;
    ENCAPSULATE_TEMPLATE = CKA_ENCAPSULATE_TEMPLATE: Template;
    DECAPSULATE_TEMPLATE = CKA_DECAPSULATE_TEMPLATE: Template;
    OWNER = CKA_OWNER: Bytes;
    AC_ISSUER = CKA_AC_ISSUER: Bytes;
    ATTR_TYPES = CKA_ATTR_TYPES: Bytes;
    PRIME_BITS = CKA_PRIME_BITS: Ulong;
    SUBPRIME_BITS = CKA_SUBPRIME_BITS: Ulong;
    HASH_OF_CERTIFICATE = CKA_HASH_OF_CERTIFICATE: Bytes;
    TRUST_SERVER_AUTH = CKA_TRUST_SERVER_AUTH: Ulong;
    TRUST_CLIENT_AUTH = CKA_TRUST_CLIENT_AUTH: Ulong;
    TRUST_CODE_SIGNING = CKA_TRUST_CODE_SIGNING: Ulong;
    TRUST_EMAIL_PROTECTION = CKA_TRUST_EMAIL_PROTECTION: Ulong;
    TRUST_IPSEC_IKE = CKA_TRUST_IPSEC_IKE: Ulong;
    TRUST_TIME_STAMPING = CKA_TRUST_TIME_STAMPING: Ulong;
    TRUST_OCSP_SIGNING = CKA_TRUST_OCSP_SIGNING: Ulong;
    HW_FEATURE_TYPE = CKA_HW_FEATURE_TYPE: Ulong;
    RESET_ON_INIT = CKA_RESET_ON_INIT: Bool;
    HAS_RESET = CKA_HAS_RESET: Bool;
    MECHANISM_TYPE = CKA_MECHANISM_TYPE: Ulong;
    PROFILE_ID = CKA_PROFILE_ID: Ulong;
    OBJECT_VALIDATION_FLAGS = CKA_OBJECT_VALIDATION_FLAGS: Ulong;
    VALIDATION_TYPE = CKA_VALIDATION_TYPE: Ulong;
    VALIDATION_VERSION = CKA_VALIDATION_VERSION: Bytes;
    VALIDATION_LEVEL = CKA_VALIDATION_LEVEL: Ulong;
    VALIDATION_MODULE_ID = CKA_VALIDATION_MODULE_ID: Bytes;
    VALIDATION_FLAG = CKA_VALIDATION_FLAG: Ulong;
    VALIDATION_AUTHORITY_TYPE = CKA_VALIDATION_AUTHORITY_TYPE: Ulong;
    VALIDATION_COUNTRY = CKA_VALIDATION_COUNTRY: Bytes;
    VALIDATION_CERTIFICATE_IDENTIFIER = CKA_VALIDATION_CERTIFICATE_IDENTIFIER: Bytes;
    VALIDATION_CERTIFICATE_URI = CKA_VALIDATION_CERTIFICATE_URI: Bytes;
    VALIDATION_VENDOR_URI = CKA_VALIDATION_VENDOR_URI: Bytes;
    VALIDATION_PROFILE = CKA_VALIDATION_PROFILE: Bytes;
    HSS_LEVELS = CKA_HSS_LEVELS: Ulong;
    HSS_LMS_TYPE = CKA_HSS_LMS_TYPE: Ulong;
    HSS_LMOTS_TYPE = CKA_HSS_LMOTS_TYPE: Ulong;
}

impl AttributeType {
    /// Attributes that hold a key's secret part. (`VALUE` is one for keys, not for certificates and data.)
    pub const fn is_key_material(self) -> bool {
        matches!(
            self,
            Self::VALUE
                | Self::PRIVATE_EXPONENT
                | Self::PRIME_1
                | Self::PRIME_2
                | Self::EXPONENT_1
                | Self::EXPONENT_2
                | Self::COEFFICIENT
                | Self::SEED
        )
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "CKA_{:#x}", self.0),
        }
    }
}

impl fmt::Debug for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The value of an attribute. Which variant an attribute has follows from [`AttributeType::shape`];
/// dates are bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Value {
    /// `CK_BBOOL`.
    Bool(bool),
    /// `CK_ULONG`.
    Ulong(u64),
    /// Bytes, a string, a big integer (big-endian) or a date.
    Bytes(Blob),
    /// Mechanism types.
    Mechanisms(#[serde(deserialize_with = "at_most::<{ limits::MAX_MECHANISMS }, _, _>")] Vec<u64>),
    /// A nested template.
    Template(Attributes),
}

impl Value {
    /// Whether the value has the layout that the attribute demands.
    pub fn has_shape(&self, shape: Shape) -> bool {
        match (self, shape) {
            (Self::Bool(_), Shape::Bool)
            | (Self::Ulong(_), Shape::Ulong)
            | (Self::Bytes(_), Shape::Bytes)
            | (Self::Mechanisms(_), Shape::Mechanisms)
            | (Self::Template(_), Shape::Template) => true,
            (Self::Bytes(date), Shape::Date) => date.is_empty() || date.len() == 8,
            _ => false,
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Ulong(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Blob::from(value))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Blob::from(value))
    }
}

impl From<Blob> for Value {
    fn from(value: Blob) -> Self {
        Self::Bytes(value)
    }
}

/// A set of attributes, at most one of each type, in the order of their types.
///
/// Decoding refuses what breaks that, a value whose layout isn't its attribute's, more than
/// [`limits::MAX_TEMPLATE`] attributes, and nesting deeper than [`limits::MAX_TEMPLATE_DEPTH`].
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Attributes(Vec<(AttributeType, Value)>);

impl Attributes {
    /// An empty set.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of an attribute.
    pub fn get(&self, attribute: AttributeType) -> Option<&Value> {
        self.position(attribute).ok().map(|at| &self.0[at].1)
    }

    /// Adds or replaces an attribute; returns what was there.
    pub fn set(&mut self, attribute: AttributeType, value: impl Into<Value>) -> Option<Value> {
        let value = value.into();
        match self.position(attribute) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (attribute, value));
                None
            }
        }
    }

    /// Adds an attribute; for building a set in one expression.
    #[must_use]
    pub fn with(mut self, attribute: AttributeType, value: impl Into<Value>) -> Self {
        self.set(attribute, value);
        self
    }

    /// Takes an attribute out.
    pub fn remove(&mut self, attribute: AttributeType) -> Option<Value> {
        self.position(attribute).ok().map(|at| self.0.remove(at).1)
    }

    /// Whether the attribute is there.
    pub fn contains(&self, attribute: AttributeType) -> bool {
        self.position(attribute).is_ok()
    }

    /// The value of a boolean attribute.
    pub fn bool(&self, attribute: AttributeType) -> Option<bool> {
        match self.get(attribute) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// The value of a numeric attribute.
    pub fn ulong(&self, attribute: AttributeType) -> Option<u64> {
        match self.get(attribute) {
            Some(Value::Ulong(value)) => Some(*value),
            _ => None,
        }
    }

    /// The value of an attribute that is bytes.
    pub fn bytes(&self, attribute: AttributeType) -> Option<&[u8]> {
        match self.get(attribute) {
            Some(Value::Bytes(value)) => Some(value),
            _ => None,
        }
    }

    /// The attributes in the order of their types.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (AttributeType, &Value)> {
        self.0.iter().map(|(attribute, value)| (*attribute, value))
    }

    /// The number of attributes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the types are strictly ascending and every value has its attribute's layout.
    fn is_well_formed(&self) -> bool {
        self.0.len() <= limits::MAX_TEMPLATE
            && self.0.is_sorted_by(|(a, _), (b, _)| a < b)
            && self
                .0
                .iter()
                .all(|(attribute, value)| attribute.shape().is_none_or(|shape| value.has_shape(shape)))
    }

    fn position(&self, attribute: AttributeType) -> Result<usize, usize> {
        self.0.binary_search_by_key(&attribute, |(attribute, _)| *attribute)
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A hostile peer may nest without end; the decoder must not recurse with it.
        let _level = Level::enter().ok_or_else(|| de::Error::custom("templates nested too deeply"))?;
        let attributes = Self(at_most::<{ limits::MAX_TEMPLATE }, _, _>(deserializer)?);
        if attributes.is_well_formed() {
            Ok(attributes)
        } else {
            Err(de::Error::custom("attributes out of order or of the wrong layout"))
        }
    }
}

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// How deep the decoder is in nested templates on this thread.
struct Level;

impl Level {
    fn enter() -> Option<Self> {
        DEPTH.with(|depth| {
            (depth.get() <= limits::MAX_TEMPLATE_DEPTH).then(|| {
                depth.set(depth.get() + 1);
                Self
            })
        })
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(depth.get() - 1));
    }
}

impl FromIterator<(AttributeType, Value)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (AttributeType, Value)>>(items: I) -> Self {
        let mut attributes = Self::new();
        for (attribute, value) in items {
            attributes.set(attribute, value);
        }
        attributes
    }
}

impl IntoIterator for Attributes {
    type Item = (AttributeType, Value);
    type IntoIter = std::vec::IntoIter<(AttributeType, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_keeps_order_and_uniqueness() {
        let mut set =
            Attributes::new().with(AttributeType::LABEL, b"a".as_slice()).with(AttributeType::CLASS, 3);
        assert_eq!(set.set(AttributeType::CLASS, 2), Some(Value::Ulong(3)));
        assert_eq!(set.len(), 2);
        assert!(set.is_well_formed());
        assert_eq!(set.iter().next().map(|(attribute, _)| attribute), Some(AttributeType::CLASS));
    }

    #[test]
    fn a_wrong_layout_is_not_well_formed() {
        assert!(!Attributes::new().with(AttributeType::CLASS, true).is_well_formed());
        assert!(!Attributes(vec![(AttributeType::TOKEN, Value::Bool(true)); 2]).is_well_formed());
    }
}
