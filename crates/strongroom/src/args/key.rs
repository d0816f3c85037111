//! `strongroom key ...`.

use clap::Subcommand;

use super::Access;
use super::access::login_help;

pub(super) const HELP: &str = concat!(
    "\
Examples:
  strongroom key list --human
  strongroom key list --verbose --filter attr.class=private-key attr.key-type=rsa
  strongroom key delete --filter key-reference=0x000000000000002a
  STRONGROOM_PIN=bob:1234-secret strongroom key list

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
