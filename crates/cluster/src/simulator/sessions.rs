//! Session keys: they live on one node and die with it, with their client, or with its login.

use strongroom_model::{Handle, NodeId, UserName};
use strongroom_wire::InstanceId;

use super::world::World;

/// A session key that was made.
#[derive(Clone, Debug)]
pub(super) struct SessionKey {
    pub(super) handle: Handle,
    pub(super) node: NodeId,
    pub(super) instance: InstanceId,
    pub(super) owner: UserName,
    /// Its client has logged out, but the node may not have heard of it.
    pub(super) doomed: bool,
}

impl World {
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
