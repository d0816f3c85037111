//! M of N: what approvals are for, and how many are needed (cloudhsm.md 3).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, ReturnCode, UserName, at_most, limits};

/// What a quorum token is good for (cloudhsm.md 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Service {
    /// `user`: making and deleting users, changing the passwords of others, taking their second factor away.
    User,
    /// `quorum`: changing how many approvals a service needs.
    Quorum,
    /// `cluster`: what clients the cluster accepts.
    Cluster,
    /// `key-management`: wrapping, unwrapping with, sharing and changing one key that asks for it.
    KeyManagement,
    /// `key-usage`: one use of one key that asks for it.
    KeyUsage,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::User, Self::Quorum, Self::Cluster, Self::KeyManagement, Self::KeyUsage];

    /// Its number in `approval_data` (cloudhsm.md 3.1 has those of user and quorum; the others are ours).
    pub const fn number(self) -> u16 {
        match self {
            Self::User => 3,
            Self::Quorum => 4,
            Self::Cluster => 5,
            Self::KeyManagement => 6,
            Self::KeyUsage => 7,
        }
    }

    /// Whether its tokens are for one key, which says itself how many approvals it needs.
    pub const fn is_for_a_key(self) -> bool {
        matches!(self, Self::KeyManagement | Self::KeyUsage)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::Quorum => "quorum",
            Self::Cluster => "cluster",
            Self::KeyManagement => "key-management",
            Self::KeyUsage => "key-usage",
        })
    }
}

impl FromStr for Service {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|service| service.to_string() == text).ok_or_else(|| {
            Error::new(
                ReturnCode::ARGUMENTS_BAD,
                format!(
                    "there is no service {text:?}; services are user, quorum, cluster, key-management and key-usage"
                ),
            )
        })
    }
}

/// Whether clients must come with a certificate of the customer's (cloudhsm.md 7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MtlsEnforcement {
    /// `none`: they needn't.
    #[default]
    None,
    /// `cluster`: they must.
    Cluster,
}

impl fmt::Display for MtlsEnforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Cluster => "cluster",
        })
    }
}

impl FromStr for MtlsEnforcement {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Self::None),
            "cluster" => Ok(Self::Cluster),
            _ => {
                let message =
                    format!("there is no level {text:?} of enforcement; levels are none and cluster");
                Err(Error::new(ReturnCode::ARGUMENTS_BAD, message))
            }
        }
    }
}

/// What a new key is made under, beyond its attributes. Fixed for its life, but for the sharing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyTerms {
    /// Crypto users that it is shared with from the start.
    #[serde(deserialize_with = "at_most::<{ limits::MAX_USERS }, _, _>")]
    pub share_with: Vec<UserName>,
    /// Approvals needed to manage it: 0, 1 (none needed), or 2 to 8.
    pub manage_quorum: u8,
    /// Approvals needed for each use of it.
    pub use_quorum: u8,
}

impl KeyTerms {
    /// Whether they ask for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_named_and_numbered_apart() {
        for service in Service::ALL {
            assert_eq!(service.to_string().parse::<Service>().unwrap(), service);
            assert_eq!(Service::ALL.iter().filter(|other| other.number() == service.number()).count(), 1);
        }
        assert!("registration".parse::<Service>().is_err());
    }
}
