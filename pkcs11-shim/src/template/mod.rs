//! Templates: arrays of `CK_ATTRIBUTE` in the caller's memory.

mod query;

use std::marker::PhantomData;

use cryptoki_sys::{CK_ATTRIBUTE, CK_ULONG};
use strongroom_model::{
    AttributeType, Attributes, Blob, Error, ObjectClass, Result, ReturnCode, Shape, Value, limits,
};

use crate::abi::In;

pub(crate) use query::AttributeQuery;

/// Bytes of a `CK_ATTRIBUTE`.
const ENTRY: usize = size_of::<CK_ATTRIBUTE>();
/// Bytes of a `CK_ULONG`.
const ULONG: usize = size_of::<CK_ULONG>();

/// Attributes that the caller passes in.
#[derive(Clone, Copy)]
pub(crate) struct Template<'a> {
    start: *const CK_ATTRIBUTE,
    count: CK_ULONG,
    life: PhantomData<&'a [u8]>,
}

/// An entry of a template: its type and where its value is.
struct Entry<'a> {
    kind: AttributeType,
    value: In<'a>,
    len: CK_ULONG,
}

/// Why a value can't be read.
enum Unreadable {
    /// The type isn't known.
    Type,
    /// The value can't be one of its type.
    Value(String),
    /// The caller broke the rules of C.
    Arguments(Error),
    /// A nested template has an error of its own.
    Nested(Error),
}

impl<'a> Template<'a> {
    /// Takes a pointer and a count as they come.
    ///
    /// # Safety
    ///
    /// If `start` isn't null, `count` attributes can be read there, and their values if the pointers to
    /// these aren't null, unchanged during `'a`.
    pub(crate) const unsafe fn new(start: *const CK_ATTRIBUTE, count: CK_ULONG) -> Self {
        Self { start, count, life: PhantomData }
    }

    /// The attributes, for making or changing an object.
    ///
    /// # Errors
    ///
    /// `ATTRIBUTE_TYPE_INVALID` for an attribute that isn't known, `ATTRIBUTE_VALUE_INVALID` for a value that
    /// its attribute can't have, `TEMPLATE_INCONSISTENT` for an attribute that's there twice or for templates
    /// nested too deeply, `ARGUMENTS_BAD` for null pointers and absurd counts.
    pub(crate) fn attributes(&self) -> Result<Attributes> {
        self.read(0, &mut { limits::MAX_OBJECT })
    }

    /// The attributes that objects must have to be found; `None` if no object can have them.
    ///
    /// # Errors
    ///
    /// `ARGUMENTS_BAD` for null pointers and absurd counts.
    pub(crate) fn wanted(&self) -> Result<Option<Attributes>> {
        let mut wanted = Attributes::new();
        let mut room = limits::MAX_OBJECT;
        for entry in self.entries()? {
            let value = match entry.read(0, &mut room) {
                Ok(value) => value,
                Err(Unreadable::Arguments(error)) => return Err(error),
                // Clients ask for other vendors' attributes and classes too.
                Err(_) => return Ok(None),
            };
            let unknown_class = entry.kind == AttributeType::CLASS
                && !matches!(&value, Value::Ulong(class) if ObjectClass::from_ck(*class).is_some());
            let other = wanted.get(entry.kind).is_some_and(|other| *other != value);
            if unknown_class || other {
                return Ok(None);
            }
            wanted.set(entry.kind, value);
        }
        Ok(Some(wanted))
    }

    /// `room` is how many bytes all values may have that are still to come, those of nested templates too: each is
    /// counted before it's copied.
    fn read(&self, depth: usize, room: &mut usize) -> Result<Attributes> {
        let mut attributes = Attributes::new();
        for entry in self.entries()? {
            let kind = entry.kind;
            let value = entry.read(depth, room).map_err(|why| match why {
                Unreadable::Type => {
                    Error::new(ReturnCode::ATTRIBUTE_TYPE_INVALID, format!("attribute {kind} is not known"))
                }
                Unreadable::Value(what) => {
                    Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, format!("the value of {kind} {what}"))
                }
                Unreadable::Arguments(error) | Unreadable::Nested(error) => error,
            })?;
            if attributes.set(kind, value).is_some() {
                let message = format!("attribute {kind} is there twice");
                return Err(Error::new(ReturnCode::TEMPLATE_INCONSISTENT, message));
            }
        }
        Ok(attributes)
    }

    fn entries(&self) -> Result<impl Iterator<Item = Entry<'a>> + use<'a>> {
        check_array(self.start, self.count)?;
        let start = self.start;
        Ok((0..self.count as usize).map(move |at| {
            // SAFETY: the constructor's caller vouched for `count` attributes and their values.
            unsafe {
                let CK_ATTRIBUTE { type_, pValue, ulValueLen } = start.wrapping_add(at).read_unaligned();
                let value = In::new(pValue.cast_const().cast(), ulValueLen);
                Entry { kind: AttributeType(type_), value, len: ulValueLen }
            }
        }))
    }
}

/// Refuses an array of attributes that can't be one, before it's looked at.
///
/// # Errors
///
/// `ARGUMENTS_BAD` for a null pointer or an absurd count.
fn check_array(start: *const CK_ATTRIBUTE, count: CK_ULONG) -> Result<()> {
    let bad = |message| Err(Error::new(ReturnCode::ARGUMENTS_BAD, message));
    if start.is_null() && count > 0 {
        return bad("a null pointer where attributes were announced".to_owned());
    }
    if count > limits::MAX_TEMPLATE as CK_ULONG {
        return bad(format!("{count} attributes where at most {} are allowed", limits::MAX_TEMPLATE));
    }
    Ok(())
}

impl<'a> Entry<'a> {
    fn read(&self, depth: usize, room: &mut usize) -> std::result::Result<Value, Unreadable> {
        let shape = self.kind.shape().ok_or(Unreadable::Type)?;
        if self.len > limits::MAX_ATTRIBUTE as CK_ULONG {
            return Err(Unreadable::Value(format!(
                "has {} bytes; {} are allowed",
                self.len,
                limits::MAX_ATTRIBUTE
            )));
        }
        let Some(left) = room.checked_sub(self.len as usize) else {
            let message = format!("the template has more than {} bytes", limits::MAX_OBJECT);
            return Err(Unreadable::Nested(Error::new(ReturnCode::ATTRIBUTE_VALUE_INVALID, message)));
        };
        *room = left;
        let bytes = self.value.bytes().map_err(Unreadable::Arguments)?;
        match shape {
            Shape::Bool => match bytes {
                [byte] => Ok(Value::Bool(*byte != 0)),
                _ => Err(wrong_length(bytes, "1 byte, CK_BBOOL")),
            },
            Shape::Ulong => match <[u8; ULONG]>::try_from(bytes) {
                Ok(bytes) => Ok(Value::Ulong(CK_ULONG::from_ne_bytes(bytes))),
                Err(_) => Err(wrong_length(bytes, "8 bytes, CK_ULONG")),
            },
            Shape::Bytes => Ok(Value::Bytes(Blob::from(bytes))),
            Shape::Date => match bytes.len() {
                0 | 8 => Ok(Value::Bytes(Blob::from(bytes))),
                _ => Err(wrong_length(bytes, "8 bytes, CK_DATE, or none")),
            },
            Shape::Mechanisms => match bytes.as_chunks::<ULONG>() {
                (mechanisms, []) => Ok(Value::Mechanisms(
                    mechanisms.iter().map(|bytes| CK_ULONG::from_ne_bytes(*bytes)).collect(),
                )),
                _ => Err(wrong_length(bytes, "a number of CK_MECHANISM_TYPEs")),
            },
            Shape::Template => self.nested(bytes, depth + 1, room),
        }
    }

    fn nested(
        &self,
        bytes: &'a [u8],
        depth: usize,
        room: &mut usize,
    ) -> std::result::Result<Value, Unreadable> {
        if depth > limits::MAX_TEMPLATE_DEPTH {
            let message = format!("templates are nested more than {} deep", limits::MAX_TEMPLATE_DEPTH);
            return Err(Unreadable::Nested(Error::new(ReturnCode::TEMPLATE_INCONSISTENT, message)));
        }
        if !bytes.len().is_multiple_of(ENTRY) {
            return Err(wrong_length(bytes, "a number of CK_ATTRIBUTEs"));
        }
        // SAFETY: the caller of the C function vouches for nested templates as for the outer one.
        let template = unsafe { Template::new(bytes.as_ptr().cast(), (bytes.len() / ENTRY) as CK_ULONG) };
        template.read(depth, room).map(Value::Template).map_err(Unreadable::Nested)
    }
}

fn wrong_length(bytes: &[u8], wanted: &str) -> Unreadable {
    Unreadable::Value(format!("has {} bytes; it must have {wanted}", bytes.len()))
}

#[cfg(test)]
mod tests;
