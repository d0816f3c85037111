//! A daemon that is killed in the middle of every state that passes by itself, and ends where it must.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_testkit::{Cluster, wait_until};

use crate::api::*;

/// How long states take: long enough that they're seen, and that a kill comes before their end.
const SLOW: &str = "[aws]\ntransition_delay_seconds = 3\n";
const PATIENCE: Duration = Duration::from_secs(60);

/// Kills the daemon while something is in a state, and waits for the one behind it. In between nothing else is seen.
#[track_caller]
fn kill_in(daemon: &mut Cluster, during: &str, after: &str, look: impl Fn(&Cluster) -> Value) {
    assert_eq!(look(daemon), during);
    daemon.kill();
    daemon.start_again();
    wait_until(&format!("{after} comes after {during}"), PATIENCE, || {
        let seen = look(daemon);
        assert!(seen == during || seen == after, "{during}, {seen}, {after}");
        seen == after
    });
}

fn state_in<'a>(region: &'a str, id: &'a str) -> impl Fn(&Cluster) -> Value + 'a {
    move |daemon| cluster(daemon, region, id)["State"].take()
}

/// The state of a cluster's last HSM; null when it has none.
fn last_hsm<'a>(region: &'a str, id: &'a str) -> impl Fn(&Cluster) -> Value + 'a {
    move |daemon| {
        let mut found = cluster(daemon, region, id);
        found["Hsms"].as_array_mut().unwrap().last_mut().map(|hsm| hsm["State"].take()).unwrap_or_default()
    }
}

fn add(daemon: &mut Cluster, region: &str, id: &str) {
    add_hsm(daemon, region, id, None);
    kill_in(daemon, "CREATE_IN_PROGRESS", "ACTIVE", last_hsm(region, id));
}

#[test]
fn what_was_begun_goes_on_when_the_daemon_was_killed_in_the_middle() {
    let mut daemon = configured(SLOW);
    let input = json!({"HsmType": "hsm1.medium", "SubnetIds": ["subnet-0123456789abcdef0"]});
    let id = done(&daemon, HERE, "CreateCluster", input)["Cluster"]["ClusterId"].as_str().unwrap().to_owned();
    kill_in(&mut daemon, "CREATE_IN_PROGRESS", "UNINITIALIZED", state_in(HERE, &id));
    add(&mut daemon, HERE, &id);
    let csr = cluster(&daemon, HERE, &id)["Certificates"]["ClusterCsr"].take();
    let (signed, anchor) = sign(daemon.folder(), csr.as_str().expect("a request to sign"));
    done(
        &daemon,
        HERE,
        "InitializeCluster",
        json!({"ClusterId": id, "SignedCert": signed, "TrustAnchor": anchor}),
    );
    kill_in(&mut daemon, "INITIALIZE_IN_PROGRESS", "INITIALIZED", state_in(HERE, &id));
    assert_eq!(cluster(&daemon, HERE, &id)["Certificates"]["ClusterCertificate"], signed);

    data(&mut daemon.strongroom(&["cluster", "activate", "--password", "officer-secret", "--cluster", &id]));
    daemon.kill();
    daemon.start_again();
    wait_until("the cluster is active", PATIENCE, || state_in(HERE, &id)(&daemon) == "ACTIVE");
    assert_eq!(backups(&daemon, HERE, json!({"clusterIds": [id]})).len(), 1);
    let words = ["user", "create", "--username", "ann", "--role", "crypto-user", "--password", "anns-secret"];
    data(&mut as_user(&daemon, &id, OFFICER, &words));
    add(&mut daemon, HERE, &id);
    make_key(&daemon, &id, "letters");
    let before = signature(&daemon, &id, ANN, "letters");

    for (to, during) in [("hsm2m.medium", "MODIFY_IN_PROGRESS"), ("hsm1.medium", "ROLLBACK_IN_PROGRESS")] {
        let changed = done(&daemon, HERE, "ModifyCluster", json!({"ClusterId": id, "HsmType": to}));
        assert_eq!(changed["Cluster"]["State"], during);
        kill_in(&mut daemon, during, "ACTIVE", state_in(HERE, &id));
        let found = cluster(&daemon, HERE, &id);
        let may_go_back = found["HsmTypeRollbackExpiration"].is_number();
        assert_eq!((&found["HsmType"], may_go_back), (&json!(to), to == "hsm2m.medium"), "{found}");
        verify(&daemon, &id, "letters", &before);
    }

    let all = backups(&daemon, HERE, json!({"clusterIds": [id]}));
    let newest = all.iter().max_by_key(|backup| backup["CreateTimestamp"].as_u64()).unwrap();
    wait_until("the backup is there", PATIENCE, || {
        backups(&daemon, HERE, json!({"backupIds": [newest["BackupId"]]}))[0]["BackupState"] == "READY"
    });
    let copy = json!({"BackupId": newest["BackupId"], "DestinationRegion": THERE});
    done(&daemon, HERE, "CopyBackupToRegion", copy);
    let copies = |daemon: &Cluster| backups(daemon, THERE, json!({}));
    kill_in(&mut daemon, "CREATE_IN_PROGRESS", "READY", |daemon| copies(daemon)[0]["BackupState"].take());
    let [copied] = &copies(&daemon)[..] else { panic!("one copy") };

    let clone = create(&daemon, THERE, Some(copied["BackupId"].as_str().unwrap()));
    kill_in(&mut daemon, "CREATE_IN_PROGRESS", "INITIALIZE_IN_PROGRESS", state_in(THERE, &clone));
    kill_in(&mut daemon, "INITIALIZE_IN_PROGRESS", "ACTIVE", state_in(THERE, &clone));

    let hsms = cluster(&daemon, HERE, &id)["Hsms"].take();
    for (left, hsm) in hsms.as_array().unwrap().iter().enumerate().rev() {
        done(&daemon, HERE, "DeleteHsm", json!({"ClusterId": id, "HsmId": hsm["HsmId"]}));
        assert_eq!(last_hsm(HERE, &id)(&daemon), "DELETE_IN_PROGRESS");
        daemon.kill();
        daemon.start_again();
        let count = |daemon: &Cluster| cluster(daemon, HERE, &id)["Hsms"].as_array().unwrap().len();
        wait_until("the HSM is gone", PATIENCE, || count(&daemon) == left);
    }
    assert_eq!(
        done(&daemon, HERE, "DeleteCluster", json!({"ClusterId": id}))["Cluster"]["State"],
        "DELETE_IN_PROGRESS"
    );
    kill_in(&mut daemon, "DELETE_IN_PROGRESS", "", |daemon| {
        let state = cluster(daemon, HERE, &id)["State"].take();
        if state.is_null() { json!("") } else { state }
    });
    assert!(!daemon.home().join("clusters").join(&id).exists());

    // What is left is whole.
    for _ in 0..2 {
        add(&mut daemon, THERE, &clone);
    }
    verify(&daemon, &clone, "letters", &before);
    verify(&daemon, &clone, "letters", &signature(&daemon, &clone, ANN, "letters"));
}
