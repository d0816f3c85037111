//! What the README tells people to type works, in the order in which it stands there.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use strongroom_testkit::{bin_dir, python, run, run_any, strongroom};
use strongroom_tests::pages::{blocks, page};

/// A checkout as the README sees one, but with a home of its own and binaries that are built already.
struct Checkout {
    folder: tempfile::TempDir,
}

impl Checkout {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("sr").tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("target")).expect("a folder");
        symlink(bin_dir(), folder.path().join("target/release")).expect("a link");
        Self { folder }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env("STRONGROOM_HOME", self.folder.path().join("h"));
        command.env_remove("STRONGROOM_CONFIG").env_remove("PKCS11_MODULE_PATH");
        command
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        run_any(self.command(strongroom()).arg("down"));
    }
}

#[test]
fn what_it_tells_to_type_works() {
    let readme = page("README.md");
    let lines: Vec<String> = blocks(&readme, "## Use it", "sh")
        .concat()
        .lines()
        // Built already; and nobody to log in to.
        .filter(|line| *line != "cargo build --release" && !line.starts_with("ssh -I"))
        .map(str::to_string)
        .collect();
    assert!(lines.len() > 10, "too few lines were found: {lines:?}");

    let checkout = Checkout::new();
    let script = lines.join("\n");
    let output = run(checkout.command("bash").args(["-euo", "pipefail", "-c", &script])).output();
    for expected in ["\"token_label\":\"default\"", "ssh-rsa ", "Private Key Object"] {
        assert!(
            output.contains(expected),
            "{expected:?} isn't in what the README's commands print: {output}"
        );
    }
    let certificate = run(checkout.command("openssl").args(["x509", "-noout", "-subject", "-in", "web.pem"]));
    assert!(certificate.stdout().contains("localhost"));
    assert_eq!(fs::metadata(checkout.folder.path().join("sig")).expect("a signature").len(), 256);

    let programs = blocks(&readme, "## Use it", "python");
    assert_eq!(programs.len(), 1);
    let module = bin_dir().join("libstrongroom_pkcs11.so");
    let signed = run(checkout.command(python()).args(["-c", &programs[0]]).env("MODULE", module));
    assert_eq!(signed.stdout().trim().len(), 512, "{}", signed.report());
}
