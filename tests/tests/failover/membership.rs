//! Nodes that are added and removed while programs run.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use strongroom_model::ReturnCode;
use strongroom_testkit::{Cluster, run};
use strongroom_tests::alone;
use strongroom_tests::raw::{Raw, Template};

use crate::direct::Direct;
use crate::signers::{Keys, sign_while};

/// How long a running client may take to use a node that was added.
const FOLLOWED: Duration = Duration::from_secs(1);

#[test]
fn a_node_that_is_added_gets_calls_within_a_second() {
    alone(|| {
        let mut cluster = Cluster::builder().nodes(2).start();
        let raw = Raw::start(&cluster);
        let keys = Keys::make(&raw.logged_in(&cluster));
        let (report, took) = sign_while(&raw, keys, 16, || {
            thread::sleep(Duration::from_millis(300));
            let begun = Instant::now();
            let node = cluster.add_node();
            let added = Instant::now();
            while cluster.node(node).requests == 0 {
                assert!(added.elapsed() < FOLLOWED, "nobody has come to the new node in {FOLLOWED:?}");
            }
            thread::sleep(Duration::from_millis(300));
            let status = cluster.node(node);
            assert!(status.connections > 0 && status.requests > 20, "{status:?}");
            (added - begun, added.elapsed())
        });
        eprintln!("a node was added in {:?}; 16 threads signing meanwhile: {report}", took.0);
        report.expect_no_failure();

        // It has all that the others have, and can do without them.
        [0, 1].into_iter().for_each(|node| cluster.stop_node(node));
        let session = raw.open().expect("C_OpenSession");
        (0..4).for_each(|round| drop(keys.sign(&session, round).expect("a signature")));
        session.aes(true, "made by the new one").expect("a token key");
        let text = fs::read_to_string(cluster.config()).expect("client.toml");
        assert!(
            cluster.sockets().iter().all(|socket| text.contains(&socket.display().to_string())),
            "{text}"
        );
        assert_eq!(cluster.sockets().len(), 3);

        // And is there after a restart of the daemon, with which faults end.
        cluster.restart();
        let nodes = cluster.nodes();
        assert_eq!(nodes.iter().map(|node| node.node).collect::<Vec<_>>(), [0, 1, 2]);
        assert!(nodes.iter().all(|node| node.state == "running" && node.faults.is_empty()), "{nodes:?}");
        assert_eq!(
            session
                .find(&Template::new().bytes(cryptoki_sys::CKA_LABEL, "made by the new one"))
                .map(|found| found.len()),
            Ok(1)
        );
    });
}

#[test]
fn a_node_that_is_removed_takes_no_call_with_it() {
    alone(|| {
        let mut cluster = Cluster::builder().nodes(3).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let keys = Keys::make(&session);
        let own = session.p256(false, "session").expect("a key pair");
        let socket = cluster.sockets()[0].to_path_buf();
        let (report, ()) = sign_while(&raw, keys, 16, || {
            // The first in client.toml goes, then the first that's left, while new ones come.
            for node in 0..2 {
                thread::sleep(Duration::from_millis(300));
                cluster.remove_node(node);
                let added = cluster.add_node();
                assert_eq!(added, 3 + node, "a number was given out again");
            }
        });
        eprintln!("two nodes were removed and two added; 16 threads signing meanwhile: {report}");
        report.expect_no_failure();
        assert!(!socket.exists(), "the removed node's socket is still there");
        let text = fs::read_to_string(cluster.config()).expect("client.toml");
        assert!(!text.contains(&socket.display().to_string()), "client.toml names the removed node: {text}");
        assert_eq!(cluster.nodes().iter().map(|node| node.node).collect::<Vec<_>>(), [2, 3, 4]);

        // A key that was on a removed node is gone; one on another isn't.
        match strongroom_model::Handle(own.private).place() {
            strongroom_model::Place::Node(node) if node.0 == 2 => {
                assert!(session.ecdsa(own.private, &[1; 32]).is_ok());
            }
            _ => {
                assert_eq!(session.ecdsa(own.private, &[1; 32]).unwrap_err(), ReturnCode::KEY_HANDLE_INVALID)
            }
        }
        // A program that starts now finds the others by client.toml.
        raw.finalize().expect("C_Finalize");
        raw.initialize().expect("C_Initialize");
        let session = raw.logged_in(&cluster);
        (0..4).for_each(|round| drop(keys.sign(&session, round).expect("a signature")));
        cluster.restart();
        assert_eq!(cluster.sockets().len(), 3);
        (0..4).for_each(|round| drop(keys.sign(&session, round).expect("a signature")));
    });
}

#[test]
fn the_node_that_one_talks_to_answers_what_it_was_asked_before_it_goes() {
    alone(|| {
        let mut cluster = Cluster::builder().nodes(2).crypto_user("app", "app-secret").start();
        let mut direct = Direct::connect(cluster.sockets()[0]);
        assert!(direct.login("app:app-secret").result.is_ok());
        // Every answer takes a while, so the node is removed in the middle of a call.
        cluster.delay(0, Duration::from_millis(600));
        let asking = thread::spawn(move || direct.find("anything").result);
        thread::sleep(Duration::from_millis(200));
        let begun = Instant::now();
        cluster.remove_node(0);
        asking.join().expect("a thread").expect("the answer");
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?} is long for a removal", begun.elapsed());
    });
}

#[test]
fn a_node_that_takes_long_to_leave_holds_up_nobody_who_wants_another_cluster() {
    alone(|| {
        let cluster = Cluster::builder().nodes(2).crypto_user("app", "app-secret").start();
        run(&mut cluster.strongroom(&["up", "--cluster", "second"]));
        // More than the cores can do in a second.
        let mut toiling: Vec<_> = (0..4)
            .map(|_| {
                let mut direct = Direct::connect(cluster.sockets()[0]);
                assert!(direct.login("app:app-secret").result.is_ok());
                direct
            })
            .collect();
        toiling.iter_mut().for_each(Direct::toil);
        thread::sleep(Duration::from_millis(200));
        let begun = Instant::now();
        let mut remove = cluster.strongroom(&["node", "remove", "0", "--cluster", "default"]);
        let removal = thread::spawn(move || {
            run(&mut remove);
            begun.elapsed()
        });
        thread::sleep(Duration::from_millis(200));
        run(&mut cluster.strongroom(&["status"]));
        run(&mut cluster.strongroom(&["fault", "node", "stop", "0", "--cluster", "second"]));
        let others = begun.elapsed();
        let removed = removal.join().expect("a removal");
        assert!(others < removed, "{others:?}: others waited for a removal that took {removed:?}");
    });
}

#[test]
fn the_last_node_and_one_that_is_not_there_are_not_removed() {
    alone(|| {
        let cluster = Cluster::builder().nodes(1).start();
        let raw = Raw::start(&cluster);
        let keys = Keys::make(&raw.logged_in(&cluster));
        let before = fs::read(cluster.config()).expect("client.toml");
        let (report, ()) = sign_while(&raw, keys, 4, || {
            let refused = cluster.try_remove_node(0).expect_failure();
            assert!(refused.stdout().contains("is the last of cluster default"), "{}", refused.report());
            let unknown = cluster.try_remove_node(7).expect_failure();
            assert!(unknown.stdout().contains("has no node 7; its nodes are 0"), "{}", unknown.report());
        });
        report.expect_no_failure();
        assert_eq!(fs::read(cluster.config()).expect("client.toml"), before);
        let nodes = cluster.nodes();
        assert_eq!((nodes.len(), nodes[0].state.as_str()), (1, "running"));
    });
}

/// The others are members, but would serve nobody.
#[test]
fn the_only_node_that_serves_is_not_removed() {
    alone(|| {
        let mut cluster = Cluster::builder().nodes(3).start();
        let raw = Raw::start(&cluster);
        let keys = Keys::make(&raw.logged_in(&cluster));
        cluster.stop_node(1);
        cluster.cut(2);
        let (report, ()) = sign_while(&raw, keys, 4, || {
            let refused = cluster.try_remove_node(0).expect_failure();
            let why = "node 0 is the only one of cluster default that serves (node 1 is stopped, node 2 is cut off): nothing was \
                       changed; `strongroom fault node clear 1` has another back";
            assert!(refused.stdout().contains(why), "{}", refused.report());
        });
        report.expect_no_failure();
        assert_eq!(cluster.nodes().len(), 3);
        // Whoever serves nobody may go.
        cluster.remove_node(2);
        cluster.start_node(1);
        cluster.remove_node(0);
        let session = raw.open().expect("C_OpenSession");
        (0..4).for_each(|round| drop(keys.sign(&session, round).expect("a signature")));
    });
}

#[test]
fn a_cluster_has_28_nodes_at_most() {
    alone(|| {
        let mut cluster = Cluster::builder().nodes(27).start();
        assert_eq!(cluster.add_node(), 27);
        let refused = strongroom_testkit::run_any(&mut cluster.strongroom(&["node", "add"])).expect_failure();
        assert!(refused.stdout().contains("28"), "{}", refused.report());
        assert_eq!(cluster.nodes().len(), 28);
    });
}
