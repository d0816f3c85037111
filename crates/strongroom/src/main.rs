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
mod prompt;
mod secrets;
mod session;
mod shell;
mod tokens;
mod views;

use std::process::ExitCode;

use clap::error::ErrorKind;

use output::Style;
use session::Desk;

fn main() -> ExitCode {
    let outcome = match args::given() {
        Ok(command) => commands::run(&Desk::of_one_command(), command),
        // Help and version are asked for, and written for people.
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            error.exit()
        }
        Err(error) if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.exit(),
        Err(error) => {
            let words: Vec<_> =
                std::env::args_os().skip(1).filter_map(|word| word.into_string().ok()).collect();
            let names = args::names_in(&args::command(), words.iter().map(String::as_str));
            let help = ["strongroom", &names, "--help"].join(" ").replace("  ", " ");
            Err(output::misunderstood(&error.to_string(), &help))
        }
    };
    if output::print(outcome, Style::Line) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
