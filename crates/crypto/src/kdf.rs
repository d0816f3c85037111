//! Key derivation functions.
