//! Signing and verifying. Hashing mechanisms hash here; one message goes to a node at the end.

use strongroom_model::{Algorithm, Blob, Error, Handle, Hash, KeyType, Result, ReturnCode};
use strongroom_wire::{Request, StreamKind};

use super::hasher::Hasher;
use super::keyed::Keyed;
use super::lengths;
use super::stream::{CHUNK, Stream, bytes};
use super::{After, Nodes, Route, Running};
use crate::abi::{In, Out};
use crate::params::Parsed;

/// The most bytes of a multi-part message that are kept here, in bytes; what is longer goes to a
/// node in parts, or is refused where the mechanism can't take it in parts.
const HELD: usize = 64 * 1024;

/// A signature or MAC that is being made or verified.
#[derive(Clone)]
pub(super) struct Signing {
    kind: StreamKind,
    keyed: Keyed,
    takes: Takes,
    /// Whether what is signed comes in one call.
    one_part: bool,
    /// Of the signature, in bytes.
    len: usize,
    state: State,
}

/// What the node takes of the message.
#[derive(Clone, Copy)]
enum Takes {
    /// Its digest.
    Digest(Hash),
    /// All of it, in one message: the caller has hashed it.
    Whole,
    /// All of it, in parts if it's long.
    Parts,
}

#[derive(Clone)]
enum State {
    Fresh,
    Hashing(Hasher),
    Held(Blob),
    Streaming(Stream),
    Over,
}

impl Signing {
    /// `C_SignInit` and `C_VerifyInit`.
    ///
    /// # Errors
    ///
    /// As [`Keyed::new`].
    pub(super) fn new(nodes: &dyn Nodes, kind: StreamKind, parsed: Parsed, key: Handle) -> Result<Self> {
        let spec = parsed.spec;
        let keyed = Keyed::new(nodes, kind, parsed, key)?;
        let mac = lengths::mac_len(spec, &keyed.mechanism.params);
        let len = match mac {
            Some(len) => len,
            None => lengths::signature(spec.algorithm, spec.hash.map(Hash::len), &keyed.key)?,
        };
        let takes = match (spec.algorithm, spec.hash) {
            _ if mac.is_some() => Takes::Parts,
            (Algorithm::Eddsa, _) => Takes::Parts,
            (_, Some(hash)) => Takes::Digest(hash),
            (
                Algorithm::MlDsa
                | Algorithm::HashMlDsa
                | Algorithm::SlhDsa
                | Algorithm::HashSlhDsa
                | Algorithm::Hss
                | Algorithm::Xmss
                | Algorithm::XmssMt,
                None,
            ) => Takes::Parts,
            (_, None) => Takes::Whole,
        };
        // Under the vendor's; CKM_RSA_X_509 isn't among them.
        let of_digests = [Algorithm::Ecdsa, Algorithm::RsaPkcs, Algorithm::RsaPss];
        let one_part =
            matches!(takes, Takes::Whole) && of_digests.contains(&spec.algorithm) && nodes.wants_one_part();
        Ok(Self { kind, keyed, takes, one_part, len, state: State::Fresh })
    }

    /// `C_Sign`: PKCS#11 3.2 section 5.13.
    pub(super) fn sign(&mut self, nodes: &dyn Nodes, data: In<'_>, out: &Out) -> Result<After> {
        self.check_fresh()?;
        if !out.size(self.len)? {
            return Ok(After::GoesOn);
        }
        self.feed(nodes, data.bytes()?, CHUNK)?;
        out.fill(&self.finish(nodes, Blob::new())?)?;
        Ok(After::Over)
    }

    /// `C_SignUpdate` and `C_VerifyUpdate`.
    pub(super) fn update(&mut self, nodes: &dyn Nodes, data: In<'_>) -> Result<After> {
        if self.one_part {
            return Err(Error::new(
                ReturnCode::MECHANISM_INVALID,
                format!(
                    "{} takes its data in one part under the profile cloudhsm",
                    self.keyed.mechanism.kind
                ),
            ));
        }
        self.feed(nodes, data.bytes()?, HELD)?;
        Ok(After::GoesOn)
    }

    /// `C_SignFinal`.
    pub(super) fn sign_final(&mut self, nodes: &dyn Nodes, out: &Out) -> Result<After> {
        if !out.size(self.len)? {
            return Ok(After::GoesOn);
        }
        out.fill(&self.finish(nodes, Blob::new())?)?;
        Ok(After::Over)
    }

    /// `C_Verify`: PKCS#11 3.2 section 5.15.
    pub(super) fn verify(&mut self, nodes: &dyn Nodes, data: In<'_>, signature: In<'_>) -> Result<After> {
        self.check_fresh()?;
        let signature = self.checked(signature)?;
        self.feed(nodes, data.bytes()?, CHUNK)?;
        self.finish(nodes, signature)?;
        Ok(After::Over)
    }

    /// `C_VerifyFinal`.
    pub(super) fn verify_final(&mut self, nodes: &dyn Nodes, signature: In<'_>) -> Result<After> {
        let signature = self.checked(signature)?;
        self.finish(nodes, signature)?;
        Ok(After::Over)
    }

    /// Length of the signature in bytes.
    pub(super) fn signature_len(&self) -> usize {
        self.len
    }

    /// A call for a message in one piece can't end one that came in parts.
    fn check_fresh(&self) -> Result<()> {
        if matches!(self.state, State::Fresh) { Ok(()) } else { Err(ReturnCode::OPERATION_ACTIVE.into()) }
    }

    /// A signature of the right length.
    fn checked(&self, signature: In<'_>) -> Result<Blob> {
        let signature = signature.bytes()?;
        // Java, for one, leaves out the zeros that both halves of an ECDSA signature begin with; that's still
        // a signature (PKCS#11 3.2 section 6.3.1). The node looks at it more closely.
        let in_halves = self.keyed.key.key_type == Some(KeyType::Ec);
        let may_be_shorter = in_halves && !signature.is_empty() && signature.len() % 2 == 0;
        let may_be_any = self.len == lengths::ANY && signature.len() <= lengths::MAX_SIGNATURE;
        if may_be_any || signature.len() == self.len || (may_be_shorter && signature.len() < self.len) {
            Ok(Blob::from(signature))
        } else {
            Err(Error::new(
                ReturnCode::SIGNATURE_LEN_RANGE,
                format!("a signature has {} bytes with this key, not {}", self.len, signature.len()),
            ))
        }
    }

    /// Takes in more of the message, and keeps at most `held` bytes of it here.
    fn feed(&mut self, nodes: &dyn Nodes, data: &[u8], held: usize) -> Result<()> {
        if matches!(self.state, State::Fresh) {
            self.state = match self.takes {
                Takes::Digest(hash) => State::Hashing(Hasher::new(hash)),
                Takes::Whole | Takes::Parts => State::Held(Blob::new()),
            };
        }
        match &mut self.state {
            State::Hashing(hasher) => hasher.update(data),
            State::Held(before) if before.is_empty() && data.len() <= held => *before = Blob::from(data),
            State::Held(before) if before.len() + data.len() <= held => before.extend(data),
            State::Held(before) => {
                if matches!(self.takes, Takes::Whole) {
                    return Err(Error::new(
                        ReturnCode::DATA_LEN_RANGE,
                        "the mechanism signs a digest, and this is far longer than one",
                    ));
                }
                let operation = self.keyed.operation(std::mem::take(before));
                let (stream, _) = Stream::open(nodes, self.kind, operation, data)?;
                self.state = State::Streaming(stream);
            }
            State::Streaming(stream) => {
                let stream = *stream;
                self.state = State::Over;
                stream.update(nodes, data)?;
                self.state = State::Streaming(stream);
            }
            State::Fresh | State::Over => return Err(ReturnCode::OPERATION_NOT_INITIALIZED.into()),
        }
        Ok(())
    }

    /// Makes the signature, or verifies the one given.
    fn finish(&mut self, nodes: &dyn Nodes, signature: Blob) -> Result<Blob> {
        if matches!(self.state, State::Fresh) {
            self.feed(nodes, &[], HELD)?;
        }
        let (data, digested) = match std::mem::replace(&mut self.state, State::Over) {
            State::Hashing(hasher) => (hasher.finish(), true),
            State::Held(message) => (message, false),
            State::Streaming(stream) => return stream.finish(nodes, signature),
            State::Fresh | State::Over => return Err(ReturnCode::OPERATION_NOT_INITIALIZED.into()),
        };
        let route = Route::Of(self.keyed.key.handle);
        let operation = self.keyed.operation(data);
        let request = match self.kind {
            StreamKind::Verify => Request::Verify { operation, digested, signature },
            _ => Request::Sign { operation, digested },
        };
        bytes(nodes.call(route, &request)?)
    }
}

impl Running for Signing {
    fn wants_login(&self) -> Option<Handle> {
        self.keyed.wants_login()
    }

    fn abandon(&mut self, nodes: &dyn Nodes) {
        if let State::Streaming(stream) = std::mem::replace(&mut self.state, State::Over) {
            stream.abandon(nodes);
        }
    }

    fn survives_fork(&self) -> bool {
        !matches!(self.state, State::Streaming(_))
    }
}
