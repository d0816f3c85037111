//! What a caller is told whose request found no answer: which code, which node, and what to do.

use std::fmt::{self, Display, Write};
use std::io;

use strongroom_model::{Error, NodeId, ReturnCode};
use strongroom_wire::Request;

use crate::client::Client;
use crate::config::Endpoint;
use crate::link::Link;

impl Client {
    /// Nobody listens where the node did: it has ended, and what lived in it has, too, whether it's
    /// started again or not.
    pub(crate) fn dead(&self, node: NodeId, request: &Request, trouble: &str) -> Error {
        let message = format!(
            "node {} of cluster {:?} has ended, and what it alone had is gone: {trouble}",
            node.0, self.config.name
        );
        Error::new(gone(request), message)
    }

    /// No node that would do can be reached; `present`: some were there before.
    pub(crate) fn unreachable(
        &self,
        only: Option<NodeId>,
        request: &Request,
        present: bool,
        trouble: &str,
    ) -> Error {
        let name = &self.config.name;
        match only {
            Some(node) if trouble.is_empty() => {
                let message =
                    format!("node {} is no longer in cluster {name:?}; what it alone had is gone", node.0);
                Error::new(gone(request), message)
            }
            Some(node) if present => {
                let message = format!("node {} of cluster {name:?} can't be reached: {trouble}", node.0);
                Error::new(ReturnCode::DEVICE_ERROR, message)
            }
            _ => {
                let code = if present { ReturnCode::DEVICE_ERROR } else { ReturnCode::TOKEN_NOT_PRESENT };
                let message = format!(
                    "no node of cluster {name:?} can be reached: {trouble}; if the daemon isn't running, start it \
                     with `strongroom up`"
                );
                Error::new(code, message)
            }
        }
    }
}

/// The request was sent, and nobody knows what became of it.
pub(crate) fn lost(link: &Link, error: &io::Error) -> Error {
    if error.kind() == io::ErrorKind::TimedOut {
        let message = format!(
            "{} didn't answer for as long as call_timeout_ms in client.toml allows; it is unknown whether the request was \
             carried out",
            Named(link)
        );
        return Error::new(ReturnCode::DEVICE_ERROR, message);
    }
    let message = format!(
        "the connection to {} broke before the answer came ({error}); it is unknown whether the request was carried out",
        Named(link)
    );
    Error::new(ReturnCode::DEVICE_ERROR, message)
}

/// Adds to what is known of why there's no answer.
pub(crate) fn describe(trouble: &mut String, link: &Link, error: &dyn Display) {
    let separator = if trouble.is_empty() { "" } else { ", " };
    let _ = write!(trouble, "{separator}{}: {error}", place(link));
}

/// Where a node is, in messages.
fn place(link: &Link) -> String {
    match link.address.endpoint() {
        Endpoint::Unix(path) => path.display().to_string(),
        endpoint @ Endpoint::Tcp { .. } => endpoint.to_string(),
    }
}

/// A node's name in messages.
pub(crate) struct Named<'a>(pub(crate) &'a Link);

impl Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(node) = self.0.node() {
            write!(f, "node {} at ", node.0)?;
        }
        f.write_str(&place(self.0))
    }
}

/// What the caller of a request gets whose object or operation was on a node that is no more.
const fn gone(request: &Request) -> ReturnCode {
    match request {
        Request::Object { .. }
        | Request::GetAttributes { .. }
        | Request::SetAttributes { .. }
        | Request::ObjectSize { .. }
        | Request::Copy { .. }
        | Request::Destroy { .. }
        | Request::Ownership { .. }
        | Request::Share { .. }
        | Request::Persist { .. } => ReturnCode::OBJECT_HANDLE_INVALID,
        Request::Sign { .. }
        | Request::Verify { .. }
        | Request::SignRecover(_)
        | Request::VerifyRecover(_)
        | Request::Encrypt(_)
        | Request::Decrypt(_)
        | Request::Wrap { .. }
        | Request::Unwrap { .. }
        | Request::Derive { .. }
        | Request::Encapsulate { .. }
        | Request::Decapsulate { .. }
        | Request::Open { .. } => ReturnCode::KEY_HANDLE_INVALID,
        _ => ReturnCode::DEVICE_ERROR,
    }
}
