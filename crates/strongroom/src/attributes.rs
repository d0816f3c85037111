//! Attributes as cloudhsm-cli names and writes them.

use std::fmt::Write;

use serde_json::{Value as Json, json};
use strongroom_model::{AttributeType, Attributes, Blob, KeyType, ObjectClass, ObjectInfo, Profile, Value};

use crate::output::Failure;

/// How an attribute is written.
#[derive(Clone, Copy)]
enum Form {
    Bool,
    Text,
    Number,
    Hex,
    Class,
    KeyType,
    Curve,
}

/// The attributes that can be shown and filtered by.
const KNOWN: &[(&str, AttributeType, Form)] = &[
    ("key-type", AttributeType::KEY_TYPE, Form::KeyType),
    ("label", AttributeType::LABEL, Form::Text),
    ("id", AttributeType::ID, Form::Hex),
    ("check-value", AttributeType::CHECK_VALUE, Form::Hex),
    ("class", AttributeType::CLASS, Form::Class),
    ("encrypt", AttributeType::ENCRYPT, Form::Bool),
    ("decrypt", AttributeType::DECRYPT, Form::Bool),
    ("token", AttributeType::TOKEN, Form::Bool),
    ("always-sensitive", AttributeType::ALWAYS_SENSITIVE, Form::Bool),
    ("derive", AttributeType::DERIVE, Form::Bool),
    ("destroyable", AttributeType::DESTROYABLE, Form::Bool),
    ("extractable", AttributeType::EXTRACTABLE, Form::Bool),
    ("local", AttributeType::LOCAL, Form::Bool),
    ("modifiable", AttributeType::MODIFIABLE, Form::Bool),
    ("never-extractable", AttributeType::NEVER_EXTRACTABLE, Form::Bool),
    ("private", AttributeType::PRIVATE, Form::Bool),
    ("sensitive", AttributeType::SENSITIVE, Form::Bool),
    ("sign", AttributeType::SIGN, Form::Bool),
    ("trusted", AttributeType::TRUSTED, Form::Bool),
    ("unwrap", AttributeType::UNWRAP, Form::Bool),
    ("verify", AttributeType::VERIFY, Form::Bool),
    ("wrap", AttributeType::WRAP, Form::Bool),
    ("wrap-with-trusted", AttributeType::WRAP_WITH_TRUSTED, Form::Bool),
    ("curve", AttributeType::EC_PARAMS, Form::Curve),
    ("ec-point", AttributeType::EC_POINT, Form::Hex),
    ("public-exponent", AttributeType::PUBLIC_EXPONENT, Form::Hex),
    ("modulus", AttributeType::MODULUS, Form::Hex),
    ("modulus-size-bits", AttributeType::MODULUS_BITS, Form::Number),
];

const CLASSES: [(&str, ObjectClass); 3] = [
    ("public-key", ObjectClass::PublicKey),
    ("private-key", ObjectClass::PrivateKey),
    ("secret-key", ObjectClass::SecretKey),
];

const KEY_TYPES: [(&str, KeyType); 13] = [
    ("rsa", KeyType::Rsa),
    ("ec", KeyType::Ec),
    ("ec-edwards", KeyType::EcEdwards),
    ("ec-montgomery", KeyType::EcMontgomery),
    ("dsa", KeyType::Dsa),
    ("dh", KeyType::Dh),
    ("des3", KeyType::Des3),
    ("chacha20", KeyType::ChaCha20),
    ("aes", KeyType::Aes),
    ("generic-secret", KeyType::GenericSecret),
    ("ml-dsa", KeyType::MlDsa),
    ("ml-kem", KeyType::MlKem),
    ("slh-dsa", KeyType::SlhDsa),
];

/// Curves by the DER encoding of their object identifiers (SEC 2, RFC 5639, RFC 8410); a second name of one comes behind the
/// first.
const CURVES: [(&str, &[u8]); 13] = [
    ("secp224r1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x21]),
    ("secp256r1", &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]),
    ("secp384r1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22]),
    ("secp521r1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23]),
    ("secp256k1", &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a]),
    ("prime256v1", &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]),
    ("brainpoolP256r1", &[0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x07]),
    ("brainpoolP384r1", &[0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0b]),
    ("brainpoolP512r1", &[0x06, 0x09, 0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, 0x0d]),
    ("ed25519", &[0x06, 0x03, 0x2b, 0x65, 0x70]),
    ("ed448", &[0x06, 0x03, 0x2b, 0x65, 0x71]),
    ("x25519", &[0x06, 0x03, 0x2b, 0x65, 0x6e]),
    ("x448", &[0x06, 0x03, 0x2b, 0x65, 0x6f]),
];

/// The types to ask a node for, to show all that [`shown`] names.
pub(crate) fn all() -> Vec<AttributeType> {
    KNOWN.iter().map(|(_, attribute, _)| *attribute).collect()
}

/// An attribute's name and its value for JSON; `None` for one that isn't shown.
pub(crate) fn shown(attribute: AttributeType, value: &Value) -> Option<(&'static str, Json)> {
    let (name, _, form) = KNOWN.iter().find(|(_, known, _)| *known == attribute)?;
    let json = match (form, value) {
        (Form::Class, Value::Ulong(class)) => {
            let class = ObjectClass::from_ck(*class)?;
            json!(CLASSES.iter().find(|(_, known)| *known == class)?.0)
        }
        (Form::KeyType, Value::Ulong(key_type)) => json!(key_type_name(KeyType::from_ck(*key_type)?)),
        (Form::Curve, Value::Bytes(oid)) => match CURVES.iter().find(|(_, known)| *known == oid.as_slice()) {
            Some((name, _)) => json!(name),
            None => json!(hex(oid)),
        },
        (Form::Text, Value::Bytes(text)) => json!(String::from_utf8_lossy(text)),
        (_, Value::Bytes(bytes)) => json!(hex(bytes)),
        (_, Value::Bool(value)) => json!(value),
        (_, Value::Ulong(number)) => json!(number),
        _ => return None,
    };
    Some((name, json))
}

/// An attribute's name.
pub(crate) fn name(attribute: AttributeType) -> &'static str {
    KNOWN.iter().find(|(_, known, _)| *known == attribute).map_or("other", |(name, _, _)| name)
}

/// An attribute and its value, for a template.
pub(crate) fn parse(name: &str, value: &str) -> Result<(AttributeType, Value), Failure> {
    let Some((_, attribute, form)) = KNOWN.iter().find(|(known, _, _)| *known == name) else {
        return Err(Failure::new(format!("there is no attribute {name:?}. {}", names())));
    };
    match parse_value(*form, value) {
        Some(value) => Ok((*attribute, value)),
        None => Err(Failure::new(format!("{value:?} can't be the value of {name}"))),
    }
}

/// Attributes given as `NAME=VALUE`, each once.
pub(crate) fn template(texts: &[String]) -> Result<Attributes, Failure> {
    let mut template = Attributes::new();
    for text in texts {
        let (name, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::new(format!("the attribute {text:?} has no =; it's NAME=VALUE")))?;
        let (attribute, value) = parse(name, value)?;
        if template.contains(attribute) {
            return Err(Failure::new(format!("the attribute {name} is given twice")));
        }
        template.set(attribute, value);
    }
    Ok(template)
}

/// The encoding of a curve's name, for `CKA_EC_PARAMS`.
pub(crate) fn curve(name: &str) -> Result<Value, Failure> {
    parse("curve", name).map(|(_, value)| value).map_err(|_| {
        let names: Vec<&str> = CURVES.iter().map(|(name, _)| *name).collect();
        Failure::new(format!("there is no curve {name:?}; curves are {}", names.join(", ")))
    })
}

/// The type of the keys on a curve, by its name.
pub(crate) fn curve_type(name: &str) -> KeyType {
    match name {
        "ed25519" | "ed448" => KeyType::EcEdwards,
        "x25519" | "x448" => KeyType::EcMontgomery,
        _ => KeyType::Ec,
    }
}

/// Bytes in hexadecimal, with or without 0x in front.
pub(crate) fn parse_hex(text: &str) -> Result<Blob, Failure> {
    let bytes = unhex(text.strip_prefix("0x").unwrap_or(text));
    bytes
        .map(Blob::from)
        .ok_or_else(|| Failure::new(format!("{text:?} isn't hexadecimal; it looks like 0x01af")))
}

fn names() -> String {
    let names: Vec<&str> = KNOWN.iter().map(|(name, _, _)| *name).collect();
    format!("Attributes: {}", names.join(", "))
}

/// The name of a key's type.
pub(crate) fn key_type_name(key_type: KeyType) -> &'static str {
    // A key for one HMAC is a generic secret to whoever manages it.
    KEY_TYPES.iter().find(|(_, known)| key_type.serves(*known)).map_or("other", |(name, _)| name)
}

/// The name of an object's class.
pub(crate) fn class_name(class: ObjectClass) -> &'static str {
    CLASSES.iter().find(|(_, known)| *known == class).map_or("other", |(name, _)| name)
}

/// A key's length in bytes: the modulus, the field's order, or the secret itself.
pub(crate) fn key_length(info: &ObjectInfo, profile: Profile) -> u32 {
    match (info.class, info.key_type, profile) {
        (ObjectClass::SecretKey, ..) => info.size,
        // CloudHSM keeps the exponent in as many bytes as the modulus (cloudhsm.md 4.4; item 63).
        (ObjectClass::PublicKey, Some(KeyType::Rsa), Profile::CloudHsm) => 2 * info.size.div_ceil(8),
        _ => info.size.div_ceil(8),
    }
}

/// What a key has to be: `attr.NAME=VALUE` and `key-reference=0x...`, all of which must hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) reference: Option<u64>,
    pub(crate) template: Attributes,
}

impl Filter {
    pub(crate) fn parse(texts: &[String]) -> Result<Self, Failure> {
        let mut filter = Self::default();
        for text in texts {
            let Some((name, value)) = text.split_once('=') else {
                return Err(Failure::new(format!("the filter {text:?} has no =; {HOW}")));
            };
            if name == "key-reference" {
                let digits = value.trim_start_matches("0x");
                let reference = u64::from_str_radix(digits, 16).map_err(|_| {
                    Failure::new(format!("{value:?} is no key reference; one looks like 0x000000000000002a"))
                })?;
                filter.reference = Some(reference);
                continue;
            }
            let known =
                name.strip_prefix("attr.").and_then(|name| KNOWN.iter().find(|(known, _, _)| *known == name));
            let Some((_, attribute, form)) = known else {
                return Err(Failure::new(format!(
                    "the filter {text:?} names no attribute; {HOW}. {}",
                    names()
                )));
            };
            let value = parse_value(*form, value)
                .ok_or_else(|| Failure::new(format!("{value:?} can't be the value of {name}")))?;
            filter.template.set(*attribute, value);
        }
        Ok(filter)
    }
}

const HOW: &str = "a filter is attr.NAME=VALUE or key-reference=0x...";

fn parse_value(form: Form, text: &str) -> Option<Value> {
    Some(match form {
        Form::Bool => Value::Bool(text.parse().ok()?),
        Form::Text => Value::from(text.as_bytes()),
        Form::Number => Value::Ulong(text.parse().ok()?),
        Form::Hex => Value::from(unhex(text.strip_prefix("0x").unwrap_or(text))?),
        Form::Class => Value::Ulong(CLASSES.iter().find(|(name, _)| *name == text)?.1.to_ck()),
        Form::KeyType => Value::Ulong(KEY_TYPES.iter().find(|(name, _)| *name == text)?.1.to_ck()),
        Form::Curve => Value::from(CURVES.iter().find(|(name, _)| *name == text)?.1),
    })
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::from("0x");
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<Filter, Failure> {
        Filter::parse(&texts.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn filters_become_templates() {
        let filter =
            parse(&["attr.label=a=b", "attr.class=private-key", "attr.id=0x01ff", "key-reference=0x2a"])
                .unwrap();
        let template = Attributes::new()
            .with(AttributeType::LABEL, &b"a=b"[..])
            .with(AttributeType::CLASS, ObjectClass::PrivateKey.to_ck())
            .with(AttributeType::ID, &[1, 255][..]);
        assert_eq!(filter, Filter { reference: Some(42), template });
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for text in [
            "label",
            "attr.label",
            "attr.colour=red",
            "attr.sign=maybe",
            "attr.id=0x1",
            "attr.id=0x+1",
            "key-reference=x",
            "attr.id=é",
        ] {
            assert!(parse(&[text]).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_shown_can_be_filtered_by() {
        for (name, attribute, form) in KNOWN {
            let value = match form {
                Form::Bool => Value::Bool(true),
                Form::Text => Value::from(&b"some text"[..]),
                Form::Number => Value::Ulong(2048),
                Form::Hex => Value::from(&[1, 0, 1][..]),
                Form::Class => Value::Ulong(ObjectClass::SecretKey.to_ck()),
                Form::KeyType => Value::Ulong(KeyType::Aes.to_ck()),
                Form::Curve => Value::from(CURVES[1].1),
            };
            let (shown_name, json) = shown(*attribute, &value).unwrap();
            assert_eq!(shown_name, *name);
            let text = json.as_str().map_or_else(|| json.to_string(), str::to_string);
            let filter = parse(&[&format!("attr.{name}={text}")]).unwrap();
            assert_eq!(filter.template.get(*attribute), Some(&value), "{name}");
        }
    }
}
