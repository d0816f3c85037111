//! Applying the table: to a template that makes an object, and to one that changes or copies it.

use strongroom_model::{
    AttributeType as A, Attributes, Error, KeyType, ObjectClass, Profile, Result, ReturnCode, Role, Shape,
    Value,
};

use super::table::{Fallback, Motion, Rule, Supply, is_able, rule, rules};

/// How an object comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `C_CreateObject`.
    Create,
    /// `C_GenerateKey` and `C_GenerateKeyPair`.
    Generate,
    /// `C_UnwrapKey`.
    Unwrap,
    /// `C_DeriveKey`.
    Derive,
}

/// Whose object of what kind the rules are asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    pub(crate) class: ObjectClass,
    pub(crate) key: Option<KeyType>,
    pub(crate) profile: Profile,
    pub(crate) role: Option<Role>,
}

/// The caller's attributes of a new object, checked and completed with defaults. Key material and computed
/// attributes in `material` go in as they are; where the caller stated one of them, it must be the same.
///
/// # Errors
///
/// `CKR_TEMPLATE_INCOMPLETE`, `CKR_TEMPLATE_INCONSISTENT`, `CKR_ATTRIBUTE_READ_ONLY`, `CKR_ATTRIBUTE_VALUE_INVALID`.
pub(crate) fn build(
    subject: Subject,
    origin: Origin,
    template: &Attributes,
    material: &Attributes,
) -> Result<Attributes> {
    for (attribute, value) in template.iter() {
        let rule = rule(attribute, subject.class, subject.key).ok_or_else(|| foreign(attribute, subject))?;
        match supply(rule, origin) {
            Supply::Must | Supply::May => check_value(attribute, value)?,
            Supply::Same => match material.get(attribute) {
                Some(actual) if actual == value => {}
                // An empty check value asks for none to be kept; the actual one does no harm.
                _ if attribute == A::CHECK_VALUE && *value == Value::from(Vec::new()) => {}
                Some(_) => return Err(invalid(attribute, "isn't what the rest of the template makes it")),
                None => {}
            },
            Supply::Never => return Err(read_only(attribute, "is set by the token alone")),
        }
    }
    let mut attributes = Attributes::new();
    for rule in rules(subject.class, subject.key) {
        let given = template.get(rule.attribute);
        let value = match (material.get(rule.attribute), given) {
            (Some(made), _) => Some(made.clone()),
            (None, Some(given)) => Some(given.clone()),
            (None, None) if supply(rule, origin) == Supply::Must => {
                return Err(Error::new(
                    ReturnCode::TEMPLATE_INCOMPLETE,
                    format!("{} is missing from the template", rule.attribute),
                ));
            }
            (None, None) => default_value(rule, subject),
        };
        if let Some(value) = value {
            attributes.set(rule.attribute, value);
        }
    }
    check_private(subject, &attributes)?;
    check_conflicts(subject.profile, &attributes)?;
    Ok(attributes)
}

/// What a change of attributes leaves of an object's attributes.
///
/// # Errors
///
/// `CKR_ACTION_PROHIBITED` (not modifiable), `CKR_ATTRIBUTE_READ_ONLY`, `CKR_ATTRIBUTE_VALUE_INVALID`,
/// `CKR_TEMPLATE_INCONSISTENT`.
pub(crate) fn change(subject: Subject, old: &Attributes, template: &Attributes) -> Result<Attributes> {
    must_be_modifiable(old)?;
    moved(subject, old, template, |rule| rule.set)
}

/// The attributes of a session object that becomes a token object.
///
/// # Errors
///
/// `CKR_ACTION_PROHIBITED` (not modifiable).
pub(crate) fn persist(subject: Subject, old: &Attributes) -> Result<Attributes> {
    must_be_modifiable(old)?;
    let new = old.clone().with(A::TOKEN, true);
    check_private(subject, &new)?;
    Ok(new)
}

/// The attributes of a copy.
///
/// # Errors
///
/// `CKR_ACTION_PROHIBITED` (not copyable), and those of [`change`].
pub(crate) fn copy(subject: Subject, old: &Attributes, template: &Attributes) -> Result<Attributes> {
    if old.bool(A::COPYABLE) == Some(false) {
        return Err(Error::new(ReturnCode::ACTION_PROHIBITED, "the object was made with CKA_COPYABLE false"));
    }
    moved(subject, old, template, |rule| rule.copy)
}

fn must_be_modifiable(old: &Attributes) -> Result<()> {
    if old.bool(A::MODIFIABLE) == Some(false) {
        return Err(Error::new(
            ReturnCode::ACTION_PROHIBITED,
            "the object was made with CKA_MODIFIABLE false",
        ));
    }
    Ok(())
}

/// Refuses usages that together give a key away, under `strict` (attacks.md A1 to A3).
fn check_conflicts(profile: Profile, attributes: &Attributes) -> Result<()> {
    if profile != Profile::Strict {
        return Ok(());
    }
    let has = |attribute| attributes.bool(attribute) == Some(true);
    let conflict = [(A::WRAP, A::DECRYPT), (A::UNWRAP, A::ENCRYPT)]
        .into_iter()
        .find(|(one, other)| has(*one) && has(*other));
    match conflict {
        Some((one, other)) => Err(Error::new(
            ReturnCode::TEMPLATE_INCONSISTENT,
            format!("the profile `strict` allows no key with both {one} and {other}"),
        )),
        None if has(A::WRAP) && attributes.bool(A::SENSITIVE) == Some(false) => Err(Error::new(
            ReturnCode::TEMPLATE_INCONSISTENT,
            "the profile `strict` allows CKA_WRAP only on sensitive keys",
        )),
        None => Ok(()),
    }
}

/// Private objects belong to crypto users.
fn check_private(subject: Subject, attributes: &Attributes) -> Result<()> {
    if attributes.bool(A::PRIVATE) == Some(true) && subject.role != Some(Role::CryptoUser) {
        return Err(Error::new(
            ReturnCode::USER_NOT_LOGGED_IN,
            "private objects are made by a crypto user: log in as one first",
        ));
    }
    Ok(())
}

/// cloudhsm-cli's sentence (cloudhsm.md 4.8).
const STAYS_INSIDE: &str =
    "Attribute extractable cannot be set to the value true by the user for this operation";

fn moved(
    subject: Subject,
    old: &Attributes,
    template: &Attributes,
    motion: impl Fn(&Rule) -> Motion,
) -> Result<Attributes> {
    let mut new = old.clone();
    for (attribute, value) in template.iter() {
        let rule = rule(attribute, subject.class, subject.key).ok_or_else(|| foreign(attribute, subject))?;
        let present = old.get(attribute);
        if present == Some(value) {
            continue;
        }
        let officer = subject.role == Some(Role::Admin);
        let refusal = match motion(rule) {
            Motion::Officer if officer => None,
            Motion::Officer => Some("is set and cleared by crypto officers only"),
            _ if officer => Some("isn't for crypto officers to change: they change CKA_TRUSTED only"),
            Motion::Fixed => Some("stays as it was when the object was made"),
            Motion::Up if *value != Value::Bool(true) => Some("can be set, but not cleared"),
            Motion::Down if *value != Value::Bool(false) => Some("can be cleared, but not set"),
            Motion::Free | Motion::Up | Motion::Down => None,
        };
        if let Some(refusal) = refusal {
            if (attribute, value) == (A::EXTRACTABLE, &Value::Bool(true)) {
                return Err(Error::new(ReturnCode::ATTRIBUTE_READ_ONLY, STAYS_INSIDE));
            }
            return Err(read_only(attribute, refusal));
        }
        check_shape(attribute, value)?;
        new.set(attribute, value.clone());
    }
    check_private(subject, &new)
        .or_else(|refused| if subject.role == Some(Role::Admin) { Ok(()) } else { Err(refused) })?;
    check_conflicts(subject.profile, &new)
        .map_err(|error| Error { code: ReturnCode::ATTRIBUTE_VALUE_INVALID, ..error })?;
    Ok(new)
}

fn supply(rule: &Rule, origin: Origin) -> Supply {
    match origin {
        Origin::Create => rule.create,
        Origin::Generate => rule.generate,
        Origin::Unwrap => rule.unwrap,
        Origin::Derive => rule.derive,
    }
}

fn default_value(rule: &Rule, subject: Subject) -> Option<Value> {
    let able = |key| subject.profile == Profile::Standard && is_able(rule.attribute, subject.class, key);
    match rule.fallback {
        Fallback::Absent => None,
        Fallback::False => Some(Value::Bool(false)),
        Fallback::True => Some(Value::Bool(true)),
        Fallback::Able => Some(Value::Bool(subject.key.is_some_and(able))),
        Fallback::Empty if rule.attribute.shape() == Some(Shape::Mechanisms) => {
            Some(Value::Mechanisms(Vec::new()))
        }
        Fallback::Empty => Some(Value::from(Vec::new())),
        Fallback::Zero => Some(Value::Ulong(0)),
    }
}

/// What a value must be besides having its attribute's layout.
fn check_value(attribute: A, value: &Value) -> Result<()> {
    check_shape(attribute, value)?;
    match (attribute, value) {
        (A::TRUSTED, Value::Bool(true)) => {
            Err(read_only(attribute, "is set by a crypto officer, on an object that exists"))
        }
        (A::ALWAYS_AUTHENTICATE, Value::Bool(true)) => {
            Err(invalid(attribute, "can't be true: keys that want a login per use aren't supported yet"))
        }
        (A::CERTIFICATE_TYPE, Value::Ulong(kind)) if *kind != cryptoki_sys::CKC_X_509 => {
            Err(invalid(attribute, "must be CKC_X_509"))
        }
        _ => Ok(()),
    }
}

fn check_shape(attribute: A, value: &Value) -> Result<()> {
    match attribute.shape() {
        Some(shape) if value.has_shape(shape) => Ok(()),
        _ => Err(invalid(attribute, "has a value of the wrong kind")),
    }
}

fn foreign(attribute: A, subject: Subject) -> Error {
    let Subject { class, key, .. } = subject;
    Error::new(ReturnCode::TEMPLATE_INCONSISTENT, format!("a {class:?} ({key:?}) has no {attribute}"))
}

fn read_only(attribute: A, why: &str) -> Error {
    Error::new(ReturnCode::ATTRIBUTE_READ_ONLY, format!("{attribute} {why}"))
}

fn invalid(attribute: A, why: &str) -> Error {
    Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, format!("{attribute} {why}"))
}
