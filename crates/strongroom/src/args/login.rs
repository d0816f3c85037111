//! `strongroom login`, `logout` and `interactive`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use strongroom_model::{Role, UserName};

use super::{Place, parse};
use crate::password::Given;

pub(super) const LOGIN_HELP: &str = "\
Examples:
  login --username admin --role admin                asks for the password
  login --username alice --role crypto-user --password -
      takes the password from the next line of standard input
  login --username bob --role crypto-user mfa-token-sign --token login.json
      a second factor: writes what is to be signed to login.json, then asks for the file with the signatures

In `strongroom interactive` one stays logged in until `logout` or `quit`. As a single command, `login` only shows
whether name and password are right: give them to each command in STRONGROOM_ROLE and STRONGROOM_PIN.";

pub(super) const INTERACTIVE_HELP: &str = "\
Examples:
  strongroom interactive
  strongroom> login --username admin --role admin
  strongroom> quorum token-sign generate --service user --token token.json
  strongroom> user create --username bob --role crypto-user --approval token.json
  strongroom> quit

  strongroom interactive < commands.txt     one command a line, one line of JSON for each

Commands are typed as in the shell, without `strongroom` in front; words are quoted with ' or \". The login, the
quorum tokens one asks for and session keys last until `quit`. The exit code is 1 if any command failed.";

#[derive(Debug, Args)]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) place: Place,
    /// The user's name
    #[arg(long, value_name = "NAME", value_parser = parse::<UserName>)]
    pub(crate) username: UserName,
    /// The user's role: admin or crypto-user
    #[arg(long, value_name = "ROLE", value_parser = parse::<Role>)]
    pub(crate) role: Role,
    /// The password; - reads it from standard input [default: asked for]
    #[arg(long, value_name = "P")]
    pub(crate) password: Option<Given>,
    #[command(subcommand)]
    pub(crate) factor: Option<SecondFactor>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecondFactor {
    /// With a second factor: sign what each node drew
    MfaTokenSign {
        /// Where to write what is to be signed; the file mustn't exist
        #[arg(long, value_name = "FILE")]
        token: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Interactive {
    #[command(flatten)]
    pub(crate) place: Place,
}
