//! `strongroom serve`.

use strongroom_server::ServeOptions;

use crate::args::Serve;
use crate::output::{Failure, Output};

/// Runs the daemon until it's told to end.
pub(crate) fn run(arguments: Serve) -> Result<Output, Failure> {
    if arguments.background {
        // It must outlive the terminal it was started from. Only a process group's leader is refused, and
        // that one has left already.
        let _ = rustix::process::setsid();
    }
    let options = ServeOptions {
        home: arguments.home.home,
        config: arguments.config,
        log_to_file: arguments.background,
        aws: arguments.aws,
    };
    strongroom_server::serve(&options).map_err(|error| Failure::new(error.to_string()))?;
    Ok(Output::Silence)
}
