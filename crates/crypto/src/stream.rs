//! Operations with a key whose data comes in parts.

use strongroom_model::{Algorithm, Blob, Error, Mechanism, MechanismSpec, Result, ReturnCode};

use crate::aes::AesStream;
use crate::digest::DigestStream;
use crate::mac::MacStream;
use crate::operation::{
    self, AES_ENCRYPTION, ENCRYPTING, Input, MACS, RSA_ENCRYPTION, RSA_SIGNING, SIGNING, mismatch, no_params,
    spec, value,
};
use crate::{Key, rsa};

/// The most data of a mechanism that works on all of it at once, in bytes: more than any of them takes.
const MAX_WHOLE: usize = 4096;

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

/// An operation under way. It holds the key, and outlives the caller's handle on it.
///
/// Mechanisms that the standard has for one part only (RSA and ECDSA without hash) gather up to 4,096
/// bytes and do their work at the end.
pub struct Stream {
    kind: StreamKind,
    state: State,
}

enum State {
    Cipher(AesStream),
    Mac(MacStream),
    /// A signature over what is being hashed.
    Hashed {
        digest: DigestStream,
        key: Key,
        mechanism: Mechanism,
    },
    /// Anything else.
    Whole {
        data: Blob,
        key: Key,
        mechanism: Mechanism,
    },
}

impl Stream {
    /// Begins an operation. What can be refused before there is data is refused here.
    ///
    /// # Errors
    /// As [`crate::encrypt`], [`crate::decrypt`], [`crate::sign`] and [`crate::verify`].
    pub fn open(kind: StreamKind, key: &Key, mechanism: &Mechanism) -> Result<Self> {
        let spec = spec(mechanism)?;
        let state = match kind {
            StreamKind::Encrypt | StreamKind::Decrypt => Self::open_cipher(kind, spec, key, mechanism)?,
            StreamKind::Sign | StreamKind::Verify => Self::open_signature(kind, spec, key, mechanism)?,
        };
        Ok(Self { kind, state })
    }

    /// Takes the next part; gives what output there is by now (none for signatures).
    ///
    /// # Errors
    /// Those of the mechanism; after one the stream must be dropped.
    pub fn update(&mut self, data: &[u8]) -> Result<Blob> {
        match &mut self.state {
            State::Cipher(stream) => return stream.update(data),
            State::Mac(stream) => stream.update(data)?,
            State::Hashed { digest, .. } => digest.update(data),
            State::Whole { data: gathered, .. } => {
                if gathered.len() + data.len() > MAX_WHOLE {
                    let code = match self.kind {
                        StreamKind::Decrypt => ReturnCode::ENCRYPTED_DATA_LEN_RANGE,
                        _ => ReturnCode::DATA_LEN_RANGE,
                    };
                    return Err(Error::new(
                        code,
                        format!("the mechanism takes no more than {MAX_WHOLE} bytes"),
                    ));
                }
                gathered.extend(data);
            }
        }
        Ok(Blob::new())
    }

    /// Ends the operation; gives the rest of the output, or the signature.
    ///
    /// # Errors
    /// Those of the mechanism; `ARGUMENTS_BAD` for a stream that verifies.
    pub fn finish(self) -> Result<Blob> {
        if self.kind == StreamKind::Verify {
            return Err(Error::new(ReturnCode::ARGUMENTS_BAD, "a verification ends with the signature"));
        }
        match self.state {
            State::Cipher(stream) => stream.finish(),
            State::Mac(stream) => stream.finish(),
            State::Hashed { digest, key, mechanism } => {
                operation::sign(&key, &mechanism, Input::Digest(&digest.finish()))
            }
            State::Whole { data, key, mechanism } => match self.kind {
                StreamKind::Encrypt => operation::encrypt(&key, &mechanism, &data),
                StreamKind::Decrypt => operation::decrypt(&key, &mechanism, &data),
                StreamKind::Sign | StreamKind::Verify => {
                    operation::sign(&key, &mechanism, Input::Message(&data))
                }
            },
        }
    }

    /// Ends a verification.
    ///
    /// # Errors
    /// `SIGNATURE_INVALID`, `SIGNATURE_LEN_RANGE`; `ARGUMENTS_BAD` for a stream that doesn't verify.
    pub fn verify(self, signature: &[u8]) -> Result<()> {
        match (self.kind, self.state) {
            (StreamKind::Verify, State::Mac(stream)) => stream.verify(signature),
            (StreamKind::Verify, State::Hashed { digest, key, mechanism }) => {
                operation::verify(&key, &mechanism, Input::Digest(&digest.finish()), signature)
            }
            (StreamKind::Verify, State::Whole { data, key, mechanism }) => {
                operation::verify(&key, &mechanism, Input::Message(&data), signature)
            }
            _ => Err(Error::new(ReturnCode::ARGUMENTS_BAD, "the operation under way isn't a verification")),
        }
    }

    fn open_cipher(
        kind: StreamKind,
        spec: &MechanismSpec,
        key: &Key,
        mechanism: &Mechanism,
    ) -> Result<State> {
        match (kind, key) {
            (StreamKind::Encrypt, Key::RsaPublic(_)) | (StreamKind::Decrypt, Key::RsaPrivate(_))
                if RSA_ENCRYPTION.contains(&spec.algorithm) =>
            {
                rsa::check_encryption(spec, &mechanism.params)?;
                Ok(State::Whole { data: Blob::new(), key: key.clone(), mechanism: mechanism.clone() })
            }
            (_, Key::Secret(key)) if AES_ENCRYPTION.contains(&spec.algorithm) => {
                let encrypt = kind == StreamKind::Encrypt;
                Ok(State::Cipher(AesStream::open(encrypt, value(key, spec)?, spec, &mechanism.params)?))
            }
            _ => Err(mismatch(spec, key, ENCRYPTING)),
        }
    }

    fn open_signature(
        kind: StreamKind,
        spec: &MechanismSpec,
        key: &Key,
        mechanism: &Mechanism,
    ) -> Result<State> {
        let params = &mechanism.params;
        match (kind, key) {
            (_, Key::Secret(key)) if MACS.contains(&spec.algorithm) => {
                no_params(params)?;
                return Ok(State::Mac(MacStream::open(value(key, spec)?, spec)?));
            }
            (StreamKind::Sign, Key::RsaPrivate(key)) if RSA_SIGNING.contains(&spec.algorithm) => {
                rsa::check_signing(key.public(), spec, params)?;
            }
            (StreamKind::Verify, Key::RsaPublic(key)) if RSA_SIGNING.contains(&spec.algorithm) => {
                rsa::check_signing(key, spec, params)?;
            }
            (StreamKind::Sign, Key::EcPrivate(_)) | (StreamKind::Verify, Key::EcPublic(_))
                if spec.algorithm == Algorithm::Ecdsa =>
            {
                no_params(params)?;
            }
            _ => return Err(mismatch(spec, key, SIGNING)),
        }
        let (key, mechanism) = (key.clone(), mechanism.clone());
        Ok(match spec.hash {
            Some(hash) => State::Hashed { digest: DigestStream::open(hash), key, mechanism },
            None => State::Whole { data: Blob::new(), key, mechanism },
        })
    }
}
