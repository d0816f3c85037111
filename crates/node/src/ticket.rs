//! Tickets: proof of a login that every node of the cluster accepts, after a restart too.

use serde::{Deserialize, Serialize};
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Blob, Error, Result, ReturnCode, Role, UserName, limits};
use strongroom_wire::{Hello, InstanceId, Ticket};

use crate::state::{Replica, Revision};

/// For whom a connection speaks, by which ticket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Principal {
    pub(crate) role: Role,
    pub(crate) user: UserName,
    /// The user's epoch when the ticket was made.
    epoch: u64,
    /// The process that logged in.
    instance: InstanceId,
    /// The root of that process's forks.
    family: InstanceId,
    /// The cluster's revision when the ticket was made.
    revision: Revision,
    /// In seconds since 1970.
    expires: u64,
}

impl Principal {
    /// Who has just shown the right password, or holds a good ticket that is to be renewed.
    pub(crate) fn new(
        replica: &Replica,
        hello: &Hello,
        role: Role,
        user: &UserName,
        now: u64,
    ) -> Option<Self> {
        Some(Self {
            role,
            user: user.clone(),
            epoch: replica.user(role, user)?.value.epoch,
            instance: hello.instance,
            family: hello.family,
            revision: replica.revision(),
            expires: now + limits::TICKET_SECONDS,
        })
    }

    /// A fresh login by this one for another instance of the family, unless this one has become void.
    pub(crate) fn renewed(&self, replica: &Replica, hello: &Hello, now: u64) -> Option<Self> {
        self.is_valid(replica).then(|| Self::new(replica, hello, self.role, &self.user, now)).flatten()
    }

    /// Whether its time is over.
    pub(crate) fn has_expired(&self, now: u64) -> bool {
        self.expires <= now
    }

    /// Whether the user is as it was when the ticket was made, and hasn't logged out.
    pub(crate) fn is_valid(&self, replica: &Replica) -> bool {
        replica.user(self.role, &self.user).is_some_and(|user| user.value.epoch == self.epoch)
            && replica.revoked_at(self.instance).is_none_or(|revoked| self.revision >= revoked)
    }

    /// Whose it is.
    pub(crate) fn who(&self) -> (Role, UserName) {
        (self.role, self.user.clone())
    }

    /// The user's epoch when the ticket was made.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The ticket that says so.
    pub(crate) fn ticket(&self, tickets: &SealingKey) -> Result<Ticket> {
        let body = postcard::to_allocvec(self).map_err(|_| ReturnCode::HOST_MEMORY)?;
        Ok(Ticket { expires: self.expires, sealed: Blob::from(tickets.seal(CONTEXT, &body)) })
    }

    /// Who holds a ticket.
    ///
    /// # Errors
    ///
    /// `CKR_USER_NOT_LOGGED_IN` when it isn't this cluster's, is another client's, or has expired.
    pub(crate) fn of(ticket: &Ticket, tickets: &SealingKey, hello: &Hello, now: u64) -> Result<Self> {
        let refused =
            |why| Error::new(ReturnCode::USER_NOT_LOGGED_IN, format!("the ticket {why}: log in again"));
        let body = tickets.open(CONTEXT, &ticket.sealed).map_err(|_| refused("isn't this cluster's"))?;
        let principal: Self = postcard::from_bytes(&body).map_err(|_| refused("can't be read"))?;
        if principal.family != hello.family {
            return Err(refused("was given to another client"));
        }
        if principal.has_expired(now) {
            return Err(refused("has expired"));
        }
        Ok(principal)
    }
}

const CONTEXT: &[u8] = b"strongroom ticket";
