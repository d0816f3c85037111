//! The crate's contract: every mechanism on public-key material against a second implementation (the
//! RustCrypto crates, or the `openssl` command for what they lack), round trips, and bad input.

mod common;
mod dsa;
mod ec;
mod ecdh;
mod keys;
mod mechanisms;
mod pkcs8;
mod rsa_encryption;
mod rsa_signatures;
mod rsa_timing;
mod streams;
mod symmetric;
