//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use strongroom_model::{Error, Profile, Role, UserName};

use crate::password::Given;

const EXAMPLES: &str = "\
Examples:
  strongroom up                                   a cluster of two nodes, and how to use it
  strongroom up --nodes 3 --crypto-user web       another size, another user
  strongroom status --human                       what runs
  strongroom user create --username bob --role crypto-user --password -
  strongroom key list --verbose --filter attr.label=tls
  strongroom down                                 ends the daemon; everything stays in its home

Every command prints {\"error_code\":0,\"data\":...}, or {\"error_code\":1,\"data\":\"what went wrong\"} and ends
with exit code 1. A password on the command line can be seen by other users of the machine: give - to have it read
from standard input instead.";

/// A software HSM cluster that speaks PKCS#11.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Bring up a cluster and say how to use it
    ///
    /// Starts the daemon in the background unless it runs, makes the cluster unless it is there, writes
    /// client.toml for the module, and prints the module's path, slot, token label, PINs and sockets. Doing it
    /// again changes nothing and prints the same.
    #[command(after_help = UP_EXAMPLES)]
    Up(Up),
    /// End the daemon; clusters and keys stay in its home
    Down(HomeOption),
    /// Show the daemon and its clusters
    Status(Status),
    /// Run the daemon in the foreground
    ///
    /// Serves every cluster of its home until it gets SIGTERM or SIGINT. Logs go to standard error;
    /// STRONGROOM_LOG sets how much (error, warn, info, debug, trace).
    Serve(Serve),
    /// Manage users
    #[command(subcommand, after_help = USER_HELP)]
    User(UserCommand),
    /// List and delete keys
    #[command(subcommand, after_help = KEY_HELP)]
    Key(KeyCommand),
}

const UP_EXAMPLES: &str = "\
Examples:
  strongroom up
      cluster `default`, two nodes, officer `admin`, crypto user `app`; passwords are made up and kept in
      secrets.json in the home, for its owner only
  strongroom up --crypto-user web --crypto-user java:1234-secret
      two crypto users; the first one's password is made up
  strongroom up --cluster test --nodes 1 --profile strict
      a second cluster in the same daemon: a further slot
  strongroom up --uninitialized
      without users: an application calls C_InitToken, as with any new token";

macro_rules! login_help {
    () => {
        "\
Who does it: --login-role and --login-username; or STRONGROOM_ROLE and STRONGROOM_PIN (user:password), for which
CLOUDHSM_ROLE and CLOUDHSM_PIN work too; else the officer (for `user`) or the first crypto user (for `key`) that
`strongroom up` made. The password is then taken from secrets.json in the home, or asked for."
    };
}

const USER_HELP: &str = concat!(
    "\
Examples:
  strongroom user create --username bob --role crypto-user      asks for a password
  strongroom user change-password --username bob --role crypto-user --password - < file
  strongroom user list --human
  strongroom user delete --username bob --role crypto-user

",
    login_help!()
);

const KEY_HELP: &str = concat!(
    "\
Examples:
  strongroom key list --human
  strongroom key list --verbose --filter attr.class=private-key attr.key-type=rsa
  strongroom key delete --filter key-reference=0x000000000000002a
  STRONGROOM_PIN=bob:1234-secret strongroom key list

",
    login_help!()
);

/// Where the daemon keeps everything.
#[derive(Clone, Debug, Args)]
pub(crate) struct HomeOption {
    /// The daemon's home [default: /var/lib/strongroom for root, else ~/.local/share/strongroom]
    #[arg(long, value_name = "DIR", env = "STRONGROOM_HOME")]
    pub(crate) home: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) home: HomeOption,
    /// The cluster's name, which is also the token's label
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) cluster: String,
    /// How many nodes, 1 to 28 [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=28))]
    pub(crate) nodes: Option<u16>,
    /// What the cluster allows: standard, cloudhsm or strict [default: standard]
    #[arg(long, value_name = "PROFILE", value_parser = parse::<Profile>)]
    pub(crate) profile: Option<Profile>,
    /// Password of the officer `admin`; - reads it from standard input [default: made up]
    #[arg(long, value_name = "P", conflicts_with = "uninitialized")]
    pub(crate) officer_password: Option<Given>,
    /// A crypto user; without a password, one is made up; - reads it from standard input [default: app]
    #[arg(long = "crypto-user", value_name = "NAME:PASSWORD", value_parser = parse::<CryptoUser>, conflicts_with = "uninitialized")]
    pub(crate) crypto_users: Vec<CryptoUser>,
    /// Make no users: the token waits for C_InitToken
    #[arg(long)]
    pub(crate) uninitialized: bool,
}

/// `NAME` or `NAME:PASSWORD`.
#[derive(Clone, Debug)]
pub(crate) struct CryptoUser {
    pub(crate) name: UserName,
    pub(crate) password: Option<Given>,
}

impl FromStr for CryptoUser {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, password) = match text.split_once(':') {
            Some((name, password)) => (name, Some(Given::from(password))),
            None => (text, None),
        };
        Ok(Self { name: name.parse()?, password })
    }
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) home: HomeOption,
    /// Print a table instead of JSON
    #[arg(long)]
    pub(crate) human: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) home: HomeOption,
    /// The daemon's configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Leave the terminal's session; `up` uses it
    #[arg(long, hide = true)]
    pub(crate) background: bool,
}

/// Which cluster, and as whom.
#[derive(Debug, Args)]
pub(crate) struct Access {
    #[command(flatten)]
    pub(crate) home: HomeOption,
    /// The cluster [default: the first in client.toml]
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// Who does it
    #[arg(long, value_name = "NAME", value_parser = parse::<UserName>)]
    pub(crate) login_username: Option<UserName>,
    /// Role of who does it: admin or crypto-user
    #[arg(long, value_name = "ROLE", value_parser = parse::<Role>)]
    pub(crate) login_role: Option<Role>,
}

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

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List keys
    List {
        #[command(flatten)]
        access: Access,
        /// Only these: attr.NAME=VALUE or key-reference=0x...; several must all hold
        #[arg(long, value_name = "FILTER", num_args = 1..)]
        filter: Vec<String>,
        /// Show every attribute
        #[arg(long)]
        verbose: bool,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        max_items: u32,
        /// Where to go on: next_token of the page before
        #[arg(long, value_name = "TOKEN")]
        starting_token: Option<String>,
        /// Print a table instead of JSON
        #[arg(long)]
        human: bool,
    },
    /// Delete one key
    Delete {
        #[command(flatten)]
        access: Access,
        /// Which: attr.NAME=VALUE or key-reference=0x...; exactly one key must match
        #[arg(long, value_name = "FILTER", num_args = 1.., required = true)]
        filter: Vec<String>,
    },
}

/// Reads a value, and leaves return codes out of what is said of a wrong one.
fn parse<T: FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: Error| error.message)
}
