//! The daemon's life: it's brought up, ended, killed, and brought up again.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::guard::Guard;
use super::{Builder, Cluster, Up};
use crate::process::run_with;
use crate::wait::wait_for_end;

const UP_TIMEOUT: Duration = Duration::from_secs(60);
const DOWN_TIMEOUT: Duration = Duration::from_secs(30);

impl Cluster {
    /// A new folder, and in it a home with a daemon.
    #[track_caller]
    pub(super) fn bring_up(builder: Builder) -> Self {
        // A short name: the path of a Unix socket has at most 107 bytes.
        let folder = tempfile::Builder::new().prefix("sr").tempdir().expect("a temporary folder");
        // Clients that run as other users pass through it to the sockets.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))
            .expect("permissions of a folder of one's own");
        if let Some(config) = &builder.daemon_config {
            let home = folder.path().join("h");
            fs::create_dir(&home).expect("a new folder");
            fs::set_permissions(&home, Permissions::from_mode(0o711))
                .expect("permissions of a folder of one's own");
            fs::write(home.join("config.toml"), config).expect("a new file");
        }
        let guard = Guard::start(folder.path());
        let mut cluster =
            Self { _guard: guard, folder, builder, up: Up::default(), officer_password: None, far: None };
        cluster.start_again();
        if cluster.builder.by_tls {
            let far = cluster.folder.path().join("far.toml");
            cluster.configure(&far, &[]).expect_success();
            cluster.far = Some(far);
        }
        cluster
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
