//! Who calls, and where.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::shapes::Region;

/// Who makes a call and in which region. Every cluster, backup and tag belongs to one account and one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account the access key belongs to.
    pub account: AccountId,
    /// The region of the signature's scope.
    pub region: Region,
    /// What this call is named in logs and in the answer's `x-amzn-RequestId`.
    pub request_id: String,
}

/// An account's number: twelve digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "{text:?} is no account: an account is a number of twelve digits, such as 123456789012"
            ))
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<AccountId> for String {
    fn from(account: AccountId) -> Self {
        account.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
