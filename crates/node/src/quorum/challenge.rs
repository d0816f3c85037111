//! Challenges: what a node draws and a user signs, to show that it has a key (cloudhsm.md 2.5, 3.3).
//!
//! Anybody may ask for them, so the node keeps nothing of those it gives out: the nonce is a MAC over the rest, which says
//! that it's the node's own. What it keeps are those that were answered, each of which took a private key.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;
use strongroom_crypto::{ApproverKey, mac, random};
use strongroom_model::{Blob, Error, Hash, Result, ReturnCode, Role, UserName, limits};
use strongroom_wire::{ChallengeKind, InstanceId, Response, SignedChallenge};

use super::data::{self, NONCE, PART, Part};
use super::token;
use crate::access::Caller;

/// How long a challenge may be answered, in seconds.
const LIFETIME: u64 = 600;
/// The most answered challenges that a node keeps; each is dropped after [`LIFETIME`].
const MAX_ANSWERED: usize = 16_384;

/// A node's challenges.
pub(crate) struct Challenges {
    secret: Blob,
    next: AtomicU32,
    /// Nonces that were answered, and when they end by themselves.
    answered: Mutex<HashMap<[u8; 16], u64>>,
}

impl Default for Challenges {
    fn default() -> Self {
        Self { secret: random::blob(32), next: AtomicU32::new(1), answered: Mutex::default() }
    }
}

/// For whom a challenge is, and what for.
struct Purpose<'a> {
    kind: ChallengeKind,
    instance: InstanceId,
    role: Role,
    user: &'a UserName,
}

impl Caller<'_> {
    pub(crate) fn challenge(&self, kind: ChallengeKind, role: Role, user: &UserName) -> Result<Response> {
        let purpose = Purpose { kind, instance: self.hello.instance, role, user };
        let part = self.node.desk.challenges.draw(&purpose, self.node.clock.now());
        Ok(Response::Bytes(Blob::from(part)))
    }

    /// Uses up the challenge of this node for this user and process that was answered by the key.
    ///
    /// # Errors
    ///
    /// `CKR_SIGNATURE_INVALID` if there's none, be it of another node, process, user or purpose, too old, used already, or
    /// signed by another key; `CKR_DEVICE_MEMORY`.
    pub(crate) fn answered(
        &self,
        kind: ChallengeKind,
        role: Role,
        user: &UserName,
        key: &ApproverKey,
        signed: &[SignedChallenge],
    ) -> Result<()> {
        let purpose = Purpose { kind, instance: self.hello.instance, role, user };
        let (challenges, now) = (&self.node.desk.challenges, self.node.clock.now());
        for SignedChallenge { data, signature } in signed.iter().take(2 * limits::MAX_NODES) {
            let Some(part) = challenges.own(&purpose, data, now) else { continue };
            if key.verifies(&token::id(part), signature) {
                return challenges.use_up(part, now);
            }
        }
        Err(Error::new(
            ReturnCode::SIGNATURE_INVALID,
            "no challenge of this node is signed by the key: ask for one, sign it within 600 seconds, and use it once",
        ))
    }
}

impl Challenges {
    fn draw(&self, purpose: &Purpose<'_>, now: u64) -> [u8; PART] {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let service = purpose.service();
        let part = Part { service, id, key: None, nonce: [0; 16], user: purpose.user, time: now };
        let mut part = part.encode();
        let nonce = self.nonce(purpose, &part);
        part[NONCE].copy_from_slice(&nonce);
        part
    }

    /// The challenge, if this node drew it for the purpose and it isn't too old.
    fn own<'a>(&self, purpose: &Purpose<'_>, data: &'a [u8], now: u64) -> Option<&'a [u8; PART]> {
        let part: &[u8; PART] = data.try_into().ok()?;
        let drawn = self.nonce(purpose, part)[..] == part[NONCE];
        (drawn && now.saturating_sub(data::time(part)) < LIFETIME).then_some(part)
    }

    fn use_up(&self, part: &[u8; PART], now: u64) -> Result<()> {
        let mut answered = self.answered.lock();
        answered.retain(|_, ends| *ends > now);
        if answered.len() >= MAX_ANSWERED {
            return Err(Error::new(
                ReturnCode::DEVICE_MEMORY,
                format!("{MAX_ANSWERED} challenges were answered lately: try again later"),
            ));
        }
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&part[NONCE]);
        // Kept for longer than the challenge is good for, should the clock be set back.
        match answered.insert(nonce, now.max(data::time(part)) + LIFETIME) {
            None => Ok(()),
            Some(_) => Err(Error::new(
                ReturnCode::SIGNATURE_INVALID,
                "the challenge was answered before: ask for another",
            )),
        }
    }

    /// A MAC over all of a challenge but the nonce, and over what it is for.
    fn nonce(&self, purpose: &Purpose<'_>, part: &[u8; PART]) -> [u8; 16] {
        // All but the user have a fixed length.
        let parts: [&[u8]; 7] = [
            b"strongroom challenge",
            &purpose.service().to_be_bytes(),
            &purpose.instance.0,
            &[purpose.role as u8],
            &part[..NONCE.start],
            &part[NONCE.end..],
            purpose.user.as_str().as_bytes(),
        ];
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&mac::hmac(Hash::Sha256, &self.secret, &parts)[..16]);
        nonce
    }
}

impl Purpose<'_> {
    /// Numbers that are no service's, so that an answer is never an approval.
    const fn service(&self) -> u16 {
        match self.kind {
            ChallengeKind::Registration => 1,
            ChallengeKind::Login => 2,
        }
    }
}
