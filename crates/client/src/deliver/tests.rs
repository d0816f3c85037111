use std::sync::Mutex;

use super::common::{FakeNode, client, generate, obedient, random, until};
use super::*;

#[test]
fn a_descriptor_that_the_host_took_over_is_neither_used_nor_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    client.call(Route::Any, 0, &random()).unwrap();
    let link = Arc::clone(&client.state.read().links[0]);
    let mut conn = link.take().unwrap();
    conn.estrange();
    link.give(conn);
    client.call(Route::Any, 0, &random()).unwrap();
    let on: Vec<_> = node.seen().iter().map(|seen| seen.conn).collect();
    assert_eq!(on, [0, 1]);
    drop((link, client));
    until(|| node.open() == 1);
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(node.open(), 1, "the stranger's descriptor was closed");
}

#[test]
fn idle_connections_are_few_after_a_burst() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |seen| {
        std::thread::sleep(Duration::from_millis(100));
        obedient(seen)
    });
    let client = client(&[&path]);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| client.call(Route::Any, 0, &generate()).unwrap());
        }
    });
    assert!(node.connections() > 64);
    until(|| node.open() == 64);
}

#[test]
fn the_host_hears_of_a_node_that_goes_and_comes() {
    static HEARD: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let log = |_, message: &str| HEARD.lock().unwrap().push(message.to_owned());
    let client = client(&[&path]).log_to(log);
    client.call(Route::Any, 0, &random()).unwrap();
    drop(node);
    client.probe().unwrap_err();
    client.probe().unwrap_err();
    let _node = FakeNode::start(&path, 0, obedient);
    client.call(Route::Any, 0, &random()).unwrap();
    let heard = HEARD.lock().unwrap();
    assert!(heard[0].contains("node 0 at") && heard[0].contains("can't be reached"), "{heard:?}");
    assert!(heard[1].ends_with("is back"), "{heard:?}");
    assert_eq!(heard.len(), 2);
}
