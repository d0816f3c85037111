//! Operations with a key whose data comes in parts.

use strongroom_model::{Blob, Error, Hash, Mechanism, Purposes, Result, ReturnCode};

use crate::Key;
use crate::digest::DigestStream;
use crate::family::Job;
use crate::operation::{self, Input};

/// The most data of a mechanism that works on all of it at once, in bytes, unless its family says otherwise: more
/// than RSA takes.
pub(crate) const MAX_GATHERED: usize = 4096;

/// What a stream does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// Encrypts.
    Encrypt,
    /// Decrypts.
    Decrypt,
    /// Signs, or makes a MAC.
    Sign,
    /// Verifies a signature or a MAC.
    Verify,
}

impl StreamKind {
    const fn purpose(self) -> u64 {
        match self {
            Self::Encrypt => Purposes::ENCRYPT,
            Self::Decrypt => Purposes::DECRYPT,
            Self::Sign => Purposes::SIGN,
            Self::Verify => Purposes::VERIFY,
        }
    }
}

/// An operation under way. It holds the key, and outlives the caller's handle on it.
///
/// Mechanisms that need all of the data at once (RSA and ECDSA without hash, for instance) gather it, up to
/// a limit, and do their work at the end.
pub struct Stream {
    kind: StreamKind,
    running: Box<dyn Running>,
}

/// What goes on in a [`Stream`].
pub(crate) trait Running: Send {
    /// Takes the next part; gives what output there is by now.
    fn update(&mut self, data: &[u8]) -> Result<Blob>;

    /// The rest of the output, or the signature.
    fn finish(self: Box<Self>) -> Result<Blob>;

    /// Verifies the signature of all parts.
    fn verify(self: Box<Self>, _signature: &[u8]) -> Result<()> {
        Err(not_a_verification())
    }
}

impl Stream {
    /// Begins an operation. What can be refused before there is data is refused here.
    ///
    /// # Errors
    /// As [`crate::encrypt`], [`crate::decrypt`], [`crate::sign`] and [`crate::verify`].
    pub fn open(kind: StreamKind, key: &Key, mechanism: &Mechanism) -> Result<Self> {
        let job = Job::new(key, mechanism, kind.purpose())?;
        Ok(Self { kind, running: job.family.open(kind, &job)? })
    }

    /// Takes the next part; gives what output there is by now (none for signatures).
    ///
    /// # Errors
    /// Those of the mechanism; after one the stream must be dropped.
    pub fn update(&mut self, data: &[u8]) -> Result<Blob> {
        self.running.update(data)
    }

    /// Ends the operation; gives the rest of the output, or the signature.
    ///
    /// # Errors
    /// Those of the mechanism; `ARGUMENTS_BAD` for a stream that verifies.
    pub fn finish(self) -> Result<Blob> {
        if self.kind == StreamKind::Verify {
            return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "a verification ends with the signature"));
        }
        self.running.finish()
    }

    /// Ends a verification.
    ///
    /// # Errors
    /// `SIGNATURE_INVALID`, `SIGNATURE_LEN_RANGE`; `ARGUMENTS_BAD` for a stream that doesn't verify.
    pub fn verify(self, signature: &[u8]) -> Result<()> {
        if self.kind != StreamKind::Verify {
            return Err(not_a_verification());
        }
        self.running.verify(signature)
    }
}

/// A signature over what is being hashed.
pub(crate) fn hashed(job: &Job<'_>, hash: Hash) -> Box<dyn Running> {
    Box::new(Hashed { digest: DigestStream::open(hash), key: job.key.clone(), mechanism: job.mechanism() })
}

/// An operation at the end, on all of the data: at most `most` bytes.
pub(crate) fn gathered(kind: StreamKind, job: &Job<'_>, most: usize) -> Box<dyn Running> {
    Box::new(Gathered { kind, most, data: Blob::new(), key: job.key.clone(), mechanism: job.mechanism() })
}

struct Hashed {
    digest: DigestStream,
    key: Key,
    mechanism: Mechanism,
}

impl Running for Hashed {
    fn update(&mut self, data: &[u8]) -> Result<Blob> {
        self.digest.update(data);
        Ok(Blob::new())
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        operation::sign(&self.key, &self.mechanism, Input::Digest(&self.digest.finish()))
    }

    fn verify(self: Box<Self>, signature: &[u8]) -> Result<()> {
        operation::verify(&self.key, &self.mechanism, Input::Digest(&self.digest.finish()), signature)
    }
}

struct Gathered {
    kind: StreamKind,
    most: usize,
    data: Blob,
    key: Key,
    mechanism: Mechanism,
}

impl Running for Gathered {
    fn update(&mut self, data: &[u8]) -> Result<Blob> {
        if self.data.len() + data.len() > self.most {
            let code = match self.kind {
                StreamKind::Decrypt => ReturnCode::ENCRYPTED_DATA_LEN_RANGE,
                _ => ReturnCode::DATA_LEN_RANGE,
            };
            return Err(Error::new(code, format!("the mechanism takes no more than {} bytes", self.most)));
        }
        self.data.extend(data);
        Ok(Blob::new())
    }

    fn finish(self: Box<Self>) -> Result<Blob> {
        let Self { kind, data, key, mechanism, .. } = &*self;
        match kind {
            StreamKind::Encrypt => operation::encrypt(key, mechanism, data),
            StreamKind::Decrypt => operation::decrypt(key, mechanism, data),
            StreamKind::Sign | StreamKind::Verify => operation::sign(key, mechanism, Input::Message(data)),
        }
    }

    fn verify(self: Box<Self>, signature: &[u8]) -> Result<()> {
        operation::verify(&self.key, &self.mechanism, Input::Message(&self.data), signature)
    }
}

fn not_a_verification() -> Error {
    Error::new(ReturnCode::ARGUMENTS_BAD, "the operation under way isn't a verification")
}
