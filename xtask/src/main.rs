//! Chores of the workspace: `cargo xtask quickstart`, `cargo xtask test`, `cargo xtask tools`.

#![forbid(unsafe_code)]

mod packages;
mod quickstart;
mod step;
mod test;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use step::Failure;

const USAGE: &str = "\
cargo xtask quickstart [--home DIR]   build, bring up a cluster, serve HTTPS with a key in it, say what comes next
                                      (the cluster's home is target/quickstart unless named)
cargo xtask test                      install what the tests need, then check, build and test everything
cargo xtask tools                     only install what the tests need
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // Cargo starts us in the folder it was called in; everything here counts from the workspace.
    let outcome = env::set_current_dir(root())
        .map_err(|error| {
            Failure::new(format!("the workspace {} can't be entered: {error}", root().display()))
        })
        .and_then(|()| match words.as_slice() {
            ["quickstart"] => quickstart::run(None),
            ["quickstart", "--home", home] => quickstart::run(Some(Path::new(home))),
            ["test"] => test::run(),
            ["tools"] => test::tools(),
            _ => Err(Failure::new(USAGE)),
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace, as cargo says now: it may have moved since this was built.
fn root() -> PathBuf {
    let xtask =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    xtask.parent().expect("xtask lies in the workspace").to_path_buf()
}

/// Where cargo builds, as an absolute path.
fn target() -> PathBuf {
    let named = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    root().join(named)
}
