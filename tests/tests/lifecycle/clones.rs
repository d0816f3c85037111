//! What is in a cluster that was made from a copy when nothing else is left of its source.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use strongroom_testkit::{Cluster, run, run_any, strongroom, wait_until};
use strongroom_tests::conversation::{Approver, Conversation};

use crate::api::*;

const MISSING: &str = "Quorum approval is required for this operation";
/// Deleted backups can be had back for seven days.
const LATER: &str = "+8d";
const SIGN_PAY: &str = "crypto sign ecdsa --key-filter attr.label=pay attr.class=private-key --hash-function sha256 --data bGV0dGVy";

/// Users and the keys that they keep outside of any cluster.
struct People {
    folder: PathBuf,
    admin: Approver,
    second: Approver,
    ann: Approver,
    ben: Approver,
}

impl People {
    fn new(daemon: &Cluster) -> Self {
        let folder = daemon.folder().join("people");
        fs::create_dir(&folder).unwrap();
        let approver = |name: &str| Approver::new(&folder, name);
        let [admin, second, ann, ben] = ["admin", "second", "ann", "ben"].map(approver);
        Self { folder, admin, second, ann, ben }
    }

    fn nobody(&self, daemon: &Cluster, id: &str) -> Conversation {
        Conversation::with(daemon, id, &self.folder)
    }

    fn officer(&self, daemon: &Cluster, id: &str) -> Conversation {
        let mut officer = self.nobody(daemon, id);
        officer.must("login --username admin --role admin --password officer-secret");
        officer
    }

    /// Gives a cluster a second officer, a quorum of two for users, a second factor for ann, and keys with which ann and ben
    /// approve.
    fn move_in(&self, daemon: &Cluster, id: &str) {
        let mut admin = self.officer(daemon, id);
        admin.must("user create --username second --role admin --password seconds-secret");
        self.admin.register(&mut admin);
        let mut second = self.nobody(daemon, id);
        second.must("login --username second --role admin --password seconds-secret");
        self.second.register(&mut second);
        let mut ben = self.nobody(daemon, id);
        ben.must(&login("ben"));
        self.ben.register(&mut ben);
        let mut ann = self.nobody(daemon, id);
        ann.must(&login("ann"));
        self.ann.become_second_factor(&mut ann, "crypto-user").unwrap();
        admin.must("quorum token-sign set-quorum-value --service user --value 2");
    }

    fn ann(&self, daemon: &Cluster, id: &str) -> Conversation {
        let mut ann = self.nobody(daemon, id);
        self.ann.log_in(&mut ann, &login("ann")).unwrap();
        ann
    }
}

fn login(name: &str) -> String {
    format!("login --username {name} --role crypto-user --password {name}s-secret")
}

/// Ends the daemon, and brings it up when its clock shows another day.
fn come_back_later(daemon: &mut Cluster) {
    daemon.stop();
    let library = fs::read_dir("/usr/lib")
        .unwrap()
        .flatten()
        .map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file())
        .expect("this test needs another clock: install the Debian package libfaketime, or run `cargo xtask test`");
    let mut up = Command::new(strongroom());
    up.args(["up", "--nodes", "1", "--aws", "127.0.0.1:0", "--home"]).arg(daemon.home());
    up.env_remove("STRONGROOM_CONFIG");
    run(up.env("LD_PRELOAD", library).env("FAKETIME", LATER).env("FAKETIME_DONT_FAKE_MONOTONIC", "1"));
}

/// Ends a cluster with its HSMs and its backups in a region.
fn end(daemon: &mut Cluster, id: &str) {
    let hsms = cluster(daemon, HERE, id)["Hsms"].take();
    for hsm in hsms.as_array().unwrap() {
        done(daemon, HERE, "DeleteHsm", json!({"ClusterId": id, "HsmId": hsm["HsmId"]}));
    }
    done(daemon, HERE, "DeleteCluster", json!({"ClusterId": id}));
    let all = backups(daemon, HERE, json!({}));
    for backup in &all {
        done(daemon, HERE, "DeleteBackup", json!({"BackupId": backup["BackupId"]}));
    }
    let states: Vec<_> =
        backups(daemon, HERE, json!({})).into_iter().map(|mut one| one["BackupState"].take()).collect();
    assert!(states.len() > 3 && states.iter().all(|state| state == "PENDING_DELETION"), "{states:?}");
    come_back_later(daemon);
    assert_eq!((cluster(daemon, HERE, id), backups(daemon, HERE, json!({}))), (Value::Null, Vec::new()));
    // Nor are their images there, which is what counts.
    let is_left = |backup: &Value| {
        let id = backup["BackupId"].as_str().unwrap();
        let files = fs::read_dir(daemon.home().join("backups")).unwrap().flatten();
        files.into_iter().any(|file| file.file_name().to_string_lossy().contains(id))
    };
    wait_until("the images go", SOON, || !all.iter().any(is_left));
}

#[test]
fn a_clone_has_users_quorums_second_factors_and_sharing_when_nothing_is_left_of_its_source() {
    let mut daemon = daemon();
    let (id, _) = active(&daemon);
    make_key(&daemon, &id, "early");
    let before = signature(&daemon, &id, ANN, "early");
    let people = People::new(&daemon);
    people.move_in(&daemon, &id);
    let mut ann = people.ann(&daemon, &id);
    ann.must("key share --filter attr.label=early attr.class=private-key --username ben --role crypto-user");
    ann.must(
        "key generate-asymmetric-pair ec --public-label pay --private-label pay --curve secp256r1 \
         --public-attributes verify=true --private-attributes sign=true --share-crypto-users ben \
         --manage-private-key-quorum-value 2 --use-private-key-quorum-value 2",
    );

    // A further HSM is what the API makes a backup for.
    let old = backups(&daemon, HERE, json!({"clusterIds": [id]}));
    add_hsm(&daemon, HERE, &id, None);
    let made = backups(&daemon, HERE, json!({"clusterIds": [id]}));
    let made: Vec<_> = made.into_iter().filter(|backup| !old.contains(backup)).collect();
    let [made] = &made[..] else { panic!("one backup, not {made:?}") };
    let late = "key generate-symmetric aes --label late --key-length-bytes 32";
    ann.must(late);
    let copy = json!({"BackupId": made["BackupId"], "DestinationRegion": THERE});
    done(&daemon, HERE, "CopyBackupToRegion", copy);
    let copied = backups(&daemon, THERE, json!({"sourceBackupIds": [made["BackupId"]]})).remove(0);
    assert_eq!((&copied["BackupState"], &copied["ClusterId"]), (&json!("READY"), &json!(id)));
    drop(ann);
    end(&mut daemon, &id);

    let clone = create(&daemon, THERE, Some(copied["BackupId"].as_str().unwrap()));
    let found = cluster(&daemon, THERE, &clone);
    assert_eq!((&found["State"], &found["Hsms"]), (&json!("ACTIVE"), &json!([])));
    assert!(found["Certificates"]["ClusterCertificate"].as_str().unwrap().contains("CERTIFICATE"));
    add_hsm(&daemon, THERE, &clone, None);
    add_hsm(&daemon, THERE, &clone, None);
    run_any(&mut as_user(&daemon, &id, BEN, &["key", "list"])).expect_failure();

    // Ben has what ann shared with him in a cluster that is no more, and what was signed there is verified here.
    let mut ann = people.ann(&daemon, &clone);
    check_signature(&mut ann, "early", &before);
    check_signature(&mut ann, "early", &signature(&daemon, &clone, BEN, "early"));
    check_second_factor(&daemon, &people, &clone);
    check_quorum_of_users(&daemon, &people, &clone);
    check_quorum_of_a_key(&daemon, &people, &clone);
    let keys = ann.must("key list --verbose").to_string();
    assert!(keys.contains("\"early\"") && keys.contains("\"pay\"") && !keys.contains("\"late\""), "{keys}");
}

fn check_signature(ann: &mut Conversation, label: &str, signature: &str) {
    ann.must(&format!(
        "crypto verify ecdsa --key-filter attr.label={label} attr.class=public-key --hash-function sha256 \
         --data bGV0dGVy --signature {signature}"
    ));
}

/// Ann's password alone won't do, nor will another's key beside it.
fn check_second_factor(daemon: &Cluster, people: &People, id: &str) {
    let mut nobody = people.nobody(daemon, id);
    let refused = nobody.fails(&login("ann"));
    assert!(refused.contains("second factor"), "{refused}");
    run_any(&mut as_user(daemon, id, ANN, &["key", "list"])).expect_failure();
    let refused = people.ben.log_in(&mut nobody, &login("ann")).unwrap_err();
    assert!(refused.contains("wrong user or password"), "{refused}");
    nobody.fails("key list");
    people.ann.log_in(&mut nobody, &login("ann")).unwrap();
    nobody.must("key list");
}

/// Two officers make a user, by the keys that they registered in the source.
fn check_quorum_of_users(daemon: &Cluster, people: &People, id: &str) {
    let mut admin = people.officer(daemon, id);
    assert_eq!(admin.must("quorum token-sign list-quorum-values")["user"], 2);
    let create = "user create --username carol --role crypto-user --password carols-secret";
    assert_eq!(admin.fails(create), MISSING);
    admin.must("quorum token-sign generate --service user --token carol.json");
    let file = people.folder.join("carol.json");
    let create = format!("{create} --approval carol.json");
    people.admin.approve(&file);
    assert!(admin.fails(&create).starts_with("Too few quorum approvals"));
    people.second.approve(&file);
    admin.must(&create);
    let users = admin.must("user list").to_string();
    assert!(
        ["second", "ann", "ben", "carol"].iter().all(|name| users.contains(&format!("\"{name}\""))),
        "{users}"
    );
}

/// A key takes its owner's approval, which is by the second factor's key, and its sharee's.
fn check_quorum_of_a_key(daemon: &Cluster, people: &People, id: &str) {
    let mut ann = people.ann(daemon, id);
    assert_eq!(ann.fails(SIGN_PAY), "Quorum Failed");
    ann.must("quorum token-sign generate --service key-usage --token pay.json --filter attr.label=pay attr.class=private-key");
    let file = people.folder.join("pay.json");
    let approved = format!("{SIGN_PAY} --approval pay.json");
    people.ann.approve(&file);
    assert!(ann.fails(&approved).starts_with("Too few quorum approvals"));
    people.ben.approve(&file);
    let signature = ann.must(&approved)["signature"].take();
    check_signature(&mut ann, "pay", signature.as_str().unwrap());
}
