//! The vocabulary that all rooms of Strongroom share: attributes, mechanisms, objects, users and
//! errors. Typed; no pointers, no I/O. Numbers come from the standard's headers (crate `cryptoki-sys`).

#![forbid(unsafe_code)]

mod attribute;
mod blob;
mod bounded;
mod error;
mod handle;
pub mod limits;
mod mechanism;
mod object;
mod quorum;
mod regime;
mod user;

pub use attribute::{AttributeType, Attributes, Shape, Value};
pub use blob::{Blob, wipe};
pub use bounded::at_most;
pub use error::{Error, Result, ReturnCode};
pub use handle::{Handle, NodeId, Place};
pub use limits::Limits;
pub use mechanism::{
    AgreementKdf, Algorithm, ConnectionSizes, Hash, Hedge, Hkdf, Ike, Kbkdf, KbkdfField, MECHANISMS,
    Mechanism, MechanismSpec, MechanismType, NumberFormat, Params, PasswordBased, Prf, Purposes, Randoms,
    Salt, SignContext, Tls,
};
pub use object::{KeyType, ObjectClass, ObjectInfo, Usage};
pub use quorum::{KeyTerms, MtlsEnforcement, Service};
pub use regime::{HsmType, Mode, Quirk, Quirks, Regime, Variant};
pub use user::{Profile, Role, UserName};
