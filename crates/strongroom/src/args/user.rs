//! `strongroom user ...`.

use clap::{Args, Subcommand};
use strongroom_model::{Role, UserName};

use super::access::login_help;
use super::{Access, parse};
use crate::password::Given;

pub(super) const HELP: &str = concat!(
    "\
Examples:
  strongroom user create --username bob --role crypto-user      asks for a password
  strongroom user change-password --username bob --role crypto-user --password - < file
  strongroom user list --human
  strongroom user delete --username bob --role crypto-user

",
    login_help!()
);

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user
    Create(UserWithPassword),
    /// Delete a user; fails while it owns keys
    Delete(User),
    /// List the users
    List {
        #[command(flatten)]
        access: Access,
        /// Print a table instead of JSON
        #[arg(long)]
        human: bool,
    },
    /// Set a user's password; unlocks the user
    ChangePassword(UserWithPassword),
}

#[derive(Debug, Args)]
pub(crate) struct User {
    #[command(flatten)]
    pub(crate) access: Access,
    /// The user's name
    #[arg(long, value_name = "NAME", value_parser = parse::<UserName>)]
    pub(crate) username: UserName,
    /// The user's role: admin or crypto-user
    #[arg(long, value_name = "ROLE", value_parser = parse::<Role>)]
    pub(crate) role: Role,
}

#[derive(Debug, Args)]
pub(crate) struct UserWithPassword {
    #[command(flatten)]
    pub(crate) user: User,
    /// The user's new password; - reads it from standard input [default: asked for]
    #[arg(long, value_name = "P")]
    pub(crate) password: Option<Given>,
}
