//! What becomes of a client in a forked child. The child is played by the same process, so that what it
//! would inherit is the very connections.

mod common;

use common::{FakeNode, client, generate, login, obedient, random, until};
use strongroom_client::Route;
use strongroom_model::{NodeId, ReturnCode, Role};
use strongroom_wire::Request;

#[test]
fn a_child_is_an_instance_of_its_own_in_the_same_family() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let parent = client(&[&path]);
    parent.login(0, login()).unwrap();
    parent.call(Route::Any, 3, &generate()).unwrap();
    parent.before_fork();
    let child = parent.fork_child();
    parent.after_fork_parent();

    assert_eq!(child.identity(), Some(Role::CryptoUser));
    assert_eq!(child.cluster(), parent.cluster());
    assert_eq!(child.revision(), parent.revision());
    let before = node.seen().len();
    child.call(Route::Any, 3, &random()).unwrap();
    child.call(Route::Any, 3, &random()).unwrap();
    let seen = node.seen();
    // Nothing was said on the connection of the parent.
    assert!(seen[before..].iter().all(|seen| seen.conn == 1));
    let (parents, childs) = (&seen[0].hello, &seen[before].hello);
    assert_ne!(parents.instance, childs.instance);
    assert_eq!((parents.family, childs.family), (parents.instance, parents.instance));
    // The ticket is exchanged first.
    assert!(matches!(seen[before].envelope.request, Request::Renew));
    let attached: Vec<_> = seen[before..].iter().map(common::Seen::attach).collect();
    assert_eq!(attached, [Some("first".to_owned()), Some("renewed".to_owned()), None]);

    let grandchild = child.fork_child();
    grandchild.call(Route::Any, 0, &random()).unwrap();
    let hello = node.seen().pop().unwrap().hello;
    assert_eq!(hello.family, parents.instance);
    assert_ne!(hello.instance, childs.instance);
}

#[test]
fn what_was_inherited_is_closed_when_the_child_has_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let parent = client(&[&path]);
    parent.call(Route::Any, 0, &random()).unwrap();
    let child = parent.fork_child();
    // Were it closed now, the node would drop the family's session objects if the parent has ended.
    drop(parent);
    assert_eq!((node.connections(), node.open()), (1, 1));
    child.call(Route::Any, 0, &random()).unwrap();
    until(|| node.open() == 1);
    assert_eq!(node.connections(), 2);
    assert_eq!(node.seen().iter().filter(|seen| seen.conn == 0).count(), 1);
    drop(child);
    until(|| node.open() == 0);
}

#[test]
fn a_child_that_logs_out_leaves_its_parent_logged_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let parent = client(&[&path]);
    parent.login(0, login()).unwrap();
    let logouts =
        || node.seen().iter().filter(|seen| matches!(seen.envelope.request, Request::Logout)).count();

    let child = parent.fork_child();
    child.logout().unwrap();
    assert_eq!((child.identity(), logouts()), (None, 0));
    assert_eq!(child.logout().unwrap_err().code, ReturnCode::USER_NOT_LOGGED_IN);

    let child = parent.fork_child();
    child.call(Route::Any, 0, &random()).unwrap();
    child.logout().unwrap();
    // It's the ticket of the child that's void now.
    assert_eq!(logouts(), 1);
    let seen = node.seen();
    let [.., before, logout] = seen.as_slice() else { unreachable!() };
    assert_eq!((before.attach(), logout.attach()), (Some("renewed".to_owned()), None));
    assert_eq!(before.conn, logout.conn);
    assert_eq!(parent.identity(), Some(Role::CryptoUser));
}

#[test]
fn a_child_knows_where_its_parent_has_session_objects_but_does_not_close_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let parent = client(&[&path]);
    parent.call(Route::Any, 3, &generate()).unwrap();
    let child = parent.fork_child();
    assert_eq!(child.used_nodes(), [NodeId(0)]);
    child.close_session(3);
    assert_eq!(node.seen().len(), 1);
}

#[test]
fn a_child_waits_for_a_node_that_its_parent_knew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let parent = client(&[&path]);
    parent.call(Route::Any, 0, &random()).unwrap();
    drop(node);
    let child = parent.fork_child();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            let node = FakeNode::start(&path, 0, obedient);
            until(|| !node.seen().is_empty());
        });
        child.call(Route::Any, 0, &random()).unwrap();
    });
}
