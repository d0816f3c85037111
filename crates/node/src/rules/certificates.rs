//! Which attributes which certificates have (PKCS#11 3.2 section 4.6), and what trust objects must say (4.7).

use strongroom_model::{AttributeType as A, Attributes, Error, Result, ReturnCode};

/// Attributes of certificates with one letter each for X.509 public-key, X.509 attribute and WTLS certificates: M if they must
/// be given, Y if they may, N if there are none. What isn't here they all have.
#[rustfmt::skip]
static KINDS: &[(A, &[u8; 3])] = &[
    (A::SUBJECT,                    b"MNM"),
    (A::ID,                         b"YNN"),
    (A::ISSUER,                     b"YNY"),
    (A::SERIAL_NUMBER,              b"YYN"),
    (A::URL,                        b"YNY"),
    (A::HASH_OF_SUBJECT_PUBLIC_KEY, b"YNY"),
    (A::HASH_OF_ISSUER_PUBLIC_KEY,  b"YNY"),
    (A::NAME_HASH_ALGORITHM,        b"YNY"),
    (A::JAVA_MIDP_SECURITY_DOMAIN,  b"YNN"),
    (A::OWNER,                      b"NMN"),
    (A::AC_ISSUER,                  b"NYN"),
    (A::ATTR_TYPES,                 b"NYN"),
];

/// Refuses what a certificate of its type can't have, or lacks.
///
/// # Errors
///
/// `CKR_ATTRIBUTE_VALUE_INVALID` for a type that isn't known, `CKR_TEMPLATE_INCONSISTENT`, `CKR_TEMPLATE_INCOMPLETE`.
pub(super) fn check(template: &Attributes) -> Result<()> {
    let column = column(template)?;
    for (attribute, letters) in KINDS {
        match (letters[column], template.contains(*attribute)) {
            (b'N', true) => {
                let message = format!("certificates of this type have no {attribute}");
                return Err(Error::new(ReturnCode::TEMPLATE_INCONSISTENT, message));
            }
            (b'M', false) => return Err(missing(*attribute)),
            _ => {}
        }
    }
    let has = |attribute| template.bytes(attribute).is_some_and(|value| !value.is_empty());
    if has(A::VALUE) {
        return Ok(());
    }
    // Without the certificate itself there must be the way to it, and what to know it by.
    let wanted = [A::URL, A::HASH_OF_SUBJECT_PUBLIC_KEY, A::HASH_OF_ISSUER_PUBLIC_KEY];
    match wanted.into_iter().find(|attribute| !has(*attribute)) {
        Some(A::URL) => Err(missing(A::VALUE)),
        Some(attribute) => Err(missing(attribute)),
        None => Ok(()),
    }
}

/// Takes out what certificates of other types have by default.
pub(super) fn prune(attributes: &mut Attributes) {
    let Ok(column) = column(attributes) else { return };
    for (attribute, _) in KINDS.iter().filter(|(_, letters)| letters[column] == b'N') {
        attributes.remove(*attribute);
    }
}

/// Refuses a trust object that trusts and doesn't say which certificate.
///
/// # Errors
///
/// `CKR_TEMPLATE_INCOMPLETE`, `CKR_ATTRIBUTE_VALUE_INVALID`.
pub(super) fn check_trust(template: &Attributes) -> Result<()> {
    let trusts = [
        A::TRUST_SERVER_AUTH,
        A::TRUST_CLIENT_AUTH,
        A::TRUST_CODE_SIGNING,
        A::TRUST_EMAIL_PROTECTION,
        A::TRUST_IPSEC_IKE,
        A::TRUST_TIME_STAMPING,
        A::TRUST_OCSP_SIGNING,
    ];
    let given = trusts.into_iter().filter_map(|attribute| Some((attribute, template.ulong(attribute)?)));
    let mut empty = true;
    for (attribute, trust) in given {
        if trust > u64::from(cryptoki_sys::CKT_TRUST_MUST_VERIFY_TRUST) {
            let message = format!("{attribute} has no such value as {trust}");
            return Err(Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, message));
        }
        let nothing = [cryptoki_sys::CKT_TRUST_UNKNOWN, cryptoki_sys::CKT_NOT_TRUSTED];
        empty &= nothing.iter().any(|none| u64::from(*none) == trust);
    }
    let wanted = [A::HASH_OF_CERTIFICATE, A::NAME_HASH_ALGORITHM];
    let none = |attribute: &A| {
        !template.contains(*attribute) || template.bytes(*attribute).is_some_and(<[u8]>::is_empty)
    };
    match wanted.into_iter().find(none) {
        Some(attribute) if !empty => Err(missing(attribute)),
        _ => Ok(()),
    }
}

fn column(template: &Attributes) -> Result<usize> {
    let kind = template.ulong(A::CERTIFICATE_TYPE).ok_or_else(|| missing(A::CERTIFICATE_TYPE))?;
    match kind {
        cryptoki_sys::CKC_X_509 => Ok(0),
        cryptoki_sys::CKC_X_509_ATTR_CERT => Ok(1),
        cryptoki_sys::CKC_WTLS => Ok(2),
        _ => {
            let message = format!("there are no certificates of type {kind:#x}");
            Err(Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, message))
        }
    }
}

fn missing(attribute: A) -> Error {
    Error::new(ReturnCode::TEMPLATE_INCOMPLETE, format!("{attribute} is missing from the template"))
}
