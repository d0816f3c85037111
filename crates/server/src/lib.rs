//! The daemon: listeners, homes and their clusters.
//!
//! [`serve`] is all of `strongroom serve`. [`control::call`] is how the other commands talk to a daemon
//! that runs; [`Home`] says where everything is.

#![forbid(unsafe_code)]

pub mod audit;
mod authorities;
mod aws;
mod backups;
mod budget;
mod channel;
mod config;
mod connections;
pub mod control;
mod conversation;
mod daemon;
mod data_plane;
mod error;
mod faults;
mod files;
mod home;
mod listener;
mod logging;
mod mailboxes;
mod network;
mod process;
mod reader;
mod root_key;
mod serve;
mod served;
mod terms;
mod throttle;
mod tls;
mod wait;

pub use backups::{BackupPolicy, BucketConfig};
pub use daemon::Daemon;
pub use error::ServeError;
pub use home::{Home, default_home};
pub use network::{Network, PORT};
pub use serve::{ServeOptions, serve};
