//! One HSM: users, objects, attribute policy, sessions.
//!
//! A node knows neither the cluster, nor the network, nor the disk, nor the time: it's handed a
//! [`state::Port`] to get changes committed, and a [`Clock`]. It trusts no client: roles, ownership,
//! attributes, usage and limits are checked here, on every request.

#![forbid(unsafe_code)]

mod access;
pub mod audit;
mod builtin;
mod client_trust;
mod connection;
mod count;
mod crypt;
mod derivation;
mod encapsulation;
mod family;
mod keeping;
mod keys;
mod masked;
mod node;
mod object;
mod objects;
mod quorum;
pub mod rules;
mod sharing;
mod standing;
pub mod state;
mod ticket;
mod twins;
mod users;
mod using;
mod wrapping;

pub use connection::Connection;
pub use node::{Clock, Node, NodeParts, PasswordLimits};
pub use object::StoredObject;
pub use users::check_name;
