//! Nodes that come and go, and where they are reached.

use std::net::{Ipv4Addr, SocketAddrV4};

use strongroom_model::NodeId;

use super::Daemon;
use crate::control::{ClusterStatus, Refusal};

impl Daemon {
    /// Adds a node to a cluster that runs; its number, and how the cluster is then.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing has changed then.
    pub fn add_node(&self, cluster: &str) -> Result<(NodeId, ClusterStatus), Refusal> {
        self.add_node_at(cluster, None)
    }

    /// As [`Daemon::add_node`], at an address that is wanted.
    ///
    /// # Errors
    ///
    /// [`Refusal`], also if the address isn't free on this machine; nothing has changed then.
    pub fn add_node_at(
        &self,
        cluster: &str,
        address: Option<Ipv4Addr>,
    ) -> Result<(NodeId, ClusterStatus), Refusal> {
        self.with(cluster, |served| {
            let node = served.add_node(address, Some(&self.backups))?;
            Ok((node, served.status()))
        })
    }

    /// Where a node is reached by TCP; `None` if it isn't.
    pub fn address_of(&self, cluster: &str, node: NodeId) -> Option<SocketAddrV4> {
        self.addresses.of(cluster, node)
    }

    /// Gives a node a TCP address, also before there is such a node or such a cluster: it listens there as soon as its
    /// cluster has certificates. A node that has an address keeps it, unless another is wanted.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: the address is another node's or isn't free on this machine. Nothing has changed then.
    pub fn reserve_address(
        &self,
        cluster: &str,
        node: NodeId,
        wanted: Option<Ipv4Addr>,
    ) -> Result<SocketAddrV4, Refusal> {
        let address = self.addresses.allot(cluster, node, wanted).map_err(Refusal::Failed)?;
        match self.clusters.find(cluster) {
            Some(served) => served.listen_where_told().map_err(Refusal::Failed).map(|()| address),
            None => Ok(address),
        }
    }

    /// Has all nodes of a cluster listen for TLS, too, at addresses that they have or get; how the cluster is then.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn listen(&self, cluster: &str) -> Result<ClusterStatus, Refusal> {
        self.with(cluster, |served| {
            served.listen()?;
            Ok(served.status())
        })
    }

    /// Takes the address back that a node had which is no more, or that was reserved in vain.
    pub fn free_address(&self, cluster: &str, node: NodeId) {
        self.addresses.free(cluster, node);
    }

    /// Removes a node from a cluster that runs, when its calls in flight have ended; how the cluster is then.
    ///
    /// # Errors
    ///
    /// [`Refusal`]: there is no such node, or it's the last. Nothing has changed then.
    pub fn remove_node(&self, cluster: &str, node: NodeId) -> Result<ClusterStatus, Refusal> {
        self.with(cluster, |served| {
            served.remove_node(node, Some(&self.backups))?;
            Ok(served.status())
        })
    }
}
