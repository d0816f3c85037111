//! Whether enough have approved what is about to be done.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_crypto::ApproverKey;
use strongroom_model::{Blob, Handle, Place, Result, ReturnCode, Role, Service, limits};
use strongroom_wire::{Approval, Signature};

use super::data::PART;
use super::{messages, token};
use crate::access::Caller;
use crate::object::StoredObject;
use crate::state::{Expect, Key, QuorumToken, Replica, Versioned, Write};

/// A token, with what it's found by.
type Found<'r> = ([u8; 32], &'r Versioned<Arc<QuorumToken>>);

/// The most signatures under one token.
const MAX_SIGNATURES: usize = 64;
/// The most approvals with one request: the operations that need most need one for each of two keys.
pub(super) const MAX_APPROVALS: usize = 8;

impl Caller<'_> {
    /// What must go into the change that does something which `needed` users must approve: the end of the token that
    /// they approved. `None` if nobody need.
    ///
    /// The token must be the caller's own, made in this process for this service and key, not expired and not used;
    /// each signature must be by a user who may approve now. One key counts once, whoever signed with it; the
    /// requester's own approval counts (cloudhsm.md 3.2).
    ///
    /// # Errors
    ///
    /// `CKR_FUNCTION_REJECTED` with the sentences of [`messages`].
    pub(crate) fn approval(
        &self,
        replica: &Replica,
        service: Service,
        key: Option<Handle>,
        needed: u8,
    ) -> Result<Option<Write>> {
        if needed <= 1 {
            return Ok(None);
        }
        if self.extras.approvals.len() > MAX_APPROVALS {
            return Err(messages::malformed());
        }
        let mut refusal = None;
        for approval in &self.extras.approvals {
            match self.own_token(replica, approval, service, key) {
                Ok(found) => return self.enough(replica, found, approval, needed).map(Some),
                Err(error) => {
                    refusal.get_or_insert(error);
                }
            }
        }
        Err(refusal.unwrap_or_else(|| messages::missing(service)))
    }

    /// The token that an approval is for, if the caller may use it for this.
    pub(super) fn own_token<'r>(
        &self,
        replica: &'r Replica,
        approval: &Approval,
        service: Service,
        key: Option<Handle>,
    ) -> Result<Found<'r>> {
        let data = &approval.data;
        if data.is_empty() || !data.len().is_multiple_of(PART) || data.len() > PART * limits::MAX_NODES {
            return Err(messages::malformed());
        }
        let id = token::id(data);
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let record = replica
            .token(&id)
            .filter(|record| {
                let token = &record.value;
                (token.role, &token.user) == (principal.role, &principal.user)
                    && token.instance == self.hello.instance
            })
            .ok_or_else(messages::invalid_pair)?;
        let token = &record.value;
        if (token.service, token.key) != (service, key) {
            return Err(messages::mismatch(token.service, service));
        }
        if token.expires(&token::settings(replica)) <= self.node.clock.now() {
            return Err(messages::expired());
        }
        Ok((id, record))
    }

    /// The end of a token, if as many as needed have approved it.
    pub(super) fn enough(
        &self,
        replica: &Replica,
        (id, record): Found<'_>,
        approval: &Approval,
        needed: u8,
    ) -> Result<Write> {
        let count = self.count(replica, &record.value, &id, &approval.signatures)?;
        if count < usize::from(needed) {
            return Err(messages::too_few(count, needed));
        }
        Ok(Write { key: Key::Token(id), expect: Expect::Version(record.version), record: None })
    }

    /// How many have approved a token: distinct keys of users who may. One bad signature spoils all.
    fn count(
        &self,
        replica: &Replica,
        token: &QuorumToken,
        id: &[u8; 32],
        signatures: &[Signature],
    ) -> Result<usize> {
        if signatures.is_empty() {
            return Err(messages::unsigned());
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(messages::malformed());
        }
        let object = token.key.and_then(|key| self.object_of(replica, key));
        let mut keys: BTreeSet<&Blob> = BTreeSet::new();
        for signature in signatures {
            let public_key = approver(replica, token.service, object.as_deref(), signature)
                .ok_or_else(messages::invalid_pair)?;
            if !ApproverKey::from_spki(public_key)?.verifies(id, &signature.signature) {
                return Err(messages::invalid_pair());
            }
            keys.insert(public_key);
        }
        Ok(keys.len())
    }

    pub(super) fn object_of(&self, replica: &Replica, handle: Handle) -> Option<Arc<StoredObject>> {
        match handle.place() {
            Place::Cluster => replica.object(handle).map(|record| Arc::clone(&record.value)),
            Place::Node(_) => self.family.get(handle),
        }
    }
}

/// The key of who claims to have signed, if that user may approve: an officer for what officers do; for a key its
/// owner and those whom it's shared with (cloudhsm.md 3.6).
fn approver<'r>(
    replica: &'r Replica,
    service: Service,
    object: Option<&StoredObject>,
    signature: &Signature,
) -> Option<&'r Blob> {
    let role = if service.is_for_a_key() { Role::CryptoUser } else { Role::Admin };
    if signature.role.is_some_and(|claimed| claimed != role) {
        return None;
    }
    if service.is_for_a_key() && !object.is_some_and(|object| object.is_of(&signature.user)) {
        return None;
    }
    replica.user(role, &signature.user)?.value.public_key.as_ref()
}
