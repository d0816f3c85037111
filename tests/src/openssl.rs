//! The `openssl` program, with the PKCS#11 engine and without.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use strongroom_testkit::{Background, Cluster, run, wait_until};

use crate::pkcs11_tool::generate_key_pair;

/// `openssl` with keys in a cluster, through libp11's engine.
#[derive(Clone, Copy, Debug)]
pub struct OpenSsl<'a> {
    cluster: &'a Cluster,
}

impl<'a> OpenSsl<'a> {
    /// With the keys of this cluster.
    ///
    /// # Panics
    ///
    /// When the engine isn't installed.
    #[track_caller]
    pub fn new(cluster: &'a Cluster) -> Self {
        let found = run(plain(&["engine", "pkcs11"]).env("PKCS11_MODULE_PATH", cluster.module()));
        assert!(
            found.stdout().contains("(pkcs11)"),
            "this test needs OpenSSL's PKCS#11 engine: install the Debian package libengine-pkcs11-openssl"
        );
        Self { cluster }
    }

    /// `openssl SUBCOMMAND -engine pkcs11 ARGUMENTS`.
    pub fn engine(&self, subcommand: &str, arguments: &[&str]) -> Command {
        let mut command = self.command(subcommand);
        command.args(["-engine", "pkcs11"]).args(arguments);
        command
    }

    /// `openssl SUBCOMMAND` in an environment where the engine finds the module.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = self.cluster.command(openssl());
        command
            .current_dir(self.cluster.folder())
            .env("PKCS11_MODULE_PATH", self.cluster.module())
            .env_remove("OPENSSL_CONF")
            .arg(subcommand);
        command
    }

    /// A private key as a URI (RFC 7512) with the PIN in it, everything encoded that may be.
    pub fn uri(&self, label: &str) -> String {
        self.uri_with_pin(label, self.cluster.pin())
    }

    /// As [`Self::uri`], with another PIN.
    pub fn uri_with_pin(&self, label: &str, pin: &str) -> String {
        format!("{}?pin-value={}", self.uri_without_pin(label), percent_encode(pin))
    }

    /// A private key as a URI.
    pub fn uri_without_pin(&self, label: &str) -> String {
        format!("pkcs11:token={};object={label};type=private", self.cluster.token_label())
    }

    /// Writes a file into the cluster's folder.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// A path in the cluster's folder, where all commands run.
    pub fn path(&self, name: &str) -> PathBuf {
        self.cluster.folder().join(name)
    }

    /// Makes a key pair and returns its public half as a file, `LABEL.pub`, in PEM.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn generate(&self, kind: &str, label: &str, id: &str) -> PathBuf {
        generate_key_pair(self.cluster, kind, label, id);
        let public = self.path(&format!("{label}.pub"));
        run(self
            .engine("pkey", &["-inform", "engine", "-in", &self.uri(label), "-pubout", "-out"])
            .arg(&public));
        public
    }

    /// Makes a certificate that a key signs for itself, `LABEL.crt`, in PEM.
    ///
    /// # Panics
    ///
    /// When that fails.
    #[track_caller]
    pub fn self_sign(&self, label: &str) -> PathBuf {
        let certificate = self.path(&format!("{label}.crt"));
        run(self
            .engine("req", &["-new", "-x509", "-keyform", "engine", "-key", &self.uri(label)])
            .args(["-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .arg("-out")
            .arg(&certificate));
        certificate
    }

    /// Starts `openssl s_server` with a key in the cluster; it's on a port of its own choice.
    ///
    /// # Panics
    ///
    /// When it doesn't listen in time.
    #[track_caller]
    pub fn serve(&self, label: &str, certificate: &Path, arguments: &[&str]) -> Server {
        let said = self.path(&format!("{label}.server"));
        let log = fs::File::create(&said).expect("a log for the server");
        let mut command = self.engine("s_server", &["-accept", "127.0.0.1:0", "-keyform", "engine"]);
        command.args(["-key", &self.uri(label), "-cert"]).arg(certificate).args(arguments);
        command.stdin(std::process::Stdio::null());
        command.stdout(log.try_clone().expect("a second descriptor")).stderr(log);
        let background = Background::start(&mut command);
        let mut port = None;
        wait_until("s_server listens", std::time::Duration::from_secs(20), || {
            let said = fs::read_to_string(&said).unwrap_or_default();
            port = said
                .lines()
                .find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:"))
                .and_then(|port| port.trim().parse().ok());
            port.is_some()
        });
        Server { port: port.expect("a port"), background }
    }
}

/// A running `openssl s_server`; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    /// Its port on the loopback.
    pub port: u16,
    /// The process.
    pub background: Background,
}

/// `openssl SUBCOMMAND` without anything of PKCS#11: what others use to check what the cluster's keys made.
pub fn plain(arguments: &[&str]) -> Command {
    let mut command = Command::new(openssl());
    command.env_remove("OPENSSL_CONF").env_remove("PKCS11_MODULE_PATH").args(arguments);
    command
}

#[track_caller]
fn openssl() -> PathBuf {
    crate::program("openssl", "openssl")
}

/// Encodes all but letters and digits, as a URI (RFC 3986, 2.1) may have everything.
pub fn percent_encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
