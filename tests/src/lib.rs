//! End-to-end tests with real clients: what several test files share.

#![allow(clippy::macro_metavars_in_unsafe, reason = "`call!` is for calls that only tests make")]

pub mod alone;
pub mod approver;
pub mod conversation;
pub mod handshakes;
pub mod java;
pub mod nginx;
pub mod openssl;
pub mod pages;
pub mod pkcs11_tool;
pub mod process;
pub mod programs;
pub mod raw;
pub mod workbench;

use std::env;
use std::path::PathBuf;

pub use alone::{alone, alone_with_own_mounts, alone_with_own_network};

/// The path of a client's program.
///
/// # Panics
///
/// When it isn't installed; the message names the Debian package that has it.
#[track_caller]
pub fn program(name: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    // Servers lie where an ordinary user's path doesn't lead.
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/bin".into()])
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
        .unwrap_or_else(|| {
            panic!("this test needs the program `{name}`: install the Debian package {package}, or run `cargo xtask test`")
        })
}
