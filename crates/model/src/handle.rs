//! Object handles.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an application holds an object by (`CK_OBJECT_HANDLE`). Zero is never one.
///
/// A token object's handle is its number in the cluster, the same on every node. A session
/// object's handle says on which node it lives, so that a call finds it. No handle is ever given
/// out twice, not even after a restart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Handle(pub u64);

/// The number of a node in its cluster, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u16);

/// Where a handle leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A token object: on every node.
    Cluster,
    /// A session object: on one node.
    Node(NodeId),
}

const SESSION_FLAG: u64 = 1 << 62;
const NODE_SHIFT: u32 = 52;
const BOOT_SHIFT: u32 = 32;

impl Handle {
    /// Numbers of token objects end here.
    pub const MAX_TOKEN: u64 = (1 << 61) - 1;

    /// Numbers of built-in objects begin here. No cluster makes so many of its own.
    pub const FIRST_BUILT_IN: u64 = 1 << 60;

    /// The most times a node can start before its session handles run out.
    pub const MAX_BOOTS: u64 = 1 << (NODE_SHIFT - BOOT_SHIFT);

    /// The handle of a session object: `boot` is the number of the node's start (below
    /// [`Self::MAX_BOOTS`]), `serial` that of the object since then.
    pub const fn session(node: NodeId, boot: u64, serial: u32) -> Self {
        assert!(node.0 < 1024 && boot < Self::MAX_BOOTS);
        Self(SESSION_FLAG | (node.0 as u64) << NODE_SHIFT | boot << BOOT_SHIFT | serial as u64)
    }

    /// Where the object is.
    pub const fn place(self) -> Place {
        if self.0 & SESSION_FLAG == 0 {
            Place::Cluster
        } else {
            Place::Node(NodeId((self.0 >> NODE_SHIFT & 0x3ff) as u16))
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_handle_names_its_node() {
        let handle = Handle::session(NodeId(27), Handle::MAX_BOOTS - 1, u32::MAX);
        assert_eq!(handle.place(), Place::Node(NodeId(27)));
        assert_eq!(Handle(Handle::MAX_TOKEN).place(), Place::Cluster);
    }
}
