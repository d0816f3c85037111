//! A daemon that serves the API, with a home of its own.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use strongroom_testkit::{Background, Finished, free_port, python, run, strongroom, wait_until};
use tempfile::TempDir;

/// The daemon. Dropping it ends it and removes the home.
pub(crate) struct Service {
    daemon: Background,
    folder: TempDir,
    port: u16,
}

impl Service {
    /// A daemon with nothing in it.
    #[track_caller]
    pub(crate) fn start() -> Self {
        Self::configured("")
    }

    /// A daemon with more in the section `[aws]`, and sections after it.
    #[track_caller]
    pub(crate) fn configured(more: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("sr").tempdir().expect("a temporary folder");
        let port = free_port();
        let text = format!("[aws]\nlisten = \"127.0.0.1:{port}\"\n{more}");
        let file = folder.path().join("strongroom.toml");
        fs::write(&file, text).expect("a file in one's own folder");
        // There may be secrets in it.
        fs::set_permissions(file, Permissions::from_mode(0o600)).expect("one's own file");
        let daemon = serve(folder.path());
        let service = Self { daemon, folder, port };
        service.wait();
        service
    }

    fn wait(&self) {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        wait_until("the control plane to listen", Duration::from_secs(20), || {
            TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
        });
    }

    /// Kills the daemon, and starts it again.
    pub(crate) fn crash(&mut self) {
        self.daemon.signal(Signal::KILL);
        self.daemon.wait(Duration::from_secs(20));
        self.daemon = serve(self.folder.path());
        self.wait();
    }

    /// A folder for the test's own files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("h")
    }

    /// Where clients are to call.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the command prints when it succeeds.
    #[track_caller]
    pub(crate) fn strongroom(&self, arguments: &[&str]) -> Value {
        let printed = run(Command::new(strongroom()).args(arguments).arg("--home").arg(self.home())).stdout();
        let mut printed: Value = serde_json::from_str(&printed).expect("JSON");
        printed["data"].take()
    }

    /// A client's program, told by its environment where the API is.
    pub(crate) fn client(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = client_at(&self.endpoint(), program);
        command
            .current_dir(self.folder())
            .env("STRONGROOM", strongroom())
            .env("STRONGROOM_HOME", self.home());
        command
    }

    /// A program in `tests/python/control_plane`.
    pub(crate) fn python(&self, program: &str) -> Command {
        let mut command = self.client(python());
        command.arg(python_program(program));
        command
    }

    /// Plays a scenario of `with_boto3.py`; the program checks by itself.
    #[track_caller]
    pub(crate) fn play(&self, scenario: &str, protocol: &str) -> Finished {
        run(self.python("with_boto3.py").arg(scenario).env("PROTOCOL", protocol))
    }
}

/// A client's program, told by its environment where the API is.
pub(crate) fn client_at(endpoint: &str, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_remove("AWS_PROFILE").envs([
        ("AWS_ENDPOINT_URL_CLOUDHSM_V2", endpoint),
        ("AWS_ACCESS_KEY_ID", "123456789012"),
        ("AWS_SECRET_ACCESS_KEY", "unused"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "none"),
        ("AWS_SHARED_CREDENTIALS_FILE", "none"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
    ]);
    command
}

/// A program in `tests/python/control_plane`.
pub(crate) fn python_program(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python/control_plane").join(name)
}

fn serve(folder: &Path) -> Background {
    let log =
        || File::options().create(true).append(true).open(folder.join("daemon.out")).expect("one's own file");
    let mut command = Command::new(strongroom());
    command
        .arg("serve")
        .arg("--home")
        .arg(folder.join("h"))
        .arg("--config")
        .arg(folder.join("strongroom.toml"));
    Background::start(command.stdin(Stdio::null()).stdout(log()).stderr(log()))
}
