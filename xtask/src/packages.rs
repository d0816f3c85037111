//! What has to be installed: Debian packages, and Python packages in an environment of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{Failure, announce, output, step};
use crate::target;

/// What `quickstart` uses.
pub(crate) const QUICKSTART: &[&str] = &["curl", "libengine-pkcs11-openssl", "nginx", "opensc", "openssl"];

/// What the tests and benchmarks use beyond that.
pub(crate) const TESTS: &[&str] = &[
    "apache2-utils",
    "binutils",
    "bsdutils",
    "gcc",
    "gdb",
    "gnutls-bin",
    "jq",
    "libc6-dev",
    "mount",
    "openjdk-17-jdk-headless",
    "openssh-client",
    "openssh-server",
    "procps",
    "python3",
    "python3-venv",
    "softhsm2",
    "util-linux",
];

/// What the tests use from PyPI.
const PYTHON: &[&str] = &["cryptography==50.0.2", "PyKCS11==1.5.20", "python-pkcs11==0.10.1"];

/// Packages that Debian starts a service of when it installs them, and the services.
const SERVICES: &[(&str, &str)] = &[("nginx", "nginx"), ("openssh-server", "ssh")];

/// Installs the Debian packages that are missing.
pub(crate) fn install(wanted: &[&str]) -> Result<(), Failure> {
    let missing: Vec<&str> = wanted.iter().copied().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(Failure::new(format!(
            "this needs {}, by their names in Debian, and installs packages with apt-get only, which isn't here",
            wanted.join(", ")
        )));
    }
    step("apt-get update", as_root("apt-get")?.args(["-qq", "update"]))?;
    let mut install = as_root("apt-get")?;
    install.args(["-qq", "-y", "--no-install-recommends", "install"]).args(&missing);
    step(&format!("apt-get install {}", missing.join(" ")), &mut install)?;
    // Nobody asked for a web server or remote logins on this machine.
    if Path::new("/run/systemd/system").exists() {
        for (_, service) in SERVICES.iter().filter(|(package, _)| missing.contains(package)) {
            step(
                &format!("stop the service {service}"),
                as_root("systemctl")?.args(["disable", "--now", service]),
            )?;
        }
    }
    Ok(())
}

/// Makes the Python environment `python` in the target directory, with what the tests need.
pub(crate) fn install_python() -> Result<(), Failure> {
    let folder = target().join("python");
    let python = folder.join("bin/python3");
    if !has_python_packages(&python) {
        // Debian's own interpreter: another one in the path may lack the venv module.
        step(
            "make a Python environment",
            Command::new("/usr/bin/python3").args(["-m", "venv", "--clear"]).arg(&folder),
        )?;
        step(
            &format!("pip install {}", PYTHON.join(" ")),
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(PYTHON),
        )?;
    }
    announce(&format!("Python environment: {}", folder.display()));
    Ok(())
}

fn has_python_packages(python: &PathBuf) -> bool {
    let Ok(installed) =
        output(Command::new(python).args(["-m", "pip", "freeze", "--disable-pip-version-check"]))
    else {
        return false;
    };
    PYTHON.iter().all(|package| installed.lines().any(|line| line.eq_ignore_ascii_case(package)))
}

fn is_installed(package: &str) -> bool {
    output(Command::new("dpkg-query").args(["--show", "--showformat=${db:Status-Status}", package]))
        .is_ok_and(|status| status == "installed")
}

/// A program as root, without a prompt: nobody may be there to answer it.
fn as_root(program: &str) -> Result<Command, Failure> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new(program)
    } else {
        if output(Command::new("sudo").args(["-n", "true"])).is_err() {
            return Err(Failure::new(
                "packages have to be installed, which needs root: run `sudo -v` first, then this again in the same terminal",
            ));
        }
        let mut command = Command::new("sudo");
        command.args(["-n", "DEBIAN_FRONTEND=noninteractive", program]);
        command
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}
