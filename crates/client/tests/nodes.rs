//! Clusters of several nodes: turns, failover, membership, what belongs to one node.

mod common;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{Act, FakeNode, client, cluster, code, config, generate, obedient, random, sign, until};
use strongroom_client::{Client, ClusterConfig, Retry, Route};
use strongroom_model::{Error, Handle, NodeId, ReturnCode};
use strongroom_wire::{Operation, Reply, Request, Response, Standing, StreamKind};

const NODES: usize = 3;

fn paths(dir: &tempfile::TempDir) -> Vec<PathBuf> {
    (0..NODES).map(|node| dir.path().join(node.to_string())).collect()
}

fn members(paths: &[PathBuf]) -> strongroom_wire::ClusterInfo {
    let members: Vec<_> =
        paths.iter().enumerate().map(|(node, path)| (node as u16, path.as_path())).collect();
    cluster(&members)
}

fn start(paths: &[PathBuf]) -> Vec<FakeNode> {
    let start =
        |(node, path): (usize, &PathBuf)| FakeNode::start_in(path, node as u16, members(paths), on(node));
    paths.iter().enumerate().map(start).collect()
}

/// An obedient node whose session objects are its own.
fn on(node: usize) -> impl Fn(&common::Seen) -> Act {
    move |seen| match &seen.envelope.request {
        Request::GenerateKey { .. } => {
            let handle = Handle::session(NodeId(node as u16), 1, 7);
            Act::Answer(Ok(Response::Object(common::object(handle))))
        }
        _ => obedient(seen),
    }
}

#[test]
fn members_are_learned_from_one_and_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let nodes = start(&paths);
    let client = client(&[&paths[1]]);
    for _ in 0..192 {
        client.call(Route::Any, 0, &random()).unwrap();
    }
    for node in &nodes {
        assert!((48..=80).contains(&node.seen().len()), "{}", node.seen().len());
        assert_eq!(node.connections(), 1);
    }
}

#[test]
fn when_a_node_is_gone_the_others_serve_and_it_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let mut nodes = start(&paths);
    let client = client(&[&paths[0]]);
    for _ in 0..192 {
        client.call(Route::Any, 0, &random()).unwrap();
    }
    drop(nodes.remove(1));
    let begun = Instant::now();
    for _ in 0..192 {
        client.call(Route::Any, 0, &generate()).unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(2));

    let back = FakeNode::start_in(&paths[1], 1, members(&paths), on(1));
    until(|| {
        client.call(Route::Any, 0, &random()).unwrap();
        back.connections() > 0
    });
}

#[test]
fn a_repeatable_request_is_repeated_on_another_node() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let broken = FakeNode::start_in(&paths[0], 0, members(&paths), |_| Act::Close);
    let whole = FakeNode::start_in(&paths[1], 1, members(&paths), obedient);
    let client = client(&[&paths[0]]);
    client.call(Route::Any, 0, &sign(b"x")).unwrap();
    assert_eq!((broken.seen().len(), whole.seen().len()), (1, 1));
}

#[test]
fn what_is_on_a_node_is_asked_of_that_node() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let nodes = start(&paths);
    let client = client(&[&paths[0], &paths[1]]);
    // The numbers of the nodes aren't known yet.
    client.call(Route::Node(NodeId(1)), 0, &random()).unwrap();
    assert_eq!((nodes[0].seen().len(), nodes[1].seen().len()), (0, 1));
    let handle = Handle::session(NodeId(2), 1, 1);
    for _ in 0..40 {
        client.call(Route::Of(handle), 0, &Request::Object { handle }).unwrap();
    }
    assert_eq!(nodes[2].seen().len(), 40);
    let handle = Handle(77);
    for _ in 0..192 {
        client.call(Route::Of(handle), 0, &Request::Object { handle }).unwrap();
    }
    assert!(nodes.iter().all(|node| node.seen().len() > 40));
}

#[test]
fn what_was_on_a_node_that_is_no_more_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let _nodes = start(&paths);
    let client = client(&[&paths[0]]);
    client.probe().unwrap();
    let key = Handle::session(NodeId(9), 1, 1);
    let begun = Instant::now();
    let mut sign = sign(b"x");
    if let Request::Sign { operation, .. } = &mut sign {
        operation.key = key;
    }
    assert_eq!(code(client.call(Route::Of(key), 0, &sign)), ReturnCode::KEY_HANDLE_INVALID);
    let object = Request::Object { handle: key };
    assert_eq!(code(client.call(Route::Of(key), 0, &object)), ReturnCode::OBJECT_HANDLE_INVALID);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn what_was_on_a_node_that_has_ended_is_gone_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let mut nodes = start(&paths);
    let client = client(&[&paths[0]]);
    client.call(Route::Node(NodeId(2)), 0, &random()).unwrap();
    nodes.pop();
    let begun = Instant::now();
    let handle = Handle::session(NodeId(2), 1, 1);
    let object = client.call(Route::Of(handle), 0, &Request::Object { handle }).unwrap_err();
    assert_eq!(object.code, ReturnCode::OBJECT_HANDLE_INVALID);
    assert!(object.message.contains("node 2 of cluster"), "{}", object.message);
    assert_eq!(code(client.call(Route::Of(handle), 0, &sign(b"x"))), ReturnCode::KEY_HANDLE_INVALID);
    let update = Request::Update { stream: 1, data: strongroom_model::Blob::from(*b"x") };
    assert_eq!(code(client.call(Route::Node(NodeId(2)), 0, &update)), ReturnCode::DEVICE_ERROR);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?} is long for what is certain", begun.elapsed());
}

#[test]
fn a_node_that_is_only_cut_off_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let nodes = start(&paths);
    let config = ClusterConfig { reconnect_ms: 200, ..config(&[&paths[0]]) };
    let client = Client::new(config);
    client.call(Route::Node(NodeId(2)), 0, &random()).unwrap();
    nodes[2].be_deaf(true);
    // It has begun to listen for this one.
    client.call(Route::Node(NodeId(2)), 0, &random()).unwrap();
    let begun = Instant::now();
    let handle = Handle::session(NodeId(2), 1, 1);
    let error = client.call(Route::Of(handle), 0, &Request::Object { handle }).unwrap_err();
    assert_eq!(error.code, ReturnCode::DEVICE_ERROR);
    assert!(error.message.contains("node 2 of cluster"), "{}", error.message);
    assert!(begun.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_node_that_is_busy_is_asked_again_unless_retries_are_off() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let path = &paths[0];
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let _node = FakeNode::start(path, 0, move |seen| {
        // Every request is answered by "busy" twice, also one that mustn't be carried out twice.
        if asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % 3 == 2 {
            return obedient(seen);
        }
        let error = Error::new(ReturnCode::FUNCTION_FAILED, "too much to do");
        Act::Reply(Reply {
            revision: 1,
            epoch: 1,
            detached: false,
            standing: Standing::Busy,
            result: Err(error),
        })
    });
    let patient = client(&[path]);
    for request in [sign(b"x"), generate(), random()] {
        patient.call(Route::Any, 0, &request).unwrap();
    }
    let off = Client::new(ClusterConfig { retry: Retry::Off, ..config(&[path]) });
    assert_eq!(code(off.call(Route::Any, 0, &sign(b"x"))), ReturnCode::FUNCTION_FAILED);
}

/// What a node says that is cut off from its cluster.
fn unfit(seen: &common::Seen) -> Act {
    match seen.envelope.request {
        // What it has alone it goes on with.
        Request::Sign { .. } => obedient(seen),
        _ => Act::Reply(Reply {
            revision: 1,
            epoch: 1,
            detached: false,
            standing: Standing::Unfit,
            result: Err(Error::new(ReturnCode::DEVICE_ERROR, "the node is cut off")),
        }),
    }
}

#[test]
fn a_node_that_is_cut_off_is_passed_over_whatever_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let script =
        |node: usize| move |seen: &common::Seen| if node == 0 { unfit(seen) } else { on(node)(seen) };
    let nodes: Vec<_> = paths
        .iter()
        .enumerate()
        .map(|(node, path)| FakeNode::start_in(path, node as u16, members(&paths), script(node)))
        .collect();
    let client = client(&[&paths[0]]);
    for _ in 0..100 {
        client.call(Route::Any, 0, &random()).unwrap();
        // Nothing was begun, so what mustn't be repeated may be asked of another.
        client.call(Route::Any, 0, &generate()).unwrap();
    }
    let asked = nodes[0].seen().len();
    assert!((1..=20).contains(&asked), "it's left alone for a while: {asked}");
    client.call(Route::Node(NodeId(0)), 0, &sign(b"x")).unwrap();
    assert_eq!(nodes[0].connections(), 1, "its connections are kept");

    let alone = Client::new(ClusterConfig { reconnect_ms: 200, ..config(&[&paths[0]]) });
    alone.probe().unwrap();
    let refusal = alone.call(Route::Node(NodeId(0)), 0, &random()).unwrap_err();
    assert_eq!((refusal.code, refusal.message.as_str()), (ReturnCode::DEVICE_ERROR, "the node is cut off"));
}

#[test]
fn closing_a_session_is_told_where_it_made_something() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let nodes = start(&paths);
    let client = client(&[&paths[0]]);
    client.call(Route::Node(NodeId(0)), 4, &random()).unwrap();
    client.call(Route::Node(NodeId(1)), 4, &generate()).unwrap();
    let Request::Sign { operation, .. } = sign(b"x") else { unreachable!() };
    let open = Request::Open { kind: StreamKind::Sign, operation: Operation { ..operation } };
    client.call(Route::Node(NodeId(2)), 4, &open).unwrap();
    client.call(Route::Node(NodeId(1)), 5, &generate()).unwrap();
    assert_eq!(client.used_nodes_for_session(4), [NodeId(1), NodeId(2)]);
    assert_eq!(client.used_nodes(), [NodeId(1), NodeId(2)]);

    client.close_session(4);
    client.close_session(4);
    client.close_session(99);
    let closed = |node: &FakeNode| -> Vec<u64> {
        let closing = |seen: &common::Seen| matches!(seen.envelope.request, Request::CloseSession);
        node.seen().iter().filter(|seen| closing(seen)).map(|seen| seen.envelope.session).collect()
    };
    let closed: Vec<_> = nodes.iter().map(closed).collect();
    assert_eq!(closed, [vec![], vec![4], vec![4]]);
    assert_eq!(client.used_nodes(), [NodeId(1)]);
}

#[test]
fn a_session_is_noted_where_its_answer_was_lost() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let _node = FakeNode::start_in(&paths[0], 0, members(&paths), |_| Act::Close);
    let client = client(&[&paths[0]]);
    assert_eq!(code(client.call(Route::Any, 3, &generate())), ReturnCode::DEVICE_ERROR);
    assert_eq!(client.used_nodes_for_session(3), [NodeId(0)]);
}

#[test]
fn new_members_are_followed_and_old_ones_left() {
    let dir = tempfile::tempdir().unwrap();
    let paths = paths(&dir);
    let nodes = start(&paths);
    nodes[0].set_info(members(&paths[..1]));
    let client = client(&[&paths[0]]);
    for _ in 0..64 {
        client.call(Route::Any, 0, &random()).unwrap();
    }
    assert_eq!(nodes[1].connections(), 0);
    nodes[0].set_info(members(&paths));
    for _ in 0..192 {
        client.call(Route::Any, 0, &random()).unwrap();
    }
    assert!(nodes.iter().all(|node| node.connections() > 0));

    let mut info = members(&paths[..2]);
    info.epoch = 9;
    nodes.iter().for_each(|node| node.set_info(info.clone()));
    client.call(Route::Any, 0, &random()).unwrap();
    until(|| nodes[2].open() == 0);
}
