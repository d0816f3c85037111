//! Digests.

use strongroom_model::{
    AttributeType, Error, Handle, Hash, MechanismType, ObjectClass, Result, ReturnCode, Value,
};
use strongroom_wire::{Answer, Request, Response};

use super::hasher::Hasher;
use super::{After, Nodes, Route, Running};
use crate::abi::{In, Out};
use crate::params::Parsed;
use crate::slot::unexpected;

/// A digest that is being computed.
#[derive(Clone)]
pub(super) struct Digesting {
    kind: MechanismType,
    hasher: Hasher,
    /// Whether parts have been taken in.
    begun: bool,
}

impl Digesting {
    /// `C_DigestInit`.
    ///
    /// # Errors
    ///
    /// `CKR_MECHANISM_INVALID` for a mechanism that isn't a digest.
    pub(super) fn new(parsed: &Parsed) -> Result<Self> {
        let hash = Hash::from_mechanism(parsed.mechanism.kind).ok_or(ReturnCode::MECHANISM_INVALID)?;
        Ok(Self { kind: parsed.mechanism.kind, hasher: Hasher::new(hash), begun: false })
    }

    /// One that goes on from a saved state.
    pub(super) fn resumed(kind: MechanismType, hasher: Hasher, begun: bool) -> Self {
        Self { kind, hasher, begun }
    }

    /// Its mechanism.
    pub(super) fn kind(&self) -> MechanismType {
        self.kind
    }

    /// What is computing it.
    pub(super) fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Whether parts have been taken in.
    pub(super) fn has_begun(&self) -> bool {
        self.begun
    }

    /// `C_Digest`: PKCS#11 3.2 section 5.12.
    pub(super) fn whole(&mut self, data: In<'_>, out: &Out) -> Result<After> {
        if self.begun {
            return Err(ReturnCode::OPERATION_ACTIVE.into());
        }
        if !out.size(self.hasher.len())? {
            return Ok(After::GoesOn);
        }
        self.hasher.update(data.bytes()?);
        self.last(out)
    }

    /// `C_DigestUpdate`.
    pub(super) fn update(&mut self, data: In<'_>) -> Result<After> {
        self.begun = true;
        self.hasher.update(data.bytes()?);
        Ok(After::GoesOn)
    }

    /// `C_DigestKey`. The key's value comes here for it, so it must be one that may be read.
    pub(super) fn key(&mut self, nodes: &dyn Nodes, handle: Handle) -> Result<After> {
        let key = nodes.key(handle)?;
        let indigestible = || {
            Error::new(
                ReturnCode::KEY_INDIGESTIBLE,
                format!("object {handle} isn't a secret key whose value may be read"),
            )
        };
        if key.class != ObjectClass::SecretKey {
            return Err(indigestible());
        }
        let request = Request::GetAttributes { handle, types: vec![AttributeType::VALUE] };
        let Response::Answers(answers) = nodes.call(Route::Of(handle), &request)? else {
            return Err(unexpected());
        };
        let Some(Answer::Value(Value::Bytes(value))) = answers.first() else { return Err(indigestible()) };
        self.begun = true;
        self.hasher.update(value);
        Ok(After::GoesOn)
    }

    /// `C_DigestFinal`.
    pub(super) fn last(&mut self, out: &Out) -> Result<After> {
        if !out.size(self.hasher.len())? {
            return Ok(After::GoesOn);
        }
        out.fill(&self.hasher.clone().finish())?;
        Ok(After::Over)
    }
}

impl Running for Digesting {}
