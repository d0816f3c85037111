//! `strongroom quorum ...`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Subcommand, ValueEnum};
use strongroom_model::{Error, Service};

use super::access::login_help;
use super::{Access, ApprovalOption, Place, parse};

pub(super) const HELP: &str = concat!(
    "\
Examples:
  strongroom quorum token-sign list-quorum-values
  strongroom quorum token-sign set-quorum-value --service user --value 2
      from now on two officers must agree before a user is made or deleted

In `strongroom interactive`, since a token is only good for the login that asked for it:
  quorum token-sign generate --service registration --token register.json
      what each node wants signed, to register an approver's key
  user change-quorum token-sign register --public-key mine.pem --signed-token register.json
  quorum token-sign generate --service user --token token.json
  quorum token-sign list
  user create --username bob --role crypto-user --approval token.json
  quorum token-sign generate --service key-usage --token use.json --filter attr.label=payments

An approver signs the token in the file, decoded from base64, with
  openssl pkeyutl -sign -pkeyopt digest:sha256 -inkey approver.pem -in token.bin -out signature.bin
and adds {\"username\": ..., \"role\": ..., \"signature\": BASE64} to the file's `signatures`.

",
    login_help!()
);

#[derive(Debug, Subcommand)]
pub(crate) enum QuorumCommand {
    /// Quorum by signatures over tokens
    #[command(subcommand, after_help = HELP)]
    TokenSign(TokenSignCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenSignCommand {
    /// Ask for a token that approvers sign
    Generate {
        #[command(flatten)]
        access: Access,
        /// What for: user, quorum, cluster, key-usage, key-management or registration
        #[arg(long, value_name = "SERVICE", value_parser = parse::<Purpose>)]
        service: Purpose,
        /// Where to write the token; the file mustn't exist
        #[arg(long, value_name = "FILE")]
        token: PathBuf,
        /// Which key, for key-usage and key-management; exactly one must match
        #[arg(long, value_name = "FILTER", num_args = 1..)]
        filter: Vec<String>,
    },
    /// List the tokens that wait for their use
    List {
        #[command(flatten)]
        access: Access,
        /// Print a table instead of JSON
        #[arg(long)]
        human: bool,
    },
    /// Delete tokens
    Delete {
        #[command(flatten)]
        access: Access,
        /// One's own, or, for an officer, all
        #[arg(long, value_name = "SCOPE")]
        scope: Scope,
    },
    /// Say how many approvals each service needs; anybody may ask
    #[command(visible_alias = "get-quorum-values")]
    ListQuorumValues {
        #[command(flatten)]
        place: Place,
        /// Print a table instead of JSON
        #[arg(long)]
        human: bool,
    },
    /// Say how long tokens live, in seconds; anybody may ask
    ListTimeouts {
        #[command(flatten)]
        place: Place,
        /// Print a table instead of JSON
        #[arg(long)]
        human: bool,
    },
    /// Set how many approvals a service needs
    SetQuorumValue {
        #[command(flatten)]
        access: Access,
        /// user, quorum or cluster; keys have their own values, given when they are made
        #[arg(long, value_name = "SERVICE", value_parser = parse::<Service>)]
        service: Service,
        /// 2 to 8; 1 turns the quorum off
        #[arg(long, value_name = "M")]
        value: u8,
        #[command(flatten)]
        approval: ApprovalOption,
    },
    /// Set how long tokens live
    SetTimeout {
        #[command(flatten)]
        access: Access,
        /// Seconds to be approved
        #[arg(long, value_name = "SECONDS", required_unless_present = "approved")]
        generated: Option<u32>,
        /// Seconds to be used once approved
        #[arg(long, value_name = "SECONDS")]
        approved: Option<u32>,
    },
}

/// What `generate` is asked for: a quorum token, or challenges for the registration of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Registration,
    Service(Service),
}

impl FromStr for Purpose {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text == "registration" { Ok(Self::Registration) } else { text.parse().map(Self::Service) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scope {
    /// One's own
    User,
    /// All, by an officer
    All,
}
