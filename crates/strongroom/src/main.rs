//! The `strongroom` command: brings clusters up and down, runs the daemon, manages users and keys.

#![forbid(unsafe_code)]

mod args;
mod attributes;
mod client_config;
mod commands;
mod daemon;
mod files;
mod module_path;
mod output;
mod password;
mod secrets;
mod session;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Arguments, Command};
use output::Failure;

fn main() -> ExitCode {
    let outcome = match Arguments::try_parse() {
        Ok(Arguments { command }) => match command {
            Command::Up(arguments) => commands::up::run(&arguments),
            Command::Down(option) => commands::down::run(&option),
            Command::Status(arguments) => commands::status::run(&arguments),
            Command::Serve(arguments) => commands::serve::run(arguments),
            Command::User(command) => commands::user::run(&command),
            Command::Key(command) => commands::key::run(&command),
            Command::Node(command) => commands::node::run(&command),
            Command::Fault(command) => commands::fault::run(&command),
            Command::Audit(command) => commands::audit::run(&command),
        },
        // Help and version are asked for, and written for people.
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            error.exit()
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        Err(error) => Err(misunderstood(&error.to_string())),
    };
    if output::print(outcome) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What clap says of a wrong command line, as one sentence.
fn misunderstood(text: &str) -> Failure {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let text = text.split("\n\nFor more information").next().unwrap_or(text);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Failure::new(format!("{text}; see `strongroom --help`"))
}
