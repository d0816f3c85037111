//! What a peer may send: frames, messages, attributes. `tests/tests/fuzz.rs` runs the same without a fuzzer.

#![allow(dead_code, reason = "each target uses a part")]

use std::io::Read;

use serde::Serialize;
use serde::de::DeserializeOwned;
use strongroom_model::{Attributes, Value, limits};
use strongroom_wire::{Envelope, Frames, Hello, Numbered, Reply, Welcome, decode, encode};

/// The longest frame that is taken here, in bytes.
const LIMIT: usize = 1 << 16;

/// Frames out of a stream that comes in pieces, and every message that a frame may hold.
///
/// # Panics
///
/// When what was decoded isn't encoded as it was, or a buffer grows beyond what came.
pub(crate) fn wire(input: &[u8]) {
    let (step, stream) = match input.split_first() {
        Some((first, rest)) => (usize::from(*first) + 1, rest),
        None => (1, input),
    };
    let mut pieces = Pieces { stream, step };
    let mut frames = Frames::new();
    // An error ends the stream, and so does its end.
    while let Ok(Some(body)) = frames.next(&mut pieces, LIMIT) {
        messages(body);
        frames.wipe();
    }
    assert!(frames.size() <= 2 * (LIMIT + 4).max(16 << 10), "the buffer has {} bytes", frames.size());
    messages(stream);
}

/// Attributes in the encoding of messages and records.
///
/// # Panics
///
/// When what was decoded breaks the rules for attributes, or isn't encoded as it was.
pub(crate) fn attributes(input: &[u8]) {
    if let Some(attributes) = both_ways::<Attributes>(input) {
        check(&attributes, 0);
    }
    if let Some(value) = both_ways::<Value>(input) {
        let alone: Attributes = [(strongroom_model::AttributeType::LABEL, value)].into_iter().collect();
        drop(alone);
    }
}

fn messages(body: &[u8]) {
    both_ways::<Numbered<Envelope>>(body);
    both_ways::<Numbered<Reply>>(body);
    both_ways::<Envelope>(body);
    both_ways::<Reply>(body);
    both_ways::<Hello>(body);
    both_ways::<Welcome>(body);
}

/// What decodes must encode, and the encoding must decode to the same.
fn both_ways<T: Serialize + DeserializeOwned>(body: &[u8]) -> Option<T> {
    let message: T = decode(body).ok()?;
    let mut first = Vec::new();
    encode(&message, &mut first).expect("what was decoded can be encoded");
    let again: T = decode(&first[4..]).expect("what was encoded can be decoded");
    let mut second = Vec::new();
    encode(&again, &mut second).expect("what was decoded can be encoded");
    assert!(first == second, "a message changes on its way");
    Some(message)
}

fn check(attributes: &Attributes, depth: usize) {
    assert!(attributes.len() <= limits::MAX_TEMPLATE && depth <= limits::MAX_TEMPLATE_DEPTH);
    let kinds: Vec<_> = attributes.iter().map(|(kind, _)| kind).collect();
    assert!(kinds.is_sorted_by(|one, other| one < other));
    for (kind, value) in attributes.iter() {
        assert!(kind.shape().is_none_or(|shape| value.has_shape(shape)));
        if let Value::Template(inner) = value {
            check(inner, depth + 1);
        }
    }
}

/// A stream that gives a few bytes at a time.
struct Pieces<'a> {
    stream: &'a [u8],
    step: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let len = self.step.min(self.stream.len()).min(out.len());
        let (now, later) = self.stream.split_at(len);
        out[..len].copy_from_slice(now);
        self.stream = later;
        Ok(len)
    }
}
