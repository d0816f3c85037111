//! Nodes that are added and removed, and where they listen.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use strongroom_model::NodeId;

use super::{REMOVAL_GRACE, Running, Seat, Served};
use crate::ServeError;
use crate::backups::Backups;
use crate::connections::Connections;
use crate::control::BackupReason;

impl Served {
    /// Has all nodes listen for TLS, too, at addresses that they have or get.
    pub(crate) fn listen(&self) -> Result<(), String> {
        if self.cluster.certificates().is_none() {
            return Err(format!(
                "cluster {} has no key for TLS, since it was made by an earlier version: make a new cluster for clients that \
                 come by TCP",
                self.cluster.name()
            ));
        }
        let _turn = self.turn()?;
        let nodes: Vec<_> = self.seats.lock().keys().copied().collect();
        nodes.iter().try_for_each(|id| self.addresses.allot(self.cluster.name(), *id, None).map(drop))?;
        self.listen_where_told()
    }

    /// Has those nodes listen for TLS that have an address.
    pub(crate) fn listen_where_told(&self) -> Result<(), String> {
        for (id, seat) in &mut *self.seats.lock() {
            let address = self.addresses.of(self.cluster.name(), *id);
            if let (Some(address), Some(running)) = (address, &mut seat.running) {
                running.listener.start_tls(address, &self.terms).map_err(|error| error.to_string())?;
            }
        }
        self.publish();
        Ok(())
    }

    /// Makes a further node, and has it listen, at a TCP address if one is wanted or all nodes have one. The cluster is
    /// backed up first, if that's wanted.
    pub(crate) fn add_node(
        &self,
        address: Option<Ipv4Addr>,
        backups: Option<&Backups>,
    ) -> Result<NodeId, String> {
        let _turn = self.turn()?;
        if let Some(backups) = backups {
            self.make_backup(backups, BackupReason::NodeAdded)?;
        }
        let next = self.cluster.next_node();
        // Clients learn where it is as soon as it's a member.
        if address.is_some() || self.has_addresses() {
            self.addresses.allot(self.cluster.name(), next, address)?;
        }
        let node = self.cluster.add_node().map_err(|error| {
            self.addresses.free(self.cluster.name(), next);
            error.to_string()
        })?;
        let id = node.id();
        let seated = self.logs.attach(self.cluster.name(), &node, true).and_then(|()| self.seat(node));
        if let Err(error) = seated {
            let undone = self.cluster.remove_node(id);
            self.addresses.free(self.cluster.name(), id);
            if let Err(problem) = undone {
                tracing::error!("{} can't listen and can't be removed: {problem}", self.name_of(id));
            }
            return Err(error.to_string());
        }
        tracing::info!("{} was added", self.name_of(id));
        Ok(id)
    }

    /// Takes a node out of the cluster when the calls that it has have ended. What it alone had is gone. The cluster is
    /// backed up first, if that's wanted.
    pub(crate) fn remove_node(&self, id: NodeId, backups: Option<&Backups>) -> Result<(), String> {
        let _turn = self.turn()?;
        self.may_remove(id)?;
        if let Some(backups) = backups {
            self.make_backup(backups, BackupReason::NodeRemoved)?;
        }
        let name = self.name_of(id);
        // Clients go elsewhere at once; what they had sent is still carried out and answered.
        if let Some(leaving) = self.stop_listening(id) {
            let left = leaving.wait(Instant::now() + REMOVAL_GRACE);
            if left > 0 {
                tracing::warn!(
                    "{name}: {left} calls weren't done after {} s and were cut off",
                    REMOVAL_GRACE.as_secs()
                );
            }
        }
        if let Err(error) = self.cluster.remove_node(id) {
            let still = format!("{name} wasn't removed: {error}");
            return Err(match self.listen_again(id) {
                Ok(()) => still,
                Err(problem) => format!("{still}; and it doesn't listen any more: {problem}"),
            });
        }
        let seat = self.seats.lock().remove(&id);
        if let Some(Running { node, .. }) = seat.and_then(|seat| seat.running) {
            self.logs.end(self.cluster.name(), &node);
        }
        self.addresses.free(self.cluster.name(), id);
        tracing::info!("{name} was removed");
        Ok(())
    }

    /// Whether a node can be taken out of the cluster.
    fn may_remove(&self, id: NodeId) -> Result<(), String> {
        if !self.has(id) {
            return Err(self.no_such(id));
        }
        let seats = self.seats.lock();
        if seats.len() == 1 {
            return Err(format!(
                "node {} is the last of cluster {}, and a cluster has one at least: nothing was changed; `strongroom node add` \
                 makes another",
                id.0,
                self.cluster.name()
            ));
        }
        self.must_leave_one_that_runs(&seats, id)
    }

    /// Refuses to remove a node that serves while no other does as well.
    fn must_leave_one_that_runs(&self, seats: &BTreeMap<NodeId, Seat>, id: NodeId) -> Result<(), String> {
        let worth = |seat: &Seat| match (&seat.running, seat.is_cut) {
            (None, _) => 0,
            (Some(_), true) => 1,
            (Some(_), false) => 2,
        };
        let own = seats.get(&id).map_or(0, worth);
        let others = || seats.iter().filter(|(other, _)| **other != id);
        if own == 0 || others().any(|(_, seat)| worth(seat) >= own) {
            return Ok(());
        }
        let ill: Vec<_> = others()
            .map(|(other, seat)| {
                format!("node {} is {}", other.0, if worth(seat) == 0 { "stopped" } else { "cut off" })
            })
            .collect();
        let first = others().next().map_or(0, |(other, _)| other.0);
        Err(format!(
            "node {} is the only one of cluster {} that serves ({}): nothing was changed; `strongroom fault node clear {first}` \
             has another back",
            id.0,
            self.cluster.name(),
            ill.join(", ")
        ))
    }

    /// Has a node listen again that has stopped.
    pub(super) fn listen_again(&self, id: NodeId) -> Result<(), ServeError> {
        let stopped = self.seats.lock().get_mut(&id).and_then(|seat| seat.running.take());
        match stopped {
            Some(Running { node, listener }) => {
                drop(listener);
                self.seat(node)
            }
            None => Ok(()),
        }
    }

    /// Whether its nodes are reached by TCP.
    fn has_addresses(&self) -> bool {
        self.addresses.network().enabled || self.seats.lock().keys().any(|id| self.address(*id).is_some())
    }

    /// Has a node take no more clients nor calls; the connections that it has.
    fn stop_listening(&self, id: NodeId) -> Option<Arc<Connections>> {
        let mut seats = self.seats.lock();
        let listener = &mut seats.get_mut(&id)?.running.as_mut()?.listener;
        listener.stop();
        Some(listener.connections())
    }
}
