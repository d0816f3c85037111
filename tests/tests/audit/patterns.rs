//! What the logs of two nodes tell of what a program does (cloudhsm.md 9, and item 82 of its checklist).

use std::fs::File;
use std::process::Stdio;
use std::time::Duration;

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_testkit::{Background, Cluster, run, run_any, wait_until};
use strongroom_tests::alone;
use strongroom_tests::raw::{Mechanism, Raw, Session, Template};

use crate::stream::{Record, bytes, count, names, records, verify};

/// More calls than go to one node before it's the next one's turn.
const VISITS: usize = 160;

/// Has every node hear from the program.
fn visit_all(session: Session<'_>) {
    let template = Template::new().flag(CKA_TOKEN, true).bytes(CKA_LABEL, "nothing");
    for _ in 0..VISITS {
        session.find(&template).expect("a search");
    }
}

fn told(events: &[&str]) -> Vec<(String, u64)> {
    events.iter().map(|name| ((*name).to_owned(), 0)).collect()
}

/// The node that carried out a request, by what it told; the other one.
fn executor(cluster: &Cluster, opcode: &str) -> (usize, usize) {
    let has = |node: usize| records(cluster, node).iter().any(|record| record.name() == opcode);
    match (has(0), has(1)) {
        (true, false) => (0, 1),
        (false, true) => (1, 0),
        both => panic!("{opcode} on {both:?}"),
    }
}

#[test]
fn a_cluster_begins_with_its_initialisation() {
    let cluster = Cluster::start();
    let first = [
        "CN_INIT_TOKEN",
        "CN_GEN_PSWD_ENC_KEY",
        "CN_CREATE_APPLIANCE_USER",
        "CN_INIT_DONE",
        "CN_CHANGE_PSWD",
        "CN_CREATE_USER",
    ];
    assert_eq!(names(&cluster, 0, 0), told(&first));
    assert_eq!(names(&cluster, 1, 0), told(&["CN_RESTORE_BEGIN", "CN_RESTORE_END"]));
    let records = records(&cluster, 0);
    assert_eq!(records[0].opcode, "CN_INIT_TOKEN (0x1)");
    assert_eq!(records[0].response, "0:HSM Return: SUCCESS");
    assert_eq!(records[0].log_type, "MINIMAL_LOG_ENTRY (0)");
    assert_eq!(records[2].user_type.as_deref(), Some("CN_APPLIANCE_USER (5)"));
    assert_eq!(records[4].user_type.as_deref(), Some("CN_CRYPTO_PRE_OFFICER (6)"));
    assert_eq!(records[5].user_type.as_deref(), Some("CN_CRYPTO_USER (1)"));
}

#[test]
fn logins_are_on_every_node_and_a_logout_on_one() {
    alone(|| {
        let cluster = Cluster::start();
        let begin = [count(&cluster, 0), count(&cluster, 1)];
        let raw = Raw::start(&cluster);
        let session = raw.open().expect("C_OpenSession");
        assert_eq!(session.login("nobody:a-password"), Err(ReturnCode::PIN_INCORRECT));
        assert_eq!(session.login("app:not-the-password"), Err(ReturnCode::PIN_INCORRECT));
        let failed: Vec<Record> = (0..2)
            .flat_map(|node| records(&cluster, node).split_off(begin[node]))
            .filter(|record| record.name() == "CN_LOGIN")
            .collect();
        let codes: Vec<_> = failed.iter().map(Record::code).collect();
        assert!(codes.contains(&157) && codes.contains(&163) && codes.len() == 2, "{failed:?}");
        let unknown = failed.iter().find(|record| record.code() == 157).expect("one");
        assert_eq!(unknown.user_name.as_deref(), Some("nobody"));
        let wrong = failed.iter().find(|record| record.code() == 163).expect("one");
        assert_eq!(wrong.response, "163:HSM Error: RET_USER_LOGIN_FAILURE");

        let begin = [count(&cluster, 0), count(&cluster, 1)];
        session.login(cluster.pin()).expect("C_Login");
        visit_all(session);
        for (node, begin) in begin.into_iter().enumerate() {
            let new = records(&cluster, node).split_off(begin);
            assert_eq!(new.len(), 1, "node {node}: {new:?}");
            assert_eq!((new[0].name(), new[0].code()), ("CN_LOGIN", 0));
            assert_eq!(new[0].user_name.as_deref(), Some("app"));
        }
        session.logout().expect("C_Logout");
        visit_all(session);
        executor(&cluster, "CN_LOGOUT");

        // Closed without a logout.
        let begin = [count(&cluster, 0), count(&cluster, 1)];
        session.login(cluster.pin()).expect("C_Login");
        visit_all(session);
        drop_without_logout(&cluster, raw);
        for (node, begin) in begin.into_iter().enumerate() {
            assert_eq!(names(&cluster, node, begin), told(&["CN_LOGIN", "CN_APP_FINALIZE"]), "node {node}");
        }
        verify(&cluster);
    });
}

/// Ends the program's connections as its death would.
fn drop_without_logout(cluster: &Cluster, raw: Raw) {
    raw.finalize().expect("C_Finalize");
    drop(raw);
    let is_told = || {
        (0..2).all(|node| {
            let records = records(cluster, node);
            records.last().is_some_and(|record| record.name() == "CN_APP_FINALIZE")
        })
    };
    // The daemon hears of it when it looks at the connection again.
    wait_until("both nodes tell of the end", Duration::from_secs(10), is_told);
}

#[test]
fn keys_are_told_where_they_are_made_and_where_they_arrive() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        visit_all(session);

        let before = [count(&cluster, 0), count(&cluster, 1)];
        let key = session.aes(true, "key").expect("C_GenerateKey");
        let (source, other) = executor(&cluster, "CN_GENERATE_KEY");
        let made = records(&cluster, source).split_off(before[source]);
        assert_eq!(made[0].opcode, "CN_GENERATE_KEY (0x17)");
        assert_eq!(made[1].opcode, "CN_EXTRACT_MASKED_OBJECT_USER (0xf0)");
        assert_eq!(made[0].log_type, "MGMT_KEY_DETAILS_LOG (1)");
        assert_eq!([made[0].keys(), made[1].keys()], [[key, 0]; 2]);
        assert_eq!(made.len(), 2);
        let arrived = records(&cluster, other).split_off(before[other]);
        assert_eq!(arrived[0].opcode, "CN_INSERT_MASKED_OBJECT_USER (0xf1)");
        assert_eq!((arrived[0].keys(), arrived.len()), ([key, 0], 1));

        let before = [count(&cluster, 0), count(&cluster, 1)];
        let pair = session.p256(true, "pair").expect("C_GenerateKeyPair");
        let (source, other) = executor(&cluster, "CN_GENERATE_KEY_PAIR");
        let made = records(&cluster, source).split_off(before[source]);
        assert_eq!(made[0].opcode, "CN_GENERATE_KEY_PAIR (0x19)");
        assert_eq!(made[0].keys(), [pair.private, pair.public]);
        assert_eq!(names(&cluster, other, before[other]), told(&["CN_INSERT_MASKED_OBJECT_USER"; 2]));

        // Uses aren't told.
        let before = [count(&cluster, 0), count(&cluster, 1)];
        for _ in 0..8 {
            let signature = session.ecdsa(pair.private, &[3; 32]).expect("a signature");
            session.check_ecdsa(pair.public, &[3; 32], &signature).expect("a right one");
            session
                .encrypt_init(&Mechanism::with_bytes(CKM_AES_CBC_PAD, &[9; 16]), key)
                .expect("C_EncryptInit");
            session.encrypt(&[1; 100]).expect("C_Encrypt");
            session.random(&mut [0; 16]).expect("C_GenerateRandom");
            session.attribute(key, CKA_LABEL).expect("a label");
            session.digest_init(&Mechanism::plain(CKM_SHA256)).expect("C_DigestInit");
            session.digest(b"abc").expect("C_Digest");
        }
        assert_eq!([count(&cluster, 0), count(&cluster, 1)], before);

        // A pair is deleted by two calls.
        session.destroy(pair.public).expect("C_DestroyObject");
        session.destroy(pair.private).expect("C_DestroyObject");
        for (node, before) in before.into_iter().enumerate() {
            let new = records(&cluster, node).split_off(before);
            let keys: Vec<_> = new.iter().map(|record| (record.opcode.as_str(), record.keys()[0])).collect();
            let destroyed = "CN_DESTROY_OBJECT (0x11)";
            assert_eq!(keys, [(destroyed, pair.public), (destroyed, pair.private)], "node {node}");
        }

        // Session keys stay on their node.
        let before = [count(&cluster, 0), count(&cluster, 1)];
        session.aes(false, "session").expect("C_GenerateKey");
        let new: Vec<_> = (0..2).flat_map(|node| names(&cluster, node, before[node])).collect();
        assert_eq!(new, told(&["CN_GENERATE_KEY"]));
        verify(&cluster);
    });
}

#[test]
fn users_are_told_and_their_passwords_are_not() {
    const APP: &str = "the-apps-pass-word";
    const OFFICER: &str = "the-officers-pass-word";
    const BOB: &str = "bobs-first-pass-word";
    const BOB_AGAIN: &str = "bobs-second-pass-word";
    let cluster = Cluster::builder().crypto_user("app", APP).officer_password(OFFICER).start();
    let before = [count(&cluster, 0), count(&cluster, 1)];
    let of_bob = ["--username", "bob", "--role", "crypto-user"];
    let user = |command: &str| {
        let mut command = cluster.strongroom(&["user", command]);
        command.args(of_bob);
        command
    };
    run(user("create").args(["--password", BOB]));
    run(user("change-password").args(["--password", BOB_AGAIN]));
    run_any(cluster.strongroom(&["key", "list"]).env("STRONGROOM_PIN", format!("bob:{BOB}")))
        .expect_failure();
    run_any(user("create").args(["--password", BOB])).expect_failure();
    run(&mut user("delete"));
    let all: Vec<Record> = (0..2).flat_map(|node| records(&cluster, node).split_off(before[node])).collect();
    let about_bob = |opcode: &str| {
        let of_bob = all.iter().filter(|record| record.user_name.as_deref() == Some("bob"));
        of_bob.filter(|record| record.opcode == opcode).map(Record::code).collect::<Vec<_>>()
    };
    let done = |opcode: &str| about_bob(opcode).iter().filter(|code| **code == 0).count();
    // On both nodes: where it was asked for, and where it arrived.
    for opcode in ["CN_CREATE_USER (0x3)", "CN_CHANGE_PSWD (0x9)", "CN_DELETE_USER (0xa1)"] {
        assert_eq!(done(opcode), 2, "{opcode} in {all:?}");
    }
    assert_eq!(about_bob("CN_CREATE_USER (0x3)").len(), 3, "the one that failed is told, too");
    assert_eq!(about_bob("CN_LOGIN (0xd)"), [163]);
    let bytes = bytes(&cluster);
    for secret in [APP, OFFICER, BOB, BOB_AGAIN] {
        assert!(
            !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "{secret} is in a log"
        );
    }
    assert!(bytes.windows(3).any(|window| window == b"bob"), "what the search finds where it is");
    verify(&cluster);
}

#[test]
fn imported_key_material_is_not_told() {
    alone(|| {
        let cluster = Cluster::start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let value: Vec<u8> = (0..32).map(|byte| byte * 7 + 33).collect();
        let template =
            Template::key(CKO_SECRET_KEY, CKK_AES).placed(true, "imported").bytes(CKA_VALUE, &value);
        let key = session.create(&template).expect("C_CreateObject");
        let bytes = bytes(&cluster);
        let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
        for secret in [&value[..16], &value[16..], &hex.as_bytes()[..32], &hex.as_bytes()[32..], b"imported"]
        {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
        let created = (0..2)
            .flat_map(|node| records(&cluster, node))
            .find(|record| record.name() == "CN_CREATE_OBJECT");
        assert_eq!(created.expect("one").keys(), [key, 0]);
    });
}

#[test]
fn nodes_that_come_and_go_are_told() {
    let mut cluster = Cluster::start();
    run(&mut cluster.strongroom(&["node", "add"]));
    assert_eq!(names(&cluster, 2, 0), told(&["CN_RESTORE_BEGIN", "CN_RESTORE_END"]));
    run(&mut cluster.strongroom(&["node", "remove", "2"]));
    let last = records(&cluster, 2).pop().expect("a record");
    assert_eq!(last.opcode, "CN_END_MARKER_OPCODE (0xffff)");
    // The counter of starts goes up; the sequence goes on.
    cluster.restart();
    run(&mut cluster.strongroom(&["fault", "node", "stop", "1"]));
    run(&mut cluster.strongroom(&["fault", "node", "start", "1"]));
    run(cluster.strongroom(&["user", "create"]).args([
        "--username",
        "bob",
        "--role",
        "crypto-user",
        "--password",
        "a-pass-word",
    ]));
    let records = records(&cluster, 0);
    let (first, last) = (&records[0], records.last().expect("a record"));
    assert!(last.reboot_counter > first.reboot_counter, "{last:?}");
    assert_ne!(last.session_handle, 0);
    verify(&cluster);
}

#[test]
fn who_follows_the_log_sees_what_comes() {
    let cluster = Cluster::start();
    let seen = cluster.folder().join("seen");
    let mut command = cluster.strongroom(&["audit", "show"]);
    command.args(["--follow", "--node", "0", "--format", "json"]);
    command.stdin(Stdio::null()).stdout(File::create(&seen).expect("a file")).stderr(Stdio::null());
    let mut follower = Background::start(&mut command);
    let has = |name: &str| std::fs::read_to_string(&seen).is_ok_and(|text| text.contains(name));
    let limit = Duration::from_secs(10);
    wait_until("what was before is shown", limit, || has("CN_INIT_TOKEN"));
    assert!(!has("CN_LOGOUT"));
    // One of the nodes carries it out; the other tells that the user arrived.
    run(cluster.strongroom(&["user", "create"]).args([
        "--username",
        "bob",
        "--role",
        "crypto-user",
        "--password",
        "a-pass-word",
    ]));
    wait_until("what came is shown", limit, || has("\"bob\""));
    assert!(follower.is_running());
}
