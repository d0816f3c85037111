//! The AWS API over real clusters: from nothing to a key in use, through backups, copies, crashes, and a life without HSMs.

mod api;
mod clones;
mod crashes;
mod refusals;

use serde_json::{Value, json};

use api::*;

#[test]
fn from_nothing_to_a_signature_and_back_from_no_hsms() {
    let mut daemon = daemon();
    let (id, hsms) = active(&daemon);
    make_key(&daemon, &id, "letters");
    let before = signature(&daemon, &id, ANN, "letters");
    verify(&daemon, &id, "letters", &before);
    let found = cluster(&daemon, HERE, &id);
    assert_eq!(found["Hsms"].as_array().unwrap().len(), 2);
    assert!(found["Hsms"][0]["EniIp"].as_str().unwrap().starts_with("127."), "{found}");

    refused(&daemon, "DeleteCluster", json!({"ClusterId": id}), "2 HSMs");
    for (hsm, _) in &hsms {
        done(&daemon, HERE, "DeleteHsm", json!({"ClusterId": id, "HsmId": hsm}));
    }
    let found = cluster(&daemon, HERE, &id);
    assert_eq!((&found["State"], &found["Hsms"]), (&json!("ACTIVE"), &json!([])));
    assert!(found["Certificates"]["ClusterCertificate"].is_string());
    // Activated, the second HSM, and each that was removed.
    let all = backups(&daemon, HERE, json!({"clusterIds": [id]}));
    assert_eq!(all.len(), 4, "{all:?}");
    assert!(!daemon.home().join("clusters").join(&id).exists());
    // The command knows the same backups.
    let listed = data(&mut daemon.strongroom(&["backup", "list", "--cluster", &id]));
    let ids = |list: &[Value], name: &str| {
        let mut ids: Vec<_> = list.iter().map(|one| one[name].to_string()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(listed["backups"].as_array().unwrap(), "id"), ids(&all, "BackupId"));

    // It comes back as it was, at the address that it had, also to a daemon that was killed meanwhile.
    daemon.kill();
    daemon.start_again();
    let (_, ip) = add_hsm(&daemon, HERE, &id, Some(&hsms[0].1));
    assert_eq!(ip, hsms[0].1);
    add_hsm(&daemon, HERE, &id, None);
    verify(&daemon, &id, "letters", &before);
    verify(&daemon, &id, "letters", &signature(&daemon, &id, ANN, "letters"));
    let found = cluster(&daemon, HERE, &id);
    assert_eq!((&found["State"], &found["Hsms"][1]["State"]), (&json!("ACTIVE"), &json!("ACTIVE")));
    let stopped = ["fault", "node", "stop", "--cluster", &id];
    let nodes = data(&mut daemon.strongroom(&["node", "list", "--cluster", &id]));
    let node = nodes["nodes"][1]["node"].to_string();
    data(daemon.strongroom(&stopped).arg(&node));
    let found = cluster(&daemon, HERE, &id);
    assert_eq!((&found["State"], &found["Hsms"][1]["State"]), (&json!("DEGRADED"), &json!("DEGRADED")));
}
