//! Tokens: how long they live, and what they're found by.

use strongroom_model::Hash;
use strongroom_wire::QuorumSettings;

use crate::state::{QuorumToken, Replica};

/// What a token's record is found by, and what its approvers sign.
pub(super) fn id(data: &[u8]) -> [u8; 32] {
    let mut id = [0; 32];
    id.copy_from_slice(&strongroom_crypto::digest::digest(Hash::Sha256, &[data]));
    id
}

/// What holds for quorums here.
pub(super) fn settings(replica: &Replica) -> QuorumSettings {
    replica.policy().map_or_else(Default::default, |policy| policy.quorum)
}

impl QuorumToken {
    /// When it can't be used any more, in seconds since 1970: approvals come along with the use, so that the first of
    /// the two times runs until then, the other from an approved use that failed (cloudhsm.md 3.2).
    pub(super) fn expires(&self, settings: &QuorumSettings) -> u64 {
        match self.approved {
            None => self.created.saturating_add(settings.generated.into()),
            Some(approved) => approved.saturating_add(settings.approved.into()),
        }
    }
}
