//! `strongroom up`.

use std::str::FromStr;

use clap::Args;
use strongroom_model::{Error, Profile, UserName};

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
  strongroom up --uninitialized
      without users: an application calls C_InitToken, as with any new token";

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
    /// Password of the officer `admin`; - reads it from standard input [default: made up]
    #[arg(long, value_name = "P", conflicts_with = "uninitialized")]
    pub(crate) officer_password: Option<Given>,
    /// A crypto user; without a password, one is made up; - reads it from standard input [default: app]
    #[arg(long = "crypto-user", value_name = "NAME:PASSWORD", value_parser = parse::<CryptoUser>, conflicts_with = "uninitialized")]
    pub(crate) crypto_users: Vec<CryptoUser>,
    /// Make no users: the token waits for C_InitToken
    #[arg(long)]
    pub(crate) uninitialized: bool,
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
