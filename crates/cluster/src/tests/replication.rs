//! Nodes that are cut off, and catch up.

use strongroom_model::{NodeId, Profile, ReturnCode, Role};
use strongroom_node::state::{Change, CommitError, Expect, Key, Port, Record, Replica, Update, Written};

use super::{Fixture, ONE, ZERO, all_equal, content, empty, epoch, port, set_user, user, user_key, write};
use crate::{Cluster, CreateOptions};

/// Users stay behind here.
fn cloudhsm() -> CreateOptions {
    CreateOptions { profile: Profile::CloudHsm, ..empty() }
}

fn write_policy(cluster: &Cluster) {
    let (_, policy) = cluster.ledger.read(|state| state.get(&Key::Policy)).unwrap();
    cluster.ledger.commit(Change::of(Key::Policy, Expect::Anything, Some(policy))).unwrap();
}

#[test]
fn a_node_that_was_cut_off_catches_up_in_everything() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    write(&cluster, "kept", 1);
    write(&cluster, "gone", 1);
    for most in [65_536, 0] {
        cluster.ledger.book.lock().history.shorten(most);
        let before = cluster.nodes()[1].revision();
        cluster.cut(ONE).unwrap();
        assert_eq!((cluster.ledger.reachable(), port(&cluster, ONE).is_connected()), (1, false));
        write(&cluster, "kept", 2);
        write(&cluster, "new", 1);
        cluster.ledger.commit(Change::of(user_key("gone"), Expect::Anything, None)).unwrap();
        assert_eq!(cluster.nodes()[1].revision(), before);
        assert_eq!(epoch(&cluster, ONE, "kept"), Some(1));

        cluster.heal(ONE).unwrap();
        assert!(all_equal(&cluster) && cluster.ledger.reachable() == 2);
        assert_eq!((epoch(&cluster, ONE, "kept"), epoch(&cluster, ONE, "gone")), (Some(2), None));
        write(&cluster, "kept", 1);
        write(&cluster, "gone", 1);
        assert!(all_equal(&cluster));
    }
}

#[test]
fn a_node_that_is_cut_off_gets_nothing_committed() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let (cut, well) = (port(&cluster, ONE), port(&cluster, ZERO));
    cluster.cut(ONE).unwrap();
    let before = content(&cluster);
    let Err(CommitError::Failed(error)) = cut.commit(set_user("a", Expect::Absent)) else {
        panic!("it was committed, or conflicts");
    };
    assert_eq!(error.code, ReturnCode::DEVICE_ERROR);
    assert!(error.message.contains("node 1 of cluster default is cut off"), "{}", error.message);
    assert!(cut.fresh_handle().is_err() && well.fresh_handle().is_ok());
    assert_eq!(content(&cluster), before);
    well.commit(set_user("a", Expect::Absent)).unwrap();

    cluster.heal(ONE).unwrap();
    cut.commit(set_user("b", Expect::Absent)).unwrap();
    assert!(all_equal(&cluster));
}

#[test]
fn under_cloudhsm_users_and_the_policy_stay_behind_until_they_are_replicated() {
    let fixture = Fixture::new();
    let mut cluster = fixture.create(&cloudhsm()).unwrap();
    for name in ["changed", "deleted", "other"] {
        write(&cluster, name, 1);
    }
    cluster.cut(ONE).unwrap();
    write(&cluster, "changed", 2);
    write(&cluster, "changed", 3);
    write(&cluster, "made", 1);
    write(&cluster, "other", 2);
    write_policy(&cluster);
    cluster.ledger.commit(Change::of(user_key("deleted"), Expect::Anything, None)).unwrap();
    let counted = Key::Failures(ONE, Role::CryptoUser, "changed".parse().unwrap());
    cluster.ledger.commit(Change::of(counted.clone(), Expect::Absent, Some(Record::Failures(1)))).unwrap();

    let stays_behind = |cluster: &Cluster| {
        let names = ["changed", "deleted", "other", "made"];
        assert_eq!(names.map(|name| epoch(cluster, ONE, name)), [Some(1), Some(1), Some(1), None]);
        assert_eq!(names.map(|name| epoch(cluster, ZERO, name)), [Some(3), None, Some(2), Some(1)]);
        assert_eq!((cluster.ledger.reachable(), cluster.node_status(ONE).unwrap().lags), (2, 5));
        // What nodes count, keys and all else catch up by themselves.
        assert!(cluster.nodes()[1].read(|state| state.version(&counted)).is_some());
    };
    cluster.heal(ONE).unwrap();
    stays_behind(&cluster);
    cluster.stop_node(ONE).unwrap();
    cluster.start_node(ONE).unwrap();
    stays_behind(&cluster);
    drop(cluster);
    cluster = fixture.open().unwrap();
    stays_behind(&cluster);

    // Another node that joins has everything.
    let third = cluster.add_node().unwrap();
    assert_eq!(
        third.read(|state| state.version(&user_key("changed"))),
        cluster.ledger.read(|state| state.version(&user_key("changed")))
    );

    // A change that reaches the node brings the whole record.
    write(&cluster, "other", 4);
    assert_eq!(epoch(&cluster, ONE, "other"), Some(4));

    let replicate = |name: &str| cluster.ledger.replicate_user(Role::CryptoUser, &name.parse().unwrap());
    assert_eq!(replicate("nobody").unwrap_err().code, ReturnCode::ARGUMENTS_BAD);
    cluster.cut(ONE).unwrap();
    let refused = replicate("changed").unwrap_err();
    assert_eq!(refused.code, ReturnCode::DEVICE_ERROR);
    assert!(refused.message.contains("node 1 of cluster default can't be reached"), "{}", refused.message);
    cluster.heal(ONE).unwrap();
    replicate("changed").unwrap();
    assert_eq!((epoch(&cluster, ONE, "changed"), epoch(&cluster, ONE, "deleted")), (Some(3), Some(1)));
    replicate("deleted").unwrap();
    replicate("made").unwrap();
    replicate("made").unwrap();
    assert_eq!((epoch(&cluster, ONE, "deleted"), epoch(&cluster, ONE, "made")), (None, Some(1)));
    assert_eq!(cluster.node_status(ONE).unwrap().lags, 0);
    drop(third);
    drop(cluster);
    assert!(all_equal(&fixture.open().unwrap()));
}

#[test]
fn replicating_for_one_node_brings_nothing_to_another() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&CreateOptions { nodes: 3, ..cloudhsm() }).unwrap();
    write(&cluster, "a", 1);
    write(&cluster, "b", 1);
    cluster.cut(ONE).unwrap();
    cluster.cut(NodeId(2)).unwrap();
    write(&cluster, "a", 2);
    write(&cluster, "b", 2);
    cluster.heal(ONE).unwrap();
    cluster.heal(NodeId(2)).unwrap();
    // Removing a node ends its notes, which is no news to the others.
    cluster.remove_node(ONE).unwrap();
    assert_eq!((epoch(&cluster, NodeId(2), "a"), epoch(&cluster, NodeId(2), "b")), (Some(1), Some(1)));
    cluster.ledger.replicate_user(Role::CryptoUser, &"a".parse().unwrap()).unwrap();
    assert_eq!((epoch(&cluster, NodeId(2), "a"), epoch(&cluster, NodeId(2), "b")), (Some(2), Some(1)));
}

#[test]
fn a_change_that_builds_on_an_outdated_record_says_so() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&cloudhsm()).unwrap();
    write(&cluster, "a", 1);
    cluster.cut(ONE).unwrap();
    write(&cluster, "a", 2);
    cluster.heal(ONE).unwrap();
    let old = cluster.nodes()[1].read(|state| state.version(&user_key("a"))).unwrap();
    let Err(CommitError::Failed(error)) = port(&cluster, ONE).commit(set_user("a", Expect::Version(old)))
    else {
        panic!("it was committed, or would be tried again for ever");
    };
    assert_eq!(error.code, ReturnCode::FUNCTION_FAILED);
    assert!(
        error.message.contains("crypto-user a") && error.message.contains("replicate"),
        "{}",
        error.message
    );
    // On a node that has it, it's an ordinary conflict.
    let conflict = port(&cluster, ZERO).commit(set_user("a", Expect::Version(old)));
    assert!(matches!(conflict, Err(CommitError::Conflict)));
}

#[test]
fn messages_that_are_old_late_or_wrong_change_nothing() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    write(&cluster, "a", 1);
    let node = &cluster.nodes()[0];
    let head = node.revision();
    let written = |key, version, record| Written { key, version, record };
    let harmless = [
        Update { base: Some(head - 1), to: head, writes: vec![written(user_key("a"), head, None)] },
        Update { base: None, to: head, writes: Vec::new() },
        Update { base: None, to: 1, writes: Vec::new() },
        Update { base: Some(head + 1), to: head + 2, writes: vec![written(user_key("a"), head + 2, None)] },
        Update { base: Some(head), to: head + 1, writes: vec![written(Key::Policy, head + 1, user(1))] },
        Update { base: Some(head + 9), to: head, writes: vec![written(user_key("a"), head, None)] },
    ];
    for update in harmless {
        assert_eq!(node.receive(&update), head, "{update:?}");
        assert!(all_equal(&cluster));
    }
    assert_eq!(cluster.ledger.read(Replica::revision), head);
}
