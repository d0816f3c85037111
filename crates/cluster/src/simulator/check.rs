//! What must hold after every step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_model::{NodeId, Profile};
use strongroom_node::state::{Key, Record, Replica, Revision};

use super::deed::Deed;
use super::effects::{Effect, Outcome, explain};
use super::records::{Content, Named};
use super::world::World;
use crate::lags::may_lag;

/// What was so before a step.
#[derive(Default)]
pub(super) struct Moment {
    pub(super) content: Arc<Content>,
    /// The members; empty while the daemon is dead.
    members: BTreeMap<NodeId, Reach>,
    epoch: u64,
}

/// How a node can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    Connected,
    /// It didn't answer when it was last told something; it may be heard of any time.
    Lost,
    /// It's cut off, or doesn't run.
    Away,
}

impl World {
    /// Whether a node hasn't answered lately, though it may be heard of any time.
    pub(super) fn is_lost(&self, node: NodeId) -> bool {
        self.reach(node) == Reach::Lost
    }

    fn reach(&self, node: NodeId) -> Reach {
        match self.cluster.as_ref().and_then(|cluster| cluster.ledger.link(node)) {
            Some(link) if link.is_connected() => Reach::Connected,
            Some(link) if link.is_open() => Reach::Lost,
            _ => Reach::Away,
        }
    }

    /// How things are.
    pub(super) fn moment(&mut self) -> Result<Moment, String> {
        let content = self.library.content(&self.disk.state().1)?;
        let members = self.members().into_iter().map(|node| (node, self.reach(node))).collect();
        let epoch = self.cluster.as_ref().map_or(0, |cluster| cluster.ledger.epoch());
        Ok(Moment { content, members, epoch })
    }

    /// Checks everything that must hold after a step.
    pub(super) fn check(&mut self, deed: &Deed) -> Result<(), String> {
        let end = match deed.outcome {
            Outcome::Done => "done",
            Outcome::Refused => "refused",
            Outcome::Unknown => "unknown",
        };
        *self.tally.entry((deed.kind, end)).or_default() += 1;
        let after = self.moment()?;
        let now = self.now();
        let expired = |record: &Record| match record {
            Record::Revocation(logout) => logout.expires < now,
            // A token ends with its client's login or connection, or by its age; what matters is that none comes back.
            Record::Token(_) => true,
            _ => false,
        };
        explain(&self.before.content, &after.content, deed, &mut self.graves, expired)?;
        self.check_lags(deed, &after)?;
        self.check_nodes()?;
        self.check_members(&after)?;
        self.before = after;
        Ok(())
    }

    /// Every node that runs holds what the store held at its revision; those that are connected, everything.
    fn check_nodes(&mut self) -> Result<(), String> {
        let Some(cluster) = &self.cluster else { return Ok(()) };
        let (head, nodes) = (cluster.ledger.read(Replica::revision), cluster.nodes());
        let connected: Vec<_> = nodes.iter().map(|node| self.is_connected(node.id())).collect();
        let (stored, _) = self.disk.state();
        if head != stored && !self.disk.is_broken() {
            return Err(format!("the cluster is at revision {head}, the store at {stored}"));
        }
        let reachable = connected.iter().filter(|connected| **connected).count();
        if cluster.ledger.reachable() != reachable {
            return Err(format!("{reachable} nodes are connected, {} count", cluster.ledger.reachable()));
        }
        for (node, connected) in nodes.iter().zip(connected) {
            let revision: Revision = node.revision();
            if connected && revision != head {
                return Err(format!("node {} is connected, at revision {revision} of {head}", node.id().0));
            }
            let state = self.disk.at(revision);
            let state = state
                .ok_or_else(|| format!("node {} is at revision {revision}, which never was", node.id().0))?;
            let content = self.library.content(&state)?;
            self.library.compare(node, &content)?;
        }
        Ok(())
    }

    /// Nodes lag behind in what was written while they couldn't be reached, and in nothing else.
    fn check_lags(&self, deed: &Deed, after: &Moment) -> Result<(), String> {
        let (old, new) = (&self.before.content, &after.content);
        let version = |content: &Content, key: &Key| content.records.get(key).map(|record| record.version);
        let written = |key: &Key| version(old, key) != version(new, key);
        let lag = |content: &Content, at: &(NodeId, Key)| {
            content.lags.get(at).map(|lag| lag.as_ref().map(|record| record.version))
        };
        for at in old.lags.keys().chain(new.lags.keys()) {
            let (node, key) = at;
            let (was, is) = (lag(old, at), lag(new, at));
            let place = format!("node {} lags in {}", node.0, Named(key));
            if self.profile != Profile::CloudHsm || !may_lag(key) {
                return Err(format!("{place}, which can't be"));
            }
            let removed = deed.may.contains(&Effect::NodeGone(*node)) && deed.outcome == Outcome::Unknown;
            let gone = removed || !after.members.is_empty() && !after.members.contains_key(node);
            let replicated = deed.replicates.contains(key);
            if was != is && !written(key) && !gone && !replicated {
                return Err(format!("{place} otherwise than before, although nothing was written"));
            }
            if was.is_none() && is != Some(version(old, key)) {
                return Err(format!("{place} at another version than it had"));
            }
        }
        for (node, was) in &self.before.members {
            let Some(is) = after.members.get(node).filter(|is| *is == was) else { continue };
            for key in new.records.keys().chain(old.records.keys()).filter(|key| may_lag(key) && written(key))
            {
                let lags = new.lags.contains_key(&(*node, key.clone()));
                let place = format!("node {} and {}", node.0, Named(key));
                if *is == Reach::Connected && lags {
                    return Err(format!("{place}: it lags behind although it was reached"));
                }
                let misses = *is == Reach::Away && self.profile == Profile::CloudHsm;
                if misses && !lags && deed.outcome == Outcome::Done {
                    return Err(format!("{place}: it missed a change that it won't lag behind in"));
                }
            }
        }
        Ok(())
    }

    fn check_members(&mut self, after: &Moment) -> Result<(), String> {
        if after.members.is_empty() {
            return Ok(());
        }
        let is: BTreeSet<_> = after.members.keys().copied().collect();
        if is != self.expected {
            return Err(format!("the members are {is:?}, not {:?}", self.expected));
        }
        let before = &self.before.members;
        let changed = !before.is_empty() && !before.keys().eq(after.members.keys());
        if !before.is_empty() && (after.epoch != self.before.epoch) != changed
            || after.epoch < self.before.epoch
        {
            return Err(format!("the members' epoch went from {} to {}", self.before.epoch, after.epoch));
        }
        Ok(())
    }
}
