//! What has to be installed: Debian packages, and packages for Python and Node in folders of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::{Failure, announce, output, step};
use crate::target;

/// What `quickstart` uses.
pub(crate) const QUICKSTART: &[&str] = &["curl", "libengine-pkcs11-openssl", "nginx", "opensc", "openssl"];

/// What the tests and benchmarks use beyond that.
pub(crate) const TESTS: &[&str] = &[
    "apache2-utils",
    "awscli",
    "binutils",
    "bsdutils",
    "g++",
    "gcc",
    "gdb",
    "gnutls-bin",
    "iproute2",
    "jq",
    "libc6-dev",
    "libfaketime",
    "make",
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
const PYTHON: &[&str] =
    &["boto3==1.44.5", "cryptography==50.0.2", "PyKCS11==1.5.20", "python-pkcs11==0.10.1"];

/// What the tests use from npm. The second is C++, built when it's installed.
const NODE: &[(&str, &str)] = &[("graphene-pk11", "2.3.6"), ("pkcs11js", "2.1.7")];

/// The authorities that this machine trusts.
const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

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

/// Installs what the tests need from npm in the folder `node` of the target directory.
pub(crate) fn install_node() -> Result<(), Failure> {
    let folder = target().join("node");
    if !has_node_packages(&folder) {
        // Other distributors' Node brings npm along; Debian's is a package of its own, and so are the headers.
        if output(Command::new("npm").arg("--version")).is_err() {
            install(&["nodejs", "npm", "libnode-dev"])?;
        }
        fs::create_dir_all(&folder)
            .map_err(|error| Failure::new(format!("{} can't be made: {error}", folder.display())))?;
        let wanted: Vec<String> = NODE.iter().map(|(name, version)| format!("{name}@{version}")).collect();
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"]).arg(&folder).args(&wanted);
        // Headers that are here needn't be fetched.
        if Path::new("/usr/include/node/node.h").exists() {
            npm.env("npm_config_nodedir", "/usr");
        }
        // Node has authorities of its own; a network that has one of its own is in Debian's.
        if std::env::var_os("NODE_EXTRA_CA_CERTS").is_none() && Path::new(AUTHORITIES).exists() {
            npm.env("NODE_EXTRA_CA_CERTS", AUTHORITIES);
        }
        step(&format!("npm install {}", wanted.join(" ")), &mut npm)?;
    }
    announce(&format!("Node packages: {}", folder.display()));
    Ok(())
}

/// Whether the packages are there in these versions, and the one in C++ is built.
fn has_node_packages(folder: &Path) -> bool {
    let modules = folder.join("node_modules");
    let version =
        |name: &str| fs::read_to_string(modules.join(name).join("package.json")).unwrap_or_default();
    NODE.iter().all(|(name, wanted)| version(name).contains(&format!("\"version\": \"{wanted}\"")))
        && modules.join("pkcs11js/build/Release/pkcs11.node").is_file()
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
