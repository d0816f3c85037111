//! Which clusters there are and where their nodes listen: `client.toml`.
//!
//! ```toml
//! [[cluster]]
//! name = "default"
//! nodes = ["unix:/var/lib/strongroom/s/default-0.sock"]
//! reconnect_ms = 3000   # how long to wait for a restarting daemon
//! retry = "standard"    # or "off": never send a request twice
//! spin_us = 50          # how long a lone caller waits awake for an answer; 0: never
//! key_availability_check = true  # use and make token keys only while two nodes have them; unset: under `cloudhsm`
//! ```

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
/// Longer than this, polling costs more than the sleep that it saves.
const MAX_SPIN_US: u64 = 1000;

/// The clusters that an application sees: one slot each, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The clusters; never empty when loaded.
    pub clusters: Vec<ClusterConfig>,
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
        Self::parse(&text).map_err(|message| ConfigError::Invalid { path: Some(path.to_owned()), message })
    }

    /// Reads what would be in a file.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Invalid`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Self::parse(text).map_err(|message| ConfigError::Invalid { path: None, message })
    }

    fn parse(text: &str) -> Result<Self, String> {
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
            clusters.push(table.check()?);
        }
        Ok(Self { clusters })
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
                "{text:?} is no address of a node; write \"unix:\" and the path of its socket"
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
    nodes: Vec<String>,
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

impl Table {
    fn check(self) -> Result<ClusterConfig, String> {
        let name = self.name;
        if self.nodes.is_empty() {
            return Err(format!(
                "cluster {name:?} has no nodes; name at least one, as \"unix:/path/of/socket\""
            ));
        }
        let nodes: Result<Vec<Endpoint>, String> = self.nodes.iter().map(|node| node.parse()).collect();
        let spin_us = self.spin_us.unwrap_or(SPIN_US);
        if spin_us > MAX_SPIN_US {
            return Err(format!("cluster {name:?}: spin_us is {spin_us}; it may be 0 to {MAX_SPIN_US}"));
        }
        Ok(ClusterConfig {
            nodes: nodes.map_err(|message| format!("cluster {name:?}: {message}"))?,
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
        ] {
            let error = Config::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
