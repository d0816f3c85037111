//! Encrypting and decrypting message after message: PKCS#11 3.2 sections 5.9 and 5.11. Each message has a nonce, associated
//! data and a tag of its own.

use cryptoki_sys::CK_MECHANISM;
use strongroom_model::{
    Algorithm, Blob, Error, Handle, Mechanism, MechanismType, Params, Result, ReturnCode,
};

use super::ciphering::{Ciphering, kind};
use super::keyed::Keyed;
use super::lengths::Direction;
use super::nonces::Nonces;
use super::{After, Nodes, Running};
use crate::abi::{Block, In, Out};
use crate::params::message::{Aead, MessageParams, refusal};
use crate::params::{MAX_AAD, Parsed};

/// Messages that are being encrypted or decrypted, each with one key.
#[derive(Clone)]
pub(super) struct Messages {
    direction: Direction,
    keyed: Keyed,
    algorithm: Algorithm,
    aead: Aead,
    nonces: Nonces,
    /// The message that comes in parts just now.
    current: Option<Current>,
}

/// A message in parts.
#[derive(Clone)]
struct Current {
    ciphering: Ciphering,
    tag_len: usize,
}

impl Messages {
    /// `C_MessageEncryptInit` and `C_MessageDecryptInit`. The mechanism's parameters are those of each message; what comes
    /// here doesn't matter.
    ///
    /// # Errors
    ///
    /// Those of [`Keyed::new`]; `CKR_MECHANISM_INVALID` for a mechanism that takes no parameters for each message.
    pub(super) fn new(
        nodes: &dyn Nodes,
        direction: Direction,
        mechanism: CK_MECHANISM,
        key: Handle,
    ) -> Result<Self> {
        let (kind_, aead) = aead(mechanism.mechanism)?;
        let spec = kind_.spec().ok_or(ReturnCode::MECHANISM_INVALID)?;
        let parsed = Parsed { mechanism: Mechanism { kind: kind_, params: Params::None }, spec };
        let keyed = Keyed::new(nodes, kind(direction), parsed, key)?;
        let algorithm = spec.algorithm;
        Ok(Self { direction, keyed, algorithm, aead, nonces: Nonces::default(), current: None })
    }

    /// `C_EncryptMessage` and `C_DecryptMessage`.
    pub(super) fn whole(
        &mut self,
        nodes: &dyn Nodes,
        parameter: Block,
        [associated, data]: [In<'_>; 2],
        out: &Out,
    ) -> Result<After> {
        self.must_be_idle()?;
        let message = MessageParams::read(self.aead, parameter)?;
        let (associated, data) = (associated.at_most(MAX_AAD)?, data.bytes()?);
        if !out.size(data.len())? {
            return Ok(After::GoesOn);
        }
        match self.direction {
            Direction::Encrypt => {
                let nonce = self.nonces.next(nodes, &message)?;
                let mut cipher = self.cipher(&message, nonce.clone(), associated, data.len() as u64)?;
                let sealed = cipher.run(nodes, data)?;
                message.put_nonce(&nonce)?;
                seal(&message, &sealed, out)?;
            }
            Direction::Decrypt => {
                let mut cipher = self.cipher(&message, message.nonce()?, associated, data.len() as u64)?;
                let mut sealed = Blob::from(data);
                sealed.extend(&message.tag()?);
                out.fill(&cipher.run(nodes, &sealed).map_err(forged)?)?;
            }
        }
        Ok(After::GoesOn)
    }

    /// `C_EncryptMessageBegin` and `C_DecryptMessageBegin`.
    pub(super) fn begin(&mut self, nodes: &dyn Nodes, parameter: Block, associated: In<'_>) -> Result<After> {
        self.must_be_idle()?;
        let message = MessageParams::read(self.aead, parameter)?;
        let associated = associated.at_most(MAX_AAD)?;
        let nonce = match self.direction {
            Direction::Encrypt => self.nonces.next(nodes, &message)?,
            Direction::Decrypt => message.nonce()?,
        };
        let ciphering = self.cipher(&message, nonce.clone(), associated, message.announced_len())?;
        if self.direction == Direction::Encrypt {
            message.put_nonce(&nonce)?;
        }
        self.current = Some(Current { ciphering, tag_len: message.tag_len() });
        Ok(After::GoesOn)
    }

    /// `C_EncryptMessageNext` and `C_DecryptMessageNext`. An error ends the message, but not its being one of many.
    pub(super) fn next(
        &mut self,
        nodes: &dyn Nodes,
        parameter: Block,
        data: In<'_>,
        out: &Out,
        last: bool,
    ) -> Result<After> {
        let (direction, aead) = (self.direction, self.aead);
        let current = self.current.as_mut().ok_or(ReturnCode::OPERATION_NOT_INITIALIZED)?;
        let result = match (direction, last) {
            (_, false) => current.ciphering.update(nodes, data, out),
            (Direction::Encrypt, true) => current.seal(nodes, aead, parameter, data, out),
            (Direction::Decrypt, true) => current.open(nodes, aead, parameter, data, out),
        };
        super::end_message(&mut self.current, nodes, result)
    }

    /// `C_MessageEncryptFinal` and `C_MessageDecryptFinal`.
    pub(super) fn last(&mut self) -> Result<After> {
        self.must_be_idle().map(|()| After::Over)
    }

    fn must_be_idle(&self) -> Result<()> {
        match self.current {
            None => Ok(()),
            Some(_) => Err(Error::new(
                ReturnCode::OPERATION_ACTIVE,
                "another message comes in parts just now; end it first",
            )),
        }
    }

    /// What works on one message of `len` bytes.
    fn cipher(&self, message: &MessageParams, nonce: Blob, associated: &[u8], len: u64) -> Result<Ciphering> {
        let params = message.for_node(nonce, associated, len);
        let mechanism = Mechanism { kind: self.keyed.mechanism.kind, params };
        let keyed = Keyed { key: self.keyed.key.clone(), mechanism };
        Ciphering::with(self.direction, keyed, self.algorithm)
    }
}

impl Current {
    /// The last part of a message that is encrypted.
    fn seal(
        &mut self,
        nodes: &dyn Nodes,
        aead: Aead,
        parameter: Block,
        data: In<'_>,
        out: &Out,
    ) -> Result<After> {
        let message = self.params(aead, parameter)?;
        let data = data.bytes()?;
        if !out.size(self.ciphering.size_of_next(data.len(), true)?.saturating_sub(self.tag_len))? {
            return Ok(After::GoesOn);
        }
        let sealed = self.rest(nodes, data)?;
        seal(&message, &sealed, out)?;
        Ok(After::Over)
    }

    /// The last part of a message that is decrypted.
    fn open(
        &mut self,
        nodes: &dyn Nodes,
        aead: Aead,
        parameter: Block,
        data: In<'_>,
        out: &Out,
    ) -> Result<After> {
        let message = self.params(aead, parameter)?;
        let data = data.bytes()?;
        if !out.size(self.ciphering.size_of_next(data.len() + self.tag_len, true)?)? {
            return Ok(After::GoesOn);
        }
        let mut sealed = Blob::from(data);
        sealed.extend(&message.tag()?);
        out.fill(&self.rest(nodes, &sealed).map_err(forged)?)?;
        Ok(After::Over)
    }

    fn params(&self, aead: Aead, parameter: Block) -> Result<MessageParams> {
        let message = MessageParams::read(aead, parameter)?;
        if message.tag_len() == self.tag_len {
            Ok(message)
        } else {
            Err(refusal("was told another length of the tag when the message began"))
        }
    }

    /// What comes out for the last part and at the end.
    fn rest(&mut self, nodes: &dyn Nodes, data: &[u8]) -> Result<Blob> {
        if self.ciphering.is_fresh() {
            return self.ciphering.run(nodes, data);
        }
        let mut result = self.ciphering.feed(nodes, data)?;
        result.extend(&self.ciphering.finish(nodes)?);
        Ok(result)
    }
}

impl Running for Messages {
    fn abandon(&mut self, nodes: &dyn Nodes) {
        if let Some(mut current) = self.current.take() {
            current.ciphering.abandon(nodes);
        }
    }

    /// Two processes that go on with one counter would use each nonce twice.
    fn survives_fork(&self) -> bool {
        let rest_survives = self.current.as_ref().is_none_or(|current| current.ciphering.survives_fork());
        self.direction == Direction::Decrypt && rest_survives
    }
}

impl Running for Current {
    fn abandon(&mut self, nodes: &dyn Nodes) {
        self.ciphering.abandon(nodes);
    }
}

/// The mechanism, if it takes parameters for each message.
pub(super) fn aead(mechanism: u64) -> Result<(MechanismType, Aead)> {
    let kind = MechanismType(mechanism);
    Aead::of(kind).map(|aead| (kind, aead)).ok_or_else(|| {
        Error::new(ReturnCode::MECHANISM_INVALID, format!("{kind} takes no parameters for each message"))
    })
}

/// Gives out a ciphertext and the tag behind it.
pub(super) fn seal(message: &MessageParams, sealed: &[u8], out: &Out) -> Result<()> {
    let (ciphertext, tag) = sealed
        .split_at_checked(sealed.len().wrapping_sub(message.tag_len()))
        .ok_or(ReturnCode::DEVICE_ERROR)?;
    message.put_tag(tag)?;
    out.fill(ciphertext)
}

/// What a wrong tag is called here.
fn forged(error: Error) -> Error {
    match error.code {
        ReturnCode::ENCRYPTED_DATA_INVALID => Error { code: ReturnCode::AEAD_DECRYPT_FAILED, ..error },
        _ => error,
    }
}
