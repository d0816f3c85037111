//! C memory as an input wants it.

use std::ptr;

use cryptoki_sys::{CK_ATTRIBUTE, CK_ULONG};
use strongroom_model::{AttributeType, MECHANISMS, Shape};

use super::layouts::{Layout, Part};

/// Lengths beyond every limit there is: nothing may be read or allocated for them.
const HUGE: [u64; 6] = [1 << 24, 1 << 32, 1 << 47, 1 << 61, i64::MAX as u64 + 1, u64::MAX];
/// How deep templates are nested at most: deeper than the module takes.
const DEPTH: usize = 6;
/// Bytes of a `CK_ATTRIBUTE`.
const ENTRY: usize = size_of::<CK_ATTRIBUTE>();

/// Bytes that decide. At their end come zeros.
pub(super) struct Input<'a>(&'a [u8]);

/// Pieces of memory, each an allocation of exactly its length.
#[derive(Default)]
pub(super) struct Memory {
    pieces: Vec<*mut [u8]>,
    /// Arrays of attributes, and how many each has.
    arrays: Vec<(*mut CK_ATTRIBUTE, u64)>,
}

impl<'a> Input<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(super) fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// Something that may be a number of the standard, a small one, or any.
    fn number(&mut self) -> u64 {
        match self.byte() % 8 {
            0 => 0,
            1 | 2 => u64::from(self.byte() % 20),
            3 | 4 => MECHANISMS[usize::from(self.short()) % MECHANISMS.len()].kind.0,
            5 => u64::from(self.short()),
            6 => HUGE[usize::from(self.byte()) % HUGE.len()],
            _ => u64::from_le_bytes(std::array::from_fn(|_| self.byte())),
        }
    }

    fn fill(&mut self, piece: &mut [u8]) {
        let given = self.0.len().min(piece.len());
        let (now, later) = self.0.split_at(given);
        piece[..given].copy_from_slice(now);
        self.0 = later;
    }
}

impl Memory {
    /// A piece of memory; its content is the input's.
    fn piece(&mut self, input: &mut Input<'_>, len: usize) -> *mut u8 {
        let mut piece = vec![0; len].into_boxed_slice();
        input.fill(&mut piece);
        self.keep(piece)
    }

    fn keep(&mut self, piece: Box<[u8]>) -> *mut u8 {
        let piece = Box::into_raw(piece);
        self.pieces.push(piece);
        piece.cast()
    }

    /// A pointer and a length: right, NULL, or a lie that can be seen.
    fn span(&mut self, input: &mut Input<'_>, honest: bool) -> (*mut u8, u64) {
        match input.byte() % 10 {
            0 => (ptr::null_mut(), 0),
            1 => (ptr::null_mut(), input.number()),
            2 if !honest => (self.piece(input, 1), HUGE[usize::from(input.byte()) % HUGE.len()]),
            3 => (self.piece(input, 0), 0),
            4 => {
                let len = usize::from(input.short()) % 4096;
                (self.piece(input, len), len as u64)
            }
            _ => {
                let len = usize::from(input.byte());
                (self.piece(input, len), len as u64)
            }
        }
    }

    /// An array of attributes. When it's honest, each can be written to, and none is there twice.
    pub(super) fn template(
        &mut self,
        input: &mut Input<'_>,
        depth: usize,
        honest: bool,
    ) -> (*mut CK_ATTRIBUTE, u64) {
        let count = match input.byte() % 16 {
            0 => return (ptr::null_mut(), input.number()),
            1 => return (self.piece(input, ENTRY).cast(), HUGE[usize::from(input.byte()) % HUGE.len()]),
            2 => usize::from(input.byte()) % 129,
            few => usize::from(few) % 9,
        };
        // Every other array is misaligned.
        let odd = usize::from(input.byte() % 2);
        let start = self.keep(vec![0; count * ENTRY + odd].into_boxed_slice());
        let start = start.wrapping_add(odd).cast::<CK_ATTRIBUTE>();
        self.arrays.push((start, count as u64));
        for at in 0..count {
            let attribute = self.attribute(input, depth, honest);
            // SAFETY: the piece has room for `count` of them.
            unsafe { start.wrapping_add(at).write_unaligned(attribute) };
        }
        (start, count as u64)
    }

    fn attribute(&mut self, input: &mut Input<'_>, depth: usize, honest: bool) -> CK_ATTRIBUTE {
        let type_ = match input.byte() {
            0..8 => input.number(),
            pick => AttributeType::ALL[usize::from(pick) % AttributeType::ALL.len()].0,
        };
        let (value, len) = match AttributeType(type_).shape() {
            Some(Shape::Template) => self.nested(input, depth, honest),
            Some(Shape::Bool) if !input.byte().is_multiple_of(4) => (self.piece(input, 1), 1),
            Some(Shape::Ulong | Shape::Date) if !input.byte().is_multiple_of(4) => (self.piece(input, 8), 8),
            _ => self.span(input, honest),
        };
        CK_ATTRIBUTE { type_, pValue: value.cast(), ulValueLen: len }
    }

    /// The value of an attribute that is a template: one more, one that is there already (itself, too), or bytes
    /// that can't be one.
    fn nested(&mut self, input: &mut Input<'_>, depth: usize, honest: bool) -> (*mut u8, u64) {
        let (start, count) = match input.byte() % 4 {
            0 | 1 if depth < DEPTH => self.template(input, depth + 1, honest),
            2 if !honest => self.arrays[usize::from(input.byte()) % self.arrays.len()],
            _ => {
                let len = usize::from(input.byte() % 23) + 1;
                return if honest { (ptr::null_mut(), 0) } else { (self.piece(input, len), len as u64) };
            }
        };
        let size = count.checked_mul(ENTRY as u64);
        // In a question, a nested template that lies about its length is a caller who lies.
        match size {
            Some(size) if size < HUGE[0] && !start.is_null() => (start.cast(), size),
            _ => (ptr::null_mut(), 0),
        }
    }

    /// Parameters by one of several layouts; bytes, if there are none.
    pub(super) fn parameter(&mut self, input: &mut Input<'_>, layouts: &[Layout]) -> (*mut u8, u64) {
        let pick = usize::from(input.byte());
        let Some(layout) = layouts.get(pick % layouts.len().max(1)) else {
            return self.span(input, false);
        };
        let words = self.words(input, layout);
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        let (len, odd) = (bytes.len(), usize::from(input.byte() % 2));
        let start = self.keep([vec![0; odd], bytes].concat().into_boxed_slice()).wrapping_add(odd);
        match input.byte() % 16 {
            0 => (ptr::null_mut(), len as u64),
            1 => (start, HUGE[usize::from(input.byte()) % HUGE.len()]),
            // Shorter than it is: never as long as another layout, which would find numbers where it looks for pointers.
            2 => {
                let shorter = usize::from(input.byte()) % (len + 1);
                let other = layouts.iter().any(|layout| layout.len() * 8 == shorter);
                (start, if other { len } else { shorter } as u64)
            }
            _ => (start, len as u64),
        }
    }

    fn words(&mut self, input: &mut Input<'_>, layout: &[Part]) -> Vec<u64> {
        let mut words = Vec::new();
        // A part of two words has been made by its first one.
        let mut second = None;
        for part in layout {
            let word = match (second.take(), part) {
                (Some(word), _) => word,
                (None, Part::Number | Part::Length) => input.number(),
                (None, Part::Pointer) => {
                    let (start, len) = self.span(input, false);
                    second = Some(len);
                    start as u64
                }
                (None, Part::LengthFirst) => {
                    let (start, len) = self.span(input, false);
                    second = Some(start as u64);
                    len
                }
                (None, Part::Place) => self.place(input) as u64,
                (None, Part::Structure(layout)) => {
                    let words = self.words(input, layout);
                    let bytes = words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
                    if input.byte().is_multiple_of(8) {
                        0
                    } else {
                        self.keep(bytes.into_boxed_slice()) as u64
                    }
                }
                (None, Part::Array(layout)) => {
                    let count = input.byte() % 6;
                    let all: Vec<u64> = (0..count).flat_map(|_| self.words(input, layout)).collect();
                    let bytes = all.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
                    let start = self.keep(bytes.into_boxed_slice());
                    let (count, start) = match input.byte() % 12 {
                        0 => (u64::from(count), ptr::null_mut()),
                        1 => (HUGE[usize::from(input.byte()) % HUGE.len()], start),
                        _ => (u64::from(count), start),
                    };
                    second = Some(start as u64);
                    count
                }
                (None, Part::Template) => {
                    let (start, count) = self.template(input, 0, false);
                    second = Some(count);
                    start as u64
                }
            };
            words.push(word);
        }
        words
    }

    /// Room for what is written back: NULL, or more than any of it has.
    fn place(&mut self, input: &mut Input<'_>) -> *mut u8 {
        if input.byte().is_multiple_of(4) {
            ptr::null_mut()
        } else {
            self.keep(vec![0; 64].into_boxed_slice())
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        for piece in self.pieces.drain(..) {
            // SAFETY: it came out of a box, and nothing points to it any more.
            drop(unsafe { Box::from_raw(piece) });
        }
    }
}

/// The size of what a pointer and a length take, which layouts count on.
const _: () = assert!(size_of::<CK_ULONG>() == 8 && size_of::<*mut u8>() == 8);
