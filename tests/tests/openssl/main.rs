//! OpenSSL 3 with keys in a cluster, through libp11's engine (`libengine-pkcs11-openssl`).
//!
//! Whatever a key in the cluster makes is checked by an `openssl` that knows nothing of PKCS#11.

#![allow(clippy::print_stdout, reason = "measured figures belong in the test's output")]

mod certificates;
mod decryption;
mod derivation;
mod exits;
mod pins;
mod signatures;
mod tls;
