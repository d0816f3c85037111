//! `cargo xtask test`: everything that has to hold, as a machine with nothing but Rust can check it.

use std::process::Command;

use crate::packages;
use crate::step::{Failure, step};

/// Installs what the tests need.
pub(crate) fn tools() -> Result<(), Failure> {
    packages::install(packages::QUICKSTART)?;
    packages::install(packages::TESTS)?;
    packages::install_python()?;
    packages::install_node()
}

/// Checks, builds and tests the workspace; stops at the first step that fails.
pub(crate) fn run() -> Result<(), Failure> {
    tools()?;
    step("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
    // Tests run the binaries and the module; `cargo test` alone wouldn't build those.
    step("build", &mut cargo(&["build", "--release", "--workspace"]))?;
    step(
        "lints",
        &mut cargo(&["clippy", "--release", "--workspace", "--all-targets", "--", "-D", "warnings"]),
    )?;
    step("tests", &mut cargo(&["test", "--release", "--workspace"]))?;
    step(
        "documentation",
        cargo(&["doc", "--release", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )
}

pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}
