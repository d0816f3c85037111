//! `strongroom audit ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::HomeOption;

pub(super) const HELP: &str = "\
Examples:
  strongroom audit show                              every node's log, in CloudHSM's form
  strongroom audit show --node 0 --from 0x1c --human
  strongroom audit show --follow --format json | jq -c 'select(.opcode|startswith(\"CN_LOGIN\"))'
  strongroom audit verify                            whether every record is there and as it was written
  strongroom audit export > audit.jsonl              all nodes' logs, with their ends
  strongroom audit verify --file audit.jsonl         whether an export is whole
  strongroom audit verify --since audit.jsonl        whether the logs have all that they had when it was made

For the home's owner. Each node has a log of its own: logins, users, keys made, moved and destroyed, quorums; not the
uses of keys. `verify` needs root.key; it ends with exit code 1 when something is wrong, and says what and where.
docs/audit-log.md has the fields, the opcodes, and what can't be found.";

/// Which logs.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    #[command(flatten)]
    pub(crate) home: HomeOption,
    /// The cluster [default: the first in client.toml]
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
    /// One node's log only
    #[arg(long, value_name = "N")]
    pub(crate) node: Option<u16>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print the records, without checking them
    Show {
        #[command(flatten)]
        logs: Logs,
        /// Only from this number on; 0x for hexadecimal
        #[arg(long, value_name = "SEQ", value_parser = sequence, default_value = "0")]
        from: u64,
        /// CloudHSM's text, or one JSON object a line as it is on disk
        #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
        format: Format,
        /// Print a table instead
        #[arg(long, conflicts_with = "format")]
        human: bool,
        /// Go on printing what comes, until interrupted
        #[arg(long, conflicts_with = "human")]
        follow: bool,
    },
    /// Check that every record is there and is as the node wrote it
    Verify {
        #[command(flatten)]
        logs: Logs,
        /// The first record that must be there; older files may have been moved to an archive
        #[arg(long, value_name = "SEQ", value_parser = sequence, default_value = "0")]
        from: u64,
        /// Check an export instead of the home's logs
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// Check also that the logs go on from where this export ends
        #[arg(long, value_name = "FILE", conflicts_with = "file")]
        since: Option<PathBuf>,
    },
    /// Write the logs out, to be kept elsewhere and checked with `verify --file`
    Export {
        #[command(flatten)]
        logs: Logs,
        /// A file for each node in this folder, instead of standard output
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// CloudHSM's.
    Text,
    /// JSON lines.
    Json,
}

fn sequence(text: &str) -> Result<u64, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| format!("{text} isn't the number of a record, such as 28 or 0x1c"))
}
