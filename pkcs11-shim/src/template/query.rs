//! The template of `C_GetAttributeValue`: a question with room for its answer.

use cryptoki_sys::{CK_ATTRIBUTE, CK_ULONG, CK_UNAVAILABLE_INFORMATION};
use strongroom_model::{AttributeType, Attributes, Result, ReturnCode, Value};
use strongroom_wire::Answer;

use super::{ENTRY, ULONG, check_array};

/// Attributes that the caller asks for.
pub(crate) struct AttributeQuery {
    start: *mut CK_ATTRIBUTE,
    count: CK_ULONG,
}

/// How an attribute was answered, the worst last: that's what the function returns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Good,
    TooSmall,
    Invalid,
    Sensitive,
}

impl AttributeQuery {
    /// Takes a pointer and a count as they come.
    ///
    /// # Safety
    ///
    /// If `start` isn't null, `count` attributes can be read and written there, each with a null pointer or
    /// one to as many writable bytes as it says; for nested templates, with further such attributes.
    pub(crate) const unsafe fn new(start: *mut CK_ATTRIBUTE, count: CK_ULONG) -> Self {
        Self { start, count }
    }

    /// The types asked for, in order.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` for a null pointer or an absurd count.
    pub(crate) fn types(&self) -> Result<Vec<AttributeType>> {
        check_array(self.start, self.count)?;
        Ok(self.places().map(|place| AttributeType(place.read().type_)).collect())
    }

    /// Whether only the size of some value is asked for, so that a question for the value may follow.
    pub(crate) fn asks_for_sizes(&self) -> bool {
        self.places().any(|place| place.read().pValue.is_null())
    }

    /// Gives the answers out: good ones as values or sizes, -1 as the length of all others
    /// (PKCS#11 3.2 section 5.7.5).
    ///
    /// # Errors
    ///
    /// `ATTRIBUTE_SENSITIVE`, `ATTRIBUTE_TYPE_INVALID` or `BUFFER_TOO_SMALL`, in this order of weight.
    pub(crate) fn answer(&self, answer_to: impl Fn(AttributeType) -> Option<Answer>) -> Result<()> {
        let mut worst = Outcome::Good;
        for place in self.places() {
            let outcome = match answer_to(AttributeType(place.read().type_)) {
                Some(Answer::Value(value)) => place.put(&value),
                Some(Answer::Sensitive) => place.refuse(Outcome::Sensitive),
                Some(Answer::Invalid) | None => place.refuse(Outcome::Invalid),
            };
            worst = worst.max(outcome);
        }
        match worst {
            Outcome::Good => Ok(()),
            Outcome::TooSmall => Err(ReturnCode::BUFFER_TOO_SMALL.into()),
            Outcome::Invalid => Err(ReturnCode::ATTRIBUTE_TYPE_INVALID.into()),
            Outcome::Sensitive => Err(ReturnCode::ATTRIBUTE_SENSITIVE.into()),
        }
    }

    fn places(&self) -> impl Iterator<Item = Place> + use<> {
        let (start, count) = (self.start, if self.start.is_null() { 0 } else { self.count });
        (0..count as usize).map(move |at| Place(start.wrapping_add(at)))
    }
}

/// A `CK_ATTRIBUTE` to be filled in. Made only of memory that [`AttributeQuery::new`]'s caller vouched for.
struct Place(*mut CK_ATTRIBUTE);

impl Place {
    fn read(&self) -> CK_ATTRIBUTE {
        // SAFETY: see the type.
        unsafe { self.0.read_unaligned() }
    }

    fn write(&self, attribute: CK_ATTRIBUTE) {
        // SAFETY: see the type.
        unsafe { self.0.write_unaligned(attribute) }
    }

    fn set_len(&self, len: CK_ULONG) {
        self.write(CK_ATTRIBUTE { ulValueLen: len, ..self.read() });
    }

    fn refuse(&self, outcome: Outcome) -> Outcome {
        self.set_len(CK_UNAVAILABLE_INFORMATION);
        outcome
    }

    fn put(&self, value: &Value) -> Outcome {
        match value {
            Value::Bool(value) => self.put_bytes(&[u8::from(*value)]),
            Value::Ulong(value) => self.put_bytes(&value.to_ne_bytes()),
            Value::Bytes(bytes) => self.put_bytes(bytes),
            Value::Mechanisms(kinds) => {
                let bytes: Vec<u8> = kinds.iter().flat_map(|kind| kind.to_ne_bytes()).collect();
                debug_assert_eq!(bytes.len(), kinds.len() * ULONG);
                self.put_bytes(&bytes)
            }
            Value::Template(attributes) => self.put_template(attributes),
        }
    }

    fn put_bytes(&self, bytes: &[u8]) -> Outcome {
        let CK_ATTRIBUTE { pValue, ulValueLen, .. } = self.read();
        if !pValue.is_null() {
            if ulValueLen < bytes.len() as CK_ULONG {
                return self.refuse(Outcome::TooSmall);
            }
            // SAFETY: the caller has room for ulValueLen bytes, see the type.
            unsafe { std::ptr::copy(bytes.as_ptr(), pValue.cast::<u8>(), bytes.len()) };
        }
        self.set_len(bytes.len() as CK_ULONG);
        Outcome::Good
    }

    /// The caller's array gets the types; its entries get values or sizes by the same rules. A template among them is only
    /// followed where the caller has its type already, as after a question for the types.
    fn put_template(&self, attributes: &Attributes) -> Outcome {
        let CK_ATTRIBUTE { pValue, ulValueLen, .. } = self.read();
        let size = (attributes.len() * ENTRY) as CK_ULONG;
        let mut worst = Outcome::Good;
        if !pValue.is_null() {
            if ulValueLen < size {
                return self.refuse(Outcome::TooSmall);
            }
            for (at, (kind, value)) in attributes.iter().enumerate() {
                let place = Place(pValue.cast::<CK_ATTRIBUTE>().wrapping_add(at));
                let given = place.read();
                place.write(CK_ATTRIBUTE { type_: kind.0, ..given });
                // Who doesn't know yet that this is a template has room for bytes there, not attributes with pointers.
                let unforeseen = matches!(value, Value::Template(_)) && given.type_ != kind.0;
                let outcome = if unforeseen && !given.pValue.is_null() {
                    place.refuse(Outcome::TooSmall)
                } else {
                    place.put(value)
                };
                worst = worst.max(outcome);
            }
        }
        self.set_len(size);
        worst
    }
}
