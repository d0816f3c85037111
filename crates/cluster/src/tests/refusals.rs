//! Changes that aren't committed: a store that refuses or fails, sizes, bugs.

use std::sync::Arc;
use std::time::Duration;

use strongroom_model::{Handle, ReturnCode, limits};
use strongroom_node::state::{Change, Expect, Key, Record, User};
use strongroom_store::Fault;

use super::{Fixture, code, content, empty, revisions, set_user, user, user_key};

#[test]
fn a_full_store_refuses_and_goes_on_when_there_is_space() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    cluster.ledger.commit(set_user("a", Expect::Absent)).unwrap();
    let before = (content(&cluster), revisions(&cluster));

    fixture.store.memory.set_full(true);
    let refused = cluster.ledger.commit(set_user("b", Expect::Absent)).unwrap_err();
    assert_eq!(code(refused), ReturnCode::DEVICE_MEMORY);
    assert_eq!((content(&cluster), revisions(&cluster)), before);

    fixture.store.memory.set_full(false);
    cluster.ledger.commit(set_user("b", Expect::Absent)).unwrap();
    let expected = content(&cluster);
    drop(cluster);
    assert_eq!(content(&fixture.open().unwrap()), expected);
}

#[test]
fn a_failed_flush_leaves_no_trace_and_nothing_more_is_taken() {
    for fault in [Fault::Lost, Fault::Unacknowledged] {
        let fixture = Fixture::new();
        let cluster = fixture.create(&empty()).unwrap();
        let before = (content(&cluster), revisions(&cluster));
        fixture.store.memory.fail(0, fault);
        for name in ["a", "b"] {
            let error = cluster.ledger.commit(set_user(name, Expect::Absent)).unwrap_err();
            assert_eq!(code(error), ReturnCode::DEVICE_ERROR);
        }
        assert_eq!((content(&cluster), revisions(&cluster)), before);
        drop(cluster);

        // The disk may have it although nobody was told so; either is a whole state.
        fixture.store.memory.restart();
        let after = content(&fixture.open().unwrap());
        let there = after.iter().any(|(key, _)| *key == user_key("a"));
        assert_eq!(there, fault == Fault::Unacknowledged);
        assert!(!after.iter().any(|(key, _)| *key == user_key("b")));
    }
}

#[test]
fn a_record_that_is_too_large_fails_alone() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let huge = User { password: "x".repeat(600 * 1024), epoch: 0, failures: 0, public_key: None, mfa: false };
    let change = Change::of(user_key("huge"), Expect::Absent, Some(Record::User(Arc::new(huge))));
    assert_eq!(code(cluster.ledger.commit(change).unwrap_err()), ReturnCode::DATA_LEN_RANGE);
    cluster.ledger.commit(set_user("small", Expect::Absent)).unwrap();
}

#[test]
fn the_largest_object_there_may_be_fits() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    // Encodings add some bytes to each attribute; a quarter more is far above what they add.
    let large = User {
        password: "x".repeat(limits::MAX_OBJECT * 5 / 4 - 2048),
        epoch: 0,
        failures: 0,
        public_key: None,
        mfa: false,
    };
    let change = Change::of(user_key("large"), Expect::Absent, Some(Record::User(Arc::new(large))));
    cluster.ledger.commit(change).unwrap();
}

#[test]
fn a_token_with_all_the_objects_there_may_be_can_be_initialised() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let objects = 1..=limits::MAX_TOKEN_OBJECTS as u64;
    let change = objects.fold(set_user("admin", Expect::Absent), |change, number| {
        change.and(Key::Object(Handle(number)), Expect::Anything, None)
    });
    cluster.ledger.commit(change).unwrap();
    assert_eq!(revisions(&cluster), vec![3; 3]);
}

#[test]
fn a_record_of_the_wrong_kind_is_refused() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let change = Change::of(Key::Policy, Expect::Anything, user(1));
    assert_eq!(code(cluster.ledger.commit(change).unwrap_err()), ReturnCode::GENERAL_ERROR);
    assert!(fixture.open().is_ok());
}

#[test]
fn nobody_waits_for_ever_when_the_leader_panics() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    *fixture.store.delay.lock() = Duration::from_millis(20);
    *fixture.store.panics.lock() = true;
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|n| {
                let change = set_user(&format!("u{n}"), Expect::Absent);
                scope.spawn(|| cluster.ledger.commit(change))
            })
            .collect();
        threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    assert!(outcomes.iter().any(Result::is_err), "the leader panicked");
    for outcome in outcomes.into_iter().flatten() {
        assert_eq!(code(outcome.unwrap_err()), ReturnCode::DEVICE_ERROR);
    }
    *fixture.store.panics.lock() = false;
    let later = cluster.ledger.commit(set_user("later", Expect::Absent)).unwrap_err();
    assert_eq!(code(later), ReturnCode::DEVICE_ERROR);
    drop(cluster);
    fixture.open().unwrap().ledger.commit(set_user("later", Expect::Absent)).unwrap();
}
