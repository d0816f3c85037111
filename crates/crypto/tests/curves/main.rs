//! Curves beyond those of `contract`: against the vectors of their standards and a second implementation.

#[path = "../contract/common.rs"]
#[allow(dead_code, reason = "what all tests of contracts share")]
mod common;
mod edwards;
mod montgomery;
mod weierstrass;
mod wrapping;
