//! Signatures that hold what was signed: PKCS#11 3.2 sections 5.13 and 5.15.

use strongroom_model::{Blob, Error, Handle, Result, ReturnCode};
use strongroom_wire::Request;

use super::keyed::{Keyed, Purpose};
use super::stream::bytes;
use super::{After, Nodes, Route, Running};
use crate::abi::{In, Out};
use crate::params::Parsed;

/// A signature that is to be made, or read.
#[derive(Clone)]
pub(super) struct Recovering {
    keyed: Keyed,
    /// Of the signature, in bytes.
    len: usize,
    /// What was recovered when the buffer was too small, and from which signature.
    recovered: Option<(Blob, Blob)>,
}

impl Recovering {
    /// `C_SignRecoverInit` and `C_VerifyRecoverInit`.
    ///
    /// # Errors
    ///
    /// As [`Keyed::new`].
    pub(super) fn new(nodes: &dyn Nodes, purpose: Purpose, parsed: Parsed, key: Handle) -> Result<Self> {
        let keyed = Keyed::new(nodes, purpose, parsed, key)?;
        // Only RSA recovers.
        let len = (keyed.key.size as usize).div_ceil(8);
        Ok(Self { keyed, len, recovered: None })
    }

    /// `C_SignRecover`.
    pub(super) fn sign(&mut self, nodes: &dyn Nodes, data: In<'_>, out: &Out) -> Result<After> {
        let data = data.bytes()?;
        if data.len() > self.len {
            return Err(Error::new(
                ReturnCode::DATA_LEN_RANGE,
                format!("a signature of {} bytes can't hold {} bytes", self.len, data.len()),
            ));
        }
        if !out.size(self.len)? {
            return Ok(After::GoesOn);
        }
        let operation = self.keyed.operation(Blob::from(data));
        let route = Route::Of(operation.key);
        out.fill(&bytes(nodes.call(route, &Request::SignRecover(operation))?)?)?;
        Ok(After::Over)
    }

    /// `C_VerifyRecover`. That the signature is wrong is said before that the buffer is too small.
    pub(super) fn verify(&mut self, nodes: &dyn Nodes, signature: In<'_>, out: &Out) -> Result<After> {
        let signature = signature.bytes()?;
        if signature.len() != self.len {
            return Err(Error::new(
                ReturnCode::SIGNATURE_LEN_RANGE,
                format!("a signature has {} bytes with this key, not {}", self.len, signature.len()),
            ));
        }
        if out.is_query()? {
            out.size(self.len)?;
            return Ok(After::GoesOn);
        }
        let before = self.recovered.take().filter(|(of, _)| of.as_slice() == signature);
        let recovered = match before {
            Some((_, recovered)) => recovered,
            None => {
                let mechanism = self.keyed.mechanism.clone();
                let operation = self.keyed.operation(Blob::from(signature));
                self.keyed.mechanism = mechanism;
                bytes(nodes.call(Route::Of(operation.key), &Request::VerifyRecover(operation))?)?
            }
        };
        let result = out.fill(&recovered);
        self.recovered = Some((Blob::from(signature), recovered));
        result.map(|()| After::Over)
    }
}

impl Running for Recovering {
    fn wants_login(&self) -> Option<Handle> {
        self.keyed.wants_login()
    }
}
