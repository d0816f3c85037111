//! Logins: tickets on every connection, their renewal and their end.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Act, FakeNode, client, code, login, obedient, random, refused, sign, ticket};
use strongroom_client::Route;
use strongroom_model::{Blob, ReturnCode, Role};
use strongroom_wire::{Reply, Request, Response, Standing};

/// What came along with each request.
fn attached(node: &FakeNode) -> Vec<Option<String>> {
    node.seen().iter().map(common::Seen::attach).collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_ticket_is_presented_once_on_each_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    client.call(Route::Any, 0, &random()).unwrap();
    assert_eq!(client.identity(), None);
    client.login(5, login()).unwrap();
    assert_eq!(client.identity(), Some(Role::CryptoUser));
    for _ in 0..2 {
        client.call(Route::Any, 0, &random()).unwrap();
    }
    assert_eq!(attached(&node), [None, None, some("first"), None]);
    node.cut();
    client.call(Route::Any, 0, &random()).unwrap();
    assert_eq!(attached(&node)[4], some("first"));
    assert_eq!(node.seen()[1].envelope.session, 5);
}

#[test]
fn a_login_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    client.login(0, login()).unwrap();
    drop(node);
    let node = FakeNode::start(&path, 0, obedient);
    client.call(Route::Any, 0, &random()).unwrap();
    assert_eq!(attached(&node), [some("first")]);
}

#[test]
fn after_a_logout_connections_speak_for_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    assert_eq!(client.logout().unwrap_err().code, ReturnCode::USER_NOT_LOGGED_IN);
    client.login(0, login()).unwrap();
    client.logout().unwrap();
    assert_eq!(client.identity(), None);
    client.call(Route::Any, 0, &random()).unwrap();
    client.call(Route::Any, 0, &random()).unwrap();
    let seen = node.seen();
    assert!(matches!(seen[1].envelope.request, Request::Logout));
    assert_eq!(attached(&node)[1..], [some("first"), some(""), None]);

    client.login(0, login()).unwrap();
    client.forget();
    assert_eq!(client.identity(), None);
    client.call(Route::Any, 0, &random()).unwrap();
    assert_eq!(attached(&node)[5], some(""));
}

#[test]
fn a_logout_needs_no_node() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    client.login(0, login()).unwrap();
    drop(node);
    let begun = std::time::Instant::now();
    client.logout().unwrap();
    assert_eq!(client.identity(), None);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_refused_ticket_ends_the_login_and_the_answer_is_passed_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |seen| match seen.envelope.request {
        Request::Login(_) => obedient(seen),
        Request::Sign { .. } => reply(true, Err(ReturnCode::USER_NOT_LOGGED_IN.into())),
        _ => reply(false, Ok(Response::Done)),
    });
    let client = client(&[&path]);
    client.login(0, login()).unwrap();
    assert_eq!(code(client.call(Route::Any, 0, &sign(b"x"))), ReturnCode::USER_NOT_LOGGED_IN);
    assert_eq!(client.identity(), None);
    client.call(Route::Any, 0, &random()).unwrap();
    assert_eq!(attached(&node), [None, some("first"), None]);
}

fn reply(detached: bool, result: strongroom_model::Result<Response>) -> Act {
    Act::Reply(Reply { revision: 1, epoch: 0, detached, standing: Standing::Current, result })
}

#[test]
fn a_connection_that_is_no_longer_believed_presents_the_ticket_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |seen| match seen.envelope.request {
        Request::Sign { .. } if seen.envelope.attach.is_none() => refused(ReturnCode::USER_NOT_LOGGED_IN),
        _ => obedient(seen),
    });
    let client = client(&[&path]);
    client.login(0, login()).unwrap();
    for _ in 0..3 {
        client.call(Route::Any, 0, &sign(b"x")).unwrap();
    }
    assert_eq!(client.identity(), Some(Role::CryptoUser));
    let first = some("first");
    assert_eq!(attached(&node), [None, first.clone(), None, first.clone(), None, first]);
}

#[test]
fn who_is_not_logged_in_is_told_so_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |_| refused(ReturnCode::USER_NOT_LOGGED_IN));
    assert_eq!(code(client(&[&path]).call(Route::Any, 0, &sign(b"x"))), ReturnCode::USER_NOT_LOGGED_IN);
    assert_eq!(node.seen().len(), 1);
}

#[test]
fn a_wrong_password_leaves_things_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let wrong = AtomicBool::new(true);
    let _node = FakeNode::start(&path, 0, move |seen| {
        if wrong.swap(false, Ordering::SeqCst) { refused(ReturnCode::PIN_INCORRECT) } else { obedient(seen) }
    });
    let client = client(&[&path]);
    assert_eq!(client.login(0, login()).unwrap_err().code, ReturnCode::PIN_INCORRECT);
    assert_eq!(client.identity(), None);
    client.login(0, login()).unwrap();
    assert_eq!(client.identity(), Some(Role::CryptoUser));
}

#[test]
fn a_ticket_is_renewed_at_half_its_life() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, |seen| match seen.envelope.request {
        Request::Login(_) => Act::Answer(Ok(Response::Ticket(ticket("short", 3)))),
        _ => obedient(seen),
    });
    let client = client(&[&path]);
    client.login(0, login()).unwrap();
    client.call(Route::Any, 0, &random()).unwrap();
    std::thread::sleep(Duration::from_millis(1600));
    for _ in 0..3 {
        client.call(Route::Any, 0, &random()).unwrap();
    }
    let seen = node.seen();
    let renewals = seen.iter().filter(|seen| matches!(seen.envelope.request, Request::Renew)).count();
    assert_eq!(renewals, 1);
    assert_eq!(attached(&node), [None, some("short"), None, some("renewed"), None, None]);
}

#[test]
fn a_changed_password_keeps_its_user_logged_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, obedient);
    let client = client(&[&path]);
    client.set_pin(0, login(), Blob::from(*b"fresh")).unwrap();
    assert_eq!(client.identity(), None);
    client.login(0, login()).unwrap();
    client.set_pin(0, login(), Blob::from(*b"newer")).unwrap();
    assert_eq!(client.identity(), Some(Role::CryptoUser));
    let mut other = login();
    other.user = Some("other".parse().unwrap());
    client.set_pin(0, other, Blob::from(*b"newer")).unwrap();

    let logins: Vec<_> = node
        .seen()
        .into_iter()
        .filter_map(|seen| match seen.envelope.request {
            Request::Login(login) => Some(login.password),
            _ => None,
        })
        .collect();
    assert_eq!(logins, [Blob::from(*b"secret"), Blob::from(*b"newer")]);
}
