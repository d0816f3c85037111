//! The command line: a file for each group of commands.

mod access;
mod audit;
mod daemon;
mod key;
mod node;
mod up;
mod user;

use std::str::FromStr;

use clap::{Parser, Subcommand};
use strongroom_model::Error;

pub(crate) use access::{Access, HomeOption};
pub(crate) use audit::{AuditCommand, Format as AuditFormat, Logs as AuditLogs};
pub(crate) use daemon::{Serve, Status};
pub(crate) use key::KeyCommand;
pub(crate) use node::{FaultCommand, NodeCommand, NodeFault, OfNode, Which};
pub(crate) use up::{CryptoUser, Up};
pub(crate) use user::{User, UserCommand, UserWithPassword};

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
    #[command(after_help = up::EXAMPLES)]
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
    #[command(subcommand, after_help = user::HELP)]
    User(UserCommand),
    /// List and delete keys
    #[command(subcommand, after_help = key::HELP)]
    Key(KeyCommand),
    /// List a cluster's nodes, add and remove some
    #[command(subcommand, after_help = node::NODE_HELP)]
    Node(NodeCommand),
    /// Make something go wrong on purpose, to test what must survive it
    #[command(subcommand, after_help = node::FAULT_HELP)]
    Fault(FaultCommand),
    /// Show, check and export the nodes' audit logs
    #[command(subcommand, after_help = audit::HELP)]
    Audit(AuditCommand),
}

/// Reads a value, and leaves return codes out of what is said of a wrong one.
fn parse<T: FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: Error| error.message)
}
