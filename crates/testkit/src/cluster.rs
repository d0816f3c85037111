//! The throw-away cluster.

mod builder;
mod guard;
mod life;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use tempfile::TempDir;

use crate::binaries::strongroom;
use crate::process::{Finished, run_any};
pub use builder::Builder;
use guard::Guard;

/// Variables that would make the daemon or a client look elsewhere.
const FOREIGN: [&str; 8] = [
    "STRONGROOM_HOME",
    "STRONGROOM_CONFIG",
    "STRONGROOM_ROLE",
    "STRONGROOM_PIN",
    "CLOUDHSM_ROLE",
    "CLOUDHSM_PIN",
    "STRONGROOM_LOG",
    "STRONGROOM_LOG_FILE",
];

/// A cluster with a daemon and a home of its own. Dropping it ends the daemon and removes the home.
#[derive(Debug)]
pub struct Cluster {
    /// Dropped before the folder is.
    _guard: Guard,
    folder: TempDir,
    pub(crate) builder: Builder,
    pub(crate) up: Up,
    officer_password: Option<String>,
    /// The configuration of clients that come by TLS.
    far: Option<PathBuf>,
}

/// What `strongroom up` prints.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Up {
    module: PathBuf,
    config: PathBuf,
    slot: u64,
    token_label: String,
    crypto_users: Vec<CryptoUser>,
    pub(crate) nodes: Vec<Node>,
    pid: u32,
}

#[derive(Debug, Deserialize)]
struct CryptoUser {
    username: String,
    pin: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) socket: PathBuf,
    pub(crate) address: Option<String>,
}

impl Cluster {
    /// A cluster as one wants it.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The default cluster: 2 nodes, profile `standard`, officer `admin`, crypto user `app`.
    ///
    /// # Panics
    ///
    /// As [`Builder::start`].
    #[track_caller]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// A cluster without users, for `C_InitToken`.
    ///
    /// # Panics
    ///
    /// As [`Builder::start`].
    #[track_caller]
    pub fn uninitialized() -> Self {
        Self::builder().uninitialized().start()
    }

    /// The daemon's home.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("h")
    }

    /// A folder for the test's own files, removed with the cluster; other users may pass through it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of the module, `libstrongroom_pkcs11.so`.
    pub fn module(&self) -> &Path {
        &self.up.module
    }

    /// The path of the client's configuration, `client.toml`.
    pub fn config(&self) -> &Path {
        self.far.as_deref().unwrap_or(&self.up.config)
    }

    /// Where each node is reached by TLS, as `IP:PORT`.
    pub fn addresses(&self) -> Vec<&str> {
        self.up.nodes.iter().filter_map(|node| node.address.as_deref()).collect()
    }

    /// The certificate of the CA that signed the cluster's.
    pub fn ca(&self) -> PathBuf {
        self.home().join("authorities/customerCA.crt")
    }

    /// Has `strongroom configure` write a configuration with the first node's address, and whatever else is said.
    ///
    /// # Panics
    ///
    /// When it takes too long.
    #[track_caller]
    pub fn configure(&self, file: &Path, more: &[&str]) -> Finished {
        let mut command = self.command(strongroom());
        command.args(["configure", "-a", self.addresses()[0], "--hsm-ca-cert"]).arg(self.ca()).args(more);
        run_any(command.arg("--config").arg(file))
    }

    /// The number of the cluster's slot.
    pub fn slot(&self) -> u64 {
        self.up.slot
    }

    /// The token's label.
    pub fn token_label(&self) -> &str {
        &self.up.token_label
    }

    /// The path of each node's socket.
    pub fn sockets(&self) -> Vec<&Path> {
        self.up.nodes.iter().map(|node| node.socket.as_path()).collect()
    }

    /// The PIN of the first crypto user, `name:password`.
    ///
    /// # Panics
    ///
    /// When there is none.
    #[track_caller]
    pub fn pin(&self) -> &str {
        &self.up.crypto_users.first().expect("a cluster with a crypto user").pin
    }

    /// The PIN of a crypto user, `name:password`.
    ///
    /// # Panics
    ///
    /// When there is none of this name.
    #[track_caller]
    pub fn pin_of(&self, name: &str) -> &str {
        let found = self.up.crypto_users.iter().find(|user| user.username == name);
        &found.unwrap_or_else(|| panic!("no crypto user {name} was made")).pin
    }

    /// The officer's password.
    ///
    /// # Panics
    ///
    /// When the cluster was made without users.
    #[track_caller]
    pub fn officer_password(&self) -> &str {
        self.officer_password.as_deref().expect("a cluster with an officer")
    }

    /// The officer's PIN, `admin:password`.
    ///
    /// # Panics
    ///
    /// When the cluster was made without users.
    #[track_caller]
    pub fn officer_pin(&self) -> String {
        format!("admin:{}", self.officer_password())
    }

    /// The daemon's process id.
    pub fn daemon_pid(&self) -> u32 {
        self.up.pid
    }

    /// The environment that a client needs.
    pub fn envs(&self) -> [(&'static str, &Path); 1] {
        [("STRONGROOM_CONFIG", self.config())]
    }

    /// A program with the environment that a client needs.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        FOREIGN.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.envs(self.envs());
        command
    }

    /// `strongroom` with the cluster's home, ready for further arguments.
    pub fn strongroom(&self, subcommand: &[&str]) -> Command {
        let mut command = self.command(strongroom());
        command.env_remove("STRONGROOM_CONFIG").args(subcommand).arg("--home").arg(self.home());
        command
    }

    /// Makes a module that's loaded into this process use the cluster.
    ///
    /// The environment belongs to the whole process: call it before other threads run, in a test binary
    /// of its own.
    pub fn configure_this_process(&self) {
        for name in FOREIGN {
            // SAFETY: the caller was told that no other thread may read the environment meanwhile.
            unsafe { std::env::remove_var(name) };
        }
        for (name, value) in self.envs() {
            // SAFETY: as above.
            unsafe { std::env::set_var(name, value) };
        }
    }
}
