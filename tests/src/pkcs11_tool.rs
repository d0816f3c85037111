//! OpenSC's `pkcs11-tool`, with which most tests make their keys.

use std::process::Command;

use strongroom_testkit::{Cluster, run};

/// `pkcs11-tool` with the cluster's module and the PIN of its first crypto user.
pub fn pkcs11_tool(cluster: &Cluster) -> Command {
    pkcs11_tool_with_pin(cluster, cluster.pin())
}

/// As [`pkcs11_tool`], with another PIN.
pub fn pkcs11_tool_with_pin(cluster: &Cluster, pin: &str) -> Command {
    let mut command = pkcs11_tool_as_nobody(cluster);
    command.args(["--login", "--pin", pin]);
    command
}

/// As [`pkcs11_tool`], without a login.
pub fn pkcs11_tool_as_nobody(cluster: &Cluster) -> Command {
    let mut command = cluster.command(crate::program("pkcs11-tool", "opensc"));
    command.arg("--module").arg(cluster.module());
    command
}

/// Makes a key pair on the token. `kind` is what `--key-type` takes, such as `rsa:2048` or `EC:prime256v1`.
///
/// # Panics
///
/// When that fails.
#[track_caller]
pub fn generate_key_pair(cluster: &Cluster, kind: &str, label: &str, id: &str) {
    let mut command = pkcs11_tool(cluster);
    command.args(["--keypairgen", "--key-type", kind, "--label", label, "--id", id, "--usage-sign"]);
    command.arg(if kind.starts_with("rsa") { "--usage-decrypt" } else { "--usage-derive" });
    run(&mut command);
}
