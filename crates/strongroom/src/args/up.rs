//! `strongroom up`.

use std::net::SocketAddr;
use std::str::FromStr;

use clap::Args;
use strongroom_model::{Error, HsmType, Mode, Profile, Quirk, ReturnCode, UserName, Variant};

use super::daemon::AWS_ADDRESS;
use super::{HomeOption, parse};
use crate::password::Given;

pub(super) const EXAMPLES: &str = "\
Examples:
  strongroom up
      cluster `default`, two nodes, officer `admin`, crypto user `app`; passwords are made up and kept in
      secrets.json in the home, for its owner only
  strongroom up --crypto-user web --crypto-user java:1234-secret
      two crypto users; the first one's password is made up
  strongroom up --cluster test --nodes 1 --profile strict
      a second cluster in the same daemon: a further slot
  strongroom up --profile cloudhsm --mode NON_FIPS --quirk no-read-only-sessions=off
      as CloudHSM's hsm2m.medium, but with read-only sessions
  strongroom up --listen
      applications may come by TLS, too: `strongroom configure` writes what they read
  strongroom up --aws
      with the AWS API for CloudHSM at http://127.0.0.1:5556, by which further clusters can be made
  strongroom up --uninitialized
      without users: an application calls C_InitToken, as with any new token
  strongroom up --profile cloudhsm --own-ca
      as a new CloudHSM: sign its request, initialize it, activate it (docs/certificates.md)";

#[derive(Debug, Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) home: HomeOption,
    /// The cluster's name, which is also the token's label
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) cluster: String,
    /// How many nodes, 1 to 28 [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=28))]
    pub(crate) nodes: Option<u16>,
    /// What the cluster allows: standard, cloudhsm or strict [default: standard]
    #[arg(long, value_name = "PROFILE", value_parser = parse::<Profile>)]
    pub(crate) profile: Option<Profile>,
    /// With --profile cloudhsm: which HSM it plays, hsm1.medium or hsm2m.medium [default: hsm2m.medium]
    #[arg(long, value_name = "TYPE", value_parser = parse::<HsmType>, requires = "profile")]
    pub(crate) hsm_type: Option<HsmType>,
    /// With --profile cloudhsm: FIPS or NON_FIPS [default: FIPS]
    #[arg(long, value_name = "MODE", value_parser = parse::<Mode>, requires = "profile")]
    pub(crate) mode: Option<Mode>,
    /// With --profile cloudhsm: a habit of CloudHSM, switched on or off; docs/attributes.md has them all
    #[arg(long = "quirk", value_name = "NAME=on|off", value_parser = parse::<Switch>, requires = "profile")]
    pub(crate) quirks: Vec<Switch>,
    /// Password of the officer `admin`; - reads it from standard input [default: made up]
    #[arg(long, value_name = "P", conflicts_with_all = ["uninitialized", "own_ca"])]
    pub(crate) officer_password: Option<Given>,
    /// A crypto user; without a password, one is made up; - reads it from standard input [default: app]
    #[arg(long = "crypto-user", value_name = "NAME:PASSWORD", value_parser = parse::<CryptoUser>, conflicts_with_all = ["uninitialized", "own_ca"])]
    pub(crate) crypto_users: Vec<CryptoUser>,
    /// Have the nodes listen for TLS at TCP addresses of the loopback range, too, or as the section network of the daemon's
    /// configuration says
    #[arg(long)]
    pub(crate) listen: bool,
    /// Serve the AWS CloudHSM API as well, at this address and port; the daemon must not run yet
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, default_missing_value = AWS_ADDRESS)]
    pub(crate) aws: Option<SocketAddr>,
    /// Make no users: the token waits for C_InitToken
    #[arg(long)]
    pub(crate) uninitialized: bool,
    /// As CloudHSM does: make no users, and leave the certificate of the cluster's key to your own authority; `cluster
    /// certificates` has the request, `cluster initialize` takes what you signed
    #[arg(long)]
    pub(crate) own_ca: bool,
}

impl Up {
    /// Which HSM the cluster is to play, where it's `otherwise` as it is.
    pub(crate) fn variant(&self, otherwise: Variant) -> Variant {
        let quirks =
            self.quirks.iter().fold(otherwise.quirks, |all, Switch(quirk, on)| all.with(*quirk, *on));
        Variant {
            hsm: self.hsm_type.unwrap_or(otherwise.hsm),
            mode: self.mode.unwrap_or(otherwise.mode),
            quirks,
        }
    }
}

/// `NAME=on` or `NAME=off`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Switch(Quirk, bool);

impl FromStr for Switch {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |what: &str| Error::new(ReturnCode::ARGUMENTS_BAD, what);
        let (name, value) =
            text.split_once('=').ok_or_else(|| bad("a quirk is switched by NAME=on or NAME=off"))?;
        match value {
            "on" => Ok(Self(name.parse()?, true)),
            "off" => Ok(Self(name.parse()?, false)),
            _ => Err(bad("a quirk is on or off")),
        }
    }
}

/// `NAME` or `NAME:PASSWORD`.
#[derive(Clone, Debug)]
pub(crate) struct CryptoUser {
    pub(crate) name: UserName,
    pub(crate) password: Option<Given>,
}

impl FromStr for CryptoUser {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, password) = match text.split_once(':') {
            Some((name, password)) => (name, Some(Given::from(password))),
            None => (text, None),
        };
        Ok(Self { name: name.parse()?, password })
    }
}
