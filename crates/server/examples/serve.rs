//! The smallest program around the daemon: serves the home that is its argument. The tests send it signals.

use std::process::ExitCode;

use strongroom_server::{ServeOptions, serve};

fn main() -> ExitCode {
    let home = std::env::args_os().nth(1).map(Into::into);
    match serve(&ServeOptions { home, log_to_file: true, ..ServeOptions::default() }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
