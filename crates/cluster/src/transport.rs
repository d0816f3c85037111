//! How messages get to nodes.

use std::sync::Arc;

use strongroom_node::state::Update;

use crate::link::Link;

/// Brings messages to nodes, and their answers back.
///
/// Each may come late, never, twice, or after later ones: nodes leave alone what isn't for their revision, and the
/// ledger sends again what it has no answer to.
pub(crate) trait Transport: Send + Sync {
    /// Sends a message: [`Link::deliver`] when it arrives, [`Link::answered`] when the answer does.
    fn send(&self, link: &Arc<Link>, update: &Arc<Update>);

    /// Lets time pass for what is under way. `false`: it isn't worth waiting any longer.
    fn wait(&self) -> bool;
}

/// Nodes in the same process: all is there at once.
pub(crate) struct Direct;

impl Transport for Direct {
    fn send(&self, link: &Arc<Link>, update: &Arc<Update>) {
        if let Some(revision) = link.deliver(update) {
            link.answered(revision);
        }
    }

    fn wait(&self) -> bool {
        false
    }
}
