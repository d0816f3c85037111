//! Which clusters there are and where their nodes listen: `client.toml`, or CloudHSM's own file ([`cloudhsm`]).
//!
//! ```toml
//! [[cluster]]
//! name = "default"
//! nodes = ["unix:/var/lib/strongroom/s/default-0.sock"]
//! reconnect_ms = 3000   # how long to wait for a restarting daemon
//! retry = "standard"    # or "off": never send a request twice
//! spin_us = 50          # how long a lone caller waits awake for an answer; 0: never
//! key_availability_check = true  # use and make token keys only while two nodes have them; unset: under `cloudhsm`
//!
//! [[cluster]]
//! name = "far"
//! servers = [{ host = "10.0.1.5", port = 2223 }]   # nodes that are reached by TLS; port 2223 unless it says otherwise
//! ca_file = "customerCA.crt"     # whom the nodes' certificate must come from; paths count from this file's folder
//! client_cert = "client.crt"     # what the client shows to nodes that ask, and its key
//! client_key = "client.key"
//! tls12 = false                  # whether nodes may speak TLS 1.2
//! cluster_id = "far"             # nodes of a cluster of another name are refused
//! ```

mod cloudhsm;
mod logging;
mod tls;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use strongroom_model::{Error, ReturnCode};
use strongroom_wire::Availability;

pub use cloudhsm::CLOUDHSM_FILE;
pub use logging::{Logging, date};
use tls::place;
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
/// Longer than this, polling costs more than the sleep that it saves.
const MAX_SPIN_US: u64 = 1000;

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

impl Config {
    /// Reads the first file there is of: `$STRONGROOM_CONFIG`; `client.toml` in `$STRONGROOM_HOME`;
    /// in `strongroom` under `$XDG_CONFIG_HOME` (or `~/.config`), under `$XDG_DATA_HOME` (or
    /// `~/.local/share`, where `strongroom up` puts it) and under `/etc`; in `/var/lib/strongroom`.
    ///
    /// After those, [`CLOUDHSM_FILE`]. A file that ends in `.cfg` or `.json` is read as CloudHSM's own.
    ///
    /// The first two are orders: what they name must be there. In a program that runs with more
    /// rights than its caller, the environment is the caller's and isn't heeded.
    ///
    /// # Errors
    ///
    /// [`ConfigError`], which says what to do.
    pub fn load() -> Result<Self, ConfigError> {
        if is_privileged() {
            return Self::search(|_| None);
        }
        Self::search(|name| std::env::var_os(name))
    }

    /// As [`Self::load`], in an environment given as a function.
    fn search(var: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let path = |name: &str| var(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(file) = path("STRONGROOM_CONFIG") {
            return Self::from_file(&file);
        }
        if let Some(home) = path("STRONGROOM_HOME") {
            return Self::first_of(vec![home.join(FILE)]);
        }
        let home = path("HOME");
        let under = |name: &str, default: &str| {
            let base = path(name).or_else(|| home.as_ref().map(|home| home.join(default)));
            base.map(|base| base.join("strongroom").join(FILE))
        };
        let mut places = Vec::new();
        places.extend(under("XDG_CONFIG_HOME", ".config"));
        places.extend(under("XDG_DATA_HOME", ".local/share"));
        places.push(Path::new("/etc/strongroom").join(FILE));
        places.push(Path::new("/var/lib/strongroom").join(FILE));
        places.push(PathBuf::from(CLOUDHSM_FILE));
        Self::first_of(places)
    }

    fn first_of(places: Vec<PathBuf>) -> Result<Self, ConfigError> {
        for place in &places {
            match Self::from_file(place) {
                Err(ConfigError::Read { source, .. }) if is_absence(place, &source) => {}
                result => return result,
            }
        }
        Err(ConfigError::NotFound { looked: places })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Read`] and [`ConfigError::Invalid`].
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::check(path, &text)
    }

    /// Reads what is in a file, or will be; the file's name says in which form, and its folder where relative paths lead.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`].
    pub fn check(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let folder = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned));
        let parsed = match path.extension().and_then(|extension| extension.to_str()) {
            Some("cfg" | "json") => cloudhsm::parse(text, folder.as_deref()),
            _ => Self::parse(text, folder.as_deref()),
        };
        parsed.map_err(|message| ConfigError::Invalid { path: Some(path.to_owned()), message })
    }

    /// Reads what would be in a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text, None).map_err(|message| ConfigError::Invalid { path: None, message })
    }

    fn parse(text: &str, folder: Option<&Path>) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        if file.cluster.is_empty() {
            return Err("there is no cluster; add a [[cluster]] table with a name and nodes".to_owned());
        }
        let mut names = BTreeSet::new();
        let mut clusters = Vec::new();
        for table in file.cluster {
            if !names.insert(table.name.clone()) {
                return Err(format!("two clusters are named {:?}; rename or remove one", table.name));
            }
            clusters.push(table.check(folder)?);
        }
        Ok(Self { clusters, logging: None })
    }
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    cluster: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    #[serde(default)]
    nodes: Vec<String>,
    #[serde(default)]
    servers: Vec<Server>,
    ca_file: Option<PathBuf>,
    client_cert: Option<PathBuf>,
    client_key: Option<PathBuf>,
    #[serde(default)]
    tls12: bool,
    cluster_id: Option<String>,
    #[serde(default)]
    reconnect_ms: Option<u64>,
    #[serde(default)]
    call_timeout_ms: Option<u64>,
    #[serde(default)]
    retry: Retry,
    #[serde(default)]
    spin_us: Option<u64>,
    #[serde(default)]
    key_availability_check: Option<bool>,
}

/// A node that's reached by TLS.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Server {
    host: String,
    port: Option<u16>,
}

impl Table {
    fn check(self, folder: Option<&Path>) -> Result<ClusterConfig, String> {
        let tls = self.tls(folder).map_err(|problem| format!("cluster {:?}: {problem}", self.name))?;
        let name = self.name;
        if self.nodes.is_empty() && self.servers.is_empty() {
            return Err(format!(
                "cluster {name:?} has no nodes; name at least one, as \"unix:/path/of/socket\" in `nodes` or as \
                 {{ host = \"ADDRESS\" }} in `servers`"
            ));
        }
        let nodes: Result<Vec<Endpoint>, String> = self.nodes.iter().map(|node| node.parse()).collect();
        let spin_us = self.spin_us.unwrap_or(SPIN_US);
        if spin_us > MAX_SPIN_US {
            return Err(format!("cluster {name:?}: spin_us is {spin_us}; it may be 0 to {MAX_SPIN_US}"));
        }
        Ok(ClusterConfig {
            nodes: nodes
                .map_err(|message| format!("cluster {name:?}: {message}"))?
                .into_iter()
                .chain(
                    self.servers
                        .into_iter()
                        .map(|Server { host, port }| Endpoint::Tcp { host, port: port.unwrap_or(PORT) }),
                )
                .collect(),
            cluster_id: self.cluster_id,
            tls,
            reconnect_ms: self.reconnect_ms.unwrap_or(RECONNECT_MS),
            call_timeout_ms: self.call_timeout_ms.unwrap_or(CALL_TIMEOUT_MS),
            retry: self.retry,
            spin_us,
            availability: match self.key_availability_check {
                None => Availability::ByProfile,
                Some(true) => Availability::TwoNodes,
                Some(false) => Availability::OneNode,
            },
            name,
        })
    }

    fn tls(&self, folder: Option<&Path>) -> Result<Option<Tls>, String> {
        let own = match (&self.client_cert, &self.client_key) {
            (Some(certificate), Some(key)) => Some((place(folder, certificate)?, place(folder, key)?)),
            (None, None) => None,
            _ => return Err("client_cert and client_key belong together: name both or neither".to_owned()),
        };
        match &self.ca_file {
            Some(ca) => {
                let files = TlsFiles { ca: place(folder, ca)?, own, tls12: self.tls12 };
                Tls::load(files)
                    .map(Some)
                    .map_err(|error| format!("{error}; correct ca_file, client_cert or client_key"))
            }
            None if self.servers.is_empty() => Ok(None),
            None => Err(
                "it has servers, but no ca_file: name the certificate of the CA that signed the cluster's"
                    .to_owned(),
            ),
        }
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

/// Whether a file that can't be read isn't there, or is behind a folder that isn't for this user: a
/// daemon that changed its user often keeps the `HOME` of another.
fn is_absence(path: &Path, error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => true,
        io::ErrorKind::PermissionDenied => std::fs::metadata(path).is_err(),
        _ => false,
    }
}

/// Whether the process was started with another identity than its caller's (setuid, setgid).
fn is_privileged() -> bool {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    getuid() != geteuid() || getgid() != getegid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn searched(pairs: &[(&str, &Path)]) -> Result<Config, ConfigError> {
        Config::search(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_os_str().to_owned())
        })
    }

    fn write(file: &Path, name: &str) {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, format!("[[cluster]]\nname = {name:?}\nnodes = [\"unix:/s\"]\n")).unwrap();
    }

    #[test]
    fn the_first_file_of_the_search_order_counts() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let (home, config, data, user) = (at("home"), at("config"), at("data"), at("user"));
        for (file, name) in [
            (at("file.toml"), "file"),
            (home.join("client.toml"), "home"),
            (config.join("strongroom/client.toml"), "config"),
            (data.join("strongroom/client.toml"), "data"),
            (user.join(".local/share/strongroom/client.toml"), "share"),
        ] {
            write(&file, name);
        }
        let file = at("file.toml");
        let all = [
            ("STRONGROOM_CONFIG", file.as_path()),
            ("STRONGROOM_HOME", &home),
            ("XDG_CONFIG_HOME", &config),
            ("XDG_DATA_HOME", &data),
            ("HOME", &user),
        ];
        let expected = ["file", "home", "config", "data", "share"];
        for (skipped, expected) in expected.iter().enumerate() {
            assert_eq!(searched(&all[skipped..]).unwrap().clusters[0].name, *expected);
        }
        write(&user.join(".config/strongroom/client.toml"), "dot-config");
        assert_eq!(searched(&all[4..]).unwrap().clusters[0].name, "dot-config");
        let empty = [("STRONGROOM_CONFIG", Path::new("")), ("HOME", &user)];
        assert_eq!(searched(&empty).unwrap().clusters[0].name, "dot-config");
    }

    #[test]
    fn what_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("none.toml");
        let error = searched(&[("STRONGROOM_CONFIG", &missing), ("HOME", dir.path())]).unwrap_err();
        assert!(matches!(&error, ConfigError::Read { path, .. } if *path == missing), "{error}");
        let error = searched(&[("STRONGROOM_HOME", dir.path())]).unwrap_err().to_string();
        let expected = dir.path().join("client.toml");
        assert!(error.contains(expected.to_str().unwrap()) && error.contains("strongroom up"), "{error}");
        assert_eq!(Error::from(ConfigError::NotFound { looked: vec![] }).code, ReturnCode::GENERAL_ERROR);
    }

    #[test]
    fn settings_have_defaults() {
        let text = "[[cluster]]\nname = 'a'\nnodes = ['unix:/a/0', 'unix:/a/1']\n\
                    [[cluster]]\nname = 'b'\nnodes = ['unix:/b']\nreconnect_ms = 5\nretry = 'off'\nspin_us = 0\n\
                    key_availability_check = false\ncall_timeout_ms = 700\n";
        let config = Config::from_toml(text).unwrap();
        let nodes = vec![Endpoint::Unix("/a/0".into()), Endpoint::Unix("/a/1".into())];
        assert_eq!(config.clusters[0], ClusterConfig::new("a", nodes));
        let second = &config.clusters[1];
        assert_eq!((second.reconnect_ms, second.retry, second.spin_us), (5, Retry::Off, 0));
        assert_eq!(second.availability, Availability::OneNode);
        assert_eq!(second.call_timeout(), Some(Duration::from_millis(700)));
        assert_eq!(config.clusters[0].call_timeout(), Some(Duration::from_secs(60)));
        assert_eq!(ClusterConfig { call_timeout_ms: 0, ..second.clone() }.call_timeout(), None);
        assert_eq!(second.nodes[0].to_string(), "unix:/b");
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, expected) in [
            ("", "no cluster"),
            ("[[cluster]]\nname = 'a'\nnodes = []", "has no nodes"),
            ("[[cluster]]\nname = 'a'\nnodes = ['tcp:1']", "is no address of a node"),
            ("[[cluster]]\nname = 'a'\nnodes = ['unix:s/0']", "must begin with /"),
            ("[[cluster]]\nname = 'a'\nnodes = ['unix:/0']\nretires = 3", "retires"),
            ("[[cluster]]\nname = 'a'\nnodes = ['unix:/0']\nspin_us = 5000", "0 to 1000"),
            (
                "[[cluster]]\nname = 'a'\nnodes = ['unix:/0']\n[[cluster]]\nname = 'a'\nnodes = ['unix:/1']",
                "two clusters",
            ),
            ("[[cluster]]\nname = 'a'", "nodes"),
            ("[[cluster]]\nname = 'a'\nservers = [{host = '127.0.0.2'}]", "no ca_file"),
            ("[[cluster]]\nname = 'a'\nservers = [{host = 'h'}]\nca_file = 'ca'", "must begin with /"),
            ("[[cluster]]\nname = 'a'\nservers = [{host = 'h'}]\nca_file = '/none'", "/none can't be read"),
            ("[[cluster]]\nname = 'a'\nservers = [{host = 'h'}]\nclient_key = '/k'", "belong together"),
        ] {
            let error = Config::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
