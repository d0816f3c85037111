//! The AWS `cloudhsmv2` API: how its calls come over the wire, what they may say, and who answers them.
//!
//! [`shapes`] has what goes in and out of the 18 operations, [`Operations`] is whoever answers them. What reaches an
//! [`Operations`] has been checked against the published model: types, lengths, patterns, required members. What the
//! model says in words only, and all that depends on state, is checked behind it.

#![forbid(unsafe_code)]

mod caller;
mod config;
mod constraints;
mod error;
pub mod estate;
mod front;
mod operations;
mod server;
pub mod shapes;
pub mod signature;

pub use caller::{AccountId, Caller};
pub use config::{ApiConfig, Credential, DEFAULT_PORT, Secret};
pub use error::{ApiError, ErrorKind};
pub use operations::Operations;
pub use server::{ApiServer, Limits, MAX_BODY, StartError};
