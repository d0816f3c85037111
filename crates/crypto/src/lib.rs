//! Algorithms over key material, one module per family. No policy: what is asked of this crate is
//! done, whoever asks; that it may be asked is the node's business.
//!
//! The engine is AWS-LC, behind the safe face of [`ffi`](self); keys are parsed once, into [`Key`],
//! and kept ready, because parsing costs as much as signing.

#![deny(unsafe_code)]

pub mod aes;
pub mod digest;
#[allow(unsafe_code, reason = "the one room of this crate that calls C")]
mod ffi;
pub mod kdf;
pub mod mac;
pub mod password;
pub mod random;
pub mod seal;
