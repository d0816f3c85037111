//! The command line: a file for each group of commands.

mod access;
mod audit;
mod backup;
mod cluster;
mod configure;
mod crypto;
mod daemon;
mod examples;
mod key;
mod key_make;
mod key_wrap;
mod login;
mod names;
mod node;
mod quorum;
mod up;
mod user;

use std::str::FromStr;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use strongroom_model::Error;

pub(crate) use access::{Access, ApprovalOption, HomeOption, Place};
pub(crate) use audit::{AuditCommand, Format as AuditFormat, Logs as AuditLogs};
pub(crate) use backup::{BackupCommand, Image as BackupImage};
pub(crate) use cluster::{ClusterCommand, Initialize, MtlsCommand};
pub(crate) use configure::{Configure, ConfigureCommand, Settings};
pub(crate) use crypto::{
    CryptoCommand, DataOption, DataType, Message, Pss, Sign, SignCommand, SignWhole, SignatureOption, Verify,
    VerifyCommand, VerifyWhole, WholeMessage,
};
pub(crate) use daemon::{Serve, Status};
pub(crate) use key::{Encoding, KeyCommand, OneKey, Share};
pub(crate) use key_make::{Fresh, Import, Pair, PairCommand, Symmetric, SymmetricCommand, Terms};
pub(crate) use key_wrap::{Gcm, Oaep, Unwrap, UnwrapCommand, Wrap, WrapCommand};
pub(crate) use login::{Interactive, Login, SecondFactor};
pub(crate) use names::{HashName, KeyTypeClass, MgfName};
pub(crate) use node::{FaultCommand, NodeCommand, NodeFault, OfNode, Which};
pub(crate) use quorum::{Purpose, QuorumCommand, Scope, TokenSignCommand};
pub(crate) use up::{CryptoUser, Up};
pub(crate) use user::{
    Between, ChangeMfa, ChangeQuorum, ChangeQuorumTokenSign, User, UserCommand, UserWithPassword,
};

const EXAMPLES: &str = "\
Examples:
  strongroom up                                   a cluster of two nodes, and how to use it
  strongroom up --nodes 3 --crypto-user web       another size, another user
  strongroom status --human                       what runs
  strongroom user create --username bob --role crypto-user --password -
  strongroom key list --verbose --filter attr.label=tls
  strongroom interactive                          many commands, one login
  strongroom down                                 ends the daemon; everything stays in its home

Every command prints {\"error_code\":0,\"data\":...}, or {\"error_code\":1,\"data\":\"what went wrong\"} and ends
with exit code 1. A password on the command line can be seen by other users of the machine: give - to have it read
from standard input instead.";

/// A software HSM cluster that speaks PKCS#11.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Arguments {
    // Here so that it may stand before the command, too; commands have it themselves.
    #[command(flatten)]
    _home: HomeOption,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// All there is to say about the command line.
pub(crate) fn command() -> clap::Command {
    with_examples(Arguments::command())
}

/// A command line whose commands are ours, with their examples.
pub(crate) fn with_examples(command: clap::Command) -> clap::Command {
    examples::attach(command, "")
}

/// What this process was asked for.
pub(crate) fn given() -> Result<Command, clap::Error> {
    let matches = command().try_get_matches()?;
    Ok(Arguments::from_arg_matches(&matches)?.command)
}

/// The names of the command that words begin with, as far as they are names: `user create` of `user create --rloe x`.
pub(crate) fn names_in<'w>(mut command: &clap::Command, words: impl Iterator<Item = &'w str>) -> String {
    let mut names = Vec::new();
    for word in words {
        if let Some(inner) = command.find_subcommand(word) {
            names.push(inner.get_name());
            command = inner;
        }
    }
    names.join(" ")
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
    /// Make, list, change, share, wrap and delete keys
    #[command(subcommand, after_help = key::HELP)]
    Key(KeyCommand),
    /// Sign and verify
    #[command(subcommand, after_help = crypto::HELP)]
    Crypto(CryptoCommand),
    /// Have several officers or users agree
    #[command(subcommand, after_help = quorum::HELP)]
    Quorum(QuorumCommand),
    /// Initialize and activate a cluster, say what its nodes are and which clients it accepts
    #[command(subcommand, after_help = cluster::HELP)]
    Cluster(ClusterCommand),
    /// Say where clusters are, and whom to trust: writes what the module reads
    ///
    /// Takes the options of CloudHSM's configure-pkcs11.
    #[command(after_help = configure::HELP)]
    Configure(Box<Configure>),
    /// Log in
    #[command(after_help = login::LOGIN_HELP)]
    Login(Login),
    /// Log out
    Logout(Place),
    /// Carry out commands one after the other, and stay logged in
    #[command(after_help = login::INTERACTIVE_HELP)]
    Interactive(Interactive),
    /// End interactive mode
    #[command(alias = "exit")]
    Quit,
    /// Print what a shell needs to complete these commands
    ///
    /// For bash: strongroom completions bash > /etc/bash_completion.d/strongroom
    Completions {
        /// Which shell
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// List a cluster's nodes, add and remove some
    #[command(subcommand, after_help = node::NODE_HELP)]
    Node(NodeCommand),
    /// Make something go wrong on purpose, to test what must survive it
    #[command(subcommand, after_help = node::FAULT_HELP)]
    Fault(FaultCommand),
    /// Show, check and export the nodes' audit logs
    #[command(subcommand, after_help = audit::HELP)]
    Audit(AuditCommand),
    /// Back clusters up, and make clusters from backups
    #[command(subcommand, after_help = backup::HELP)]
    Backup(BackupCommand),
}

/// Reads a value, and leaves return codes out of what is said of a wrong one.
fn parse<T: FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: Error| error.message)
}
