//! Multi-part operations that live on a node.

use strongroom_model::{Blob, NodeId, Result};
use strongroom_wire::{Operation, Request, Response, StreamKind};

use super::{Nodes, Route};
use crate::slot::unexpected;

/// The most data in one message of a stream, in bytes.
pub(super) const CHUNK: usize = 4 * 1024 * 1024;

/// An operation that a node has begun. It's known by its number on that node only, and dies with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    node: NodeId,
    number: u64,
}

impl Stream {
    /// Begins an operation with its first part, and sends the rest of the data after it. Returns
    /// what it gave out for them.
    ///
    /// # Errors
    ///
    /// What the node or the connection says; the operation is then gone.
    pub(super) fn open(
        nodes: &dyn Nodes,
        kind: StreamKind,
        mut operation: Operation,
        mut rest: &[u8],
    ) -> Result<(Self, Blob)> {
        let route = Route::Of(operation.key);
        if operation.data.is_empty() {
            let (first, more) = rest.split_at(rest.len().min(CHUNK));
            operation.data = Blob::from(first);
            rest = more;
        }
        let (node, response) = nodes.call_noting_node(route, &Request::Open { kind, operation })?;
        let Response::Streaming { stream: number, mut output } = response else {
            return Err(unexpected());
        };
        let stream = Self { node, number };
        if !rest.is_empty() {
            output.extend(&stream.update(nodes, rest)?);
        }
        Ok((stream, output))
    }

    /// Sends more data, and returns what the operation gave out for it.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub(super) fn update(self, nodes: &dyn Nodes, data: &[u8]) -> Result<Blob> {
        let mut output = Blob::new();
        for part in data.chunks(CHUNK) {
            let request = Request::Update { stream: self.number, data: Blob::from(part) };
            let given = bytes(nodes.call(Route::Node(self.node), &request)?)?;
            if output.is_empty() {
                output = given;
            } else {
                output.extend(&given);
            }
        }
        Ok(output)
    }

    /// Ends the operation: the rest of its output, its signature, or nothing for a verification.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; `CKR_SIGNATURE_INVALID` for a `signature` that isn't right.
    pub(super) fn finish(self, nodes: &dyn Nodes, signature: Blob) -> Result<Blob> {
        bytes(nodes.call(Route::Node(self.node), &Request::Finish { stream: self.number, signature })?)
    }

    /// Gives the operation up. The node would drop it with the session anyway, so that a failure
    /// to tell it matters to nobody.
    pub(super) fn abandon(self, nodes: &dyn Nodes) {
        let _ = nodes.call(Route::Node(self.node), &Request::Abandon { stream: self.number });
    }
}

/// The bytes of an answer; none for plain success.
pub(super) fn bytes(response: Response) -> Result<Blob> {
    match response {
        Response::Bytes(bytes) => Ok(bytes),
        Response::Done => Ok(Blob::new()),
        _ => Err(unexpected()),
    }
}
