//! `cargo xtask quickstart`: from a fresh clone to HTTPS with a key in a cluster, and what comes next.

mod nginx;

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::packages;
use crate::step::{Failure, announce, output, step};
use crate::target;
use crate::test::cargo;

const RSA_KEY: &str = "quickstart-rsa";
const EC_KEY: &str = "quickstart-ec";

/// What `strongroom up` said, as far as it's needed here.
struct Cluster {
    strongroom: PathBuf,
    home: PathBuf,
    module: String,
    config: String,
    token: String,
    pin: String,
    /// A file with the PIN, for `pin-source`: it keeps the PIN out of command lines and configurations.
    pin_file: PathBuf,
}

/// Runs it. Doing it again uses the cluster and the keys that are there.
pub(crate) fn run(home: Option<&Path>) -> Result<(), Failure> {
    packages::install(packages::QUICKSTART)?;
    step(
        "build",
        &mut cargo(&["build", "--release", "--package", "strongroom", "--package", "strongroom-pkcs11"]),
    )?;
    let folder = target().join("quickstart");
    fs::create_dir_all(&folder).map_err(|error| cannot("make", &folder, &error))?;
    announce("bring up a cluster of two nodes");
    let home = match home {
        Some(home) => home.to_path_buf(),
        None => demonstration_home(&folder)?,
    };
    let cluster = Cluster::up(&home, &folder)?;
    announce("make an RSA and an EC key in the cluster, with pkcs11-tool");
    cluster.make_key(RSA_KEY, "rsa:2048", "01")?;
    cluster.make_key(EC_KEY, "EC:prime256v1", "02")?;
    announce("issue a certificate for the RSA key, with OpenSSL");
    let certificate = folder.join("certificate.pem");
    cluster.issue_certificate(&certificate)?;
    announce("serve one HTTPS request with that key, by NGINX");
    let page = nginx::serve_once(&cluster, &folder, &certificate)?;
    eprint!("{page}");
    announce("it works");
    cluster.say_what_comes_next(&folder);
    Ok(())
}

/// A home of our own. A daemon that an earlier run left there may be of an older build, so it's ended.
fn demonstration_home(folder: &Path) -> Result<PathBuf, Failure> {
    let home = folder.join("home");
    output(Command::new(strongroom()).arg("down").arg("--home").arg(&home))?;
    Ok(home)
}

fn strongroom() -> PathBuf {
    target().join("release/strongroom")
}

impl Cluster {
    fn up(home: &Path, folder: &Path) -> Result<Self, Failure> {
        let strongroom = target().join("release/strongroom");
        let printed = output(
            Command::new(&strongroom).arg("up").arg("--home").arg(home).env_remove("STRONGROOM_CONFIG"),
        )?;
        let printed: Value = serde_json::from_str(&printed).map_err(|error| {
            Failure::new(format!("`strongroom up` printed what isn't JSON ({error}): {printed}"))
        })?;
        let data = &printed["data"];
        let text = |value: &Value, what: &str| {
            value
                .as_str()
                .map(str::to_string)
                .ok_or_else(|| Failure::new(format!("`strongroom up` told no {what}")))
        };
        let pin = text(&data["crypto_users"][0]["pin"], "PIN of a crypto user")?;
        let pin_file = folder.join("pin");
        write_private(&pin_file, &pin)?;
        Ok(Self {
            strongroom,
            home: home.to_path_buf(),
            module: text(&data["module"], "module")?,
            config: text(&data["config"], "configuration")?,
            token: text(&data["token_label"], "token label")?,
            pin,
            pin_file,
        })
    }

    /// A program that uses the cluster.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("STRONGROOM_CONFIG", &self.config).env("PKCS11_MODULE_PATH", &self.module);
        command
    }

    fn pkcs11_tool(&self) -> Command {
        let mut command = self.command("pkcs11-tool");
        // `env:` keeps the PIN out of the list of processes.
        command.args(["--module", &self.module, "--login", "--pin", "env:QUICKSTART_PIN"]);
        command.env("QUICKSTART_PIN", &self.pin);
        command
    }

    fn make_key(&self, label: &str, kind: &str, id: &str) -> Result<(), Failure> {
        let listed = output(self.pkcs11_tool().args(["--list-objects", "--type", "privkey"]))?;
        if listed.contains(label) {
            eprintln!("{label} is there already");
            return Ok(());
        }
        let mut generate = self.pkcs11_tool();
        generate.args(["--keypairgen", "--key-type", kind, "--label", label, "--id", id]);
        output(&mut generate)?;
        eprintln!("{label} ({kind})");
        Ok(())
    }

    /// The key as a PKCS#11 URI (RFC 7512).
    fn uri(&self, label: &str) -> String {
        format!(
            "pkcs11:token={};object={label};type=private?pin-source=file:{}",
            self.token,
            self.pin_file.display()
        )
    }

    fn issue_certificate(&self, certificate: &Path) -> Result<(), Failure> {
        let mut request = self.command("openssl");
        request
            .args([
                "req",
                "-new",
                "-x509",
                "-engine",
                "pkcs11",
                "-keyform",
                "engine",
                "-key",
                &self.uri(RSA_KEY),
            ])
            .args([
                "-sha256",
                "-days",
                "30",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost",
            ])
            .arg("-out")
            .arg(certificate);
        output(&mut request)?;
        let mut show = Command::new("openssl");
        show.args(["x509", "-noout", "-subject", "-enddate", "-fingerprint", "-sha256", "-in"])
            .arg(certificate);
        eprint!("{}", output(&mut show)?);
        Ok(())
    }

    fn say_what_comes_next(&self, folder: &Path) {
        let (strongroom, home) = (self.strongroom.display(), self.home.display());
        let uri = self.uri(EC_KEY);
        eprintln!(
            "
The cluster goes on running. In this shell:

  export STRONGROOM_CONFIG={config}
  export PKCS11_MODULE_PATH={module}

Then, for example:

  pkcs11-tool --module $PKCS11_MODULE_PATH --login --pin \"$(cat {pin})\" --list-objects
  echo hello | openssl dgst -engine pkcs11 -keyform engine -sha256 -sign '{uri}' | base64
  less {configuration}    # how NGINX was set up
  {strongroom} status --human --home {home}
  {strongroom} down --home {home}

README.md has set-ups for Java, OpenSSH, Python and others.",
            config = self.config,
            module = self.module,
            pin = self.pin_file.display(),
            configuration = folder.join("nginx.conf").display(),
        );
    }
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, content: &str) -> Result<(), Failure> {
    let write = || {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        std::io::Write::write_all(&mut file, content.as_bytes())
    };
    write().map_err(|error| cannot("write", path, &error))
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot {what} {}: {error}", path.display()))
}
