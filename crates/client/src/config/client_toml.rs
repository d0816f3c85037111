//! The form of `client.toml`: what a file may say, and what it means for a cluster.
//!
//! ```toml
//! [[cluster]]
//! name = "default"
//! nodes = ["unix:/var/lib/strongroom/s/default-0.sock"]
//! reconnect_ms = 3000   # how long to wait for a restarting daemon
//! retry = "standard"    # or "off": never send a request twice
//! spin_us = 50          # how long a lone caller waits awake for an answer; 0: never
//! shared_memory = true  # whether messages to a node on this machine go by memory; false: by its socket
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

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use strongroom_wire::Availability;

use super::tls::place;
use super::{
    CALL_TIMEOUT_MS, ClusterConfig, Config, Endpoint, PORT, RECONNECT_MS, Retry, SPIN_US, Tls, TlsFiles,
};

/// Longer than this, polling costs more than the sleep that it saves.
const MAX_SPIN_US: u64 = 1000;

/// Reads the file's text; relative paths lead from `folder`.
pub(super) fn parse(text: &str, folder: Option<&Path>) -> Result<Config, String> {
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
    Ok(Config { clusters, logging: None })
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
    shared_memory: Option<bool>,
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
            shared_memory: self.shared_memory.unwrap_or(true),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn settings_have_defaults() {
        let text = "[[cluster]]\nname = 'a'\nnodes = ['unix:/a/0', 'unix:/a/1']\n\
                    [[cluster]]\nname = 'b'\nnodes = ['unix:/b']\nreconnect_ms = 5\nretry = 'off'\nspin_us = 0\n\
                    key_availability_check = false\ncall_timeout_ms = 700\nshared_memory = false\n";
        let config = Config::from_toml(text).unwrap();
        let nodes = vec![Endpoint::Unix("/a/0".into()), Endpoint::Unix("/a/1".into())];
        assert_eq!(config.clusters[0], ClusterConfig::new("a", nodes));
        let second = &config.clusters[1];
        assert_eq!((second.reconnect_ms, second.retry, second.spin_us), (5, Retry::Off, 0));
        assert_eq!(second.availability, Availability::OneNode);
        assert!(config.clusters[0].shared_memory && !second.shared_memory);
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
