//! Which clusters there are and where their nodes listen: as `client.toml` says ([`client_toml`]) or CloudHSM's own file
//! ([`cloudhsm`]), the first that is found ([`search`]).

mod client_toml;
mod cloudhsm;
mod logging;
mod search;
mod tls;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use strongroom_model::{Error, ReturnCode};
use strongroom_wire::Availability;

pub use cloudhsm::CLOUDHSM_FILE;
pub use logging::{Logging, date};
pub use tls::{Tls, TlsFiles};

/// The name of the file in each place that is searched.
const FILE: &str = "client.toml";
/// How long a call waits for a daemon that went away, unless the file says otherwise.
const RECONNECT_MS: u64 = 3000;
/// How long a node may be silent while a call waits for its answer, unless the file says otherwise. Commits on a slow
/// disk and nodes with much to do take seconds; a person waits for a minute before asking what's wrong.
const CALL_TIMEOUT_MS: u64 = 60_000;
/// How long a lone caller polls for its answer before it sleeps, unless the file says otherwise.
/// Waking a sleeping core costs 70 to 90 us on a virtual machine (performance.md).
const SPIN_US: u64 = 50;
/// The port of nodes where none is named (cloudhsm.md 8.1).
pub(crate) const PORT: u16 = 2223;

/// The clusters that an application sees: one slot each, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The clusters; never empty when loaded.
    pub clusters: Vec<ClusterConfig>,
    /// What CloudHSM's file says of the log.
    pub logging: Option<Logging>,
}

/// One cluster and how to talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// What the configuration calls it; only used in messages.
    pub name: String,
    /// Where nodes listen, at least one. The other members are learned from any of them.
    pub nodes: Vec<Endpoint>,
    /// How long a call waits for nodes that were there before to come back, in milliseconds.
    pub reconnect_ms: u64,
    /// How long a node may be silent while a call waits for its answer, in milliseconds; 0 is for ever. Generation and
    /// derivation of keys may take ten times as long. Then the connection isn't used any more, the node is left alone for a
    /// while, and the call is repeated elsewhere if that does no harm.
    pub call_timeout_ms: u64,
    /// Whether requests are repeated.
    pub retry: Retry,
    /// How long a lone caller polls for its answer before it sleeps, in microseconds; 0 is never.
    pub spin_us: u64,
    /// Whether messages go by memory that's shared with nodes on this machine, where they offer it.
    pub shared_memory: bool,
    /// Whether token keys are made and used only while two nodes have them (cloudhsm.md 4.3).
    pub availability: Availability,
    /// What the cluster must be named; `None`: whatever it's named.
    pub cluster_id: Option<String>,
    /// How nodes are known that are reached by TCP; such nodes are no use without it.
    pub tls: Option<Tls>,
}

/// Whether a request is sent again when its answer didn't arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Retry {
    /// Once, if doing it twice does no more than doing it once.
    #[default]
    Standard,
    /// Never.
    Off,
}

/// Where a node listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Endpoint {
    /// The absolute path of a Unix socket.
    Unix(PathBuf),
    /// A TCP address, for TLS.
    Tcp {
        /// An address or a name.
        host: String,
        /// The port.
        port: u16,
    },
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No file anywhere.
    #[error(
        "no {FILE} found; looked for {}. `strongroom up` makes a cluster and its {FILE}; \
         STRONGROOM_CONFIG may name the file",
        Listed(looked)
    )]
    NotFound {
        /// The paths that were tried.
        looked: Vec<PathBuf>,
    },
    /// A file that can't be read.
    #[error("can't read {}: {source}; `strongroom up` makes a cluster and its {FILE}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or text that doesn't say what it should.
    #[error("{}: {message}", Origin(path))]
    Invalid {
        /// The file; `None` for a text.
        path: Option<PathBuf>,
        /// What is wrong with it.
        message: String,
    },
}

impl ClusterConfig {
    /// A cluster with the usual settings.
    pub fn new(name: impl Into<String>, nodes: Vec<Endpoint>) -> Self {
        Self {
            name: name.into(),
            nodes,
            reconnect_ms: RECONNECT_MS,
            call_timeout_ms: CALL_TIMEOUT_MS,
            retry: Retry::default(),
            spin_us: SPIN_US,
            shared_memory: true,
            availability: Availability::default(),
            cluster_id: None,
            tls: None,
        }
    }

    /// How long a node may be silent.
    pub(crate) fn call_timeout(&self) -> Option<Duration> {
        (self.call_timeout_ms > 0).then(|| Duration::from_millis(self.call_timeout_ms))
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(path) = text.strip_prefix("unix:") else {
            return Err(format!(
                "{text:?} is no address of a node; write \"unix:\" and the path of its socket, or name hosts in `servers`"
            ));
        };
        // The working directory of a daemon's worker isn't that of whoever wrote the file.
        if !path.starts_with('/') || path.contains('\0') {
            return Err(format!("{text:?}: the path of a node's socket must begin with /"));
        }
        Ok(Self::Unix(PathBuf::from(path)))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::new(ReturnCode::GENERAL_ERROR, error.to_string())
    }
}

struct Listed<'a>(&'a [PathBuf]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, path) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, path.display())?;
        }
        Ok(())
    }
}

struct Origin<'a>(&'a Option<PathBuf>);

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(path) => write!(f, "{}", path.display()),
            None => f.write_str("the configuration"),
        }
    }
}
