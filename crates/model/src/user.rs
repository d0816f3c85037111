//! Users, roles, passwords and profiles.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, ReturnCode};

/// What a user may do (cloudhsm.md 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Crypto officer, `admin`: manages users and policy; can't use keys.
    Admin,
    /// Crypto user, `crypto-user`: owns and uses keys.
    CryptoUser,
    /// The `admin` of a cluster that isn't activated yet; can only set its password, which makes it an officer.
    UnactivatedAdmin,
    /// Appliance user, `app_user`: what nodes copy state as. Nobody logs in as it.
    Appliance,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Admin => "admin",
            Self::CryptoUser => "crypto-user",
            Self::UnactivatedAdmin => "unactivated-admin",
            Self::Appliance => "internal(APPLIANCE_USER)",
        })
    }
}

impl FromStr for Role {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "admin" => Ok(Self::Admin),
            "crypto-user" => Ok(Self::CryptoUser),
            _ => Err(Error::new(
                ReturnCode::ARGUMENTS_BAD,
                format!("there is no role {text:?}; roles are admin and crypto-user"),
            )),
        }
    }
}

/// The name of a user: 1 to 31 letters, digits and `_`, `-`, `.`; kept in lower case
/// (cloudhsm.md 2.3; it never has a colon, since a PIN is split there).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

impl UserName {
    /// The longest name.
    pub const MAX_LEN: usize = 31;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let valid = (1..=Self::MAX_LEN).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if valid {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(Error::new(
                ReturnCode::ARGUMENTS_BAD,
                "a user name has 1 to 31 letters, digits or the characters _ - .",
            ))
        }
    }
}

impl TryFrom<String> for UserName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a cluster allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// All of PKCS#11; what is written for SoftHSM runs unchanged.
    #[default]
    Standard,
    /// What CloudHSM's Client SDK 5 allows.
    CloudHsm,
    /// Standard, minus everything known to be abusable.
    Strict,
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "standard",
            Self::CloudHsm => "cloudhsm",
            Self::Strict => "strict",
        })
    }
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "standard" => Ok(Self::Standard),
            "cloudhsm" => Ok(Self::CloudHsm),
            "strict" => Ok(Self::Strict),
            _ => Err(Error::new(
                ReturnCode::ARGUMENTS_BAD,
                format!("there is no profile {text:?}; profiles are standard, cloudhsm and strict"),
            )),
        }
    }
}
