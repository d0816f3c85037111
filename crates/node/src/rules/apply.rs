//! Applying the table: to a template that makes an object, and to one that changes or copies it.

use strongroom_model::{
    AttributeType as A, Attributes, Error, KeyType, ObjectClass, Regime, Result, ReturnCode, Role, Shape,
    Value,
};

use super::cell::{Cell, cell, cells, difference, exists, is_default, motion};
use super::table::{Fallback, Motion, Supply};
use super::{certificates, strict};

/// How an object comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `C_CreateObject`.
    Create,
    /// `C_GenerateKey` and `C_GenerateKeyPair`.
    Generate,
    /// `C_UnwrapKey`.
    Unwrap,
    /// `C_DeriveKey`.
    Derive,
}

impl Origin {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Create, Self::Generate, Self::Unwrap, Self::Derive];
}

/// Whose object of what kind the rules are asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    pub(crate) class: ObjectClass,
    pub(crate) key: Option<KeyType>,
    pub(crate) regime: Regime,
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
    let Subject { regime, class, key, .. } = subject;
    check_template(subject, origin, template)?;
    for (attribute, value) in template.iter() {
        let states =
            cell(regime, attribute, class, key, origin).is_some_and(|cell| cell.supply == Supply::Same);
        // An empty check value asks for none to be kept; the actual one does no harm.
        let empty = attribute == A::CHECK_VALUE && *value == Value::from(Vec::new());
        if states && !empty && material.get(attribute).is_some_and(|actual| actual != value) {
            return Err(invalid(attribute, "isn't what the rest of the template makes it"));
        }
    }
    let mut attributes = Attributes::new();
    for (attribute, cell) in cells(regime, class, key, origin) {
        let stated = material.get(attribute).or_else(|| template.get(attribute));
        if let Some(value) = stated.cloned().or_else(|| default_value(cell, attribute)) {
            attributes.set(attribute, value);
        }
    }
    if class == ObjectClass::Certificate {
        certificates::prune(&mut attributes);
    }
    check_private(subject, &attributes)?;
    check_always_authenticate(&attributes)?;
    if regime.is_strict() {
        strict::check(origin, &attributes)?;
    }
    Ok(attributes)
}

/// Refuses a template that can't be right, whatever the object is made of.
///
/// # Errors
///
/// Those of [`build`].
pub(crate) fn check_template(subject: Subject, origin: Origin, template: &Attributes) -> Result<()> {
    let Subject { regime, class, key, .. } = subject;
    for (attribute, value) in template.iter() {
        let cell = cell(regime, attribute, class, key, origin).ok_or_else(|| foreign(attribute, subject))?;
        match cell.supply {
            Supply::Must | Supply::May => check_value(attribute, value)?,
            Supply::Same => check_shape(attribute, value)?,
            Supply::Default if is_default(cell, attribute, template) => {}
            Supply::Default => {
                return Err(invalid(attribute, "is always what it is by default under this profile"));
            }
            Supply::Never => return Err(read_only(attribute, "is set by the token alone")),
            Supply::Unsupported => return Err(unsupported(attribute, subject)),
        }
    }
    let missing = cells(regime, class, key, origin)
        .find(|(attribute, cell)| cell.supply == Supply::Must && !template.contains(*attribute));
    match (missing, class) {
        (Some((attribute, _)), _) => Err(Error::new(
            ReturnCode::TEMPLATE_INCOMPLETE,
            format!("{attribute} is missing from the template"),
        )),
        (None, ObjectClass::Certificate) => certificates::check(template),
        (None, ObjectClass::Trust) => certificates::check_trust(template),
        (None, _) => Ok(()),
    }
}

/// Refuses objects that the profile doesn't have at all.
///
/// # Errors
///
/// `CKR_ATTRIBUTE_VALUE_INVALID`.
pub(crate) fn must_exist(subject: Subject) -> Result<()> {
    let Subject { regime, class, key, .. } = subject;
    if exists(regime, class, key) {
        return Ok(());
    }
    if class.is_built_in() {
        // Whatever else the template says (PKCS#11 3.2 section 4.1.1).
        let message = format!("objects of class {class:?} are built in: nobody makes them");
        return Err(Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, message));
    }
    let what = key.map_or_else(|| format!("{class:?}"), |key| format!("{class:?} of type {key:?}"));
    Err(Error::new(
        ReturnCode::ATTRIBUTE_VALUE_INVALID,
        format!("the profile {} has no {what}", regime.profile),
    ))
}

/// What a change of attributes leaves of an object's attributes.
///
/// # Errors
///
/// `CKR_ACTION_PROHIBITED` (not modifiable), `CKR_ATTRIBUTE_READ_ONLY`, `CKR_ATTRIBUTE_VALUE_INVALID`,
/// `CKR_TEMPLATE_INCONSISTENT`.
pub(crate) fn change(subject: Subject, old: &Attributes, template: &Attributes) -> Result<Attributes> {
    must_be_modifiable(old)?;
    let trusted = subject.class == ObjectClass::Certificate && old.bool(A::TRUSTED) == Some(true);
    if trusted && subject.role != Some(Role::Admin) {
        return Err(Error::new(ReturnCode::ACTION_PROHIBITED, "trusted certificates can't be modified"));
    }
    moved(subject, old, template, |attribute| motion(subject.regime, attribute, subject.class, subject.key))
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
    moved(subject, old, template, |attribute| {
        difference(subject.regime, attribute, subject.class, subject.key)
    })
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

/// Whoever logs in for each use must be one who could log in at all (PKCS#11 3.2 section 4.10).
fn check_always_authenticate(attributes: &Attributes) -> Result<()> {
    let has = |attribute| attributes.bool(attribute) == Some(true);
    if has(A::ALWAYS_AUTHENTICATE) && !has(A::PRIVATE) {
        return Err(Error::new(
            ReturnCode::TEMPLATE_INCONSISTENT,
            "CKA_ALWAYS_AUTHENTICATE is for private objects: set CKA_PRIVATE, too",
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
    motion: impl Fn(A) -> Option<Motion>,
) -> Result<Attributes> {
    let mut new = old.clone();
    let officer = subject.role == Some(Role::Admin);
    if subject.regime.is_strict() && !officer {
        strict::check_added(old, template)?;
    }
    for (attribute, value) in template.iter() {
        let motion = motion(attribute).ok_or_else(|| foreign(attribute, subject))?;
        let present = old.get(attribute);
        if present == Some(value) {
            continue;
        }
        let refusal = match motion {
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
    check_private(subject, &new).or_else(|refused| if officer { Ok(()) } else { Err(refused) })?;
    if subject.class == ObjectClass::Trust {
        certificates::check_trust(&new).map_err(|error| match error.code {
            // What is there can't be incomplete.
            ReturnCode::TEMPLATE_INCOMPLETE => Error { code: ReturnCode::TEMPLATE_INCONSISTENT, ..error },
            _ => error,
        })?;
    }
    Ok(new)
}

fn default_value(cell: Cell, attribute: A) -> Option<Value> {
    match cell.fallback {
        Fallback::Absent => None,
        Fallback::False | Fallback::Able => Some(Value::Bool(false)),
        Fallback::True => Some(Value::Bool(true)),
        Fallback::Empty if attribute.shape() == Some(Shape::Mechanisms) => {
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

fn unsupported(attribute: A, subject: Subject) -> Error {
    let Subject { class, key, regime, .. } = subject;
    let message =
        format!("the profile {} has no {attribute} in a template for a {class:?} ({key:?})", regime.profile);
    Error::new(ReturnCode::TEMPLATE_INCONSISTENT, message)
}

fn read_only(attribute: A, why: &str) -> Error {
    Error::new(ReturnCode::ATTRIBUTE_READ_ONLY, format!("{attribute} {why}"))
}

fn invalid(attribute: A, why: &str) -> Error {
    Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, format!("{attribute} {why}"))
}
