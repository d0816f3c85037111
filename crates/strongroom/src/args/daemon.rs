//! `strongroom status` and `strongroom serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::HomeOption;

/// Where the AWS API is served when no address is named.
pub(super) const AWS_ADDRESS: &str = "127.0.0.1:5556";

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
    /// The daemon's configuration [default: config.toml in the home, if it's there]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Serve the AWS CloudHSM API, at this address and port
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = AWS_ADDRESS)]
    pub(crate) aws: Option<SocketAddr>,
    /// Leave the terminal's session; `up` uses it
    #[arg(long, hide = true)]
    pub(crate) background: bool,
}
