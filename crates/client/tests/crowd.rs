//! Calls that go to a node together: more callers than cores.

mod common;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use common::{Act, FakeNode, client, config, generate, login, obedient, refused, sign, until};
use strongroom_client::{Client, ClusterConfig, Retry, Route};
use strongroom_model::{Blob, ReturnCode};
use strongroom_wire::{Attach, Request, Response};

/// How many calls are in flight at most before some go together.
fn few() -> usize {
    2 * cores()
}

/// How many cores this process may use; each has a lane.
fn cores() -> usize {
    rustix::thread::sched_getaffinity(None).unwrap().count() as usize
}

/// Signs on so many threads, as often, and checks that each gets its own answer.
fn sign_at_once(client: &Client, callers: usize, times: usize) {
    let together = Barrier::new(callers);
    std::thread::scope(|scope| {
        for caller in 0..callers {
            let together = &together;
            scope.spawn(move || {
                together.wait();
                for time in 0..times {
                    let data = [caller.to_le_bytes(), time.to_le_bytes()].concat();
                    match client.call(Route::Any, caller as u64, &sign(&data)).unwrap() {
                        Response::Bytes(bytes) => assert_eq!(bytes, Blob::from(data.as_slice())),
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
    });
}

fn slow(seen: &common::Seen) -> Act {
    std::thread::sleep(Duration::from_millis(1));
    obedient(seen)
}

#[test]
fn what_takes_long_or_leaves_something_does_not_go_with_others() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let callers = few() + 4 * cores();
    let (at_once, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let seen_at_once = Arc::clone(&most);
    let _node = FakeNode::start(&path, 0, move |seen| {
        let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
        seen_at_once.fetch_max(now, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(100));
        at_once.fetch_sub(1, Ordering::SeqCst);
        obedient(seen)
    });
    let client = client(&[&path]);
    std::thread::scope(|scope| {
        for _ in 0..callers {
            scope.spawn(|| client.call(Route::Any, 0, &generate()).unwrap());
        }
    });
    assert!(most.load(Ordering::SeqCst) > few() + cores(), "{most:?}");
}

#[test]
fn calls_whose_connection_breaks_are_repeated_each_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let requests = Arc::new(AtomicUsize::new(0));
    let of_node = Arc::clone(&requests);
    let node = FakeNode::start(&path, 0, move |seen| {
        if of_node.fetch_add(1, Ordering::SeqCst) == 50 { Act::Close } else { obedient(seen) }
    });
    let (client, callers) = (client(&[&path]), few() + 8 * cores());
    for round in 1..=10 {
        requests.store(0, Ordering::SeqCst);
        sign_at_once(&client, callers, 100 / callers + 5);
        assert!(node.seen().len() > round * callers * (100 / callers + 5));
    }
}

#[test]
fn without_repetition_each_hears_that_its_answer_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let broken = AtomicBool::new(false);
    let node = FakeNode::start(&path, 0, move |seen| {
        std::thread::sleep(Duration::from_millis(20));
        if broken.swap(true, Ordering::SeqCst) { obedient(seen) } else { Act::Close }
    });
    let config = ClusterConfig { retry: Retry::Off, ..config(&[&path]) };
    let client = Client::new(config);
    let results: Vec<_> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..few() + 4 * cores())
            .map(|_| scope.spawn(|| client.call(Route::Any, 0, &sign(b"x")).map(|_| ())))
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let lost = results.iter().filter(|result| result.is_err()).count();
    assert!(lost >= 1, "{results:?}");
    for error in results.into_iter().filter_map(Result::err) {
        assert_eq!(error.code, ReturnCode::DEVICE_ERROR, "{error:?}");
    }
    assert!(node.seen().iter().all(|seen| matches!(seen.envelope.request, Request::Sign { .. })));
}

/// A node that believes connections for some requests only, and a ticket always.
#[test]
fn calls_on_a_connection_that_is_no_longer_believed_present_the_ticket() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let requests = AtomicUsize::new(0);
    let doubted = Arc::new(Mutex::new(BTreeSet::new()));
    let node = FakeNode::start(&path, 0, move |seen| {
        let mut doubted = doubted.lock().unwrap();
        match &seen.envelope.attach {
            Some(Attach::Ticket(_)) => {
                assert_eq!(seen.attach().as_deref(), Some("first"));
                doubted.remove(&seen.conn);
            }
            Some(Attach::Nobody) => panic!("who is logged in speaks for nobody"),
            None if requests.fetch_add(1, Ordering::SeqCst) % 97 == 96 => {
                doubted.insert(seen.conn);
            }
            None => {}
        }
        if doubted.contains(&seen.conn) { refused(ReturnCode::USER_NOT_LOGGED_IN) } else { obedient(seen) }
    });
    let client = client(&[&path]);
    client.login(0, login()).unwrap();
    sign_at_once(&client, few() + 8 * cores(), 50);
    assert!(node.seen().iter().filter(|seen| seen.attach().is_some()).count() > 5);
    assert!(client.identity().is_some());
}

#[test]
fn a_child_forked_while_others_call_goes_on_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, slow);
    let parent = client(&[&path]);
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..few() + 4 * cores() {
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    parent.call(Route::Any, 0, &sign(b"parent")).unwrap();
                }
            });
        }
        until(|| node.seen().len() > 200);
        for _ in 0..5 {
            parent.before_fork();
            let child = parent.fork_child();
            parent.after_fork_parent();
            sign_at_once(&child, few() + 2 * cores(), 5);
        }
        ended.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_crowd_waits_for_a_node_that_is_restarted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("0");
    let node = FakeNode::start(&path, 0, slow);
    let client = client(&[&path]);
    std::thread::scope(|scope| {
        let callers = scope.spawn(|| sign_at_once(&client, few() + 4 * cores(), 40));
        until(|| node.seen().len() > 100);
        drop(node);
        let _node = FakeNode::start(&path, 0, slow);
        callers.join().unwrap();
    });
}
