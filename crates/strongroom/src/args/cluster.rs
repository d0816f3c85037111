//! `strongroom cluster ...`.

use clap::Subcommand;

use super::Place;
use crate::password::Given;

pub(super) const HELP: &str = "\
Examples:
  strongroom up --uninitialized             a cluster with nobody in it but an unactivated admin
  strongroom cluster activate               sets the admin's password, which makes it the first officer
  strongroom cluster hsm-info --human       the nodes that answer";

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Set the password of the unactivated admin, who becomes the first officer
    Activate {
        #[command(flatten)]
        place: Place,
        /// The password; - reads it from standard input [default: asked for]
        #[arg(long, value_name = "P")]
        password: Option<Given>,
    },
    /// Say what the cluster's nodes are; anybody may ask
    HsmInfo {
        #[command(flatten)]
        place: Place,
        /// Print a table instead of JSON
        #[arg(long)]
        human: bool,
    },
}
