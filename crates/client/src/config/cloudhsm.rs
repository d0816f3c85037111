//! CloudHSM's own client configuration (cloudhsm.md 8.1), as its `configure` tools write it.
//!
//! Keys that aren't known are left alone: each version of the vendor's client has others.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use strongroom_wire::Availability;

use super::tls::{Tls, TlsFiles, place};
use super::{ClusterConfig, Config, Endpoint, Logging, PORT, Retry};

/// Where the vendor's configuration of its PKCS#11 module is.
pub const CLOUDHSM_FILE: &str = "/opt/cloudhsm/etc/cloudhsm-pkcs11.cfg";
/// What the vendor's tools write for the pair that comes with its client, whether it's there or not.
const BUNDLED: [&str; 2] = ["/opt/cloudhsm/etc/ssl-client.crt", "/opt/cloudhsm/etc/client.crt"];

#[derive(Deserialize)]
struct File {
    clusters: Vec<Entry>,
    #[serde(default)]
    logging: Option<Logging>,
}

#[derive(Deserialize)]
struct Entry {
    cluster: Cluster,
}

#[derive(Deserialize)]
struct Cluster {
    hsm_ca_file: Option<PathBuf>,
    client_cert_path: Option<PathBuf>,
    client_key_path: Option<PathBuf>,
    client_cert_hsm_tls_file: Option<PathBuf>,
    client_key_hsm_tls_file: Option<PathBuf>,
    cluster_id: Option<String>,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    servers: Vec<Server>,
}

#[derive(Default, Deserialize)]
struct Options {
    #[serde(default)]
    disable_key_availability_check: bool,
    #[serde(default)]
    retry_mode: Retry,
}

#[derive(Deserialize)]
struct Server {
    hostname: String,
    #[serde(default = "port")]
    port: u16,
    #[serde(default = "enabled")]
    enable: bool,
}

const fn port() -> u16 {
    PORT
}

const fn enabled() -> bool {
    true
}

/// Reads it. `folder`: where the file is.
pub(super) fn parse(text: &str, folder: Option<&Path>) -> Result<Config, String> {
    let file: File = serde_json::from_str(text).map_err(|error| {
        format!("{error}; `strongroom configure --config FILE.cfg -a ADDRESS` writes such a file")
    })?;
    if file.clusters.is_empty() {
        return Err("\"clusters\" is empty; `strongroom configure` adds one".to_owned());
    }
    let mut clusters: Vec<ClusterConfig> = Vec::new();
    for (at, Entry { cluster }) in file.clusters.into_iter().enumerate() {
        let name = cluster.cluster_id.clone().unwrap_or_else(|| format!("cloudhsm-{}", at + 1));
        if clusters.iter().any(|other| other.name == name) {
            return Err(format!(
                "\"clusters\" has {name:?} twice; remove one with `strongroom configure remove-cluster`"
            ));
        }
        let checked =
            cluster.check(&name, folder).map_err(|problem| format!("cluster {name:?}: {problem}"))?;
        clusters.push(checked);
    }
    Ok(Config { clusters, logging: file.logging })
}

impl Cluster {
    fn check(self, name: &str, folder: Option<&Path>) -> Result<ClusterConfig, String> {
        let enabled = self.servers.into_iter().filter(|server| server.enable);
        let nodes: Vec<Endpoint> =
            enabled.map(|server| Endpoint::Tcp { host: server.hostname, port: server.port }).collect();
        if nodes.is_empty() {
            return Err(
                "\"servers\" has none that is enabled; `strongroom configure -a ADDRESS` adds one".to_owned()
            );
        }
        let Some(ca) = self.hsm_ca_file else {
            return Err(
                "\"hsm_ca_file\" is missing: name the certificate of the CA that signed the cluster's, with \
                        `strongroom configure --hsm-ca-cert FILE`"
                    .to_owned(),
            );
        };
        let ca = place(folder, &ca).map_err(|problem| format!("\"hsm_ca_file\": {problem}"))?;
        // There is one TLS here where CloudHSM has two; what is meant for the inner one is the stricter.
        let inner = pair(
            self.client_cert_hsm_tls_file,
            self.client_key_hsm_tls_file,
            ["client_cert_hsm_tls_file", "client_key_hsm_tls_file"],
        )?;
        let outer =
            pair(self.client_cert_path, self.client_key_path, ["client_cert_path", "client_key_path"])?;
        let outer = outer.filter(|(certificate, _)| !is_bundled(certificate));
        let own = match inner.or(outer) {
            Some((certificate, key)) => Some((place(folder, &certificate)?, place(folder, &key)?)),
            None => None,
        };
        let tls = Tls::load(TlsFiles { ca, own, tls12: false }).map_err(|error| {
            format!("{error}; `strongroom configure --hsm-ca-cert FILE`, --server-client-cert-file and -key-file name others")
        })?;
        let availability = match self.options.disable_key_availability_check {
            true => Availability::OneNode,
            false => Availability::TwoNodes,
        };
        Ok(ClusterConfig {
            retry: self.options.retry_mode,
            availability,
            cluster_id: self.cluster_id,
            tls: Some(tls),
            ..ClusterConfig::new(name, nodes)
        })
    }
}

/// Both files of a pair, or neither.
fn pair(
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    [cert_key, key_key]: [&str; 2],
) -> Result<Option<(PathBuf, PathBuf)>, String> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
        (None, None) => Ok(None),
        _ => Err(format!("{cert_key:?} and {key_key:?} belong together: name both or neither")),
    }
}

/// Whether it's the pair that the vendor's client comes with, which isn't there without that client.
fn is_bundled(certificate: &Path) -> bool {
    BUNDLED.iter().any(|bundled| certificate == Path::new(bundled)) && !certificate.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_names_the_key_and_the_remedy() {
        for (text, expected) in [
            ("{", "strongroom configure"),
            ("{}", "missing field `clusters`"),
            (r#"{"clusters":[]}"#, "is empty"),
            (r#"{"clusters":[{"cluster":{"servers":[]}}]}"#, "\"servers\""),
            (
                r#"{"clusters":[{"cluster":{"servers":[{"hostname":"127.0.0.2","enable":false}]}}]}"#,
                "enabled",
            ),
            (
                r#"{"clusters":[{"cluster":{"servers":[{"hostname":"127.0.0.2"}]}}]}"#,
                "\"hsm_ca_file\" is missing",
            ),
            (
                r#"{"clusters":[{"cluster":{"servers":[{"hostname":"127.0.0.2"}],"hsm_ca_file":"none.crt"}}]}"#,
                "must begin with /",
            ),
            (
                r#"{"clusters":[{"cluster":{"servers":[{"hostname":"h"}],"hsm_ca_file":"/none.crt","client_cert_path":"/c"}}]}"#,
                "client_key_path",
            ),
            (
                r#"{"clusters":[{"cluster":{"servers":[{"hostname":"h"}],"hsm_ca_file":"/none.crt"}}]}"#,
                "/none.crt can't be read",
            ),
            (r#"{"clusters":[{"cluster":{"servers":[{"hostname":"h","port":70000}]}}]}"#, "70000"),
        ] {
            let error = parse(text, None).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
