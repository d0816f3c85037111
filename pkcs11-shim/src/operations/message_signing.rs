//! Signing and verifying message after message: PKCS#11 3.2 sections 5.14 and 5.16.

use strongroom_model::{Error, Handle, Result, ReturnCode};
use strongroom_wire::StreamKind;

use super::signing::Signing;
use super::{After, Nodes, Running};
use crate::abi::{Block, In, Out};
use crate::params::Parsed;

/// Messages that are being signed, or verified, each with one key and mechanism.
#[derive(Clone)]
pub(super) struct Signers {
    /// What each message begins with.
    fresh: Signing,
    /// The message that comes in parts just now.
    current: Option<Signing>,
}

impl Signers {
    /// `C_MessageSignInit` and `C_MessageVerifyInit`.
    ///
    /// # Errors
    ///
    /// Those of [`Signing::new`].
    pub(super) fn new(nodes: &dyn Nodes, kind: StreamKind, parsed: Parsed, key: Handle) -> Result<Self> {
        Ok(Self { fresh: Signing::new(nodes, kind, parsed, key)?, current: None })
    }

    /// `C_SignMessage`.
    pub(super) fn sign(
        &mut self,
        nodes: &dyn Nodes,
        parameter: Block,
        data: In<'_>,
        out: &Out,
    ) -> Result<After> {
        self.one(parameter, |mut one| one.sign(nodes, data, out))
    }

    /// `C_VerifyMessage`.
    pub(super) fn verify(
        &mut self,
        nodes: &dyn Nodes,
        parameter: Block,
        data: In<'_>,
        signature: In<'_>,
    ) -> Result<After> {
        self.one(parameter, |mut one| one.verify(nodes, data, signature))
    }

    /// `C_SignMessageBegin` and `C_VerifyMessageBegin`.
    pub(super) fn begin(&mut self, parameter: Block) -> Result<After> {
        self.one(parameter, Ok).map(|one| self.current = Some(one))?;
        Ok(After::GoesOn)
    }

    /// `C_SignMessageNext`. Without a place for a length it isn't the last part.
    pub(super) fn sign_next(
        &mut self,
        nodes: &dyn Nodes,
        parameter: Block,
        data: In<'_>,
        out: &Out,
    ) -> Result<After> {
        self.step(nodes, parameter, |current| {
            if out.is_absent() {
                return current.update(nodes, data);
            }
            if !out.size(current.signature_len())? {
                return Ok(After::GoesOn);
            }
            current.update(nodes, data)?;
            current.sign_final(nodes, out)
        })
    }

    /// `C_VerifyMessageNext`. Without a signature it isn't the last part.
    pub(super) fn verify_next(
        &mut self,
        nodes: &dyn Nodes,
        parameter: Block,
        data: In<'_>,
        signature: In<'_>,
    ) -> Result<After> {
        self.step(nodes, parameter, |current| {
            current.update(nodes, data)?;
            if signature.is_null() {
                return Ok(After::GoesOn);
            }
            current.verify_final(nodes, signature)
        })
    }

    /// `C_MessageSignFinal` and `C_MessageVerifyFinal`.
    pub(super) fn last(&mut self) -> Result<After> {
        match self.current {
            None => Ok(After::Over),
            Some(_) => Err(under_way()),
        }
    }

    /// Does something with a message of its own.
    fn one<T>(&self, parameter: Block, call: impl FnOnce(Signing) -> Result<T>) -> Result<T> {
        none(parameter)?;
        match self.current {
            None => call(self.fresh.clone()),
            Some(_) => Err(under_way()),
        }
    }

    /// Goes on with the message that comes in parts. An error ends it, but not its being one of many.
    fn step(
        &mut self,
        nodes: &dyn Nodes,
        parameter: Block,
        call: impl FnOnce(&mut Signing) -> Result<After>,
    ) -> Result<After> {
        let current = self.current.as_mut().ok_or(ReturnCode::OPERATION_NOT_INITIALIZED)?;
        let result = none(parameter).and_then(|()| call(current));
        super::end_message(&mut self.current, nodes, result)
    }
}

impl Running for Signers {
    fn abandon(&mut self, nodes: &dyn Nodes) {
        if let Some(mut current) = self.current.take() {
            current.abandon(nodes);
        }
    }

    fn survives_fork(&self) -> bool {
        self.current.as_ref().is_none_or(Running::survives_fork)
    }

    /// Each message is a use.
    fn wants_login(&self) -> Option<Handle> {
        self.fresh.wants_login()
    }
}

/// No mechanism that signs takes parameters for each message.
fn none(parameter: Block) -> Result<()> {
    if parameter.len() == 0 {
        return Ok(());
    }
    Err(Error::new(
        ReturnCode::MECHANISM_PARAM_INVALID,
        "the mechanism takes no parameters for each message; its own came with the Init",
    ))
}

fn under_way() -> Error {
    Error::new(ReturnCode::OPERATION_ACTIVE, "another message comes in parts just now; end it first")
}
