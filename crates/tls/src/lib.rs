//! TLS between client and node: who is trusted, and what goes over the socket.
//!
//! [`ClientTls`] says what a client asks of a node's certificate, [`ServerTls`] what a node asks of a client's; a [`Session`]
//! is one connection's, over a [`strongroom_wire::Stream`] that stays the caller's. TLS 1.3, and 1.2 where it's allowed.
//! Nothing here starts threads, leaves anything to run at exit, or writes to a socket unless told to: dropping a session
//! says nothing to the other end.

#![forbid(unsafe_code)]

mod chain;
mod client;
mod der;
mod error;
mod keys;
mod server;
mod session;

pub use client::ClientTls;
pub use error::TlsError;
pub use keys::{Pair, certificates};
pub use server::{ClientTrust, ServerTls};
pub use session::{HandshakeError, Session};

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;

/// The algorithms. Those of *ring*: they need no state that outlives a call, while AWS-LC's generator of random numbers puts
/// something to run at exit into every program that it's linked into, after which it hangs.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The versions of TLS that are spoken.
const fn versions(tls12: bool) -> &'static [&'static SupportedProtocolVersion] {
    static ONE: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
    static BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
    if tls12 { &BOTH } else { &ONE }
}
