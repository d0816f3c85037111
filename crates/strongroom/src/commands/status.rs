//! `strongroom status`.

use serde_json::{Value, json};
use strongroom_server::control::{ClusterStatus, Status};

use crate::args;
use crate::daemon;
use crate::output::{Failure, Output, table};

/// Shows the daemon and its clusters. That none runs is an answer, not a failure.
pub(crate) fn run(arguments: &args::Status) -> Result<Output, Failure> {
    let home = super::home(&arguments.home);
    Ok(match (daemon::status(&home)?, arguments.human) {
        (Some(status), true) => Output::Text(human(&status)),
        (Some(status), false) => Output::Data(json(&status)),
        (None, true) => Output::Text(format!(
            "No daemon runs in {0}. Start one with: strongroom up --home {0}\n",
            home.path().display()
        )),
        (None, false) => Output::Data(json!({"running": false, "home": home.path()})),
    })
}

fn json(status: &Status) -> Value {
    json!({
        "running": true,
        "home": status.home,
        "pid": status.pid,
        "version": status.version,
        "clusters": status.clusters.iter().map(cluster).collect::<Vec<_>>(),
    })
}

fn cluster(cluster: &ClusterStatus) -> Value {
    let nodes: Vec<Value> = cluster
        .nodes
        .iter()
        .map(|node| {
            json!({
                "node": node.node.0,
                "socket": node.socket,
                "revision": node.revision,
                "connections": node.connections,
            })
        })
        .collect();
    json!({
        "name": cluster.name,
        "token_label": cluster.label,
        "serial": cluster.serial,
        "profile": cluster.profile.to_string(),
        "initialized": cluster.initialized,
        "revision": cluster.revision,
        "objects": cluster.objects,
        "nodes": nodes,
    })
}

fn human(status: &Status) -> String {
    let mut text =
        format!("strongroom {}, process {}, in {}\n", status.version, status.pid, status.home.display());
    for cluster in &status.clusters {
        text += &format!(
            "\nCluster {} ({}{}): {} objects, revision {}\n",
            cluster.name,
            cluster.profile,
            if cluster.initialized { "" } else { ", not initialized" },
            cluster.objects,
            cluster.revision
        );
        let rows: Vec<Vec<String>> = cluster
            .nodes
            .iter()
            .map(|node| {
                vec![
                    node.node.0.to_string(),
                    node.revision.to_string(),
                    node.connections.to_string(),
                    node.socket.display().to_string(),
                ]
            })
            .collect();
        text += &table(&["node", "revision", "connections", "socket"], &rows);
    }
    text
}
