//! Encrypting and decrypting.
//!
//! A result whose length is known beforehand costs nothing until there's room for it. One whose
//! length only the result tells (what had padding) is kept if the buffer turns out to be too small,
//! so that nothing is decrypted twice.

use strongroom_model::{Algorithm, Blob, Error, Handle, Result, ReturnCode};
use strongroom_wire::{Request, StreamKind};

use super::drawn::Drawn;
use super::keyed::Keyed;
use super::lengths::{Cipher, Direction};
use super::stream::{CHUNK, Stream, bytes};
use super::{After, Nodes, Route, Running};
use crate::abi::{In, Out};
use crate::params::Parsed;

/// The most bytes that are kept here until the last part is in; a longer message goes to a node in
/// parts, or is refused where the mechanism can't take it in parts.
const HELD: usize = 64 * 1024;

/// A message that is being encrypted or decrypted.
#[derive(Clone)]
pub(super) struct Ciphering {
    direction: Direction,
    keyed: Keyed,
    cipher: Cipher,
    /// Where the initialisation vector goes that the cluster draws.
    drawn: Option<Drawn>,
    /// Whether the cluster takes the data in one part only.
    single_part: bool,
    state: State,
}

#[derive(Clone)]
enum State {
    Fresh,
    /// Parts of which nothing comes out before the last.
    Held(Blob),
    /// Parts that went to a node, `total` bytes of them.
    Streaming {
        stream: Stream,
        total: u64,
    },
    /// The result for which the buffer was too small, and what it's the result of: `None` for the
    /// last part of several.
    Done {
        of: Option<Blob>,
        result: Blob,
    },
    Over,
}

impl Ciphering {
    /// `C_EncryptInit` and `C_DecryptInit`.
    ///
    /// # Errors
    ///
    /// As [`Keyed::new`].
    pub(super) fn new(nodes: &dyn Nodes, direction: Direction, parsed: Parsed, key: Handle) -> Result<Self> {
        let algorithm = parsed.spec.algorithm;
        Self::with(direction, Keyed::new(nodes, kind(direction), parsed, key)?, algorithm)
    }

    /// As [`Self::new`], with a key that was checked.
    pub(super) fn with(direction: Direction, keyed: Keyed, algorithm: Algorithm) -> Result<Self> {
        let cipher = Cipher::of(&keyed.mechanism, algorithm, &keyed.key)?;
        let single_part = cipher.is_single_part();
        Ok(Self { direction, keyed, cipher, drawn: None, single_part, state: State::Fresh })
    }

    /// In one part only, as a cluster wants it that draws the initialisation vectors, for which there may be a place.
    pub(super) fn in_one_part(self, drawn: Option<Drawn>) -> Self {
        Self { drawn, single_part: true, ..self }
    }

    /// `C_Encrypt` and `C_Decrypt`: PKCS#11 3.2 sections 5.8 and 5.10.
    pub(super) fn whole(&mut self, nodes: &dyn Nodes, data: In<'_>, out: &Out) -> Result<After> {
        let data = data.bytes()?;
        match &self.state {
            State::Fresh => {}
            State::Done { of: Some(before), .. } if before.as_slice() == data => return self.deliver(out),
            State::Done { of: Some(_), .. } => self.state = State::Fresh,
            _ => return Err(ReturnCode::OPERATION_ACTIVE.into()),
        }
        let size = self.cipher.whole(self.direction, data.len())?;
        if (out.is_query()? || size.exact) && !out.size(size.max)? {
            return Ok(After::GoesOn);
        }
        let result = self.run(nodes, data)?;
        if out.capacity()?.is_some_and(|room| room < result.len() as u64) {
            self.state = State::Done { of: Some(Blob::from(data)), result };
            return self.deliver(out);
        }
        out.fill(&result)?;
        Ok(After::Over)
    }

    /// The whole message, whatever came before.
    pub(super) fn run(&mut self, nodes: &dyn Nodes, data: &[u8]) -> Result<Blob> {
        if data.len() <= CHUNK {
            return self.one_shot(nodes, Blob::from(data));
        }
        let mechanism = self.keyed.mechanism.clone();
        let (stream, mut result) = self.open(nodes, Blob::new(), data)?;
        result.extend(&stream.finish(nodes, Blob::new())?);
        self.keyed.mechanism = mechanism;
        Ok(result)
    }

    /// `C_EncryptUpdate` and `C_DecryptUpdate`.
    pub(super) fn update(&mut self, nodes: &dyn Nodes, data: In<'_>, out: &Out) -> Result<After> {
        if let Some(result) = self.next(nodes, data, out)? {
            out.fill(&result)?;
        }
        Ok(After::GoesOn)
    }

    /// What [`Self::update`] gives out; nothing if only its length is asked for, and then nothing is taken in.
    pub(super) fn next(&mut self, nodes: &dyn Nodes, data: In<'_>, out: &Out) -> Result<Option<Blob>> {
        let data = data.bytes()?;
        if self.single_part {
            return Err(Error::new(
                ReturnCode::MECHANISM_INVALID,
                "the mechanism doesn't take data in parts",
            ));
        }
        let total = self.total()?;
        if !out.size(self.cipher.part(self.direction, total, data.len()))? {
            return Ok(None);
        }
        self.feed(nodes, data).map(Some)
    }

    /// How many bytes have been taken in.
    fn total(&self) -> Result<u64> {
        match &self.state {
            State::Fresh => Ok(0),
            State::Held(held) => Ok(held.len() as u64),
            State::Streaming { total, .. } => Ok(*total),
            State::Done { .. } | State::Over => Err(ReturnCode::OPERATION_ACTIVE.into()),
        }
    }

    /// Whether nothing has been taken in.
    pub(super) fn is_fresh(&self) -> bool {
        matches!(self.state, State::Fresh)
    }

    /// How much comes out for the next `len` bytes, and with `last` for the end of the message too.
    ///
    /// # Errors
    ///
    /// `CKR_DATA_LEN_RANGE` or `CKR_ENCRYPTED_DATA_LEN_RANGE` for an end at which the message can't end.
    pub(super) fn size_of_next(&self, len: usize, last: bool) -> Result<usize> {
        let total = self.total()?;
        let part = self.cipher.part(self.direction, total, len);
        let end =
            if last { self.cipher.last(self.direction, total.saturating_add(len as u64))?.max } else { 0 };
        Ok(part.saturating_add(end))
    }

    /// What comes out at the end of the message.
    pub(super) fn finish(&mut self, nodes: &dyn Nodes) -> Result<Blob> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Held(held) => self.one_shot(nodes, held),
            State::Streaming { stream, .. } => stream.finish(nodes, Blob::new()),
            _ => self.one_shot(nodes, Blob::new()),
        }
    }

    /// `C_EncryptFinal` and `C_DecryptFinal`.
    pub(super) fn last(&mut self, nodes: &dyn Nodes, out: &Out) -> Result<After> {
        if matches!(self.state, State::Done { of: None, .. }) {
            return self.deliver(out);
        }
        let total = self.total()?;
        let size = self.cipher.last(self.direction, total)?;
        if (out.is_query()? || size.exact) && !out.size(size.max)? {
            return Ok(After::GoesOn);
        }
        let result = if self.is_fresh() && size.max == 0 { Blob::new() } else { self.finish(nodes)? };
        self.state = State::Done { of: None, result };
        self.deliver(out)
    }

    /// Hands out a result that is there.
    fn deliver(&mut self, out: &Out) -> Result<After> {
        let State::Done { result, .. } = &self.state else {
            return Err(ReturnCode::OPERATION_NOT_INITIALIZED.into());
        };
        out.fill(result)?;
        Ok(if out.is_query()? { After::GoesOn } else { After::Over })
    }

    /// The whole message in one round trip. The mechanism is kept, for the case that the buffer is
    /// too small and the application then comes with another message.
    fn one_shot(&mut self, nodes: &dyn Nodes, data: Blob) -> Result<Blob> {
        let route = Route::Of(self.keyed.key.handle);
        let operation = self.keyed.operation(data);
        let request = match self.direction {
            Direction::Encrypt => Request::Encrypt(operation),
            Direction::Decrypt => Request::Decrypt(operation),
        };
        let response = nodes.call(route, &request);
        if let Request::Encrypt(operation) | Request::Decrypt(operation) = request {
            self.keyed.mechanism = operation.mechanism;
        }
        let result = bytes(response?)?;
        match self.drawn {
            Some(drawn) => drawn.deliver(&result),
            None => Ok(result),
        }
    }

    /// Takes in a part, and returns what comes out for it.
    pub(super) fn feed(&mut self, nodes: &dyn Nodes, data: &[u8]) -> Result<Blob> {
        if data.is_empty() {
            return Ok(Blob::new());
        }
        let held = match std::mem::replace(&mut self.state, State::Over) {
            State::Streaming { stream, total } => {
                let result = stream.update(nodes, data)?;
                self.state = State::Streaming { stream, total: total.saturating_add(data.len() as u64) };
                return Ok(result);
            }
            State::Held(mut held) if held.len() + data.len() <= HELD => {
                held.extend(data);
                self.state = State::Held(held);
                return Ok(Blob::new());
            }
            State::Held(held) => held,
            _ if self.cipher.holds_back(self.direction) && data.len() <= HELD => {
                self.state = State::Held(Blob::from(data));
                return Ok(Blob::new());
            }
            _ => Blob::new(),
        };
        let total = (held.len() + data.len()) as u64;
        let (stream, result) = self.open(nodes, held, data)?;
        self.state = State::Streaming { stream, total };
        Ok(result)
    }

    /// Begins a stream with what has been held here and what follows it.
    fn open(&mut self, nodes: &dyn Nodes, held: Blob, rest: &[u8]) -> Result<(Stream, Blob)> {
        if self.single_part || !self.cipher.streams() {
            return Err(Error::new(
                self.direction.length_refusal(),
                "the mechanism takes no more data than fits the key",
            ));
        }
        let operation = self.keyed.operation(held);
        Stream::open(nodes, kind(self.direction), operation, rest)
    }
}

impl Running for Ciphering {
    fn wants_login(&self) -> Option<Handle> {
        self.keyed.wants_login()
    }

    fn abandon(&mut self, nodes: &dyn Nodes) {
        if let State::Streaming { stream, .. } = std::mem::replace(&mut self.state, State::Over) {
            stream.abandon(nodes);
        }
    }

    fn survives_fork(&self) -> bool {
        !matches!(self.state, State::Streaming { .. })
    }
}

/// The kind of operation that it is on a node.
pub(super) fn kind(direction: Direction) -> StreamKind {
    match direction {
        Direction::Encrypt => StreamKind::Encrypt,
        Direction::Decrypt => StreamKind::Decrypt,
    }
}
