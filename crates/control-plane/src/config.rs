//! What the daemon's configuration says of the control plane.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::AccountId;
use crate::shapes::Region;

/// The port that the control plane listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 5556;

/// Where the control plane listens and who may call it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiConfig {
    /// Where to listen; `127.0.0.1:5556` by default. Another than a loopback address needs credentials.
    pub listen: SocketAddr,
    /// The region of calls that name none.
    pub region: Region,
    /// The account of callers who name none.
    pub account: AccountId,
    /// Who may call. If there are any, every call must be signed by one of them; if not, whoever reaches the port may
    /// call, for any account.
    pub credentials: Vec<Credential>,
    /// Host names, beside `localhost`, that unsigned calls may name the control plane by.
    pub host_names: Vec<String>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            region: Region::try_from(text("us-east-1")).expect("a region"),
            account: AccountId::try_from(text("123456789012")).expect("an account"),
            credentials: Vec::new(),
            host_names: Vec::new(),
        }
    }
}

impl ApiConfig {
    /// What is wrong with it, as a sentence.
    pub fn problem(&self) -> Option<String> {
        if !self.listen.ip().is_loopback() && self.credentials.is_empty() {
            return Some(format!(
                "the control plane can delete keys, so it listens on {} only with credentials: add \
                 [[aws.credentials]] with access_key and secret_key, or listen on 127.0.0.1",
                self.listen
            ));
        }
        let mut keys: Vec<_> = self.credentials.iter().map(|credential| &credential.access_key).collect();
        keys.sort_unstable();
        if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return Some(format!("the access key {:?} of the control plane is there twice", twice[0]));
        }
        let broken = |key: &str| key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if let Some(key) = keys.iter().find(|key| broken(key)) {
            return Some(format!("the access key {key:?} of the control plane must be letters and digits"));
        }
        let empty = self.credentials.iter().find(|credential| credential.secret_key.expose().is_empty())?;
        Some(format!("the secret key of the access key {:?} of the control plane is empty", empty.access_key))
    }
}

/// An access key and its secret.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// The access key's id.
    pub access_key: String,
    /// Its secret.
    pub secret_key: Secret,
    /// The token that goes with it, if it's a temporary one.
    pub session_token: Option<Secret>,
    /// The account it's of; the default account if absent.
    pub account: Option<AccountId>,
}

/// A text that is wiped from memory and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself, for those who sign or check with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(Self::from)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(..)")
    }
}
