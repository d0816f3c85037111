//! Parameters of signatures with a context (FIPS 204, FIPS 205; PKCS#11 3.2 section 6.67.1).

use serde::{Deserialize, Serialize};

use super::Hash;
use crate::Blob;

/// Whether a signature is hedged: made with fresh randomness, so that faults and side channels tell less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hedge {
    /// `CKH_HEDGE_PREFERRED`: it is.
    #[default]
    Preferred,
    /// `CKH_HEDGE_REQUIRED`: it must be.
    Required,
    /// `CKH_DETERMINISTIC_REQUIRED`: it mustn't be.
    Deterministic,
}

/// `CK_SIGN_ADDITIONAL_CONTEXT` and `CK_HASH_SIGN_ADDITIONAL_CONTEXT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignContext {
    /// For signatures; verification doesn't look at it.
    pub hedge: Hedge,
    /// At most 255 bytes.
    pub context: Blob,
    /// By which hash the message was digested; for mechanisms that take a digest of any hash, else `None`.
    pub hash: Option<Hash>,
}
