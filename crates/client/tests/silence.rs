//! Nodes that take requests and don't answer.

mod common;

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Act, FakeNode, cluster, code, config, generate, obedient, object, random, sign, until};
use strongroom_client::{Client, ClusterConfig, Retry, Route};
use strongroom_model::{Handle, NodeId, ReturnCode};
use strongroom_wire::{Frames, Hello, Response, Stream, Welcome, decode, encode};

/// Longer than a busy machine lets a node wait, and short.
const LIMIT_MS: u64 = 400;
const LIMIT: Duration = Duration::from_millis(LIMIT_MS);

fn paths(dir: &tempfile::TempDir) -> [PathBuf; 2] {
    ["0", "1"].map(|name| dir.path().join(name))
}

fn impatient(paths: &[&Path]) -> ClusterConfig {
    ClusterConfig { call_timeout_ms: LIMIT_MS, reconnect_ms: 0, ..config(paths) }
}

fn silent(_: &common::Seen) -> Act {
    Act::Nothing
}

#[test]
fn what_can_be_repeated_is_repeated_elsewhere_and_the_node_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let [dumb, well] = paths(&dir);
    let node = FakeNode::start_in(&dumb, 0, cluster(&[(0, &dumb), (1, &well)]), silent);
    let _other = FakeNode::start_in(&well, 1, cluster(&[(0, &dumb), (1, &well)]), obedient);
    let client = Client::new(impatient(&[&dumb, &well]));
    let begun = Instant::now();
    // Enough for either node's turn to come.
    for _ in 0..200 {
        client.call(Route::Any, 0, &random()).unwrap();
    }
    let took = begun.elapsed();
    assert!(took >= LIMIT && took < 4 * LIMIT, "{took:?}");
    assert_eq!(node.seen().len(), 1, "the silent node is asked once");
    assert_eq!(code(client.call(Route::Node(NodeId(0)), 0, &random())), ReturnCode::DEVICE_ERROR);
}

#[test]
fn what_cannot_be_repeated_fails_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let [dumb, well] = paths(&dir);
    let node = FakeNode::start(&dumb, 0, silent);
    let other = FakeNode::start(&well, 1, obedient);
    let client = Client::new(ClusterConfig { call_timeout_ms: 40, ..impatient(&[&dumb, &well]) });
    let errors: Vec<_> =
        (0..3).filter_map(|_| client.call(Route::Node(NodeId(0)), 0, &generate()).err()).collect();
    assert_eq!(errors[0].code, ReturnCode::DEVICE_ERROR);
    for word in ["node 0 at", "call_timeout_ms", "unknown whether"] {
        assert!(errors[0].message.contains(word), "{}", errors[0].message);
    }
    assert_eq!(errors.len(), 3);
    assert_eq!(other.seen().len(), 0);
    assert!(!node.seen().is_empty());

    let off = Client::new(ClusterConfig { retry: Retry::Off, ..impatient(&[&dumb]) });
    assert_eq!(code(off.call(Route::Any, 0, &random())), ReturnCode::DEVICE_ERROR);
    assert_eq!(code(off.call(Route::Any, 0, &sign(b"x"))), ReturnCode::DEVICE_ERROR);
}

#[test]
fn making_keys_may_take_ten_times_as_long() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let _node = FakeNode::start(&path, 0, |seen| match obedient(seen) {
        Act::Answer(result) => Act::Late(LIMIT * 2, result),
        act => act,
    });
    let client = Client::new(impatient(&[&path]));
    client.call(Route::Any, 0, &generate()).unwrap();
    assert_eq!(code(client.call(Route::Any, 0, &random())), ReturnCode::DEVICE_ERROR);
    let patient = Client::new(ClusterConfig { call_timeout_ms: 0, ..impatient(&[&path]) });
    patient.call(Route::Any, 0, &random()).unwrap();
}

/// The node would drop the session objects of who hangs up.
#[test]
fn connections_to_a_silent_node_stay_open_until_there_is_another() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |seen| match (seen.conn, &seen.envelope.request) {
        (0, strongroom_wire::Request::GenerateKey { .. }) => {
            Act::Answer(Ok(Response::Object(object(Handle::session(NodeId(0), 1, 1)))))
        }
        (0, _) => Act::Nothing,
        _ => obedient(seen),
    });
    let client = Client::new(ClusterConfig { retry: Retry::Off, ..impatient(&[&path]) });
    client.call(Route::Any, 0, &generate()).unwrap();
    assert_eq!(code(client.call(Route::Any, 0, &random())), ReturnCode::DEVICE_ERROR);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!((node.connections(), node.open()), (1, 1));
    client.call(Route::Any, 0, &random()).unwrap();
    assert_eq!(node.connections(), 2);
    until(|| node.open() == 1);
}

#[test]
fn a_crowd_whose_node_falls_silent_is_served_by_another() {
    let dir = tempfile::tempdir().unwrap();
    let [dumb, well] = paths(&dir);
    let info = || cluster(&[(0, &dumb), (1, &well)]);
    let _node = FakeNode::start_in(&dumb, 0, info(), |seen| match seen.envelope.session {
        1 => Act::Nothing,
        _ => obedient(seen),
    });
    let _other = FakeNode::start_in(&well, 1, info(), obedient);
    let client = Client::new(impatient(&[&dumb, &well]));
    for _ in 0..130 {
        client.call(Route::Any, 0, &random()).unwrap();
    }
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for caller in 0..40u8 {
            let client = &client;
            scope.spawn(move || {
                for _ in 0..10 {
                    let signature = client.call(Route::Any, 1, &sign(&[caller])).unwrap();
                    assert!(matches!(&signature, Response::Bytes(bytes) if bytes[..] == [caller]));
                }
            });
        }
    });
    // A leader waits for itself and for those who came after it.
    assert!(begun.elapsed() < 6 * LIMIT, "{:?}", begun.elapsed());
}

#[test]
fn a_node_that_only_listens_does_not_hold_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let _listener = UnixListener::bind(&path).unwrap();
    let begun = Instant::now();
    let error = Client::new(impatient(&[&path])).probe().unwrap_err();
    assert_eq!(error.code, ReturnCode::TOKEN_NOT_PRESENT);
    assert!(error.message.contains("doesn't answer"), "{}", error.message);
    assert!(begun.elapsed() >= LIMIT && begun.elapsed() < 4 * LIMIT, "{:?}", begun.elapsed());
}

#[test]
fn a_node_that_reads_nothing_does_not_hold_a_long_request() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let listener = UnixListener::bind(&path).unwrap();
    let welcoming = std::thread::spawn(move || {
        let mut stream = Stream::new(listener.accept().unwrap().0);
        let _: Hello = decode(Frames::new().next(&mut stream, 1 << 20).unwrap().unwrap()).unwrap();
        let welcome: strongroom_model::Result<_> =
            Ok(Welcome { node: NodeId(0), cluster: cluster(&[]), mailbox: false });
        let mut out = Vec::new();
        encode(&welcome, &mut out).unwrap();
        stream.write_all(&out).unwrap();
        (listener, stream)
    });
    let client = Client::new(ClusterConfig { retry: Retry::Off, ..impatient(&[&path]) });
    let begun = Instant::now();
    let error = client.call(Route::Any, 0, &sign(&vec![7; 15 << 20])).unwrap_err();
    assert_eq!(error.code, ReturnCode::DEVICE_ERROR);
    assert!(error.message.contains("takes nothing in"), "{}", error.message);
    assert!(begun.elapsed() >= LIMIT && begun.elapsed() < 4 * LIMIT, "{:?}", begun.elapsed());
    drop(welcoming.join().unwrap());
}
