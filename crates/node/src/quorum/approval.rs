//! Whether enough have approved what is about to be done.

use std::collections::BTreeSet;
use std::sync::Arc;

use strongroom_model::{Blob, Handle, Place, Result, ReturnCode, Role, Service, limits};
use strongroom_wire::{Approval, Signature};

use super::data::PART;
use super::{messages, token};
use crate::access::Caller;
use crate::object::StoredObject;
use crate::state::{Change, Expect, Key, QuorumToken, Replica, Revision, Versioned, Write};

/// A token, with what it's found by.
type Found<'r> = ([u8; 32], &'r Versioned<Arc<QuorumToken>>);

/// The most signatures under one token.
const MAX_SIGNATURES: usize = 64;
/// The most approvals with one request: the operations that need most need one for each of two keys.
pub(super) const MAX_APPROVALS: usize = 8;

/// That as many have agreed as must: for the change that they agreed to.
#[derive(Debug, Default)]
pub(crate) struct Approved {
    /// The end of the token that they approved; `None` if nobody needed to.
    spent: Option<Write>,
    /// What it rests on: those who have signed, and who asks, are when it's committed as they were when it was decided.
    checks: Vec<(Key, Expect)>,
}

impl Approved {
    /// Adds what it rests on besides.
    pub(crate) fn given(mut self, key: Key, expect: Expect) -> Self {
        self.checks.push((key, expect));
        self
    }
}

impl Change {
    /// Uses a token up, if one was needed.
    pub(crate) fn approved(mut self, Approved { spent, checks }: Approved) -> Self {
        // The change may end the token for another reason already.
        self.writes.extend(spent.filter(|write| self.writes.iter().all(|other| other.key != write.key)));
        self.checks.extend(checks);
        self
    }
}

impl Caller<'_> {
    /// What must go into the change that does something which `needed` users must approve. To be asked in
    /// [`Caller::commit`] only, which checks signatures meanwhile and asks again.
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
    ) -> Result<Approved> {
        if needed <= 1 {
            return Ok(Approved::default());
        }
        if self.extras.approvals.len() > MAX_APPROVALS {
            return Err(messages::malformed());
        }
        let mut refusal = None;
        for approval in &self.extras.approvals {
            match self.own_token(replica, approval, service, key) {
                Ok(found) => return self.enough(replica, found, approval, needed),
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
        let id = id_of(approval).ok_or_else(messages::malformed)?;
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
    ) -> Result<Approved> {
        let (count, checks) = self.count(replica, &record.value, &id, &approval.signatures)?;
        if count < usize::from(needed) {
            return Err(messages::too_few(count, needed));
        }
        let spent = Write { key: Key::Token(id), expect: Expect::Version(record.version), record: None };
        Ok(Approved { spent: Some(spent), checks })
    }

    /// How many have approved a token, distinct keys of users who may, and who they are. One bad signature spoils all.
    fn count(
        &self,
        replica: &Replica,
        token: &QuorumToken,
        id: &[u8; 32],
        signatures: &[Signature],
    ) -> Result<(usize, Vec<(Key, Expect)>)> {
        if signatures.is_empty() {
            return Err(messages::unsigned());
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(messages::malformed());
        }
        let object = token.key.and_then(|key| self.object_of(replica, key));
        let mut keys: BTreeSet<&Blob> = BTreeSet::new();
        let mut checks = Vec::with_capacity(signatures.len() + 1);
        let mut unchecked = false;
        for signature in signatures {
            let (who, version, public_key) = approver(replica, token.service, object.as_deref(), signature)
                .ok_or_else(messages::invalid_pair)?;
            match self.verdicts.on(id, public_key, &signature.signature) {
                Some(true) => {}
                Some(false) => return Err(messages::invalid_pair()),
                None => unchecked = true,
            }
            keys.insert(public_key);
            checks.push((who, Expect::Version(version)));
        }
        if unchecked {
            // Nobody sees this: it's asked again when they are checked.
            return Err(messages::invalid_pair());
        }
        if let Some(handle) = token.key
            && let Some(record) = replica.object(handle)
        {
            checks.push((Key::Object(handle), Expect::Version(record.version)));
        }
        Ok((keys.len(), checks))
    }

    pub(super) fn object_of(&self, replica: &Replica, handle: Handle) -> Option<Arc<StoredObject>> {
        match handle.place() {
            Place::Cluster => replica.object(handle).map(|record| Arc::clone(&record.value)),
            Place::Node(_) => self.family.get(handle),
        }
    }
}

/// What a token is found by that an approval is for, if it's of a length that a token can have.
pub(super) fn id_of(Approval { data, .. }: &Approval) -> Option<[u8; 32]> {
    let fits = !data.is_empty() && data.len().is_multiple_of(PART) && data.len() <= PART * limits::MAX_NODES;
    fits.then(|| token::id(data))
}

/// Who claims to have signed, and its key, if that user may approve: an officer for what officers do; for a key its
/// owner and those whom it's shared with (cloudhsm.md 3.6).
fn approver<'r>(
    replica: &'r Replica,
    service: Service,
    object: Option<&StoredObject>,
    signature: &Signature,
) -> Option<(Key, Revision, &'r Blob)> {
    let role = if service.is_for_a_key() { Role::CryptoUser } else { Role::Admin };
    if signature.role.is_some_and(|claimed| claimed != role) {
        return None;
    }
    if service.is_for_a_key() && !object.is_some_and(|object| object.is_of(&signature.user)) {
        return None;
    }
    let user = replica.user(role, &signature.user)?;
    Some((Key::User(role, signature.user.clone()), user.version, user.value.public_key.as_ref()?))
}
