//! Tokens are asked for, listed, and ended (cloudhsm.md 3.2).

use std::sync::Arc;

use strongroom_crypto::random;
use strongroom_model::{Blob, Error, Handle, Result, ReturnCode, Role, Service, limits};
use strongroom_wire::{InstanceId, QuorumTokenInfo, Response};

use super::approval::{MAX_APPROVALS, id_of};
use super::data::Part;
use super::{messages, token};
use crate::access::Caller;
use crate::node::Node;
use crate::state::{Change, CommitError, Expect, Key, QuorumToken, Record, Versioned};

impl Caller<'_> {
    /// Makes a token for the caller in this process. Expired ones go on the occasion.
    pub(crate) fn quorum_token(&self, service: Service, key: Option<Handle>) -> Result<Response> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        self.must_know_the_rules()?;
        self.check_key(service, key)?;
        let created = self.node.clock.now();
        let parts = self.node.port.members().0.len().max(1);
        let data: Vec<u8> = (0..parts)
            .flat_map(|_| {
                let id = u32::from_be_bytes(random::bytes());
                let nonce = random::bytes();
                let user = &principal.user;
                Part { service: service.number(), id, key, nonce, user, time: created }.encode()
            })
            .collect();
        let record = Arc::new(QuorumToken {
            role: principal.role,
            user: principal.user.clone(),
            instance: self.hello.instance,
            service,
            key,
            created,
            approved: None,
        });
        self.commit(|replica| {
            let settings = token::settings(replica);
            let live = replica
                .tokens()
                .map(|(_, other)| &other.value)
                .filter(|other| other.expires(&settings) > created);
            let mut count = 0;
            for other in live {
                let same = (other.role, &other.user, other.service) == (record.role, &record.user, service);
                if same && !service.is_for_a_key() {
                    return Err(messages::second_token(&record.user, service));
                }
                count += 1;
            }
            if count >= limits::MAX_QUORUM_TOKENS {
                return Err(Error::new(
                    ReturnCode::DEVICE_MEMORY,
                    format!(
                        "the cluster has {count} quorum tokens: wait until some have expired, or delete them"
                    ),
                ));
            }
            let change = Change::default()
                .without_tokens(replica, |token| token.expires(&settings) <= created)
                .and(Key::Token(token::id(&data)), Expect::Absent, Some(Record::Token(Arc::clone(&record))));
            Ok((change, ()))
        })?;
        Ok(Response::Bytes(Blob::from(data)))
    }

    /// The tokens that aren't expired: one's own, and for an officer all.
    pub(crate) fn list_quorum_tokens(&self) -> Result<Response> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        let now = self.node.clock.now();
        let replica = self.node.replica.read();
        let settings = token::settings(&replica);
        let mut tokens: Vec<QuorumTokenInfo> = replica
            .tokens()
            .map(|(_, record)| &record.value)
            .filter(|token| {
                principal.role == Role::Admin
                    || (token.role, &token.user) == (principal.role, &principal.user)
            })
            .filter_map(|token| {
                let left = token.expires(&settings).checked_sub(now).filter(|left| *left > 0)?;
                let object = token.key.and_then(|key| self.object_of(&replica, key));
                let required = token::needed(&settings, token.service, object.as_deref());
                Some(QuorumTokenInfo {
                    user: token.user.clone(),
                    role: token.role,
                    service: token.service,
                    key: token.key,
                    required,
                    approvals: if token.approved.is_some() { required } else { 0 },
                    seconds_left: u32::try_from(left).unwrap_or(u32::MAX),
                })
            })
            .collect();
        tokens.sort_by(|one, other| {
            (one.service, &one.user, one.key, one.seconds_left).cmp(&(
                other.service,
                &other.user,
                other.key,
                other.seconds_left,
            ))
        });
        Ok(Response::QuorumTokens(tokens))
    }

    pub(crate) fn delete_quorum_tokens(&self, all: bool) -> Result<Response> {
        let principal = self.principal.ok_or(ReturnCode::USER_NOT_LOGGED_IN)?;
        self.commit(|replica| {
            let change = Change::default().without_tokens(replica, |token| {
                all || (token.role, &token.user) == (principal.role, &principal.user)
            });
            Ok((change, ()))
        })?;
        Ok(Response::Done)
    }

    /// Starts the second of a token's two times: enough had approved, and what it approved failed all the same.
    pub(crate) fn keep_approvals(&self) {
        if self.principal.is_none() {
            return;
        }
        let kept = self.commit(|replica| {
            let settings = token::settings(replica);
            let mut change = Change::default();
            for approval in self.extras.approvals.iter().take(MAX_APPROVALS) {
                let Some(id) = id_of(approval) else { continue };
                let written = change.writes.iter().any(|write| write.key == Key::Token(id));
                let unapproved = |record: &&Versioned<Arc<QuorumToken>>| record.value.approved.is_none();
                let Some(record) = replica.token(&id).filter(unapproved).filter(|_| !written) else {
                    continue;
                };
                let QuorumToken { service, key, .. } = *record.value;
                let object = key.and_then(|key| self.object_of(replica, key));
                let needed = token::needed(&settings, service, object.as_deref());
                let found = self.own_token(replica, approval, service, key);
                let approved = |found| self.enough(replica, found, approval, needed).is_ok();
                if needed > 1 && found.is_ok_and(approved) {
                    let token =
                        QuorumToken { approved: Some(self.node.clock.now()), ..(*record.value).clone() };
                    let record = (Expect::Version(record.version), Record::Token(Arc::new(token)));
                    change = change.and(Key::Token(id), record.0, Some(record.1));
                }
            }
            Ok((change, ()))
        });
        if let Err(error) = kept {
            tracing::debug!("approvals weren't noted: {error}");
        }
    }

    fn check_key(&self, service: Service, key: Option<Handle>) -> Result<()> {
        let bad = |why: String| Err(Error::new(ReturnCode::ARGUMENTS_BAD, why));
        match (service.is_for_a_key(), key) {
            (false, None) => Ok(()),
            (false, Some(_)) => bad(format!("a quorum token for {service} isn't for a key")),
            (true, None) => {
                bad(format!("a quorum token for {service} names its key: `--filter key-reference=...`"))
            }
            (true, Some(key)) => {
                let object = self.locate(key)?.object;
                if token::needed(&Default::default(), service, Some(&object)) > 1 {
                    Ok(())
                } else {
                    bad(format!("key {key} has no quorum value for {service}: it needs no token"))
                }
            }
        }
    }
}

impl Node {
    /// Ends the tokens of a program that has let go of this node (cloudhsm.md 3.2). They expire anyway, should it fail.
    pub(crate) fn end_tokens(&self, instance: InstanceId) {
        for _ in 0..3 {
            let change = {
                let replica = self.replica.read();
                Change::default().without_tokens(&replica, |token| token.instance == instance)
            };
            if change.writes.is_empty() || !matches!(self.port.commit(change), Err(CommitError::Conflict)) {
                return;
            }
        }
    }
}
