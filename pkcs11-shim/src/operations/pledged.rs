//! Verifications whose signature comes first: PKCS#11 3.2 section 5.15, `C_VerifySignatureInit`.

use strongroom_model::{Blob, Handle, Result, limits};
use strongroom_wire::StreamKind;

use super::signing::Signing;
use super::{After, Nodes, Running};
use crate::abi::In;
use crate::params::Parsed;

/// A message that is being verified against a signature.
#[derive(Clone)]
pub(super) struct Pledged {
    signing: Signing,
    signature: Blob,
}

impl Pledged {
    /// `C_VerifySignatureInit`.
    ///
    /// # Errors
    ///
    /// Those of [`Signing::new`], and `CKR_ARGUMENTS_BAD` for a signature that isn't there.
    pub(super) fn new(nodes: &dyn Nodes, parsed: Parsed, key: Handle, signature: In<'_>) -> Result<Self> {
        let signature = Blob::from(signature.at_most(limits::MAX_OBJECT)?);
        Ok(Self { signing: Signing::new(nodes, StreamKind::Verify, parsed, key)?, signature })
    }

    /// `C_VerifySignature`.
    pub(super) fn whole(&mut self, nodes: &dyn Nodes, data: In<'_>) -> Result<After> {
        self.signing.verify(nodes, data, In::of(&self.signature))
    }

    /// `C_VerifySignatureUpdate`.
    pub(super) fn update(&mut self, nodes: &dyn Nodes, data: In<'_>) -> Result<After> {
        self.signing.update(nodes, data)
    }

    /// `C_VerifySignatureFinal`.
    pub(super) fn last(&mut self, nodes: &dyn Nodes) -> Result<After> {
        self.signing.verify_final(nodes, In::of(&self.signature))
    }
}

impl Running for Pledged {
    fn abandon(&mut self, nodes: &dyn Nodes) {
        self.signing.abandon(nodes);
    }

    fn survives_fork(&self) -> bool {
        self.signing.survives_fork()
    }
}
