//! The throw-away cluster.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::binaries::strongroom;
use crate::process::{Finished, run_any, run_with};
use crate::wait::wait_for_end;

const UP_TIMEOUT: Duration = Duration::from_secs(60);
const DOWN_TIMEOUT: Duration = Duration::from_secs(30);

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

/// What the cluster will be; made by [`Cluster::builder`].
#[derive(Clone, Debug, Default)]
pub struct Builder {
    pub(crate) name: Option<String>,
    pub(crate) nodes: Option<u16>,
    profile: Option<String>,
    more: Vec<String>,
    officer_password: Option<String>,
    crypto_users: Vec<(String, String)>,
    uninitialized: bool,
    own_ca: bool,
    by_tls: bool,
    daemon_config: Option<String>,
}

impl Builder {
    /// The cluster's name, which is also the token's label; else `default`.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How many nodes, 1 to 28; else 2.
    pub fn nodes(mut self, nodes: u16) -> Self {
        self.nodes = Some(nodes);
        self
    }

    /// `standard`, `cloudhsm` or `strict`; else `standard`.
    pub fn profile(mut self, profile: &str) -> Self {
        self.profile = Some(profile.into());
        self
    }

    /// A further option of `strongroom up`, such as `--mode`, with its value.
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.more.extend([name.into(), value.into()]);
        self
    }

    /// The officer's password; else a random one.
    pub fn officer_password(mut self, password: &str) -> Self {
        self.officer_password = Some(password.into());
        self
    }

    /// A crypto user, one or more; else `app` with a random password.
    pub fn crypto_user(mut self, name: &str, password: &str) -> Self {
        self.crypto_users.push((name.into(), password.into()));
        self
    }

    /// Without users: a token for `C_InitToken`.
    pub fn uninitialized(mut self) -> Self {
        self.uninitialized = true;
        self
    }

    /// Without users, and with a key that waits for its customer's certificate.
    pub fn own_ca(mut self) -> Self {
        self.own_ca = true;
        self
    }

    /// Its clients come by TLS, and by no socket.
    pub fn by_tls(mut self) -> Self {
        self.by_tls = true;
        self
    }

    /// What the daemon's configuration says, in TOML.
    pub fn daemon_config(mut self, text: &str) -> Self {
        self.daemon_config = Some(text.into());
        self
    }

    /// Brings it up.
    ///
    /// # Panics
    ///
    /// When that fails; the message has what `strongroom up` said.
    #[track_caller]
    pub fn start(self) -> Cluster {
        // A short name: the path of a Unix socket has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("sr").tempdir().expect("a temporary folder");
        // Clients that run as other users pass through it to the sockets.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))
            .expect("permissions of a folder of one's own");
        if let Some(config) = &self.daemon_config {
            let home = folder.path().join("h");
            fs::create_dir(&home).expect("a new folder");
            fs::set_permissions(&home, Permissions::from_mode(0o711))
                .expect("permissions of a folder of one's own");
            fs::write(home.join("config.toml"), config).expect("a new file");
        }
        let guard = Guard::start(folder.path());
        let mut cluster = Cluster {
            _guard: guard,
            folder,
            builder: self,
            up: Up::default(),
            officer_password: None,
            far: None,
        };
        cluster.start_again();
        if cluster.builder.by_tls {
            let far = cluster.folder.path().join("far.toml");
            cluster.configure(&far, &[]).expect_success();
            cluster.far = Some(far);
        }
        cluster
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut option = |name: &str, value: String| arguments.extend([name.to_string(), value]);
        self.name.iter().for_each(|name| option("--cluster", name.clone()));
        self.nodes.iter().for_each(|nodes| option("--nodes", nodes.to_string()));
        self.profile.iter().for_each(|profile| option("--profile", profile.clone()));
        self.officer_password.iter().for_each(|password| option("--officer-password", password.clone()));
        self.crypto_users
            .iter()
            .for_each(|(name, password)| option("--crypto-user", format!("{name}:{password}")));
        arguments.extend(self.more.iter().cloned());
        if self.uninitialized {
            arguments.push("--uninitialized".into());
        }
        if self.own_ca {
            arguments.push("--own-ca".into());
        }
        if self.by_tls {
            arguments.push("--listen".into());
        }
        arguments
    }
}

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

    /// Kills the daemon with `SIGKILL` and waits until it's gone.
    ///
    /// # Panics
    ///
    /// When it doesn't run, or doesn't go.
    #[track_caller]
    pub fn kill(&mut self) {
        let pid = Pid::from_raw(self.up.pid.cast_signed()).expect("the daemon's process id");
        kill_process(pid, Signal::KILL)
            .unwrap_or_else(|error| panic!("the daemon, process {}, can't be killed: {error}", self.up.pid));
        assert!(wait_for_end(self.up.pid, DOWN_TIMEOUT), "the killed daemon is still there");
    }

    /// Ends the daemon with `strongroom down`; the home stays.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn stop(&mut self) {
        run_with(&mut self.strongroom(&["down"]), b"", DOWN_TIMEOUT).expect_success();
        assert!(
            wait_for_end(self.up.pid, DOWN_TIMEOUT),
            "`strongroom down` returned before the daemon ended"
        );
    }

    /// Brings the cluster up again on the same home. Nothing happens if it runs.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn start_again(&mut self) {
        let mut command = self.strongroom(&["up"]);
        command.args(self.builder.arguments());
        let finished = run_with(&mut command, b"", UP_TIMEOUT).expect_success();
        let mut printed: Value = serde_json::from_str(&finished.stdout())
            .unwrap_or_else(|error| panic!("this isn't JSON ({error}): {}", finished.report()));
        let officer = printed["data"]["officer"].take();
        self.up = serde_json::from_value(printed["data"].take())
            .unwrap_or_else(|error| panic!("not what `up` should print ({error}): {}", finished.report()));
        self.officer_password = officer["password_file"].as_str().map(|file| {
            let secrets = fs::read(file).unwrap_or_else(|error| panic!("{file} can't be read: {error}"));
            let secrets: Value = serde_json::from_slice(&secrets).expect("JSON in secrets.json");
            let cluster = self.builder.name.as_deref().unwrap_or("default");
            secrets[cluster]["officer"]["password"].as_str().expect("the officer's password").to_string()
        });
    }

    /// [`Self::stop`], then [`Self::start_again`].
    ///
    /// # Panics
    ///
    /// When either fails.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop();
        self.start_again();
    }

    /// The daemon's log so far; empty if there is none.
    pub fn log(&self) -> String {
        fs::read(self.home().join("daemon.log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(30)..];
            eprintln!("--- end of the daemon's log\n{}", tail.join("\n"));
        }
        // The test may have brought the daemon up by itself, with another process id: ask by home first. A panic
        // here would abort while another one is under way.
        let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            run_with(&mut self.strongroom(&["down"]), b"", DOWN_TIMEOUT).success()
        }));
        let gone = matches!(asked, Ok(true));
        if let Some(pid) = (!gone).then_some(self.up.pid.cast_signed()).and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
            wait_for_end(self.up.pid, DOWN_TIMEOUT);
        }
    }
}

/// Ends the daemon and removes the folder when this process dies without doing so, by `SIGKILL` too: a shell
/// that waits for the end of a pipe whose other end only we have.
#[derive(Debug)]
struct Guard(Child);

impl Guard {
    fn start(folder: &Path) -> Self {
        let shell = Command::new("/bin/sh")
            .args(["-c", r#"read _; "$1" down --home "$2/h"; rm -rf "$2""#, "guard"])
            .arg(strongroom())
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What interrupts the test at the terminal mustn't end its guard.
            .process_group(0)
            .spawn();
        Self(shell.expect("a shell"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // It has nothing left to do: the cluster was dropped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
