//! What the retry mode hides and what not: lost answers, busy nodes, slow and silent ones.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use strongroom_model::ReturnCode;
use strongroom_testkit::Cluster;
use strongroom_tests::alone;
use strongroom_tests::raw::Raw;

use crate::signers::{Keys, sign_while};

/// Has the module never send a request twice.
fn without_retries(cluster: &Cluster) {
    with(cluster, "retry = \"off\"");
}

/// Has the module's file say more.
fn with(cluster: &Cluster, more: &str) {
    let own = cluster.folder().join("own.toml");
    let config = fs::read_to_string(cluster.config()).expect("client.toml");
    fs::write(&own, format!("{config}\n{more}\n")).expect("a file");
    // SAFETY: no other thread of this process runs yet.
    unsafe { std::env::set_var("STRONGROOM_CONFIG", &own) };
}

#[test]
fn without_retries_the_application_sees_calls_that_a_crash_cuts_off() {
    alone(|| {
        let cluster = Cluster::builder().nodes(3).start();
        let raw = Raw::load(&cluster);
        without_retries(&cluster);
        raw.initialize().expect("C_Initialize");
        let keys = Keys::make(&raw.logged_in(&cluster));
        let mut failures = 0;
        for round in 0..30 {
            let (report, ()) = sign_while(&raw, keys, 32, || {
                thread::sleep(Duration::from_millis(200));
                cluster.stop_node(round % 3);
            });
            cluster.start_node(round % 3);
            assert!(report.signatures() > 0, "{report}");
            let known = ReturnCode::DEVICE_ERROR.to_string();
            assert!(report.failures.keys().all(|code| *code == known), "{report}");
            failures += report.failures.values().sum::<usize>();
            if failures > 3 {
                break;
            }
        }
        eprintln!("without retries {failures} calls failed");
        assert!(failures > 0, "a node was stopped 30 times and no call met it");
    });
}

#[test]
fn busy_nodes_are_asked_again_and_without_retries_seen() {
    alone(|| {
        let cluster = Cluster::builder().nodes(2).start();
        let raw = Raw::start(&cluster);
        let keys = Keys::make(&raw.logged_in(&cluster));
        [0, 1].into_iter().for_each(|node| cluster.throttle(node, 50));
        let (report, ()) = sign_while(&raw, keys, 8, || thread::sleep(Duration::from_secs(1)));
        report.expect_no_failure();
        eprintln!("two nodes that answer half of their calls by busy: {report}");

        // Past a short burst nothing hides it, and nothing was done.
        let session = raw.open().expect("C_OpenSession");
        [0, 1].into_iter().for_each(|node| cluster.throttle(node, 100));
        let begun = Instant::now();
        assert_eq!(keys.sign(&session, 0).unwrap_err(), ReturnCode::FUNCTION_FAILED);
        assert_eq!(session.aes(true, "busy").unwrap_err(), ReturnCode::FUNCTION_FAILED);
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?} is long to give up", begun.elapsed());
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(500));
                [0, 1].into_iter().for_each(|node| cluster.throttle(node, 0));
            });
            session.aes(true, "not busy").expect("a token key");
        });
        raw.finalize().expect("C_Finalize");

        without_retries(&cluster);
        raw.initialize().expect("C_Initialize");
        let session = raw.logged_in(&cluster);
        cluster.throttle(0, 100);
        cluster.throttle(1, 100);
        let begun = Instant::now();
        assert_eq!(keys.sign(&session, 1).unwrap_err(), ReturnCode::FUNCTION_FAILED);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}: it was asked again", begun.elapsed());
        let status = cluster.node(1);
        assert_eq!(status.faults, ["answers 100 % of calls by busy"]);
        assert!(cluster.log().contains("WARN"), "the log says nothing of faults");
        cluster.clear_faults(0);
        cluster.clear_faults(1);
        assert!(keys.sign(&session, 0).is_ok());
    });
}

#[test]
fn slow_nodes_are_slow_and_broken_connections_are_hidden() {
    alone(|| {
        let cluster = Cluster::builder().nodes(2).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let keys = Keys::make(&session);
        [0, 1].into_iter().for_each(|node| cluster.delay(node, Duration::from_millis(100)));
        let begun = Instant::now();
        (0..5).for_each(|round| drop(keys.sign(&session, round).expect("a signature")));
        assert!(begun.elapsed() >= Duration::from_millis(500), "{:?}", begun.elapsed());
        [0, 1].into_iter().for_each(|node| cluster.clear_faults(node));

        // One of two nodes breaks connections: what may be repeated is, on the other.
        cluster.drop_calls(1, 30);
        let (report, ()) = sign_while(&raw, keys, 8, || thread::sleep(Duration::from_secs(2)));
        eprintln!("a node that breaks 30 % of its connections: {report}");
        report.expect_no_failure();
        cluster.clear_faults(1);
        assert!(cluster.nodes().iter().all(|node| node.faults.is_empty()));
    });
}

#[test]
fn a_node_that_hangs_holds_its_calls_until_it_goes_on_and_new_connections_go_elsewhere() {
    alone(|| {
        let cluster = Cluster::builder().nodes(2).start();
        let raw = Raw::start(&cluster);
        let session = raw.logged_in(&cluster);
        let keys = Keys::make(&session);
        cluster.hang(0);
        cluster.hang(1);
        let begun = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(700));
                [0, 1].into_iter().for_each(|node| cluster.clear_faults(node));
            });
            keys.sign(&session, 1).expect("a signature");
        });
        assert!(begun.elapsed() >= Duration::from_millis(700), "{:?}", begun.elapsed());
        // A node that's stopped while it hangs doesn't hold anybody.
        cluster.hang(0);
        let (report, ()) = sign_while(&raw, keys, 4, || {
            thread::sleep(Duration::from_millis(300));
            cluster.stop_node(0);
        });
        report.expect_no_failure();
        cluster.clear_faults(0);
        assert!(cluster.nodes().iter().all(|node| node.state == "running" && node.faults.is_empty()));
    });
}

/// With a time limit for calls a node that hangs costs a call that long, and only once: what can be repeated goes elsewhere, what
/// can't fails, and the node is left alone until it answers again.
#[test]
fn a_node_that_hangs_is_given_up_after_the_time_that_the_file_allows() {
    const LIMIT: Duration = Duration::from_millis(800);
    alone(|| {
        let cluster = Cluster::builder().nodes(2).start();
        let raw = Raw::load(&cluster);
        with(&cluster, "call_timeout_ms = 800");
        raw.initialize().expect("C_Initialize");
        let session = raw.logged_in(&cluster);
        let keys = Keys::make(&session);
        // Enough for connections to both.
        (0..300).for_each(|round| drop(keys.sign(&session, round).expect("a signature")));
        cluster.hang(0);
        let begun = Instant::now();
        (0..300).for_each(|round| drop(keys.sign(&session, round).expect("a signature")));
        let took = begun.elapsed();
        assert!(took >= LIMIT && took < 4 * LIMIT, "{took:?}");
        let (report, ()) = sign_while(&raw, keys, 8, || thread::sleep(Duration::from_secs(2)));
        eprintln!("a node of two hangs: {report}");
        report.expect_no_failure();

        // Keys that are on the silent node alone: nobody else can answer.
        cluster.clear_faults(0);
        let mut pairs: Vec<_> =
            (0..2).map(|_| raw.open().and_then(|session| session.p256(false, "here"))).collect();
        let pair = pairs.swap_remove(0).expect("a pair");
        let strongroom_model::Place::Node(home) = strongroom_model::Handle(pair.private).place() else {
            panic!("a session key that's nowhere")
        };
        cluster.hang(home.0);
        let begun = Instant::now();
        assert_eq!(session.ecdsa(pair.private, &[1; 32]), Err(ReturnCode::DEVICE_ERROR));
        // Two tries, and the time that a node is given to come back.
        assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
        let begun = Instant::now();
        (0..200).for_each(|round| drop(keys.sign(&session, round).expect("a signature")));
        assert!(begun.elapsed() < 3 * LIMIT, "{:?}: the node wasn't left alone", begun.elapsed());
        // It goes on where it was: the key is there, though nobody spoke with the node for a while.
        cluster.clear_faults(home.0);
        session.ecdsa(pair.private, &[1; 32]).expect("a signature");
        raw.finalize().expect("C_Finalize");
    });
}

#[test]
fn without_retries_a_node_that_hangs_is_seen() {
    alone(|| {
        let cluster = Cluster::builder().nodes(1).start();
        let raw = Raw::load(&cluster);
        with(&cluster, "call_timeout_ms = 500\nretry = \"off\"\nreconnect_ms = 0");
        raw.initialize().expect("C_Initialize");
        let session = raw.logged_in(&cluster);
        let keys = Keys::make(&session);
        keys.sign(&session, 1).expect("a signature");
        cluster.hang(0);
        for _ in 0..3 {
            let begun = Instant::now();
            assert_eq!(keys.sign(&session, 1).map(drop), Err(ReturnCode::DEVICE_ERROR));
            assert!(
                begun.elapsed() >= Duration::from_millis(400) && begun.elapsed() < Duration::from_secs(3)
            );
        }
        cluster.clear_faults(0);
        keys.sign(&session, 1).expect("a signature");
        raw.finalize().expect("C_Finalize");
    });
}
