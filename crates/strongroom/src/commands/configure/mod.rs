//! `strongroom configure`: writes what the module reads.

mod describe;
mod file;
mod http;
mod sign;

use std::env;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use serde_json::json;
use strongroom_client::{Config, Endpoint};

use crate::args::{Configure, ConfigureCommand, Settings};
use crate::files;
use crate::output::{Failure, Output};
use file::Document;

/// Others than root run applications, too, and must be able to read it.
const MODE: u32 = 0o644;
/// The port of nodes where none is named (cloudhsm.md 8.1).
const PORT: u16 = 2223;

/// What is to be written of a cluster; what is `None` stays as it is.
#[derive(Debug, Default)]
struct Change {
    cluster_id: Option<String>,
    servers: Option<Vec<(String, u16)>>,
    ca: Option<PathBuf>,
    outer: Option<(PathBuf, PathBuf)>,
    inner: Option<(PathBuf, PathBuf)>,
    check_availability: Option<bool>,
    retry: Option<String>,
    log_level: Option<String>,
    log_file: Option<PathBuf>,
    log_type: Option<String>,
    log_rotation: Option<String>,
}

/// Changes the configuration, and says what it is then.
pub(crate) fn run(arguments: &Configure) -> Result<Output, Failure> {
    match &arguments.command {
        None => change(&arguments.settings, false),
        Some(ConfigureCommand::AddCluster(settings)) => change(settings, true),
        Some(ConfigureCommand::RemoveCluster { cluster_id, config }) => {
            let path = place(config.as_deref())?;
            let mut document = Document::read(&path)?;
            document.remove(cluster_id)?;
            write(&path, &document)?;
            Ok(Output::Data(json!({ "config": path, "removed": cluster_id })))
        }
    }
}

fn change(settings: &Settings, adds: bool) -> Result<Output, Failure> {
    let path = place(settings.config.as_deref())?;
    let mut document = Document::read(&path)?;
    if adds && settings.cluster_id.is_none() {
        return Err(Failure::new("name the cluster that is to be added, with --cluster-id"));
    }
    let change = wanted(settings)?;
    match adds {
        true => document.add(&change)?,
        false => document.change(&change)?,
    }
    let config = write(&path, &document)?;
    let clusters: Vec<_> = config
        .clusters
        .iter()
        .map(|cluster| {
            json!({
                "name": cluster.name,
                "cluster_id": cluster.cluster_id,
                "nodes": cluster.nodes.iter().map(Endpoint::to_string).collect::<Vec<_>>(),
                "hsm_ca_cert": cluster.tls.as_ref().map(|tls| &tls.files().ca),
            })
        })
        .collect();
    Ok(Output::Data(json!({ "config": path, "clusters": clusters })))
}

/// What the command line asks for. Paths are made absolute: who reads the file is elsewhere.
fn wanted(settings: &Settings) -> Result<Change, Failure> {
    if let Some(problem) = settings.fixed.problem() {
        return Err(Failure::new(problem));
    }
    let absolute = |path: &PathBuf| {
        std::path::absolute(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    };
    let pair = |certificate: &Option<PathBuf>, key: &Option<PathBuf>| match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some((absolute(certificate)?, absolute(key)?))),
        _ => Ok::<_, Failure>(None),
    };
    let named = settings.addresses.iter().map(|address| server(address)).collect::<Result<Vec<_>, _>>()?;
    let servers = match (&settings.cluster_id, named.is_empty()) {
        (_, false) => Some(named),
        (Some(id), true) => {
            Some(describe::addresses(id, settings.endpoint.as_deref(), settings.region.as_deref())?)
        }
        (None, true) => None,
    };
    let check_availability =
        match (settings.enable_key_availability_check, settings.disable_key_availability_check) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
    Ok(Change {
        cluster_id: settings.cluster_id.clone(),
        servers,
        ca: settings.hsm_ca_cert.as_ref().map(absolute).transpose()?,
        outer: pair(&settings.server_client_cert_file, &settings.server_client_key_file)?,
        inner: pair(&settings.client_cert_hsm_tls_file, &settings.client_key_hsm_tls_file)?,
        check_availability,
        retry: settings.default_retry_mode.map(word),
        log_level: settings.log_level.map(word),
        log_file: settings.log_file.as_ref().map(absolute).transpose()?,
        log_type: settings.log_type.map(word),
        log_rotation: settings.log_rotation.map(word),
    })
}

/// An address with its port, as `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`.
fn server(address: &str) -> Result<(String, u16), Failure> {
    let wrong = || {
        Failure::new(format!(
            "{address:?} is no address of a node: write HOST or HOST:PORT, such as 10.0.1.5 or 10.0.1.5:2224"
        ))
    };
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or_else(wrong)?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':').ok_or_else(wrong)?) })
        }
        None if address.matches(':').count() > 1 => (address, None),
        None => match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?,
        None => PORT,
    };
    let plain = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | ':');
    match !host.is_empty() && host.chars().all(plain) {
        true => Ok((host.to_owned(), port)),
        false => Err(wrong()),
    }
}

/// The name of one of an option's values.
fn word(value: impl ValueEnum) -> String {
    value.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// The file to change.
fn place(named: Option<&Path>) -> Result<PathBuf, Failure> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let under = |name: &str, default: &str| {
        variable(name)
            .or_else(|| variable("HOME").map(|home| home.join(default)))
            .map(|base| base.join("strongroom"))
    };
    let path = named
        .map(Path::to_owned)
        .or_else(|| variable("STRONGROOM_CONFIG"))
        .or_else(|| variable("STRONGROOM_HOME").map(|home| home.join("client.toml")))
        .or_else(|| under("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("client.toml")))
        .ok_or_else(|| {
            Failure::new("name the file to write, with --config: there is no HOME in the environment")
        })?;
    std::path::absolute(&path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

/// Writes the file if the module can use it, and reads it as the module does.
fn write(path: &Path, document: &Document) -> Result<Config, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::new(format!("{} wasn't changed: {error}", path.display()));
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
    let text = document.text()?;
    // The last of several clusters may be taken out.
    let config = match document.is_empty() {
        true => Config { clusters: Vec::new(), logging: None },
        false => Config::check(path, &text).map_err(|error| failed(&error))?,
    };
    files::replace(path, MODE, text.as_bytes())?;
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_ports() {
        let read = |text| server(text).ok();
        let is = |host: &str, port| Some((host.to_owned(), port));
        assert_eq!(read("10.0.1.5"), is("10.0.1.5", 2223));
        assert_eq!(read("10.0.1.5:99"), is("10.0.1.5", 99));
        assert_eq!(read("hsm-1.example"), is("hsm-1.example", 2223));
        assert_eq!(read("::1"), is("::1", 2223));
        assert_eq!(read("[::1]:7"), is("::1", 7));
        for wrong in ["", ":1", "h:", "h:0", "h:70000", "[::1", "[::1]x", "a b", "a/b", "http://h"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
