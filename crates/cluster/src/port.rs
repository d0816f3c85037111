//! The cluster as one of its nodes sees it.

use std::sync::Arc;

use strongroom_model::{Error, Handle, ReturnCode, Role, UserName};
use strongroom_node::state::{Change, CommitError, Expect, Key, Port, Revision};
use strongroom_wire::Member;

use crate::lags::may_lag;
use crate::ledger::Ledger;
use crate::link::Link;

/// A node's [`Port`]: the ledger knows by it who commits, and the node whether it hears of changes.
pub(crate) struct NodePort {
    ledger: Arc<Ledger>,
    link: Arc<Link>,
}

impl NodePort {
    pub(crate) fn new(ledger: Arc<Ledger>, link: Arc<Link>) -> Arc<Self> {
        Arc::new(Self { ledger, link })
    }

    /// Why a node that isn't in touch with its cluster gets nothing done; `None` once it has been reached again.
    fn out_of_touch(&self) -> Option<Error> {
        if self.ledger.reach(&self.link) {
            return None;
        }
        let name = format!("node {} of cluster {}", self.link.id().0, self.ledger.cluster());
        let message = if self.link.is_closed() {
            format!("{name} was stopped: nothing was changed; ask another node")
        } else {
            format!("{name} is cut off from the others: nothing was changed; ask another node")
        };
        Some(Error::new(ReturnCode::DEVICE_ERROR, message))
    }

    fn must_be_in_touch(&self) -> Result<(), Error> {
        if self.link.is_connected() { Ok(()) } else { self.out_of_touch().map_or(Ok(()), Err) }
    }

    /// What a conflict means on a node that has an older record than the cluster: trying again doesn't help.
    fn outdated(&self, keys: &[Key]) -> Option<Error> {
        let outdated = self.ledger.lagging(self.link.id(), keys)?;
        let what = match &outdated {
            Key::User(role, name) => format!("the record of {role} {name}"),
            _ => "the policy".to_owned(),
        };
        let message = format!(
            "node {} has an older version of {what} than the cluster, from when it couldn't be reached: nothing was \
             changed; `strongroom user replicate` brings it up to date",
            self.link.id().0
        );
        Some(Error::new(ReturnCode::FUNCTION_FAILED, message))
    }
}

impl Port for NodePort {
    fn commit(&self, change: Change) -> Result<Revision, CommitError> {
        if !self.link.is_connected() {
            // What was decided on is out of date, if the node has caught up just now.
            return Err(self.out_of_touch().map_or(CommitError::Conflict, CommitError::Failed));
        }
        let written = change.writes.iter().map(|write| (&write.key, write.expect));
        let checked = change.checks.iter().map(|(key, expect)| (key, *expect));
        let mut keys: Vec<_> = written
            .chain(checked)
            .filter(|(key, _)| may_lag(key))
            .map(|(key, expect)| (key.clone(), expect))
            .collect();
        match self.ledger.commit(change) {
            Err(CommitError::Conflict) => {
                // Of a record that only had to be there, an older version does.
                self.ledger.read(|state| {
                    keys.retain(|(key, expect)| *expect != Expect::Present || state.version(key).is_none());
                });
                let keys: Vec<_> = keys.into_iter().map(|(key, _)| key).collect();
                Err(self.outdated(&keys).map_or(CommitError::Conflict, CommitError::Failed))
            }
            outcome => outcome,
        }
    }

    fn fresh_handle(&self) -> Result<Handle, Error> {
        self.must_be_in_touch()?;
        self.ledger.fresh_handle()
    }

    fn members(&self) -> (Vec<Member>, u64) {
        self.ledger.members()
    }

    fn epoch(&self) -> u64 {
        self.ledger.epoch()
    }

    fn reachable(&self) -> usize {
        self.ledger.reachable()
    }

    fn is_connected(&self) -> bool {
        self.link.is_connected()
    }

    fn must_be_up_to_date(&self, keys: &[Key]) -> Result<(), Error> {
        self.outdated(keys).map_or(Ok(()), Err)
    }

    fn is_logged_in(&self, role: Role, user: &UserName) -> bool {
        let links = self.ledger.roster.read().links.clone();
        links.iter().any(|link| link.is_logged_in(role, user))
    }

    fn replicate_user(&self, role: Role, user: &UserName) -> Result<(), Error> {
        self.must_be_in_touch()?;
        self.ledger.replicate_user(role, user)
    }
}
