//! Session keys: they live on one node and die with it, with their client, or with its login.

use std::sync::Arc;

use strongroom_model::{Handle, NodeId, UserName};
use strongroom_node::Node;
use strongroom_wire::{InstanceId, Request};

use super::deed::Deed;
use super::world::World;

/// A session key that was made.
#[derive(Clone, Debug)]
pub(super) struct SessionKey {
    pub(super) handle: Handle,
    pub(super) node: NodeId,
    pub(super) instance: InstanceId,
    /// Its client's number of the session.
    pub(super) session: u64,
    pub(super) owner: UserName,
    /// Its client has logged out, but the node may not have heard of it.
    pub(super) doomed: bool,
}

impl World {
    /// Closes the session that the step is in: its keys on that node are gone.
    pub(super) fn close_session(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let answer = self.ask(client, node, None, Request::CloseSession)?;
        if !answer.is_ok() {
            return Err(format!("a session can't be closed: {}", answer.word()));
        }
        let (instance, session) = (self.clients[client].instance(), self.session);
        let closed =
            |key: &SessionKey| (key.instance, key.node, key.session) == (instance, node.id(), session);
        self.session_keys.retain(|key| !closed(key));
        Ok(Deed::new("close session", format!("{}: {session}", self.doing)))
    }

    /// A client has asked to be logged out: what it had is gone on nodes that know; elsewhere it may be. A logout that
    /// failed may have ended what was on that node.
    pub(super) fn end_session_keys(&mut self, instance: InstanceId, here: NodeId, done: bool) {
        let mut know: Vec<_> = self.members().into_iter().filter(|node| self.is_connected(*node)).collect();
        know.push(here);
        self.session_keys.retain_mut(|key| {
            let concerned = key.instance == instance && (done || key.node == here);
            key.doomed |= concerned;
            !concerned || !done || !know.contains(&key.node)
        });
    }
}
