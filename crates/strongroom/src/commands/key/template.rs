//! Templates of new keys, with cloudhsm-cli's defaults (cloudhsm.md 4.8) where the caller says nothing.

use strongroom_model::{AttributeType as A, Attributes, KeyType, ObjectClass};
use strongroom_wire::Extras;

use crate::args::{Fresh, Terms};
use crate::attributes;
use crate::output::Failure;
use crate::session::Desk;

/// How a key comes about; not every attribute can be given every way (cloudhsm.md 4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Generate,
    Unwrap,
    Create,
}

/// The template of a key that `--label`, `--session` and `--attributes` are given for.
pub(super) fn of(
    desk: &Desk,
    fresh: &Fresh,
    class: ObjectClass,
    key_type: KeyType,
    way: Way,
) -> Result<Attributes, Failure> {
    of_parts(desk, &fresh.label, fresh.session, &fresh.attributes, class, key_type, way)
}

/// As [`of`], from the parts.
pub(super) fn of_parts(
    desk: &Desk,
    label: &str,
    session: bool,
    given: &[String],
    class: ObjectClass,
    key_type: KeyType,
    way: Way,
) -> Result<Attributes, Failure> {
    if session && !desk.is_interactive() {
        return Err(Failure::new(
            "a session key ends with the session that made it, and this command's session ends with the command: make it in  \
             strongroom interactive",
        ));
    }
    let given = attributes::template(given)?;
    for (decided, by) in DECIDED {
        if given.contains(decided) {
            return Err(Failure::new(format!(
                "{} is not among the attributes: {by}",
                attributes::name(decided)
            )));
        }
    }
    let mut template = defaults(class, key_type, way);
    template.set(A::TOKEN, !session);
    template.set(A::LABEL, label.as_bytes());
    for (attribute, value) in given {
        template.set(attribute, value);
    }
    Ok(template)
}

/// What options decide, not attributes.
const DECIDED: [(A, &str); 4] = [
    (A::TOKEN, "--session decides it"),
    (A::LABEL, "the label has its own option"),
    (A::CLASS, "the command decides it"),
    (A::KEY_TYPE, "the command decides it"),
];

/// Who may use the key besides its maker, and how many must agree.
pub(super) fn terms(terms: &Terms) -> Extras {
    let mut extras = Extras::default();
    extras.terms.share_with.clone_from(&terms.share_crypto_users);
    extras.terms.manage_quorum = terms.manage_key_quorum_value;
    extras.terms.use_quorum = terms.use_key_quorum_value;
    extras
}

fn defaults(class: ObjectClass, key_type: KeyType, way: Way) -> Attributes {
    let is_aes = key_type == KeyType::Aes;
    let is_rsa = key_type == KeyType::Rsa;
    let generated = way == Way::Generate;
    // What the vendor's table doesn't have for a way is left to the node.
    let (off, on): (Vec<A>, Vec<A>) = match class {
        ObjectClass::SecretKey => {
            let off = if is_aes {
                vec![A::ENCRYPT, A::DECRYPT, A::WRAP, A::UNWRAP, A::DERIVE]
            } else {
                vec![A::DERIVE]
            };
            (off, vec![A::SIGN, A::VERIFY, A::EXTRACTABLE])
        }
        ObjectClass::PrivateKey => {
            let mut off = vec![A::SIGN, A::DERIVE];
            if is_rsa || generated {
                off.extend([A::DECRYPT, A::UNWRAP]);
            }
            (off, vec![A::EXTRACTABLE])
        }
        _ => {
            let mut off = vec![A::VERIFY, A::DERIVE];
            if is_rsa || generated {
                off.extend([A::ENCRYPT, A::WRAP]);
            }
            (off, Vec::new())
        }
    };
    let mut template = Attributes::new();
    for (attributes, value) in [(off, false), (on, true)] {
        for attribute in attributes {
            template.set(attribute, value);
        }
    }
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(given: &[&str]) -> Result<Attributes, String> {
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        let desk = Desk::of_one_command();
        of_parts(&desk, "l", false, &given, ObjectClass::SecretKey, KeyType::Aes, Way::Generate)
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn what_is_given_beats_the_defaults() {
        let template = made(&["encrypt=true", "extractable=false", "id=0x01"]).unwrap();
        let flag = |attribute| template.bool(attribute);
        assert_eq!((flag(A::ENCRYPT), flag(A::EXTRACTABLE)), (Some(true), Some(false)));
        assert_eq!((flag(A::DECRYPT), flag(A::SIGN), flag(A::TOKEN)), (Some(false), Some(true), Some(true)));
        assert_eq!(template.bytes(A::ID), Some(&[1][..]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (given, said) in [
            (&["token=false"][..], "--session"),
            (&["label=x"][..], "label"),
            (&["encrypt=maybe"][..], "maybe"),
            (&["encrypt"][..], "NAME=VALUE"),
            (&["colour=red"][..], "colour"),
            (&["sign=true", "sign=false"][..], "twice"),
        ] {
            assert!(made(given).unwrap_err().contains(said), "{given:?}");
        }
        let desk = Desk::of_one_command();
        let session = of_parts(&desk, "l", true, &[], ObjectClass::SecretKey, KeyType::Aes, Way::Generate);
        assert!(session.unwrap_err().to_string().contains("strongroom interactive"));
    }
}
