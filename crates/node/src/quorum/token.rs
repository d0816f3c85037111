//! A token: how long it lives, what it's found by, how many it needs.

use strongroom_model::{Hash, Service};
use strongroom_wire::QuorumSettings;

use crate::object::StoredObject;
use crate::state::{Change, Expect, Key, QuorumToken, Replica};

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

/// How many must approve what a service gates; for keys the key says it.
pub(super) fn needed(settings: &QuorumSettings, service: Service, object: Option<&StoredObject>) -> u8 {
    let terms = object.map(|object| &object.terms);
    match service {
        Service::KeyManagement => terms.map_or(1, |terms| terms.manage_quorum),
        Service::KeyUsage => terms.map_or(1, |terms| terms.use_quorum),
        service => settings.of(service).unwrap_or(1),
    }
}

impl Change {
    /// Ends all tokens of some kind.
    pub(crate) fn without_tokens(self, replica: &Replica, doomed: impl Fn(&QuorumToken) -> bool) -> Self {
        replica.tokens().filter(|(_, record)| doomed(&record.value)).fold(self, |change, (id, record)| {
            change.and(Key::Token(*id), Expect::Version(record.version), None)
        })
    }
}
