//! The daemon: listeners, homes and their clusters.
//!
//! [`serve`] is all of `strongroom serve`. [`control::call`] is how the other commands talk to a daemon
//! that runs; [`Home`] says where everything is.

#![forbid(unsafe_code)]

mod config;
pub mod control;
mod error;
mod home;
mod logging;
mod process;
mod serve;

pub use error::ServeError;
pub use home::{Home, default_home};
pub use serve::{ServeOptions, serve};
