//! `strongroom status` and `strongroom serve`.

use std::path::PathBuf;

use clap::Args;

use super::HomeOption;

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
    /// Leave the terminal's session; `up` uses it
    #[arg(long, hide = true)]
    pub(crate) background: bool,
}
