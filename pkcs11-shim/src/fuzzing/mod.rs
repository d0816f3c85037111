//! What fuzzing and its tests enter the module by: templates and mechanism parameters as raw C memory.
//!
//! The input decides what the memory looks like. It keeps to the one promise that a C caller can keep: a pointer is
//! NULL, or leads to as many bytes as the length beside it says; lengths beyond every limit are lies, since they must
//! be refused before anything is read. Each piece is an allocation of its own, of exactly that length, so that a read
//! or write beyond it is one that the address sanitizer sees.

mod layouts;
mod memory;
#[cfg(test)]
mod tests;

use std::hint::black_box;

use cryptoki_sys::CK_MECHANISM;
use strongroom_model::{AttributeType, Attributes, MECHANISMS, ReturnCode, Shape, Value, limits};
use strongroom_wire::Answer;

use crate::abi::Block;
use crate::params::message::{Aead, MessageParams};
use crate::params::{self, Places};
use crate::template::{AttributeQuery, Template};
use memory::{Input, Memory};

/// Codes with which a template may be refused.
const TEMPLATE_CODES: [ReturnCode; 4] = [
    ReturnCode::ARGUMENTS_BAD,
    ReturnCode::ATTRIBUTE_TYPE_INVALID,
    ReturnCode::ATTRIBUTE_VALUE_INVALID,
    ReturnCode::TEMPLATE_INCONSISTENT,
];

/// Reads a template in each of the ways there are.
///
/// # Panics
///
/// When it's refused with a code that isn't one for templates, or more comes out than limits allow.
pub fn template(input: &[u8]) {
    let mut input = Input::new(input);
    let mut memory = Memory::default();
    if input.byte().is_multiple_of(2) {
        let (start, count) = memory.template(&mut input, 0, false);
        // SAFETY: the memory is as its own documentation says.
        let template = unsafe { Template::new(start, count) };
        match template.attributes() {
            Ok(attributes) => check(&attributes),
            Err(error) => assert!(TEMPLATE_CODES.contains(&error.code), "{error:?}"),
        }
        if let Ok(Some(wanted)) = template.wanted() {
            check(&wanted);
        }
    } else {
        let (start, count) = memory.template(&mut input, 0, true);
        // SAFETY: as above, and all of it can be written to.
        let query = unsafe { AttributeQuery::new(start, count) };
        if query.types().is_ok() {
            black_box(query.asks_for_sizes());
            let pick = input.byte();
            let _ = query.answer(|kind| answer(kind, pick));
        }
    }
}

/// Reads a mechanism and its parameters, and the places that they name.
///
/// # Panics
///
/// When they're refused with a code that isn't one for parameters.
pub fn parameters(input: &[u8]) {
    let mut input = Input::new(input);
    let mut memory = Memory::default();
    let row = &MECHANISMS[usize::from(input.short()) % MECHANISMS.len()];
    let (start, len) = memory.parameter(&mut input, layouts::of(row.kind.0));
    let ck = CK_MECHANISM { mechanism: row.kind.0, pParameter: start.cast(), ulParameterLen: len };
    // SAFETY: the memory is as its own documentation says.
    let parsed = unsafe { params::parse(ck) };
    match parsed {
        Ok(parsed) => {
            // SAFETY: as above, and all of it can be written to.
            let places = unsafe { Places::of(ck, &parsed) };
            black_box(places.is_ok_and(|places| places.gives_key()));
        }
        Err(error) => {
            let code = error.code;
            let known = code == ReturnCode::MECHANISM_PARAM_INVALID || TEMPLATE_CODES.contains(&code);
            assert!(known, "{}: {error:?}", row.name);
        }
    }
    if let Some(aead) = Aead::of(row.kind) {
        message(aead, &mut memory, &mut input);
    }
}

/// Reads the parameters of one message, and writes nonce and tag where they belong.
fn message(aead: Aead, memory: &mut Memory, input: &mut Input<'_>) {
    let (start, len) = memory.parameter(input, layouts::MESSAGE);
    // SAFETY: the memory is as its own documentation says, and can be written to.
    let block = unsafe { Block::new(start.cast_const().cast(), len) };
    if let Ok(params) = MessageParams::read(aead, block) {
        black_box((params.nonce().is_ok(), params.tag().is_ok()));
        let _ = params.put_nonce(&vec![1; params.nonce_len()]);
        let _ = params.put_tag(&vec![2; params.tag_len()]);
    }
}

/// What must hold of attributes that were read.
fn check(attributes: &Attributes) {
    assert!(attributes.len() <= limits::MAX_TEMPLATE);
    for (kind, value) in attributes.iter() {
        let shape = kind.shape().expect("only known attributes are taken");
        assert!(value.has_shape(shape), "{kind} is {value:?}");
        if let Value::Template(inner) = value {
            check(inner);
        }
    }
}

/// An answer of an attribute's shape, of some size.
fn answer(kind: AttributeType, pick: u8) -> Option<Answer> {
    let value = match kind.shape()? {
        Shape::Bool => Value::Bool(pick > 100),
        Shape::Ulong => Value::Ulong(u64::from(pick)),
        Shape::Bytes => Value::from(vec![pick; usize::from(pick)]),
        Shape::Date => Value::from(vec![b'2'; if pick > 30 { 8 } else { 0 }]),
        Shape::Mechanisms => Value::Mechanisms(vec![u64::from(pick); usize::from(pick % 5)]),
        Shape::Template => Value::Template(
            Attributes::new()
                .with(AttributeType::TOKEN, true)
                .with(AttributeType::LABEL, vec![pick; usize::from(pick % 40)])
                .with(
                    AttributeType::WRAP_TEMPLATE,
                    Value::Template(Attributes::new().with(AttributeType::CLASS, 3)),
                ),
        ),
    };
    match pick % 5 {
        0 => Some(Answer::Sensitive),
        1 => Some(Answer::Invalid),
        _ => Some(Answer::Value(value)),
    }
}
