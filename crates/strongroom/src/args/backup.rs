//! `strongroom backup ...`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::HomeOption;
use super::node::Which;

pub(super) const HELP: &str = "\
Examples:
  strongroom backup create
  strongroom backup list --human
  strongroom backup verify --id backup-ax3...      reads every byte of it
  strongroom backup restore --id backup-ax3... --name clone --nodes 2
  strongroom backup copy --id backup-ax3... --to /mnt/safe/monday.image
  strongroom backup restore --file /mnt/safe/monday.image --name monday
  strongroom backup delete --id backup-ax3...      it goes in seven days
  strongroom backup undelete --id backup-ax3...
  strongroom backup keep --id backup-ax3...        it doesn't expire after 90 days

A backup is made by itself when a cluster gets its first officer, before nodes are added and removed, and once a
day. It's encrypted: nobody reads it without both root.key and maker.key of the home where it was made.";

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Back a cluster up: users, keys, certificates, policy
    Create(Which),
    /// List backups, the oldest first
    List {
        #[command(flatten)]
        home: HomeOption,
        /// Those of one cluster only
        #[arg(long, value_name = "NAME")]
        cluster: Option<String>,
        /// Print a table instead of JSON
        #[arg(long)]
        human: bool,
    },
    /// Read a backup whole, and say how much there is in it
    Verify {
        #[command(flatten)]
        home: HomeOption,
        #[command(flatten)]
        which: Image,
    },
    /// Copy a backup: to another one that doesn't expire, or to a file
    Copy {
        #[command(flatten)]
        of: OneBackup,
        /// The file to write; it mustn't be there
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Delete a backup; for seven days it can be had back
    Delete(OneBackup),
    /// Take a deletion back
    Undelete(OneBackup),
    /// Have a backup not expire, or expire again
    Keep {
        #[command(flatten)]
        of: OneBackup,
        /// Have it expire again
        #[arg(long)]
        no_longer: bool,
    },
    /// Make a cluster from a backup
    ///
    /// It has the users, keys, certificates and policy of the backup's cluster, the label of its token too, and from then on a life of its own.
    Restore {
        #[command(flatten)]
        home: HomeOption,
        #[command(flatten)]
        which: Image,
        /// The new cluster's name; there mustn't be one of this name
        #[arg(long, value_name = "NAME")]
        name: String,
        /// How many nodes it has
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=28))]
        nodes: u16,
    },
}

/// A backup in the home.
#[derive(Debug, Args)]
pub(crate) struct OneBackup {
    #[command(flatten)]
    pub(crate) home: HomeOption,
    /// The backup
    #[arg(long, value_name = "ID")]
    pub(crate) id: String,
}

/// A backup in the home or in a file.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("image").required(true).args(["id", "file"]))]
pub(crate) struct Image {
    /// The backup
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
    /// A file with a backup
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}
