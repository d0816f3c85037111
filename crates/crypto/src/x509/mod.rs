//! X.509 certificates (RFC 5280) and requests for them (PKCS #10, RFC 2986): read, made, and their signatures checked.
//!
//! What a certificate must be like to be accepted somewhere is its acceptor's business; this tells what it is. Signatures are
//! made and verified by the engine.

mod certificate;
mod issue;
mod pem;
mod signature;
#[cfg(test)]
mod tests;

pub use certificate::{Certificate, MAX_CERTIFICATE};
pub use issue::{CertificateOrder, Issuer, Usage, request};
pub use pem::{PemKind, from_pem, to_pem};
