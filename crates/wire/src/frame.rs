//! Frames: a length of four bytes, least first, then a message in postcard's encoding.

mod buffer;

use std::io::{self, Read};

use serde::{Serialize, de::DeserializeOwned};
use strongroom_model::{Blob, wipe};

use buffer::Buffer;

const HEADER: usize = 4;
/// What a buffer starts with: enough for nearly every message.
const INITIAL: usize = 16 * 1024;
/// A buffer that grew past this is given back after use.
const KEPT: usize = 2 * 1024 * 1024;

/// Appends the frame of a message to `out`.
///
/// # Errors
///
/// `InvalidInput` if the message is longer than [`strongroom_model::limits::MAX_FRAME`]; `out` is as it was.
pub fn encode<T: Serialize>(message: &T, out: &mut Vec<u8>) -> io::Result<()> {
    let start = out.len();
    out.extend_from_slice(&[0; HEADER]);
    let encoded = postcard::to_extend(message, Growing::at_the_end_of(out)).map(drop);
    let len = out.len() - start - HEADER;
    let why = match encoded {
        Err(error) => io::Error::new(io::ErrorKind::InvalidInput, error),
        Ok(()) if len > strongroom_model::limits::MAX_FRAME => {
            io::Error::new(io::ErrorKind::InvalidInput, "message longer than a frame may be")
        }
        Ok(()) => {
            let header = u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes();
            out[start..start + HEADER].copy_from_slice(&header);
            return Ok(());
        }
    };
    // What was there before is others': an answer that can't be encoded must not take theirs along.
    wipe(&mut out[start..]);
    out.truncate(start);
    Err(why)
}

/// Gives a frame of a [`Numbered`](crate::Numbered) message another number: who encodes it may not know yet on which
/// connection it goes.
pub fn renumber(frame: &mut [u8], number: u32) {
    if let Some(place) = frame.get_mut(HEADER..HEADER + 4) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

/// A value in postcard's encoding without a frame, made in buffers that are wiped as they grow: for what holds key
/// material.
///
/// # Errors
///
/// `InvalidInput` for a value that has no encoding.
pub fn encode_secret<T: Serialize>(value: &T) -> io::Result<Blob> {
    let mut encoded = Vec::new();
    let done = postcard::to_extend(value, Growing::at_the_end_of(&mut encoded)).map(drop);
    let encoded = Blob::from(encoded);
    done.map(|()| encoded).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Reads a message from a frame's body, all of it.
///
/// # Errors
///
/// `InvalidData` if it isn't one, or if something follows it.
pub fn decode<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "bytes behind the message")),
        Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
    }
}

/// A `Vec` that wipes its old buffer when it grows, since messages carry secrets. It goes back to where it's from, whatever
/// happens.
struct Growing<'a> {
    buffer: Vec<u8>,
    home: &'a mut Vec<u8>,
}

impl<'a> Growing<'a> {
    fn at_the_end_of(home: &'a mut Vec<u8>) -> Self {
        Self { buffer: std::mem::take(home), home }
    }
}

impl Extend<u8> for Growing<'_> {
    fn extend<I: IntoIterator<Item = u8>>(&mut self, bytes: I) {
        let Self { buffer, .. } = self;
        let bytes = bytes.into_iter();
        let needed = buffer.len() + bytes.size_hint().0.max(1);
        if needed > buffer.capacity() {
            let mut grown = Vec::with_capacity(needed.max(buffer.capacity() * 2).max(INITIAL));
            grown.extend_from_slice(buffer);
            wipe(buffer);
            *buffer = grown;
        }
        buffer.extend(bytes);
    }
}

impl Drop for Growing<'_> {
    fn drop(&mut self) {
        *self.home = std::mem::take(&mut self.buffer);
    }
}

/// Takes frames out of a stream of bytes, with a buffer that is wiped as it's used up.
#[derive(Default)]
pub struct Frames {
    buffer: Buffer,
    /// Up to here it's wiped.
    wiped: usize,
    start: usize,
    end: usize,
    /// Behind this nothing was ever written.
    touched: usize,
}

impl Frames {
    /// An empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// The body of the next frame, of at most `limit` bytes; `None` when the peer has closed the
    /// stream between frames. [`Self::wipe`] it when it's been decoded.
    ///
    /// # Errors
    ///
    /// `InvalidData` for a longer frame, `UnexpectedEof` for a stream that ends inside one, and
    /// what the stream gives.
    pub fn next(&mut self, stream: &mut impl Read, limit: usize) -> io::Result<Option<&[u8]>> {
        self.next_asking(stream, limit, |_| Ok(()))
    }

    /// As [`Self::next`]; asks before the buffer grows to a size in bytes.
    ///
    /// # Errors
    ///
    /// As [`Self::next`], and what is answered.
    pub fn next_asking(
        &mut self,
        stream: &mut impl Read,
        limit: usize,
        mut ask: impl FnMut(usize) -> io::Result<()>,
    ) -> io::Result<Option<&[u8]>> {
        if self.buffer.is_empty() {
            self.buffer = Buffer::short(INITIAL);
        }
        loop {
            let have = self.end - self.start;
            let mut wanted = HEADER;
            if have >= HEADER {
                let mut header = [0; HEADER];
                header.copy_from_slice(&self.buffer[self.start..self.start + HEADER]);
                let len = u32::from_le_bytes(header) as usize;
                if len > limit {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "frame longer than allowed"));
                }
                wanted += len;
                if have >= wanted {
                    let body = self.start + HEADER..self.start + wanted;
                    self.start += wanted;
                    return Ok(Some(&self.buffer[body]));
                }
            }
            self.make_room(wanted, &mut ask)?;
            match stream.read(&mut self.buffer[self.end..])? {
                0 if have == 0 => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    self.end += read;
                    self.touched = self.touched.max(self.end);
                }
            }
        }
    }

    /// Whether [`Self::next`] needs nothing more from the stream: a whole frame is there already.
    pub fn has_next(&self) -> bool {
        match self.buffer[self.start..self.end].split_first_chunk() {
            Some((header, rest)) => rest.len() >= u32::from_le_bytes(*header) as usize,
            None => false,
        }
    }

    /// Whether nothing has come that wasn't taken out.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// The buffer's size in bytes.
    pub fn size(&self) -> usize {
        self.buffer.len()
    }

    /// Gives a buffer back that grew, unless there's something in it.
    pub fn shrink(&mut self) {
        if self.end == 0 && self.buffer.len() > INITIAL {
            // What's dropped is wiped.
            *self = Self::default();
        }
    }

    /// Wipes the frames that were taken out.
    pub fn wipe(&mut self) {
        wipe(&mut self.buffer[self.wiped..self.start]);
        self.wiped = self.start;
        if self.start == self.end {
            self.wiped = 0;
            self.start = 0;
            self.end = 0;
            if self.buffer.len() > KEPT {
                self.exchange(Buffer::short(INITIAL));
            }
        }
    }

    /// Makes the buffer hold at least `wanted` bytes from `start` on. It grows with what has
    /// arrived, not with what a header promises.
    fn make_room(&mut self, wanted: usize, ask: &mut impl FnMut(usize) -> io::Result<()>) -> io::Result<()> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            let have = self.end - self.start;
            wipe(&mut self.buffer[have..self.end]);
            self.wiped = 0;
            self.start = 0;
            self.end = have;
        }
        if self.end == self.buffer.len() {
            let len = (self.buffer.len() * 4).min(wanted.max(INITIAL));
            ask(len)?;
            let mut grown = Buffer::zeroed(len)?;
            grown[..self.end].copy_from_slice(&self.buffer[..self.end]);
            self.exchange(grown);
        }
        Ok(())
    }

    /// Takes another buffer, in which there is what has come, and wipes the one before.
    fn exchange(&mut self, other: Buffer) {
        self.buffer.wipe(self.touched);
        self.buffer = other;
        self.touched = self.end;
    }
}

/// Shows no content.
impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames").field("size", &self.buffer.len()).finish_non_exhaustive()
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.buffer.wipe(self.touched);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Numbered;

    /// Gives out one byte at a time.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let [first, rest @ ..] = self.0 else { return Ok(0) };
            out[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn frames_survive_any_chopping() {
        let messages = [vec![1u8; 3], vec![], vec![2; 70_000], vec![4; 600_000], vec![3; 10]];
        let mut bytes = Vec::new();
        for message in &messages {
            encode(message, &mut bytes).unwrap();
        }
        for chop in [true, false] {
            let mut frames = Frames::new();
            let (mut slow, mut fast) = (Trickle(&bytes), bytes.as_slice());
            for message in &messages {
                let body = if chop {
                    frames.next(&mut slow, 1 << 20).unwrap().unwrap()
                } else {
                    frames.next(&mut fast, 1 << 20).unwrap().unwrap()
                };
                assert_eq!(&decode::<Vec<u8>>(body).unwrap(), message);
                frames.wipe();
            }
            let end = if chop { frames.next(&mut slow, 9) } else { frames.next(&mut fast, 9) };
            assert!(end.unwrap().is_none());
        }
    }

    #[test]
    fn what_came_together_is_there_without_reading() {
        let mut bytes = Vec::new();
        for message in [vec![1u8; 30], vec![2; 40]] {
            encode(&message, &mut bytes).unwrap();
        }
        bytes.pop();
        let mut frames = Frames::new();
        assert!(!frames.has_next());
        let mut first = &bytes[..];
        frames.next(&mut first, 100).unwrap();
        frames.wipe();
        assert!(first.is_empty() && !frames.has_next(), "the second lacks a byte");
        assert!(frames.buffer[..frames.start].iter().all(|byte| *byte == 0));
        assert!(!format!("{frames:?}").contains("2, 2"), "what has come isn't shown");
        assert!(frames.buffer[frames.start..].contains(&2));
        frames.next(&mut [2u8].as_slice(), 100).unwrap();
        frames.wipe();
        assert!(!frames.has_next() && frames.buffer.iter().all(|byte| *byte == 0));

        encode(&vec![3u8; 30], &mut bytes).unwrap();
        let mut frames = Frames::new();
        frames.next(&mut [bytes.as_slice(), &[2]].concat().as_slice(), 100).unwrap();
        assert!(frames.has_next());
    }

    #[test]
    fn a_buffer_grows_only_when_it_may_and_shrinks_again() {
        let mut bytes = Vec::new();
        encode(&vec![7u8; 300_000], &mut bytes).unwrap();
        let mut frames = Frames::new();
        let mut asked = Vec::new();
        let mut ask = |size| {
            asked.push(size);
            Ok(())
        };
        assert!(frames.next_asking(&mut bytes.as_slice(), 1 << 20, &mut ask).unwrap().is_some());
        frames.shrink();
        frames.wipe();
        assert_eq!(asked, [64 << 10, 256 << 10, bytes.len()]);
        assert_eq!(frames.size(), bytes.len());
        assert!(frames.buffer.iter().all(|byte| *byte == 0), "it was wiped");
        frames.shrink();
        assert!(frames.size() <= INITIAL);

        let refuse =
            |size: usize| if size > 100_000 { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(()) };
        let refused = frames.next_asking(&mut bytes.as_slice(), 1 << 20, refuse).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::OutOfMemory);
        assert!(frames.size() <= 100_000);
    }

    #[test]
    fn what_cant_be_encoded_leaves_what_was_there() {
        struct Fails;

        impl Serialize for Fails {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("never"))
            }
        }

        let mut out = Vec::new();
        encode(&vec![1u8; 20], &mut out).unwrap();
        let before = out.clone();
        for len in [1, 100_000] {
            encode(&(vec![2u8; len], Fails), &mut out).unwrap_err();
            assert_eq!(out, before);
        }
        encode(&vec![2u8; strongroom_model::limits::MAX_FRAME], &mut out).unwrap_err();
        assert_eq!(out, before);
        assert!(encode_secret(&Fails).is_err());
    }

    #[test]
    fn a_frame_can_be_given_another_number() {
        let mut frame = Vec::new();
        encode(&Numbered::new(7, vec![1u8; 3]), &mut frame).unwrap();
        for number in [0, 7, 0x0102_0304, u32::MAX] {
            renumber(&mut frame, number);
            let read: Numbered<Vec<u8>> = decode(&frame[HEADER..]).unwrap();
            assert_eq!((read.number(), read.message), (number, vec![1; 3]));
        }
        renumber(&mut frame[..HEADER + 1], 5);
        renumber(&mut [], 5);
        assert!(decode::<Numbered<Vec<u8>>>(&frame[HEADER..HEADER + 3]).is_err());
    }

    #[test]
    fn a_promised_length_costs_no_memory() {
        let mut frames = Frames::new();
        let header = (16u32 << 20).to_le_bytes();
        assert!(frames.next(&mut header.as_slice(), 32 << 20).is_err());
        assert!(frames.buffer.len() <= INITIAL);
        assert!(Frames::new().next(&mut header.as_slice(), 1 << 20).is_err());
    }
}
