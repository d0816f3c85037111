//! `client.toml`: what the module reads. A cluster's slot is the index of its table, so tables are only
//! ever added, behind those that are there.

use strongroom_server::Home;
use strongroom_server::control::ClusterStatus;
use toml::{Table, Value};

use crate::output::Failure;
use crate::{daemon, files, secrets};

const MODE: u32 = 0o644;

/// Enters all clusters of a home with the addresses of their nodes, and leaves everything else in the
/// file alone. Returns the slot of the cluster `wanted`.
pub(crate) fn update(home: &Home, clusters: &[ClusterStatus], wanted: &str) -> Result<usize, Failure> {
    let path = home.client_config();
    let text = match files::read(&path)? {
        Some(content) => Some(String::from_utf8(content).map_err(|_| damaged(home, "it isn't text"))?),
        None => None,
    };
    let before: Table =
        text.as_deref().unwrap_or("").parse().map_err(|error| damaged(home, &format!("{error}")))?;
    let mut after = before.clone();
    let slot = enter(&mut after, clusters, wanted)
        .ok_or_else(|| damaged(home, "`cluster` isn't a list of tables"))?;
    if text.is_none() || after != before {
        let text = toml::to_string(&after).map_err(|error| damaged(home, &format!("{error}")))?;
        files::replace(&path, MODE, text.as_bytes())?;
    }
    Ok(slot)
}

/// Enters the clusters of a home's daemon if the one that's meant isn't in its configuration, or not where its nodes are:
/// the control plane may have made it, or made it anew. Without a daemon everything stays as it is.
pub(crate) fn refresh(home: &Home, wanted: Option<&str>) -> Result<(), Failure> {
    if knows(home, wanted) {
        return Ok(());
    }
    // Who may not ask the daemon uses what the configuration says.
    let Ok(Some(status)) = daemon::status(home) else { return Ok(()) };
    let meant = status.clusters.iter().find(|cluster| wanted.is_none_or(|wanted| cluster.name == wanted));
    let Some(meant) = meant else { return Ok(()) };
    let _alone = secrets::lock(home)?;
    update(home, &status.clusters, &meant.name).map(drop)
}

/// Whether the configuration has a cluster and a socket of one of its nodes. What can't be read is complained about by who
/// needs it.
fn knows(home: &Home, wanted: Option<&str>) -> bool {
    let Some(text) = files::read(&home.client_config()).ok().flatten() else { return false };
    let Some(config) = String::from_utf8(text).ok().and_then(|text| text.parse::<Table>().ok()) else {
        return true;
    };
    let tables = config.get("cluster").and_then(Value::as_array);
    let mut tables = tables.into_iter().flatten();
    let meant = match wanted {
        Some(wanted) => tables.find(|table| is_named(table, wanted)),
        None => tables.next(),
    };
    let nodes = meant.and_then(|table| table.get("nodes")).and_then(Value::as_array);
    nodes.into_iter().flatten().filter_map(Value::as_str).any(|node| {
        // Others than sockets aren't this home's business.
        node.strip_prefix("unix:").is_none_or(|path| std::path::Path::new(path).exists())
    })
}

fn enter(config: &mut Table, clusters: &[ClusterStatus], wanted: &str) -> Option<usize> {
    let tables = config.entry("cluster").or_insert_with(|| Value::Array(Vec::new())).as_array_mut()?;
    for cluster in clusters {
        let nodes = cluster.nodes.iter().map(|node| Value::from(format!("unix:{}", node.socket.display())));
        let nodes = Value::Array(nodes.collect());
        match tables.iter_mut().find(|table| is_named(table, &cluster.name)) {
            Some(table) => {
                table.as_table_mut()?.insert("nodes".into(), nodes);
            }
            None => tables.push(Value::Table(Table::from_iter([
                ("name".to_string(), Value::from(cluster.name.as_str())),
                ("nodes".to_string(), nodes),
            ]))),
        }
    }
    tables.iter().position(|table| is_named(table, wanted))
}

fn is_named(table: &Value, name: &str) -> bool {
    table.get("name").and_then(Value::as_str) == Some(name)
}

fn damaged(home: &Home, problem: &str) -> Failure {
    let path = home.client_config();
    Failure::new(format!(
        "{} can't be used: {problem}. Repair it, or move it away to have it written anew",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use strongroom_model::{NodeId, Profile};
    use strongroom_server::control::{NodeState, NodeStatus};

    fn cluster(name: &str, socket: &str) -> ClusterStatus {
        let node = NodeStatus {
            node: NodeId(0),
            socket: socket.into(),
            state: NodeState::Running,
            faults: Vec::new(),
            revision: 0,
            connections: 0,
            requests: 0,
            lags: 0,
            address: None,
        };
        ClusterStatus {
            name: name.into(),
            label: name.into(),
            serial: "0".repeat(16),
            profile: Profile::Standard,
            variant: Default::default(),
            initialized: true,
            revision: 0,
            objects: 0,
            nodes: vec![node],
        }
    }

    #[test]
    fn slots_stay_when_clusters_come() {
        let mut config = Table::new();
        assert_eq!(enter(&mut config, &[cluster("m", "/m")], "m"), Some(0));
        let both = [cluster("a", "/a"), cluster("m", "/m")];
        assert_eq!(enter(&mut config, &both, "a"), Some(1));
        assert_eq!(enter(&mut config, &both, "m"), Some(0));
    }

    #[test]
    fn settings_stay_and_addresses_follow() {
        let mut config: Table =
            "[[cluster]]\nname = \"m\"\nnodes = [\"unix:/old\"]\nretry = \"off\"\n".parse().unwrap();
        enter(&mut config, &[cluster("m", "/new")], "m").unwrap();
        let expected: Table =
            "[[cluster]]\nname = \"m\"\nnodes = [\"unix:/new\"]\nretry = \"off\"\n".parse().unwrap();
        assert_eq!(config, expected);
    }
}
