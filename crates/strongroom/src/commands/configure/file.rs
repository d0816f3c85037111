//! The file as it is and as it will be: `client.toml`, or JSON in CloudHSM's form.

use std::path::Path;

use serde_json::{Value as Json, json};
use toml::{Table, Value as Toml};

use super::Change;
use crate::files;
use crate::output::Failure;

/// A configuration, with everything in it that isn't known here.
#[derive(Debug)]
pub(super) enum Document {
    Toml(Table),
    CloudHsm(Json),
}

impl Document {
    /// Reads a file; an empty document if there is none. Its name says which form it has.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let damaged = |problem: &dyn std::fmt::Display| {
            Failure::new(format!(
                "{} can't be changed: {problem}. Repair it, or move it away to have it written anew",
                path.display()
            ))
        };
        let text =
            files::read(path)?.map(String::from_utf8).transpose().map_err(|_| damaged(&"it isn't text"))?;
        let is_cloudhsm = path.extension().is_some_and(|extension| extension == "cfg" || extension == "json");
        if !is_cloudhsm {
            return text.as_deref().unwrap_or("").parse().map(Self::Toml).map_err(|error| damaged(&error));
        }
        let Some(text) = text else { return Ok(Self::CloudHsm(json!({ "clusters": [] }))) };
        let content: Json = serde_json::from_str(&text).map_err(|error| damaged(&error))?;
        match content.get("clusters").is_some_and(Json::is_array) {
            true => Ok(Self::CloudHsm(content)),
            false => Err(damaged(&"it has no list \"clusters\"")),
        }
    }

    pub(super) fn text(&self) -> Result<String, Failure> {
        let failed = |error: &dyn std::fmt::Display| {
            Failure::new(format!("the configuration can't be written down: {error}"))
        };
        match self {
            Self::Toml(table) => toml::to_string(table).map_err(|error| failed(&error)),
            Self::CloudHsm(json) => {
                serde_json::to_string_pretty(json).map(|text| text + "\n").map_err(|error| failed(&error))
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.names().is_empty()
    }

    /// What the clusters are called, in their order.
    fn names(&self) -> Vec<String> {
        match self {
            Self::Toml(table) => {
                let clusters =
                    table.get("cluster").and_then(Toml::as_array).map(Vec::as_slice).unwrap_or_default();
                let name = |cluster: &Toml| {
                    let of = |key: &str| cluster.get(key).and_then(Toml::as_str);
                    of("cluster_id").or_else(|| of("name")).unwrap_or_default().to_owned()
                };
                clusters.iter().map(name).collect()
            }
            Self::CloudHsm(json) => {
                let clusters = json["clusters"].as_array().map(Vec::as_slice).unwrap_or_default();
                clusters
                    .iter()
                    .map(|entry| entry["cluster"]["cluster_id"].as_str().unwrap_or_default().to_owned())
                    .collect()
            }
        }
    }

    /// Adds a cluster.
    pub(super) fn add(&mut self, change: &Change) -> Result<(), Failure> {
        let id = change.cluster_id.as_deref().unwrap_or_default();
        if self.names().iter().any(|name| name == id) {
            return Err(Failure::new(format!(
                "cluster {id} is there already: change it with  strongroom configure --cluster-id {id}"
            )));
        }
        self.append(id)?;
        self.apply(self.names().len() - 1, change)
    }

    /// Changes the cluster that the change names, or else the only one; where there is none, it's made.
    pub(super) fn change(&mut self, change: &Change) -> Result<(), Failure> {
        let names = self.names();
        let at = match (&change.cluster_id, names.len()) {
            (_, 0) => {
                self.append(change.cluster_id.as_deref().unwrap_or("cluster"))?;
                0
            }
            (Some(id), len) => match names.iter().position(|name| name == id) {
                Some(at) => at,
                // As with the vendor's command, the only cluster becomes this one.
                None if len == 1 => 0,
                None => return Err(unknown(id, &names)),
            },
            (None, 1) => 0,
            (None, _) => {
                return Err(Failure::new(format!(
                    "there is more than one cluster: name the one to change, with --cluster-id: {}",
                    names.join(", ")
                )));
            }
        };
        self.apply(at, change)
    }

    /// Takes a cluster out.
    pub(super) fn remove(&mut self, id: &str) -> Result<(), Failure> {
        let names = self.names();
        let at = names.iter().position(|name| name == id).ok_or_else(|| unknown(id, &names))?;
        match self {
            Self::Toml(table) => {
                table.get_mut("cluster").and_then(Toml::as_array_mut).map(|clusters| clusters.remove(at));
            }
            Self::CloudHsm(json) => {
                json["clusters"].as_array_mut().map(|clusters| clusters.remove(at));
            }
        }
        Ok(())
    }

    fn append(&mut self, name: &str) -> Result<(), Failure> {
        match self {
            Self::Toml(table) => {
                let clusters =
                    table.entry("cluster").or_insert_with(|| Toml::Array(Vec::new())).as_array_mut();
                let clusters = clusters
                    .ok_or_else(|| Failure::new("`cluster` isn't a list of tables: repair the file"))?;
                clusters.push(Toml::Table(Table::from_iter([("name".to_owned(), Toml::from(name))])));
            }
            Self::CloudHsm(json) => {
                if let Some(clusters) = json["clusters"].as_array_mut() {
                    clusters.push(json!({ "type": "hsm1", "cluster": {} }));
                }
            }
        }
        Ok(())
    }

    fn apply(&mut self, at: usize, change: &Change) -> Result<(), Failure> {
        match self {
            Self::Toml(table) => {
                let cluster = table
                    .get_mut("cluster")
                    .and_then(|clusters| clusters.get_mut(at))
                    .and_then(Toml::as_table_mut);
                let cluster = cluster
                    .ok_or_else(|| Failure::new("`cluster` isn't a list of tables: repair the file"))?;
                in_toml(cluster, change)
            }
            Self::CloudHsm(json) => {
                in_cloudhsm(json, at, change);
                Ok(())
            }
        }
    }
}

fn in_toml(cluster: &mut Table, change: &Change) -> Result<(), Failure> {
    let of_log = [&change.log_level, &change.log_type, &change.log_rotation];
    if change.log_file.is_some() || of_log.into_iter().any(Option::is_some) {
        return Err(Failure::new(
            "client.toml says nothing of the module's log: set STRONGROOM_LOG and STRONGROOM_LOG_FILE, or write a file of \
             CloudHSM's form with --config FILE.cfg",
        ));
    }
    let mut set = |key: &str, value: Toml| drop(cluster.insert(key.to_owned(), value));
    if let Some(id) = &change.cluster_id {
        set("cluster_id", Toml::from(id.as_str()));
    }
    if let Some(ca) = &change.ca {
        set("ca_file", text(ca)?);
    }
    if let Some((certificate, key)) = change.inner.as_ref().or(change.outer.as_ref()) {
        set("client_cert", text(certificate)?);
        set("client_key", text(key)?);
    }
    if let Some(check) = change.check_availability {
        set("key_availability_check", Toml::from(check));
    }
    if let Some(retry) = &change.retry {
        set("retry", Toml::from(retry.as_str()));
    }
    if let Some(servers) = &change.servers {
        let server = |(host, port): &(String, u16)| {
            let entries = [("host", Toml::from(host.as_str())), ("port", Toml::from(i64::from(*port)))];
            Toml::Table(entries.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())
        };
        set("servers", Toml::Array(servers.iter().map(server).collect()));
        // Who is to come by TCP isn't to come by sockets, too.
        cluster.remove("nodes");
    }
    Ok(())
}

fn in_cloudhsm(json: &mut Json, at: usize, change: &Change) {
    let cluster = &mut json["clusters"][at]["cluster"];
    if let Some(id) = &change.cluster_id {
        cluster["cluster_id"] = json!(id);
    }
    if let Some(servers) = &change.servers {
        let server = |(host, port): &(String, u16)| json!({ "hostname": host, "port": port, "enable": true });
        cluster["servers"] = servers.iter().map(server).collect();
    }
    if let Some(ca) = &change.ca {
        cluster["hsm_ca_file"] = json!(ca);
    }
    if let Some((certificate, key)) = &change.outer {
        cluster["client_cert_path"] = json!(certificate);
        cluster["client_key_path"] = json!(key);
    }
    if let Some((certificate, key)) = &change.inner {
        cluster["client_cert_hsm_tls_file"] = json!(certificate);
        cluster["client_key_hsm_tls_file"] = json!(key);
    }
    if let Some(check) = change.check_availability {
        cluster["options"]["disable_key_availability_check"] = json!(!check);
    }
    if let Some(retry) = &change.retry {
        cluster["options"]["retry_mode"] = json!(retry);
    }
    if let Some(level) = &change.log_level {
        json["logging"]["log_level"] = json!(level);
    }
    if let Some(file) = &change.log_file {
        json["logging"]["log_file"] = json!(file);
        json["logging"]["log_type"] = json!("file");
    }
    if let Some(kind) = &change.log_type {
        json["logging"]["log_type"] = json!(kind);
    }
    if let Some(rotation) = &change.log_rotation {
        json["logging"]["log_interval"] = json!(rotation);
    }
}

fn text(path: &Path) -> Result<Toml, Failure> {
    path.to_str()
        .map(Toml::from)
        .ok_or_else(|| Failure::new(format!("the path {path:?} isn't text: choose another")))
}

fn unknown(id: &str, names: &[String]) -> Failure {
    let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Failure::new(format!(
        "there is no cluster {id} in the configuration; there is {names}: `strongroom configure add-cluster` adds one"
    ))
}
