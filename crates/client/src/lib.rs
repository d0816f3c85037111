//! Connections to the nodes of a cluster: configuration, choice of node, failover, login, fork.
//!
//! [`Config`] says where the nodes of which clusters listen; a [`Client`] talks to one cluster.
//!
//! This library lives inside other people's processes. It starts no threads, installs no signal
//! handlers, keeps nothing per thread, leaves nothing to run at exit, writes only to sockets that
//! are certainly its own, and can be carried on with in a forked child.

#![forbid(unsafe_code)]

#[cfg(test)]
extern crate self as strongroom_client;

mod choice;
mod client;
mod config;
mod conn;
mod deliver;
mod descriptor;
mod dial;
mod gate;
mod lanes;
mod line;
mod link;
mod log;
mod login;
mod state;
mod undelivered;
mod wait;

pub use client::{Client, Route};
pub use config::{
    CLOUDHSM_FILE, ClusterConfig, Config, ConfigError, Endpoint, Logging, Retry, Tls, TlsFiles, date,
};
pub use log::{Level, LogFn};
