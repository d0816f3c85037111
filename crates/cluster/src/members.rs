//! Which nodes a cluster has, as the store knows it.

use serde::{Deserialize, Serialize};
use strongroom_model::{NodeId, limits};

use crate::ClusterError;
use crate::meta::Meta;

/// Numbers of nodes end here: handles of session objects have room for no more.
const MAX_NUMBER: u16 = 1023;

/// Whether nodes can have these numbers.
pub(crate) fn check_numbers(cluster: &str, first: u16, nodes: u16) -> Result<(), ClusterError> {
    if u32::from(first) + u32::from(nodes) <= u32::from(MAX_NUMBER) + 1 {
        return Ok(());
    }
    Err(ClusterError::Options(format!(
        "cluster {cluster} has had {first} nodes, and none gets the number of an earlier one: restore it under another name"
    )))
}

/// The nodes of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Members {
    /// Ascending.
    pub(crate) nodes: Vec<NodeId>,
    /// The number of the next one: none is given out twice, not even after a removal, since handles of session objects
    /// say on which node they are.
    next: u16,
    /// Number of their last change.
    pub(crate) epoch: u64,
}

impl Members {
    /// The nodes that a cluster is made with.
    pub(crate) fn as_made(meta: &Meta) -> Self {
        let next = meta.nodes.iter().map(|node| node.0 + 1).max().unwrap_or(0);
        Self { nodes: meta.nodes.clone(), next, epoch: meta.epoch }
    }

    /// The number of the next node.
    pub(crate) const fn next(&self) -> NodeId {
        NodeId(self.next)
    }

    /// The same with one node more, and which that is.
    pub(crate) fn with_another(&self, cluster: &str) -> Result<(Self, NodeId), ClusterError> {
        if self.nodes.len() >= limits::MAX_NODES {
            return Err(ClusterError::Refused(format!(
                "cluster {cluster} has {} nodes, which is the most there may be: nothing was changed",
                limits::MAX_NODES
            )));
        }
        if self.next > MAX_NUMBER {
            return Err(ClusterError::Refused(format!(
                "cluster {cluster} has had {} nodes, and none gets the number of an earlier one: make a new cluster",
                self.next
            )));
        }
        let node = NodeId(self.next);
        let mut more = Self { next: self.next + 1, epoch: self.epoch + 1, ..self.clone() };
        more.nodes.push(node);
        Ok((more, node))
    }

    /// The same without a node.
    pub(crate) fn without(&self, cluster: &str, node: NodeId) -> Result<Self, ClusterError> {
        if self.nodes == [node] {
            return Err(ClusterError::Refused(format!(
                "node {} is the last of cluster {cluster}, and a cluster has one at least: nothing was changed; \
                 `strongroom node add` makes another",
                node.0
            )));
        }
        let mut fewer = Self { epoch: self.epoch + 1, ..self.clone() };
        fewer.nodes.retain(|other| *other != node);
        Ok(fewer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_never_come_back_and_end() {
        let mut members = Members { nodes: vec![NodeId(0), NodeId(1)], next: 2, epoch: 1 };
        members = members.without("c", NodeId(1)).unwrap();
        let last = members.without("c", NodeId(0)).unwrap_err().to_string();
        assert!(last.contains("node 0 is the last of cluster c"), "{last}");
        for number in 2..=MAX_NUMBER {
            let (more, node) = members.with_another("c").unwrap();
            assert_eq!((node, more.epoch), (NodeId(number), members.epoch + 1));
            members = more;
            if members.nodes.len() == limits::MAX_NODES {
                let full = members.with_another("c").unwrap_err().to_string();
                assert!(full.contains("28 nodes"), "{full}");
                members = members.without("c", node).unwrap();
            }
        }
        assert!(members.with_another("c").unwrap_err().to_string().contains("1024"));
    }
}
