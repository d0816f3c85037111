//! A node that's cut off from its cluster: nothing stale is served, and it catches up when it's healed.

use std::fs;
use std::thread;
use std::time::Duration;

use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, run, wait_until};
use strongroom_tests::alone;
use strongroom_tests::raw::Raw;

use crate::direct::{Direct, code, found, is_turned_away};
use crate::signers::{Keys, sign_while};

const OTHER: &str = "other:first-secret";
const CHANGED: &str = "other:second-secret";

#[test]
fn calls_go_on_by_the_other_nodes_while_one_is_cut_off() {
    alone(|| {
        let cluster = Cluster::builder().nodes(3).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let keys = Keys::make(&session);
        let (report, ()) = sign_while(&raw, keys, 16, || {
            for node in [0, 1, 2, 0] {
                cluster.cut(node);
                assert_eq!(cluster.node(node).state, "cut");
                let revision = cluster.node(node).revision;
                let made = session.aes(true, "made meanwhile").expect("a token key");
                assert_eq!(cluster.node(node).revision, revision, "the node has heard of a change");
                session.destroy(made).expect("C_DestroyObject");
                thread::sleep(Duration::from_millis(300));
                cluster.heal(node);
                wait_until("the node has caught up", Duration::from_secs(5), || {
                    let nodes = cluster.nodes();
                    nodes.iter().all(|node| node.revision == nodes[0].revision)
                });
            }
        });
        eprintln!("16 threads, four cuts: {report}");
        report.expect_no_failure();
    });
}

#[test]
fn a_node_that_is_cut_off_serves_nothing_stale() {
    alone(|| {
        let cluster = Cluster::builder()
            .nodes(3)
            .crypto_user("app", "app-secret")
            .crypto_user("other", "first-secret")
            .crypto_user("third", "third-secret")
            .start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "doomed").expect("a key pair");
        let kept = session.p256(true, "kept").expect("a key pair");
        let cut_off = cluster.sockets()[1].to_path_buf();

        // Three who speak with that node alone: logged in before, and not yet.
        let mut inside = Direct::connect(&cut_off);
        assert!(inside.login(cluster.pin()).result.is_ok());
        assert!(inside.sign(pair.private).result.is_ok());
        let mut other = Direct::connect(&cut_off);
        assert!(other.login(OTHER).result.is_ok());
        let mut owner = Direct::connect(cluster.sockets()[0]);
        assert!(owner.login(cluster.pin()).result.is_ok());
        let mut sharee = Direct::connect(&cut_off);
        assert!(sharee.login("third:third-secret").result.is_ok());
        owner.share(kept.private, "third", true).result.expect("a key shared");
        sharee.sign(kept.private).result.expect("a signature by the sharee");
        cluster.cut(1);

        // What's refused from now on by the cluster, that node hasn't heard of.
        session.destroy(pair.private).expect("C_DestroyObject");
        owner.share(kept.private, "third", false).result.expect("a key shared no longer");
        let mut change = cluster.strongroom(&["user", "change-password"]);
        run(change.args(["--username", "other", "--role", "crypto-user", "--password", "second-secret"]));

        for reply in [inside.sign(pair.private), inside.find("doomed"), inside.sign(kept.private)] {
            assert!(is_turned_away(&reply), "a stale answer: {reply:?}");
        }
        assert!(is_turned_away(&sharee.sign(kept.private)), "a key that isn't shared any more was used");
        for reply in [other.find("kept"), other.login(OTHER), other.login(CHANGED)] {
            assert!(is_turned_away(&reply), "a stale answer: {reply:?}");
        }
        assert!(is_turned_away(&Direct::connect(&cut_off).login(OTHER)));
        // The module goes elsewhere, also when it's configured with this node alone.
        assert_eq!(session.ecdsa(pair.private, &[1; 32]).unwrap_err(), ReturnCode::KEY_HANDLE_INVALID);
        for _ in 0..300 {
            assert!(session.ecdsa(kept.private, &[1; 32]).is_ok());
        }

        cluster.heal(1);
        wait_until("the node serves again", Duration::from_secs(5), || {
            inside.sign(kept.private).result.is_ok()
        });
        assert_eq!(code(&inside.sign(pair.private)), ReturnCode::KEY_HANDLE_INVALID);
        assert_eq!(code(&sharee.sign(kept.private)), ReturnCode::KEY_HANDLE_INVALID);
        assert_eq!(found(&inside.find("doomed")), 1, "only the public key is left");
        let mut anew = Direct::connect(&cut_off);
        assert_eq!(code(&anew.login(OTHER)), ReturnCode::PIN_INCORRECT);
        assert!(anew.login(CHANGED).result.is_ok());
        // The ticket from before the change is void here, too.
        assert!(other.find("doomed").detached, "a login by the password from before is still one");
    });
}

#[test]
fn wrong_passwords_at_a_node_that_was_cut_off_count_as_everywhere() {
    alone(|| {
        let cluster = Cluster::builder().nodes(2).crypto_user("app", "app-secret").start();
        cluster.cut(0);
        let mut reached = Direct::connect(cluster.sockets()[1]);
        for _ in 0..10 {
            assert_eq!(code(&reached.login("app:wrong-secret")), ReturnCode::PIN_INCORRECT);
        }
        assert_eq!(code(&reached.login("app:app-secret")), ReturnCode::PIN_LOCKED);
        let mut unreached = Direct::connect(cluster.sockets()[0]);
        assert!(is_turned_away(&unreached.login("app:app-secret")), "a stale counter was believed");
        cluster.heal(0);
        wait_until("the node serves again", Duration::from_secs(5), || {
            !is_turned_away(&unreached.login("app:app-secret"))
        });
        assert_eq!(code(&unreached.login("app:app-secret")), ReturnCode::PIN_LOCKED);
    });
}

#[test]
fn with_every_node_cut_off_calls_fail_and_nothing_is_lost() {
    alone(|| {
        let cluster = Cluster::builder().nodes(2).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "token").expect("a key pair");
        cluster.cut(0);
        cluster.cut(1);
        session.ecdsa(pair.private, &[1; 32]).expect_err("a node without a cluster");
        session.aes(true, "nowhere").expect_err("a node without a cluster");
        cluster.heal(0);
        cluster.heal(1);
        assert!(session.ecdsa(pair.private, &[1; 32]).is_ok());
        session.aes(true, "somewhere").expect("a token key");
    });
}

#[test]
fn under_cloudhsm_a_key_needs_two_nodes_unless_the_client_says_otherwise() {
    alone(|| {
        let cluster = Cluster::builder().profile("cloudhsm").nodes(2).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "token").expect("a key pair");
        let own = session.p256(false, "session").expect("a key pair");
        assert!(session.ecdsa(pair.private, &[1; 32]).is_ok());
        let owner = match strongroom_model::Handle(own.private).place() {
            strongroom_model::Place::Node(node) => node.0,
            strongroom_model::Place::Cluster => panic!("a session key on all nodes"),
        };
        for stop in [true, false] {
            if stop {
                cluster.stop_node(1 - owner)
            } else {
                cluster.cut(1 - owner)
            }
            for _ in 0..3 {
                let refused = session.ecdsa(pair.private, &[1; 32]).unwrap_err();
                assert_eq!(refused, ReturnCode::FUNCTION_FAILED);
            }
            assert_eq!(session.p256(true, "late").unwrap_err(), ReturnCode::FUNCTION_FAILED);
            // A session key is on one node anyway.
            assert!(session.ecdsa(own.private, &[1; 32]).is_ok());
            cluster.clear_faults(1 - owner);
            wait_until("two nodes have the key again", Duration::from_secs(5), || {
                session.ecdsa(pair.private, &[1; 32]).is_ok()
            });
        }
        raw.finalize().expect("C_Finalize");

        let alone = cluster.folder().join("one.toml");
        let config = fs::read_to_string(cluster.config()).expect("client.toml");
        fs::write(&alone, config + "key_availability_check = false\n").expect("a file");
        // SAFETY: no other thread of this process runs.
        unsafe { std::env::set_var("STRONGROOM_CONFIG", &alone) };
        raw.initialize().expect("C_Initialize");
        let session = raw.logged_in(&cluster);
        let pair = session.p256(true, "second").expect("a key pair");
        cluster.stop_node(0);
        assert!(session.ecdsa(pair.private, &[1; 32]).is_ok());
        session.p256(true, "third").expect("a key pair");
    });
}
