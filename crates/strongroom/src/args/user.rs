//! `strongroom user ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use strongroom_model::{Role, UserName};

use super::access::login_help;
use super::{Access, ApprovalOption, parse};
use crate::password::Given;

pub(super) const HELP: &str = concat!(
    "\
Examples:
  strongroom user create --username bob --role crypto-user      asks for a password
  strongroom user change-password --username bob --role crypto-user --password - < file
  strongroom user list --human
  strongroom user delete --username bob --role crypto-user
  strongroom user change-quorum token-sign register --public-key mine.pem --signed-token register.json
  strongroom user change-mfa token-sign --username bob --role crypto-user --token mfa.json
  strongroom user replicate --username bob --role crypto-user   brings nodes up to date that missed it

",
    login_help!()
);

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Make a user
    Create(UserWithPassword),
    /// Delete a user; fails while it owns keys
    Delete {
        #[command(flatten)]
        user: User,
        #[command(flatten)]
        approval: ApprovalOption,
    },
    /// List the users; anybody may ask
    List {
        #[command(flatten)]
        access: Access,
        /// Print a table instead of JSON
        #[arg(long)]
        human: bool,
    },
    /// Set a user's password; unlocks the user
    ChangePassword {
        #[command(flatten)]
        user: UserWithPassword,
        /// Take the user's second factor away, too
        #[arg(long)]
        deregister_mfa: bool,
        /// Take the user's registration as approver away, too
        #[arg(long)]
        deregister_quorum: bool,
    },
    /// Set up a second factor, or take it away
    #[command(subcommand)]
    ChangeMfa(ChangeMfa),
    /// Register as approver
    #[command(subcommand)]
    ChangeQuorum(ChangeQuorum),
    /// Bring a user to the nodes that missed its changes, or to a clone of the cluster; by an officer
    ///
    /// To go to another cluster, which must be a clone (one was restored from a backup of the other, or both from the same),
    /// name both. The user comes with its password, its key and its second factor. One logs in to both clusters: in single
    /// commands to the destination as DESTINATION_CLOUDHSM_ROLE and DESTINATION_CLOUDHSM_PIN (user:password) say, else as to
    /// the source.
    Replicate {
        #[command(flatten)]
        user: User,
        #[command(flatten)]
        between: Between,
        #[command(flatten)]
        approval: ApprovalOption,
    },
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
    #[command(flatten)]
    pub(crate) approval: ApprovalOption,
}

/// Two clusters.
#[derive(Debug, Args)]
pub(crate) struct Between {
    /// The cluster to take from [default: --cluster]
    #[arg(long, value_name = "NAME")]
    pub(crate) source_cluster_id: Option<String>,
    /// The cluster to bring to [default: --cluster]
    #[arg(long, value_name = "NAME")]
    pub(crate) destination_cluster_id: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChangeMfa {
    /// By signatures with an RSA-2048 key over what each node draws
    ///
    /// Writes what is to be signed to --token, then asks for the file with the signatures and for the public key. The key
    /// is the approver's key as well, and goes with the second factor.
    TokenSign {
        #[command(flatten)]
        user: User,
        /// Where to write what is to be signed; the file mustn't exist
        #[arg(long, value_name = "FILE", required_unless_present = "deregister")]
        token: Option<PathBuf>,
        /// Set a new password, too
        #[arg(long, conflicts_with = "deregister")]
        change_password: bool,
        /// Replace the key that one is registered with as approver; needed if one is
        #[arg(long, conflicts_with = "deregister")]
        change_quorum: bool,
        /// Take the second factor away: one's own, or as an officer anybody's
        #[arg(long, conflicts_with = "token")]
        deregister: bool,
        #[command(flatten)]
        approval: ApprovalOption,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChangeQuorum {
    /// Quorum by signatures over tokens
    #[command(subcommand)]
    TokenSign(ChangeQuorumTokenSign),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChangeQuorumTokenSign {
    /// Register the key that one approves with
    Register {
        #[command(flatten)]
        access: Access,
        /// The public key, RSA-2048, in PEM
        #[arg(long, value_name = "FILE")]
        public_key: PathBuf,
        /// The file of `quorum token-sign generate --service registration`, each token in it signed
        #[arg(long, value_name = "FILE")]
        signed_token: PathBuf,
    },
}
