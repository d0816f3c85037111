//! Changes: shared flushes, conflicts, handles.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use parking_lot::Mutex;
use strongroom_model::ReturnCode;
use strongroom_node::state::{Change, CommitError, Counted, Demand, Expect, Key, Record, Revocation};
use strongroom_wire::InstanceId;

use super::{Fixture, content, empty, revisions, set_user, user, user_key};
use crate::Cluster;

#[test]
fn threads_that_come_together_share_flushes() {
    const THREADS: usize = 16;
    const EACH: usize = 10;
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let before = fixture.store.commits.load(Ordering::Relaxed);
    let first = cluster.info().revision;
    *fixture.store.delay.lock() = Duration::from_millis(5);

    let seen = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (cluster, seen) = (&cluster, &seen);
            scope.spawn(move || {
                for n in 0..EACH {
                    let change = set_user(&format!("u{thread}-{n}"), Expect::Absent);
                    let revision = cluster.ledger.commit(change).unwrap();
                    assert!(cluster.nodes().iter().all(|node| node.revision() >= revision));
                    seen.lock().push(revision);
                }
            });
        }
    });

    let total = (THREADS * EACH) as u64;
    let mut seen = seen.into_inner();
    seen.sort_unstable();
    assert_eq!(seen, (first + 1..=first + total).collect::<Vec<_>>());
    assert_eq!(revisions(&cluster), vec![first + total; 3]);
    // At best a sixteenth of them; the rest leaves room for a machine that is busy.
    let flushes = fixture.store.commits.load(Ordering::Relaxed) - before;
    assert!(flushes <= THREADS * EACH / 4, "{flushes} flushes for {total} changes");
}

#[test]
fn a_change_that_builds_on_something_else_conflicts_whole() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let commit = |change| cluster.ledger.commit(change);
    let revision = commit(set_user("a", Expect::Absent)).unwrap();
    let before = content(&cluster);

    for wrong in [Expect::Absent, Expect::Version(revision - 1), Expect::Version(revision + 1)] {
        let change = set_user("b", Expect::Absent).and(user_key("a"), wrong, user(2));
        assert!(matches!(commit(change), Err(CommitError::Conflict)), "{wrong:?}");
    }
    assert!(matches!(commit(set_user("b", Expect::Version(1))), Err(CommitError::Conflict)));
    assert_eq!(content(&cluster), before);

    let second = commit(set_user("a", Expect::Version(revision))).unwrap();
    assert_eq!(second, revision + 1);
    commit(set_user("a", Expect::Anything)).unwrap();
    commit(Change::of(user_key("a"), Expect::Version(second + 1), None)).unwrap();
    commit(set_user("a", Expect::Absent)).unwrap();
    assert_eq!(commit(Change::default()).unwrap(), cluster.info().revision);
}

#[test]
fn what_a_change_only_looks_at_must_be_so_too() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let commit = |change| cluster.ledger.commit(change);
    let revision = commit(set_user("a", Expect::Absent)).unwrap();
    let before = content(&cluster);
    for (name, wrong) in [
        ("a", Expect::Absent),
        ("a", Expect::Version(revision + 1)),
        ("c", Expect::Present),
        ("c", Expect::Version(revision)),
    ] {
        let change = set_user("b", Expect::Absent).given(user_key(name), wrong);
        assert!(matches!(commit(change), Err(CommitError::Conflict)), "{name} {wrong:?}");
    }
    let one_user = Demand::AtMost(Counted::Users, 1);
    for demand in [one_user.clone(), Demand::NothingBut(user_key("b"))] {
        let change = set_user("b", Expect::Absent).demanding(demand.clone());
        assert!(matches!(commit(change), Err(CommitError::Conflict)), "{demand:?}");
    }
    assert_eq!(content(&cluster), before);

    let met = set_user("b", Expect::Absent)
        .and(user_key("a"), Expect::Version(revision), None)
        .given(user_key("a"), Expect::Present)
        .given(user_key("c"), Expect::Absent)
        .demanding(one_user)
        .demanding(Demand::NothingBut(user_key("b")))
        .demanding(Demand::NothingOf("a".parse().unwrap()));
    commit(met).unwrap();
    let left: Vec<_> = cluster.ledger.read(|state| state.keys().filter(|key| *key != Key::Policy).collect());
    assert_eq!(left, [user_key("b")]);
}

#[test]
fn demands_are_made_of_what_is_committed_together_too() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    *fixture.store.delay.lock() = Duration::from_millis(2);
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|number| {
                let change = set_user(&format!("u{number}"), Expect::Absent);
                let change = change.demanding(Demand::AtMost(Counted::Users, 5));
                scope.spawn(|| usize::from(cluster.ledger.commit(change).is_ok()))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    let users = cluster.ledger.read(|state| state.keys().filter(|key| *key != Key::Policy).count());
    assert_eq!((won, users), (5, 5));
}

#[test]
fn later_changes_of_a_group_see_the_earlier_ones() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    *fixture.store.delay.lock() = Duration::from_millis(1);
    for round in 0..20 {
        let name = format!("u{round}");
        let wins: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    let change = set_user(&name, Expect::Absent);
                    scope.spawn(|| match cluster.ledger.commit(change) {
                        Ok(_) => 1,
                        Err(CommitError::Conflict) => 0,
                        Err(CommitError::Failed(error)) => panic!("{error}"),
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(wins, 1);
    }
    let revision = cluster.info().revision;
    assert_eq!(revisions(&cluster), vec![revision; 3]);
    let expected = content(&cluster);
    drop(cluster);
    assert_eq!(content(&fixture.open().unwrap()), expected);
}

#[test]
fn handles_never_come_back() {
    let fixture = Fixture::new();
    let mut seen = HashSet::new();
    let mut cluster = fixture.create(&empty()).unwrap();
    for round in 0..4 {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let count = super::super::ledger::HANDLE_BLOCK / 2 + round;
                        (0..count).map(|_| cluster.ledger.fresh_handle().unwrap()).collect::<Vec<_>>()
                    })
                })
                .collect();
            for handle in threads.into_iter().flat_map(|thread| thread.join().unwrap()) {
                assert!(handle.0 > 0 && seen.insert(handle), "{handle} came twice");
            }
        });
        // As after a SIGKILL: nothing is told to the store at the end.
        drop(cluster);
        cluster = fixture.open().unwrap();
    }
    // A handle that can't be reserved isn't given out.
    fixture.store.memory.set_full(true);
    let last = (0..).find_map(|_| match cluster.ledger.fresh_handle() {
        Ok(handle) => (!seen.insert(handle)).then_some(ReturnCode::OK),
        Err(error) => Some(error.code),
    });
    assert_eq!(last, Some(ReturnCode::DEVICE_MEMORY));
}

#[test]
fn expired_logouts_go_with_a_later_change() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let logout = |instance: u8, expires| {
        let key = Key::Revocation(InstanceId([instance; 16]));
        Change::of(key, Expect::Anything, Some(Record::Revocation(Revocation { expires })))
    };
    cluster.ledger.commit(logout(1, 100)).unwrap();
    cluster.ledger.commit(logout(2, 1_000_000)).unwrap();
    let has = |cluster: &Cluster, instance: u8| {
        let key = Key::Revocation(InstanceId([instance; 16]));
        cluster.ledger.read(|state| state.version(&key)).is_some()
    };
    cluster.ledger.commit(set_user("a", Expect::Absent)).unwrap();
    assert!(has(&cluster, 1) && has(&cluster, 2));

    fixture.clock.0.store(5000, Ordering::Relaxed);
    cluster.ledger.commit(set_user("b", Expect::Absent)).unwrap();
    assert!(!has(&cluster, 1) && has(&cluster, 2));
    let expected = content(&cluster);
    drop(cluster);
    assert_eq!(content(&fixture.open().unwrap()), expected);
}
