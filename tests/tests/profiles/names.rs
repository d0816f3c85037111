//! What the standard's names stand for.

use cryptoki_sys::*;
use strongroom_model::{AttributeType, MECHANISMS};

/// Flags by function, since names mean something else in each.
const FLAGS: [(&str, &str, CK_FLAGS); 15] = [
    ("C_GetSlotInfo", "TOKEN_PRESENT", CKF_TOKEN_PRESENT),
    ("C_GetTokenInfo", "RNG", CKF_RNG),
    ("C_GetTokenInfo", "LOGIN_REQUIRED", CKF_LOGIN_REQUIRED),
    ("C_GetTokenInfo", "USER_PIN_INITIALIZED", CKF_USER_PIN_INITIALIZED),
    ("C_GetTokenInfo", "TOKEN_INITIALIZED", CKF_TOKEN_INITIALIZED),
    ("C_OpenSession", "SERIAL_SESSION", CKF_SERIAL_SESSION),
    ("C_OpenSession", "RW_SESSION", CKF_RW_SESSION),
    ("C_GetMechanismInfo", "DIGEST", CKF_DIGEST),
    ("C_GetMechanismInfo", "GENERATE_KEY_PAIR", CKF_GENERATE_KEY_PAIR),
    ("C_GetMechanismInfo", "ENCRYPT", CKF_ENCRYPT),
    ("C_GetMechanismInfo", "DECRYPT", CKF_DECRYPT),
    ("C_GetMechanismInfo", "SIGN", CKF_SIGN),
    ("C_GetMechanismInfo", "VERIFY", CKF_VERIFY),
    ("C_GetMechanismInfo", "WRAP", CKF_WRAP),
    ("C_GetMechanismInfo", "UNWRAP", CKF_UNWRAP),
];

/// Flags joined by `|`.
pub(crate) fn flags(function: &str, names: &str) -> CK_FLAGS {
    let flag = |name: &str| {
        let row = FLAGS.iter().find(|(of, known, _)| *of == function && *known == name);
        row.unwrap_or_else(|| panic!("{function} knows no flag {name}")).2
    };
    names.split('|').map(flag).fold(0, |all, flag| all | flag)
}

/// A mechanism without its `CKM_`.
pub(crate) fn mechanism(name: &str) -> CK_MECHANISM_TYPE {
    let row = MECHANISMS.iter().find(|row| row.name.strip_prefix("CKM_") == Some(name));
    row.unwrap_or_else(|| panic!("there is no mechanism {name}")).kind.0
}

/// An attribute without its `CKA_`; `None` for what isn't one.
pub(crate) fn attribute(name: &str) -> Option<CK_ATTRIBUTE_TYPE> {
    let named = |kind: &&AttributeType| kind.name().and_then(|full| full.strip_prefix("CKA_")) == Some(name);
    AttributeType::ALL.iter().find(named).map(|kind| kind.0)
}

/// The bytes of an attribute's value in a template.
pub(crate) fn value(attribute: CK_ATTRIBUTE_TYPE, value: &str) -> Vec<u8> {
    match (attribute, value) {
        (_, "TRUE") => vec![CK_TRUE],
        (CKA_CLASS, "PUBLIC_KEY") => CKO_PUBLIC_KEY.to_ne_bytes().to_vec(),
        (CKA_CLASS, "PRIVATE_KEY") => CKO_PRIVATE_KEY.to_ne_bytes().to_vec(),
        (CKA_LABEL, text) => text.as_bytes().to_vec(),
        _ => panic!("no bytes are known for {value}"),
    }
}
