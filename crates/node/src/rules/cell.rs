//! What the table says under a regime: the one place where profiles differ over attributes.

use strongroom_model::{AttributeType, Attributes, KeyType, ObjectClass, Profile, Quirk, Regime};

use super::apply::Origin;
use super::strict;
use super::table::{Fallback, Motion, Rule, Supply, is_able, rule, rules};
use super::vendor::{self, Letter};

/// What holds for one attribute of objects of one class and key type, in one way of making them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Whether the caller gives it.
    pub supply: Supply,
    /// What it is if the caller doesn't.
    pub fallback: Fallback,
}

/// The cell for an attribute; `None` if such objects have no such attribute.
pub fn cell(
    regime: Regime,
    attribute: AttributeType,
    class: ObjectClass,
    key: Option<KeyType>,
    origin: Origin,
) -> Option<Cell> {
    rule(attribute, class, key).map(|rule| of_rule(regime, rule, class, key, origin))
}

pub(super) fn of_rule(
    regime: Regime,
    rule: &Rule,
    class: ObjectClass,
    key: Option<KeyType>,
    origin: Origin,
) -> Cell {
    let supply = rule.supply(origin);
    let able = Cell { supply, fallback: settled(regime, rule, class, key) };
    let Some(key) = key.filter(|_| regime.has(Quirk::VendorTemplates)) else { return able };
    let supply = match vendor::letter(rule.attribute, class, key, origin) {
        Letter::Unsupported => Supply::Unsupported,
        Letter::ReadOnly => Supply::Never,
        Letter::OnlyDefault => Supply::Default,
        Letter::Mandatory => Supply::Must,
        // The vendor lets callers give what the rest makes of it anyway.
        Letter::Settable if supply == Supply::Same => Supply::Same,
        Letter::Settable => Supply::May,
        Letter::Unsaid => supply,
    };
    Cell { supply, fallback: vendor::fallback(rule.attribute, class, origin).unwrap_or(able.fallback) }
}

/// How an attribute may change by `C_SetAttributeValue`.
pub fn motion(
    regime: Regime,
    attribute: AttributeType,
    class: ObjectClass,
    key: Option<KeyType>,
) -> Option<Motion> {
    let rule = rule(attribute, class, key)?;
    Some(if key.is_some() && regime.has(Quirk::VendorTemplates) {
        vendor::motion(attribute, class, regime.variant)
    } else {
        lessened(regime, attribute, rule.set)
    })
}

/// How a copy may differ (`C_CopyObject`).
pub fn difference(
    regime: Regime,
    attribute: AttributeType,
    class: ObjectClass,
    key: Option<KeyType>,
) -> Option<Motion> {
    rule(attribute, class, key).map(|rule| lessened(regime, attribute, rule.copy))
}

fn lessened(regime: Regime, attribute: AttributeType, motion: Motion) -> Motion {
    if regime.is_strict() && strict::is_usage(attribute) { Motion::Down } else { motion }
}

/// Whether such objects have an attribute that `C_GetAttributeValue` tells of.
pub fn is_told(regime: Regime, attribute: AttributeType, class: ObjectClass, key: Option<KeyType>) -> bool {
    rule(attribute, class, key).is_some()
        && match key {
            Some(key) if regime.has(Quirk::VendorTemplates) => vendor::is_told(attribute, class, key),
            _ => true,
        }
}

/// Whether there are objects of a class, keys of a type.
pub fn exists(regime: Regime, class: ObjectClass, key: Option<KeyType>) -> bool {
    if class.is_built_in() {
        return false;
    }
    if !regime.has(Quirk::VendorTemplates) {
        return true;
    }
    match (class, key) {
        (ObjectClass::Certificate, _) => regime.has(Quirk::CertificateStorage),
        (class, Some(key)) => vendor::has_keys(class, key),
        (_, None) => false,
    }
}

/// All attributes of such objects, with what holds for them.
pub(super) fn cells(
    regime: Regime,
    class: ObjectClass,
    key: Option<KeyType>,
    origin: Origin,
) -> impl Iterator<Item = (AttributeType, Cell)> {
    rules(class, key).map(move |rule| (rule.attribute, of_rule(regime, rule, class, key, origin)))
}

/// A usage that keys have if they're able to is decided by the type of key.
fn settled(regime: Regime, rule: &Rule, class: ObjectClass, key: Option<KeyType>) -> Fallback {
    match (rule.fallback, key) {
        (Fallback::Able, Some(key))
            if regime.profile == Profile::Standard && is_able(rule.attribute, class, key) =>
        {
            Fallback::True
        }
        (Fallback::Able, _) => Fallback::False,
        (fallback, _) => fallback,
    }
}

/// Whether a template says of an attribute what it would be anyway.
pub(super) fn is_default(cell: Cell, attribute: AttributeType, template: &Attributes) -> bool {
    match cell.fallback {
        Fallback::True => template.bool(attribute) == Some(true),
        Fallback::False => template.bool(attribute) == Some(false),
        _ => false,
    }
}
