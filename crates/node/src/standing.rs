//! A node that doesn't hear of its cluster's changes (attacks.md A34).
//!
//! Under `standard` and `strict` it refuses whatever rests on the cluster's state, before anything is done, so that the client
//! can ask another node; its session objects go on working. Under `cloudhsm` it answers, as the vendor's do, and says that it
//! may be out of date; only changes, which it can't have committed, are left to other nodes.

use std::cell::Cell;

use strongroom_model::{Error, Profile, Regime, Result, ReturnCode};
use strongroom_wire::{Request, Standing};

use crate::access::Caller;

/// Whether a node can answer for the cluster's state during one request.
#[derive(Debug, Default)]
pub(crate) struct Footing {
    /// What the cluster allows.
    pub(crate) regime: Regime,
    connected: bool,
    serves: bool,
    refused: Cell<bool>,
}

impl Footing {
    pub(crate) fn new(connected: bool, regime: Regime) -> Self {
        let serves = connected || regime.profile == Profile::CloudHsm;
        Self { regime, connected, serves, refused: Cell::new(false) }
    }

    /// For the reply.
    pub(crate) fn standing(&self) -> Standing {
        match self {
            Self { refused, .. } if refused.get() => Standing::Unfit,
            Self { connected: true, .. } => Standing::Current,
            // What was answered didn't rest on the state where a node doesn't serve.
            Self { serves: false, .. } => Standing::Current,
            Self { .. } => Standing::Stale,
        }
    }
}

impl Caller<'_> {
    /// Refuses to go on where the cluster's state must be known. To be asked before anything is done.
    ///
    /// # Errors
    ///
    /// `CKR_DEVICE_ERROR` on a node that is cut off; the reply says that it's [`Standing::Unfit`].
    pub(crate) fn must_be_current(&self) -> Result<()> {
        if self.footing.serves {
            return Ok(());
        }
        self.footing.refused.set(true);
        Err(Error::new(
            ReturnCode::DEVICE_ERROR,
            format!(
                "node {} is cut off from its cluster and may have missed changes, so it answers for nothing but session \\
                 objects: `strongroom status` shows the nodes that are well",
                self.node.id.0
            ),
        ))
    }

    /// What the cluster couldn't be asked, because this node is cut off: another node may do it, since nothing was done.
    pub(crate) fn for_another_node(&self, error: Error) -> Error {
        if !self.node.port.is_connected() {
            self.footing.refused.set(true);
        }
        error
    }
}

/// Whether a request rests on users or policy, or on token objects that it doesn't name. Where it names objects, it depends on
/// them.
pub(crate) fn rests_on_state(request: &Request) -> bool {
    match request {
        Request::Info
        | Request::Mechanisms
        | Request::Random { .. }
        | Request::CloseSession
        | Request::Find { .. }
        | Request::Object { .. }
        | Request::GetAttributes { .. }
        | Request::SetAttributes { .. }
        | Request::ObjectSize { .. }
        | Request::Create { .. }
        | Request::Copy { .. }
        | Request::Destroy { .. }
        | Request::GenerateKey { .. }
        | Request::GeneratePair { .. }
        | Request::Sign { .. }
        | Request::Verify { .. }
        | Request::SignRecover(_)
        | Request::VerifyRecover(_)
        | Request::Encrypt(_)
        | Request::Decrypt(_)
        | Request::Wrap { .. }
        | Request::Unwrap { .. }
        | Request::Derive { .. }
        | Request::Encapsulate { .. }
        | Request::Decapsulate { .. }
        | Request::Open { .. }
        | Request::Update { .. }
        | Request::Finish { .. }
        | Request::Abandon { .. }
        | Request::Ownership { .. }
        | Request::ExtractMasked { .. } => false,
        Request::Login(_)
        | Request::LoginWithKey { .. }
        | Request::Logout
        | Request::Renew
        | Request::Confirm { .. }
        | Request::InitToken { .. }
        | Request::InitPin { .. }
        | Request::SetPin { .. }
        | Request::CreateUser(_)
        | Request::DeleteUser { .. }
        | Request::ChangePassword(_)
        | Request::ListUsers
        | Request::Activate { .. }
        | Request::Challenge { .. }
        | Request::RegisterQuorumKey(_)
        | Request::ChangeMfa { .. }
        | Request::QuorumToken { .. }
        | Request::ListQuorumTokens
        | Request::DeleteQuorumTokens { .. }
        | Request::QuorumSettings
        | Request::SetQuorumValue { .. }
        | Request::SetQuorumTimeouts { .. }
        | Request::TrustAnchors
        | Request::RegisterTrustAnchor { .. }
        | Request::DeregisterTrustAnchor { .. }
        | Request::MtlsEnforcement
        | Request::SetMtlsEnforcement { .. }
        | Request::Share { .. }
        | Request::Persist { .. }
        | Request::ReplicateUser { .. }
        | Request::InsertMasked { .. }
        | Request::ExtractMaskedUser { .. }
        | Request::InsertMaskedUser { .. } => true,
    }
}
