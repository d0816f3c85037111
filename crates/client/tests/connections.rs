//! Connections: reuse, failure, restart, repetition.

mod common;

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::{Act, FakeNode, client, cluster, code, config, generate, obedient, random, sign, until};
use strongroom_client::{Client, Retry, Route};
use strongroom_model::{Blob, Error, ReturnCode};
use strongroom_wire::{Request, Response, Welcome, encode};

#[test]
fn calls_one_after_another_share_a_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    assert_eq!((client.cluster(), client.revision()), (None, 0));
    for _ in 0..20 {
        client.call(Route::Any, 0, &random()).unwrap();
    }
    assert_eq!(node.connections(), 1);
    assert_eq!(client.cluster().unwrap().name, "test");
    assert_eq!(client.revision(), 1);
    drop(client);
    until(|| node.open() == 0);
}

/// One caller's signature must never become another's.
#[test]
fn an_answer_too_many_is_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |seen| match obedient(seen) {
        Act::Answer(result) if seen.conn == 0 => Act::Twice(result),
        act => act,
    });
    let client = client(&[&path]);
    for data in [b"first", b"other", b"third"] {
        let signature = client.call(Route::Any, 0, &sign(data)).unwrap();
        assert!(matches!(&signature, Response::Bytes(bytes) if bytes[..] == data[..]), "{signature:?}");
    }
    assert_eq!(node.connections(), 2, "the connection that is out of step isn't used again");
}

#[test]
fn calls_at_once_have_a_connection_each_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |seen| {
        std::thread::sleep(Duration::from_millis(2));
        obedient(seen)
    });
    let client = client(&[&path]);
    let together = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                together.wait();
                for _ in 0..20 {
                    client.call(Route::Any, 0, &random()).unwrap();
                }
            });
        }
    });
    assert!((2..=8).contains(&node.connections()), "{}", node.connections());
}

#[test]
fn large_data_passes_and_what_is_too_large_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    let data: Vec<u8> = (0..10_000_000u32).map(|at| at as u8).collect();
    match client.call(Route::Any, 0, &sign(&data)).unwrap() {
        Response::Bytes(bytes) => assert!(bytes.as_slice() == data),
        other => panic!("{other:?}"),
    }
    let result = client.call(Route::Any, 0, &sign(&vec![0; 20_000_000]));
    assert_eq!(code(result), ReturnCode::DATA_LEN_RANGE);
    client.call(Route::Any, 0, &random()).unwrap();
    assert!(node.connections() <= 2);
}

#[test]
fn a_cluster_never_reached_is_reported_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(&[&dir.path().join("0"), &dir.path().join("1")]);
    let begun = Instant::now();
    let error = client.call(Route::Any, 0, &random()).unwrap_err();
    assert_eq!(error.code, ReturnCode::TOKEN_NOT_PRESENT);
    assert!(error.message.contains("strongroom up") && error.message.contains("/1"), "{}", error.message);
    assert_eq!(client.probe().unwrap_err().code, ReturnCode::TOKEN_NOT_PRESENT);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_node_that_comes_back_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    client.call(Route::Any, 0, &generate()).unwrap();
    drop(node);
    std::thread::scope(|scope| {
        let back = scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(150));
            FakeNode::start(&path, 0, obedient)
        });
        // The request isn't repeatable; but it wasn't sent to anybody yet.
        client.call(Route::Any, 0, &generate()).unwrap();
        let node = back.join().unwrap();
        assert_eq!((node.connections(), node.seen().len()), (1, 1));
    });
}

#[test]
fn a_node_that_stays_away_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = Client::new(strongroom_client::ClusterConfig { reconnect_ms: 200, ..config(&[&path]) });
    client.call(Route::Any, 0, &random()).unwrap();
    drop(node);
    let begun = Instant::now();
    assert_eq!(code(client.call(Route::Any, 0, &random())), ReturnCode::DEVICE_ERROR);
    let waited = begun.elapsed();
    assert!((200..3000).contains(&waited.as_millis()), "{waited:?}");
}

#[test]
fn a_probe_does_not_wait() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    client.probe().unwrap();
    drop(node);
    let begun = Instant::now();
    assert_eq!(client.probe().unwrap_err().code, ReturnCode::TOKEN_NOT_PRESENT);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn connections_that_the_node_closed_are_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    for round in 1..4 {
        client.call(Route::Any, 0, &generate()).unwrap();
        assert_eq!(node.connections(), round);
        node.cut();
        until(|| node.open() == 0);
    }
}

/// A node that closes the connection instead of answering the first `times` requests.
fn breaking(times: usize) -> impl Fn(&common::Seen) -> Act {
    let count = AtomicUsize::new(0);
    move |seen| if count.fetch_add(1, Ordering::SeqCst) < times { Act::Close } else { obedient(seen) }
}

#[test]
fn a_repeatable_request_whose_answer_is_lost_is_repeated_once() {
    let dir = tempfile::tempdir().unwrap();
    for (times, succeeds) in [(1, true), (2, false)] {
        let path = dir.path().join(times.to_string());
        let node = FakeNode::start(&path, 0, breaking(times));
        let result = client(&[&path]).call(Route::Any, 0, &sign(b"x"));
        assert_eq!(result.is_ok(), succeeds);
        assert_eq!(node.seen().len(), 2);
    }
}

#[test]
fn other_requests_whose_answer_is_lost_are_not_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, breaking(2));
    let client = Client::new(strongroom_client::ClusterConfig { retry: Retry::Off, ..config(&[&path]) });
    for request in [generate(), sign(b"x")] {
        let error = client.call(Route::Any, 0, &request).unwrap_err();
        assert_eq!(error.code, ReturnCode::DEVICE_ERROR);
        assert!(error.message.contains("unknown whether"), "{}", error.message);
    }
    assert_eq!(node.seen().len(), 2);
    client.call(Route::Any, 0, &generate()).unwrap();
}

#[test]
fn a_request_that_the_node_did_not_read_is_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    node.be_deaf(true);
    let client = client(&[&path]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            until(|| node.connections() > 2);
            node.be_deaf(false);
        });
        client.call(Route::Any, 0, &generate()).unwrap();
    });
    assert_eq!(node.seen().len(), 1);
}

#[test]
fn what_is_no_answer_ends_the_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |seen| match &seen.envelope.request {
        Request::Sign { .. } => Act::Garbage,
        _ => obedient(seen),
    });
    let client = client(&[&path]);
    assert_eq!(code(client.call(Route::Any, 0, &sign(b"x"))), ReturnCode::DEVICE_ERROR);
    client.call(Route::Any, 0, &random()).unwrap();
    assert_eq!((node.connections(), node.seen().len()), (2, 2));
}

#[test]
fn a_welcome_that_is_none_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::Write;
            for bytes in [b"".as_slice(), b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
                listener.accept().unwrap().0.write_all(bytes).unwrap();
            }
        });
        let client = client(&[&path]);
        for _ in 0..2 {
            assert_eq!(client.probe().unwrap_err().code, ReturnCode::TOKEN_NOT_PRESENT);
        }
    });
}

#[test]
fn a_client_that_is_turned_away_says_what_the_node_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::io::Write;
            let why = Error::new(ReturnCode::DEVICE_MEMORY, "it's full");
            let mut frame = Vec::new();
            encode(&Err::<Welcome, _>(why), &mut frame).unwrap();
            // Without a look at the introduction, which may then meet a connection that's closed.
            listener.accept().unwrap().0.write_all(&frame).unwrap();
        });
        let error = client(&[&path]).probe().unwrap_err();
        assert_eq!(error, Error::new(ReturnCode::DEVICE_MEMORY, "it's full"));
    });
}

#[test]
fn the_cluster_is_asked_anew_by_a_probe_and_when_its_members_change() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start_in(&path, 0, cluster(&[(0, &path)]), obedient);
    let client = client(&[&path]);
    client.probe().unwrap();
    let mut info = cluster(&[(0, &path)]);
    info.label = "renamed".to_owned();
    node.set_info(info);
    client.call(Route::Any, 0, &random()).unwrap();
    assert_eq!(client.cluster().unwrap().label, "test");
    assert_eq!(client.probe().unwrap().label, "renamed");
    assert_eq!(client.cluster().unwrap().label, "renamed");

    node.set_info(cluster(&[(0, &path), (1, &dir.path().join("1"))]));
    client.call(Route::Any, 0, &random()).unwrap();
    assert_eq!(client.cluster().unwrap().members.len(), 2);
}

#[test]
fn answers_go_to_who_asked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let _node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    std::thread::scope(|scope| {
        for thread in 0..8u8 {
            let client = &client;
            scope.spawn(move || {
                for call in 0..200u8 {
                    let data = [thread, call];
                    match client.call(Route::Any, 0, &sign(&data)).unwrap() {
                        Response::Bytes(bytes) => assert_eq!(bytes, Blob::from(data)),
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
}

/// As the one above; here the surplus comes when the client has looked whether there is any.
#[test]
fn an_answer_to_another_request_is_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |seen| match obedient(seen) {
        Act::Answer(result) if seen.conn % 2 == 0 => Act::Misnumbered(result),
        act => act,
    });
    let client = client(&[&path]);
    let signature = client.call(Route::Any, 0, &sign(b"mine")).unwrap();
    assert!(matches!(&signature, Response::Bytes(bytes) if bytes[..] == b"mine"[..]), "{signature:?}");
    assert_eq!(node.connections(), 2, "it's asked again on another connection");
    node.cut();
    until(|| node.open() == 0);
    let error = client.call(Route::Any, 0, &generate()).unwrap_err();
    assert_eq!(error.code, ReturnCode::DEVICE_ERROR);
    assert!(error.message.contains("answered request 0 of the connection instead of 1"), "{}", error.message);
}
