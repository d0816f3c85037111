//! Which home, which cluster, and as whom.

use std::path::PathBuf;

use clap::Args;
use strongroom_model::{Role, UserName};

use super::parse;

macro_rules! login_help {
    () => {
        "\
Who does it: --login-role and --login-username; or STRONGROOM_ROLE and STRONGROOM_PIN (user:password), for which
CLOUDHSM_ROLE and CLOUDHSM_PIN work too; else the officer (for `user`) or the first crypto user (for `key`) that
`strongroom up` made. The password is then taken from secrets.json in the home, or asked for."
    };
}
pub(super) use login_help;

/// Where the daemon keeps everything.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct HomeOption {
    /// The daemon's home [default: /var/lib/strongroom for root, else ~/.local/share/strongroom]
    #[arg(long, global = true, value_name = "DIR", env = "STRONGROOM_HOME")]
    pub(crate) home: Option<PathBuf>,
}

/// Which cluster.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Place {
    #[command(flatten)]
    pub(crate) home: HomeOption,
    /// The cluster [default: the first in client.toml]
    #[arg(long, visible_alias = "cluster-id", global = true, value_name = "NAME")]
    pub(crate) cluster: Option<String>,
}

/// Which cluster, and as whom.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Access {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Who does it
    #[arg(long, value_name = "NAME", value_parser = parse::<UserName>)]
    pub(crate) login_username: Option<UserName>,
    /// Role of who does it: admin or crypto-user
    #[arg(long, value_name = "ROLE", value_parser = parse::<Role>)]
    pub(crate) login_role: Option<Role>,
}

/// An approved quorum token.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ApprovalOption {
    /// The file of a quorum token with the signatures of its approvers
    #[arg(long, value_name = "FILE")]
    pub(crate) approval: Option<PathBuf>,
}
