//! Java 17's SunPKCS11 with keys in a cluster: `keytool`, `jarsigner` and the programs in `tests/java`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use strongroom_testkit::{Cluster, run};

/// The JDK's package in Debian 12.
const PACKAGE: &str = "openjdk-17-jdk-headless";

/// Java in front of a cluster's token.
#[derive(Debug)]
pub struct Java<'a> {
    cluster: &'a Cluster,
    configuration: PathBuf,
}

impl<'a> Java<'a> {
    /// With a provider that leaves all attributes of keys to the token.
    ///
    /// # Panics
    ///
    /// When its configuration can't be written.
    #[track_caller]
    pub fn new(cluster: &'a Cluster) -> Self {
        Self::with_attributes(cluster, "")
    }

    /// As [`Self::new`], with `attributes(...) = {...}` lines in the provider's configuration.
    ///
    /// # Panics
    ///
    /// When it can't be written.
    #[track_caller]
    pub fn with_attributes(cluster: &'a Cluster, attributes: &str) -> Self {
        let configuration = cluster.folder().join("java.cfg");
        let text = format!(
            "name = Strongroom\nlibrary = {}\nslot = {}\n{attributes}\n",
            cluster.module().display(),
            cluster.slot()
        );
        fs::write(&configuration, text).expect("the provider's configuration");
        Self { cluster, configuration }
    }

    /// One of the programs in `tests/java`, with the provider's configuration and the PIN as first arguments.
    ///
    /// # Panics
    ///
    /// When the programs can't be compiled.
    #[track_caller]
    pub fn program(&self, class: &str) -> Command {
        self.program_with_pin(class, self.cluster.pin())
    }

    /// As [`Self::program`], with another PIN.
    ///
    /// # Panics
    ///
    /// As there.
    #[track_caller]
    pub fn program_with_pin(&self, class: &str, pin: &str) -> Command {
        let mut command = self.tool("java");
        // Starting takes most of the time.
        command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-ea", "-cp"]).arg(classes()).arg(class);
        command.arg(&self.configuration).arg(pin);
        command
    }

    /// `keytool` on the token.
    pub fn keytool(&self, arguments: &[&str]) -> Command {
        self.on_token("keytool", arguments)
    }

    /// `jarsigner` with keys on the token.
    pub fn jarsigner(&self, arguments: &[&str]) -> Command {
        self.on_token("jarsigner", arguments)
    }

    /// A tool of the JDK that needs no key.
    pub fn tool(&self, name: &str) -> Command {
        let mut command = self.cluster.command(crate::program(name, PACKAGE));
        command.current_dir(self.cluster.folder());
        command
    }

    fn on_token(&self, tool: &str, arguments: &[&str]) -> Command {
        let mut command = self.tool(tool);
        command
            .env("PIN", self.cluster.pin())
            .args(["-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC", "-keystore", "NONE", "-storetype"])
            .args(["PKCS11", "-providerClass", "sun.security.pkcs11.SunPKCS11", "-providerArg"])
            .arg(&self.configuration)
            .args(["-storepass:env", "PIN"])
            .args(arguments);
        command
    }
}

/// The compiled programs, made once per run of a test binary.
#[track_caller]
fn classes() -> &'static Path {
    static CLASSES: OnceLock<PathBuf> = OnceLock::new();
    CLASSES.get_or_init(|| {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("java");
        let files = fs::read_dir(&sources).expect("the folder of the programs");
        let files = files
            .map(|file| file.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "java"));
        // Beside the running test, so that it goes with the target directory.
        let running = std::env::current_exe().expect("the path of the running program");
        let classes = running.with_file_name("strongroom-tests-java");
        let compiler = crate::program("javac", PACKAGE);
        run(Command::new(compiler).args(["-Xlint:all", "-Werror", "-d"]).arg(&classes).args(files));
        classes
    })
}
