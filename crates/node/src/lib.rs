//! One HSM: users, objects, attribute policy, sessions.
//!
//! A node knows neither the cluster, nor the network, nor the disk, nor the time: it's handed a
//! [`state::Port`] to get changes committed, and a [`Clock`].

#![forbid(unsafe_code)]

pub mod state;

/// What time it is.
pub trait Clock: Send + Sync {
    /// Seconds since 1970.
    fn now(&self) -> u64;
}
