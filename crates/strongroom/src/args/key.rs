//! `strongroom key ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use strongroom_model::{Role, UserName};

use super::access::login_help;
use super::key_make::{Import, PairCommand, SymmetricCommand};
use super::key_wrap::{UnwrapCommand, WrapCommand};
use super::user::Between;
use super::{Access, ApprovalOption, parse};

pub(super) const HELP: &str = concat!(
    "\
Examples:
  strongroom key generate-symmetric aes --label payments --key-length-bytes 32 --attributes encrypt=true decrypt=true
  strongroom key generate-asymmetric-pair rsa --public-label web --private-label web --modulus-size-bits 2048 \\
      --public-exponent 65537 --public-attributes verify=true --private-attributes sign=true
  strongroom key generate-asymmetric-pair ec --public-label tls --private-label tls --curve secp256r1 \\
      --public-attributes verify=true --private-attributes sign=true
  strongroom key list --human
  strongroom key list --verbose --filter attr.class=private-key attr.key-type=rsa
  strongroom key set-attribute --filter attr.label=payments --name label --value invoices
  strongroom key share --filter attr.label=payments --username bob --role crypto-user
  strongroom key wrap aes-zero-pad --payload-filter attr.label=payments --wrapping-filter attr.label=kek --path out.bin
  strongroom key generate-file --encoding pem --path web.pem --filter attr.label=web attr.class=public-key
  strongroom key delete --filter key-reference=0x000000000000002a
  STRONGROOM_PIN=bob:1234-secret strongroom key list

Keys are made with cloudhsm-cli's attributes: extractable, AES keys and generic secrets sign and verify, and everything else has
to be asked for, such as sign=true for a private key. --attributes and the like take NAME=VALUE, several.

",
    login_help!()
);

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// List keys
    List {
        #[command(flatten)]
        access: Access,
        /// Only these: attr.NAME=VALUE or key-reference=0x...; several must all hold
        #[arg(long, value_name = "FILTER", num_args = 1..)]
        filter: Vec<String>,
        /// Show every attribute, owners, sharing and quorum
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
    Delete(OneKey),
    /// Make a key pair
    #[command(subcommand)]
    GenerateAsymmetricPair(PairCommand),
    /// Make a secret key
    #[command(subcommand)]
    GenerateSymmetric(SymmetricCommand),
    /// Write a public key, or a reference to a private one, as PEM
    GenerateFile {
        #[command(flatten)]
        key: OneKey,
        /// pem: a public key; reference-pem: where a private key is found
        #[arg(long, value_name = "ENCODING")]
        encoding: Encoding,
        /// The file to write; it mustn't exist
        #[arg(long, value_name = "FILE")]
        path: PathBuf,
    },
    /// Bring a key in from a file
    #[command(subcommand)]
    Import(Import),
    /// Change an attribute of a key
    SetAttribute {
        #[command(flatten)]
        key: OneKey,
        /// The attribute, such as label, sign, token; trusted is for officers
        #[arg(long, value_name = "NAME")]
        name: String,
        /// Its new value
        #[arg(long, value_name = "VALUE")]
        value: String,
        #[command(flatten)]
        approval: ApprovalOption,
    },
    /// Let another crypto user use a key
    Share(Share),
    /// Let another crypto user no longer use a key
    Unshare(Share),
    /// Wrap a key with another, to take it out
    #[command(subcommand)]
    Wrap(WrapCommand),
    /// Unwrap a key
    #[command(subcommand)]
    Unwrap(UnwrapCommand),
    /// Say whether a key is on all nodes, or bring it to a clone of the cluster
    ///
    /// To go to another cluster, which must be a clone (one was restored from a backup of the other, or both from the same),
    /// name both. The key keeps its attributes, owner, sharing and quorum values, and gets a new reference; its users must be
    /// there. Its owner does it, or an officer, who logs in to both clusters: in single commands to the destination as
    /// DESTINATION_CLOUDHSM_ROLE and DESTINATION_CLOUDHSM_PIN (user:password) say, else as to the source.
    Replicate {
        #[command(flatten)]
        key: OneKey,
        #[command(flatten)]
        between: Between,
    },
}

/// One key.
#[derive(Debug, Args)]
pub(crate) struct OneKey {
    #[command(flatten)]
    pub(crate) access: Access,
    /// Which: attr.NAME=VALUE or key-reference=0x...; exactly one key must match
    #[arg(long, value_name = "FILTER", num_args = 1.., required = true)]
    pub(crate) filter: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// Where a private key is found: a PKCS#11 URI, as OpenSSL's PKCS#11 provider reads it
    ReferencePem,
    /// A public key, as SubjectPublicKeyInfo
    Pem,
}

#[derive(Debug, Args)]
pub(crate) struct Share {
    #[command(flatten)]
    pub(crate) key: OneKey,
    /// The crypto user
    #[arg(long, value_name = "NAME", value_parser = parse::<UserName>)]
    pub(crate) username: UserName,
    /// The user's role: crypto-user
    #[arg(long, value_name = "ROLE", value_parser = parse::<Role>, default_value = "crypto-user")]
    pub(crate) role: Role,
    #[command(flatten)]
    pub(crate) approval: ApprovalOption,
}
