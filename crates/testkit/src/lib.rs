//! A throw-away cluster for a test, in a few lines.
//!
//! ```no_run
//! use strongroom_testkit::{Cluster, run};
//!
//! let cluster = Cluster::builder().nodes(2).crypto_user("app", "secret-password").start();
//! let listed = run(cluster.command("pkcs11-tool").arg("--module").arg(cluster.module()).args([
//!     "--login", "--pin", cluster.pin(), "--list-objects",
//! ]));
//! assert!(listed.stdout().is_empty());
//! // The daemon ends and its home is removed when `cluster` is dropped, after a panic too.
//! ```
//!
//! The binaries under test are those of `cargo build --release`: testkit doesn't build them. Set
//! `STRONGROOM_BIN_DIR` to test others.
//!
//! Everything here panics with a sentence when it fails, since a test can't go on. Nothing waits
//! without a limit.

mod binaries;
mod cluster;
mod module;
mod nodes;
mod process;
mod wait;

pub use binaries::{bin_dir, node_modules, python, strongroom};
pub use cluster::{Builder, Cluster};
pub use module::Module;
pub use nodes::NodeStatus;
pub use process::{Background, DEFAULT_TIMEOUT, Finished, run, run_any, run_with};
pub use wait::{free_port, wait_until};
