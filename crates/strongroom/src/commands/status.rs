//! `strongroom status`.

use serde_json::{Value, json};
use strongroom_model::{Profile, Quirk, Variant};
use strongroom_server::control::{ClusterStatus, Status};

use super::node;
use crate::args;
use crate::daemon;
use crate::output::{Failure, Output};

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
        "aws_endpoint": aws_endpoint(status),
        "clusters": status.clusters.iter().map(cluster).collect::<Vec<_>>(),
    })
}

/// Where the AWS CloudHSM API is called; nothing if it isn't served.
pub(super) fn aws_endpoint(status: &Status) -> Value {
    status.aws.map_or(Value::Null, |address| format!("http://{address}").into())
}

fn cluster(cluster: &ClusterStatus) -> Value {
    json!({
        "name": cluster.name,
        "token_label": cluster.label,
        "serial": cluster.serial,
        "profile": cluster.profile.to_string(),
        "variant": variant(cluster),
        "initialized": cluster.initialized,
        "revision": cluster.revision,
        "objects": cluster.objects,
        "nodes": cluster.nodes.iter().map(node::json).collect::<Vec<_>>(),
    })
}

/// Which HSM a cluster plays; nothing but under `cloudhsm`.
pub(super) fn variant(cluster: &ClusterStatus) -> Value {
    if cluster.profile != Profile::CloudHsm {
        return Value::Null;
    }
    let Variant { hsm, mode, quirks } = cluster.variant;
    let quirks = Quirk::ALL.iter().filter(|quirk| quirks.has(**quirk));
    json!({
        "hsm_type": hsm.to_string(),
        "mode": mode.to_string(),
        "quirks": quirks.map(|quirk| quirk.word()).collect::<Vec<_>>(),
    })
}

fn human(status: &Status) -> String {
    let mut text =
        format!("strongroom {}, process {}, in {}\n", status.version, status.pid, status.home.display());
    if let Some(address) = status.aws {
        text += &format!("AWS CloudHSM API: http://{address}\n");
    }
    for cluster in &status.clusters {
        text += &format!(
            "\nCluster {} ({}{}): {} objects, revision {}\n",
            cluster.name,
            cluster.profile,
            if cluster.initialized { "" } else { ", not initialized" },
            cluster.objects,
            cluster.revision
        );
        text += &node::human_table(cluster);
    }
    text
}
