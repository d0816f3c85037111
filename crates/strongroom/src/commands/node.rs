//! `strongroom node ...`.

use serde_json::{Value, json};
use strongroom_client::Config;
use strongroom_model::NodeId;
use strongroom_server::Home;
use strongroom_server::control::{ClusterStatus, ControlRequest, ControlResponse, NodeStatus, call};

use crate::args::{HomeOption, NodeCommand, OfNode, Which};
use crate::output::{Failure, Output, table};
use crate::{client_config, daemon, secrets};

/// Shows and changes which nodes a cluster has.
pub(crate) fn run(command: &NodeCommand) -> Result<Output, Failure> {
    match command {
        NodeCommand::List(which) => list(which),
        NodeCommand::Add(which) => add(which),
        NodeCommand::Remove(of) => remove(of),
    }
}

fn list(which: &Which) -> Result<Output, Failure> {
    let (home, name) = place(which)?;
    let status = daemon::status(&home)?.ok_or_else(|| not_running(&home))?;
    let cluster = status.clusters.into_iter().find(|cluster| cluster.name == name);
    let cluster = cluster.ok_or_else(|| Failure::new(format!("there is no cluster {name} here")))?;
    Ok(show(&cluster, which.human))
}

fn add(which: &Which) -> Result<Output, Failure> {
    let (home, cluster) = place(which)?;
    match call(home.path(), ControlRequest::AddNode { cluster })? {
        ControlResponse::Added { node, cluster } => {
            enter(&home, &cluster)?;
            let added = cluster.nodes.iter().find(|status| status.node == node);
            let added = added.ok_or_else(daemon::unexpected)?;
            Ok(if which.human { show(&cluster, true) } else { Output::Data(json(added)) })
        }
        _ => Err(daemon::unexpected()),
    }
}

fn remove(of: &OfNode) -> Result<Output, Failure> {
    let (home, cluster) = place(&of.which)?;
    let node = NodeId(of.node);
    match call(home.path(), ControlRequest::RemoveNode { cluster, node })? {
        ControlResponse::Cluster(cluster) => {
            enter(&home, &cluster)?;
            Ok(show(&cluster, of.which.human))
        }
        _ => Err(daemon::unexpected()),
    }
}

/// Has client.toml name the nodes that there are.
fn enter(home: &Home, cluster: &ClusterStatus) -> Result<(), Failure> {
    let entered = secrets::lock(home)
        .and_then(|_alone| client_config::update(home, std::slice::from_ref(cluster), &cluster.name));
    entered.map(drop).map_err(|failure| {
        Failure::new(format!("the nodes of {} were changed, but not in client.toml: {failure}", cluster.name))
    })
}

/// The home and the cluster that a command means.
pub(super) fn place(which: &Which) -> Result<(Home, String), Failure> {
    place_of(&which.home, which.cluster.as_deref())
}

/// The same, of what other commands are given.
pub(super) fn place_of(home: &HomeOption, cluster: Option<&str>) -> Result<(Home, String), Failure> {
    let home = super::home(home);
    if let Some(cluster) = cluster {
        return Ok((home, cluster.to_owned()));
    }
    let config = Config::from_file(&home.client_config()).map_err(|error| Failure::new(error.to_string()))?;
    let first = config.clusters.into_iter().next();
    let first = first.ok_or_else(|| Failure::new("name the cluster with --cluster"))?;
    Ok((home, first.name))
}

/// How a cluster's nodes are.
pub(super) fn show(cluster: &ClusterStatus, human: bool) -> Output {
    if human {
        return Output::Text(human_table(cluster));
    }
    Output::Data(json!({
        "cluster": cluster.name,
        "revision": cluster.revision,
        "nodes": cluster.nodes.iter().map(json).collect::<Vec<_>>(),
    }))
}

/// How a node is.
pub(super) fn json(node: &NodeStatus) -> Value {
    json!({
        "node": node.node.0,
        "state": node.state.to_string(),
        "faults": node.faults,
        "revision": node.revision,
        "connections": node.connections,
        "requests": node.requests,
        "lags": node.lags,
        "socket": node.socket,
        "address": node.address.map(|address| address.to_string()),
    })
}

/// A line for each node.
pub(super) fn human_table(cluster: &ClusterStatus) -> String {
    let row = |node: &NodeStatus| {
        vec![
            node.node.0.to_string(),
            node.state.to_string(),
            node.revision.to_string(),
            node.connections.to_string(),
            node.requests.to_string(),
            node.socket.display().to_string(),
            if node.faults.is_empty() { "-".to_owned() } else { node.faults.join(", ") },
        ]
    };
    let rows: Vec<_> = cluster.nodes.iter().map(row).collect();
    table(&["node", "state", "revision", "connections", "requests", "socket", "faults"], &rows)
}

fn not_running(home: &Home) -> Failure {
    Failure::new(format!(
        "no daemon runs in {0}: start one with  strongroom up --home {0}",
        home.path().display()
    ))
}
