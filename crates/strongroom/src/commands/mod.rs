//! One file per command.

mod audit;
mod backup;
mod certificates;
mod cluster;
mod completions;
mod configure;
mod crypto;
mod down;
mod fault;
mod interactive;
mod key;
mod login;
mod mtls;
mod node;
mod quorum;
mod second_factor;
mod serve;
mod status;
mod up;
mod user;

use strongroom_server::{Home, default_home};

use crate::args::{Command, HomeOption};
use crate::output::{Failure, Output};
use crate::session::Desk;

/// Carries out a command.
pub(crate) fn run(desk: &Desk, command: Command) -> Result<Output, Failure> {
    match command {
        Command::Up(arguments) => up::run(&arguments),
        Command::Down(option) => down::run(&option),
        Command::Status(arguments) => status::run(&arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::User(command) => user::run(desk, &command),
        Command::Key(command) => key::run(desk, &command),
        Command::Crypto(command) => crypto::run(desk, &command),
        Command::Quorum(command) => quorum::run(desk, &command),
        Command::Cluster(command) => cluster::run(desk, &command),
        Command::Configure(arguments) => configure::run(&arguments),
        Command::Login(arguments) => login::login(desk, &arguments),
        Command::Logout(place) => login::logout(desk, &place),
        Command::Interactive(arguments) => interactive::run(&arguments),
        Command::Quit => Ok(Output::Silence),
        Command::Completions { shell } => Ok(completions::run(shell)),
        Command::Node(command) => node::run(&command),
        Command::Fault(command) => fault::run(&command),
        Command::Audit(command) => audit::run(&command),
        Command::Backup(command) => backup::run(&command),
    }
}

/// The home that a command means.
pub(crate) fn home(option: &HomeOption) -> Home {
    Home::new(option.home.clone().unwrap_or_else(default_home))
}
