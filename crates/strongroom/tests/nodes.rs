//! `strongroom node` and `strongroom fault`, as a person or a script uses them.

mod common;

use std::fs;

use common::{data, refusal};
use serde_json::{Value, json};
use strongroom_testkit::{Cluster, run};

/// What differs from run to run, taken out of a node's state.
fn steady(mut node: Value) -> Value {
    for changing in ["revision", "connections", "requests", "lags", "socket"] {
        assert!(node[changing].take() != Value::Null, "no {changing} in {node}");
    }
    node.as_object_mut().expect("an object").retain(|_, value| !value.is_null());
    node
}

fn nodes(data: &Value) -> Vec<Value> {
    data["nodes"].as_array().expect("nodes").iter().cloned().map(steady).collect()
}

#[test]
fn nodes_are_added_listed_and_removed() {
    let cluster = Cluster::start();
    let well = |node: u16| json!({"node": node, "state": "running", "faults": []});
    let listed = data(&mut cluster.strongroom(&["node", "list"]));
    assert_eq!((&listed["cluster"], nodes(&listed)), (&json!("default"), vec![well(0), well(1)]));

    let added = data(&mut cluster.strongroom(&["node", "add"]));
    let socket = added["socket"].as_str().expect("a path").to_owned();
    assert_eq!(steady(added), well(2));
    assert!(fs::exists(&socket).unwrap() && fs::read_to_string(cluster.config()).unwrap().contains(&socket));
    let removed = data(&mut cluster.strongroom(&["node", "remove", "0"]));
    assert_eq!(nodes(&removed), vec![well(1), well(2)]);
    assert!(!fs::read_to_string(cluster.config()).unwrap().contains("default-0.sock"));
    assert!(!cluster.home().join("s/default-0.sock").exists());

    let refused = refusal(&mut cluster.strongroom(&["node", "remove", "0"]));
    assert_eq!(refused, "cluster default has no node 0; its nodes are 1, 2");
    data(&mut cluster.strongroom(&["node", "remove", "1", "--cluster", "default"]));
    let refused = refusal(&mut cluster.strongroom(&["node", "remove", "2"]));
    assert!(refused.starts_with("node 2 is the last of cluster default"), "{refused}");
    assert!(refused.contains("nothing was changed") && refused.contains("strongroom node add"), "{refused}");

    let refused = refusal(&mut cluster.strongroom(&["node", "add", "--cluster", "other"]));
    assert_eq!(refused, "there is no cluster other here; there is default");
    // `up` goes on with what there is now.
    let up = data(&mut cluster.strongroom(&["up"]));
    assert_eq!(up["nodes"].as_array().expect("nodes").len(), 1);
}

#[test]
fn faults_are_made_shown_and_ended() {
    let mut cluster = Cluster::start();
    let fault = |arguments: &[&str]| {
        let whole = [&["fault", "node"], arguments].concat();
        nodes(&data(&mut cluster.strongroom(&whole))).swap_remove(1)
    };
    let ill = |state: &str, faults: &[&str]| json!({"node": 1, "state": state, "faults": faults});
    let well = ill("running", &[]);
    assert_eq!(fault(&["stop", "1"]), ill("stopped", &["is stopped"]));
    assert_eq!(fault(&["stop", "1"]), ill("stopped", &["is stopped"]));
    assert!(!cluster.sockets()[1].exists());
    assert_eq!(fault(&["start", "1"]), well);
    assert_eq!(fault(&["start", "1"]), well);
    assert!(cluster.sockets()[1].exists());
    assert_eq!(fault(&["cut", "1"]), ill("cut", &["is cut off from its cluster"]));
    assert_eq!(fault(&["heal", "1"]), well);
    assert_eq!(fault(&["delay", "1", "15"]), ill("running", &["delays answers by 15 ms"]));
    assert_eq!(
        fault(&["throttle", "1", "50"]),
        ill("running", &["delays answers by 15 ms", "answers 50 % of calls by busy"])
    );
    assert_eq!(fault(&["delay", "1", "0"]), ill("running", &["answers 50 % of calls by busy"]));
    fault(&["drop", "1", "5"]);
    fault(&["hang", "1"]);
    fault(&["cut", "1"]);
    let shown = data(&mut cluster.strongroom(&["status"]));
    let all = [
        "is cut off from its cluster",
        "breaks the connections of 5 % of calls",
        "answers 50 % of calls by busy",
        "answers nothing",
    ];
    assert_eq!(steady(shown["clusters"][0]["nodes"][1].clone()), ill("cut", &all));
    let human = run(&mut cluster.strongroom(&["status", "--human"])).stdout();
    assert!(human.contains("cut") && human.contains(&all.join(", ")), "{human}");
    let log = cluster.log();
    assert!(log.contains("WARN") && log.contains("node 1 of cluster default has been given faults"), "{log}");

    for (arguments, expected) in [
        (["stop", "5"].as_slice(), "cluster default has no node 5; its nodes are 0, 1"),
        (&["delay", "1", "60001"], "60001 is not in 0..=60000"),
        (&["drop", "1", "101"], "101 is not in 0..=100"),
        (&["stop"], "NODE"),
    ] {
        let refused = refusal(&mut cluster.strongroom(&[&["fault", "node"], arguments].concat()));
        assert!(refused.contains(expected), "{refused}");
    }
    assert_eq!(fault(&["clear", "1"]), well);

    fault(&["stop", "1"]);
    fault(&["delay", "1", "30"]);
    cluster.restart();
    let listed = data(&mut cluster.strongroom(&["node", "list"]));
    assert!(nodes(&listed).contains(&well), "faults end with the daemon: {listed}");
}

#[test]
fn help_teaches_and_tables_are_for_people() {
    let cluster = Cluster::start();
    for (arguments, lessons) in [
        (["fault", "node", "--help"].as_slice(), ["strongroom fault node delay 1 200", "end with the"]),
        (&["fault", "--help"], ["strongroom fault node stop 1", "by a crash"]),
        (&["node", "--help"], ["strongroom node remove 1", "follow by themselves"]),
        (&["fault", "node", "cut", "--help"], ["misses changes", "NODE"]),
    ] {
        let mut command = cluster.command(strongroom_testkit::strongroom());
        let help = run(command.args(arguments)).stdout();
        assert!(lessons.iter().all(|lesson| help.contains(lesson)), "{help}");
    }
    for arguments in [["node", "list"].as_slice(), &["node", "add"], &["fault", "node", "delay", "0", "1"]] {
        let table = run(&mut cluster.strongroom(&[arguments, &["--human"]].concat())).stdout();
        assert!(table.starts_with("NODE  STATE    REVISION  CONNECTIONS  REQUESTS  SOCKET"), "{table}");
        assert!(table.lines().next().is_some_and(|line| line.ends_with("FAULTS")), "{table}");
    }
}
