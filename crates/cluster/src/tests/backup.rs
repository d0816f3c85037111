//! Backups: what comes back, and what is refused.

use std::sync::Arc;

use strongroom_model::{Blob, HsmType, NodeId, Role, Variant};
use strongroom_node::state::{Change, Expect, Key, Record};
use strongroom_store::Fault;

use super::{Fixture, HandClock, TestStore, content, empty, options, user, user_key};
use crate::{Backup, BackupRoots, Cluster, ClusterError, RestoreOptions};

fn roots(maker: u8, service: u8) -> BackupRoots {
    BackupRoots::new(&Blob::from([maker; 32]), &Blob::from([service; 32]))
}

fn named(name: &str) -> RestoreOptions {
    RestoreOptions { name: name.to_owned(), nodes: 3, first_node: 0, variant: None }
}

fn restore(fixture: &Fixture, backup: &Backup, options: &RestoreOptions) -> Result<Cluster, ClusterError> {
    Cluster::restore(
        Arc::<TestStore>::clone(&fixture.store),
        backup,
        options,
        &fixture.root,
        Arc::<HandClock>::clone(&fixture.clock),
    )
}

fn refusal(image: &[u8], by: &BackupRoots) -> String {
    match Backup::read(by, image) {
        Err(ClusterError::Backup(why)) => why,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was read"),
    }
}

fn epoch(cluster: &Cluster, name: &str) -> u64 {
    match cluster.ledger.read(|state| state.get(&user_key(name))).unwrap().1 {
        Record::User(user) => user.epoch,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_restored_cluster_has_everything_and_its_own_life() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&options()).unwrap();
    let handle = cluster.ledger.fresh_handle().unwrap();
    let failures = Key::Failures(NodeId(1), Role::CryptoUser, "app".parse().unwrap());
    let change = Change::of(user_key("ben"), Expect::Absent, user(7));
    cluster.ledger.commit(change.and(failures, Expect::Absent, Some(Record::Failures(4)))).unwrap();

    let image = cluster.back_up(&roots(1, 2), "backup-one", 99).unwrap();
    cluster.ledger.commit(Change::of(user_key("late"), Expect::Absent, user(8))).unwrap();
    let backup = Backup::read(&roots(1, 2), &image).unwrap();
    let header = backup.header();
    assert_eq!((header.id.as_str(), header.created), ("backup-one", 99));
    assert_eq!(header.serial, cluster.info().serial);
    assert_eq!((backup.summary().users, backup.summary().objects), (3, 0));

    let elsewhere = Fixture::new();
    let clone = restore(&elsewhere, &backup, &named("clone")).unwrap();
    assert_eq!((clone.name(), clone.info().label.as_str(), clone.nodes().len()), ("clone", "default", 3));
    assert_ne!(clone.info().serial, cluster.info().serial);
    let keys: Vec<_> = content(&clone).into_iter().map(|(key, _)| key).collect();
    assert!(keys.contains(&user_key("ben")) && !keys.contains(&user_key("late")));
    // A count of wrong passwords isn't lost by way of a backup: every node goes on from the highest.
    for node in 0..3 {
        assert!(keys.contains(&Key::Failures(NodeId(node), Role::CryptoUser, "app".parse().unwrap())));
    }
    // Logins of the old cluster are void in the new one, and its handles go on.
    assert_ne!(epoch(&clone, "ben"), 7);
    assert!(clone.ledger.fresh_handle().unwrap() > handle);

    let expected = content(&clone);
    drop(clone);
    assert_eq!(content(&elsewhere.open().unwrap()), expected);
    assert!(matches!(restore(&elsewhere, &backup, &named("clone")), Err(ClusterError::Exists)));
    assert_eq!(content(&elsewhere.open().unwrap()), expected);
}

#[test]
fn an_image_that_was_touched_is_refused_byte_by_byte_and_length_by_length() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let image = cluster.back_up(&roots(1, 2), "backup-one", 99).unwrap();
    Backup::read(&roots(1, 2), &image).unwrap();
    for at in 0..image.len() {
        for bit in [1, 0x80] {
            let mut touched = image.clone();
            touched[at] ^= bit;
            refusal(&touched, &roots(1, 2));
        }
        refusal(&image[..at], &roots(1, 2));
    }
    refusal(&[image.as_slice(), &[0]].concat(), &roots(1, 2));
    assert!(refusal(b"not a backup at all", &roots(1, 2)).contains("isn't a backup"));
    let mut old = image.clone();
    old[16] = 0;
    assert!(refusal(&old, &roots(1, 2)).contains("format 0"));
    for other in [roots(9, 2), roots(1, 9), roots(2, 1)] {
        assert!(refusal(&image, &other).contains("other roots"));
    }
}

#[test]
fn an_image_tells_nothing_and_is_never_the_same_twice() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&options()).unwrap();
    let first = cluster.back_up(&roots(1, 2), "backup-x", 1).unwrap();
    let second = cluster.back_up(&roots(1, 2), "backup-x", 1).unwrap();
    assert_ne!(first[first.len() - 64..], second[second.len() - 64..]);
    for word in ["admin", "app", "default", "argon2"] {
        assert!(!first.windows(word.len()).any(|window| window == word.as_bytes()), "{word}");
    }
}

#[test]
fn a_restore_that_was_cut_short_leaves_no_cluster_and_may_be_made_again() {
    let fixture = Fixture::new();
    let backup = {
        let cluster = fixture.create(&options()).unwrap();
        Backup::read(&roots(1, 2), &cluster.back_up(&roots(1, 2), "backup-one", 99).unwrap()).unwrap()
    };
    let elsewhere = Fixture::new();
    // The first commit marks, the second writes.
    elsewhere.store.memory.fail(1, Fault::Full);
    assert!(restore(&elsewhere, &backup, &named("clone")).is_err());
    assert!(matches!(elsewhere.open().err(), Some(ClusterError::Empty)));
    let clone = restore(&elsewhere, &backup, &named("clone")).unwrap();
    assert!(clone.info().initialized);
}

#[test]
fn a_restore_checks_what_it_is_to_make() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&empty()).unwrap();
    let backup = Backup::read(&roots(1, 2), &cluster.back_up(&roots(1, 2), "b", 1).unwrap()).unwrap();
    let elsewhere = Fixture::new();
    for (name, nodes) in [("", 1), ("../x", 1), ("ok", 0), ("ok", 29)] {
        let options = RestoreOptions { name: name.to_owned(), nodes, first_node: 0, variant: None };
        let refused = restore(&elsewhere, &backup, &options).err();
        assert!(matches!(refused, Some(ClusterError::Options(_))), "{name} {nodes}");
    }
    assert!(matches!(elsewhere.open().err(), Some(ClusterError::Empty)));
}

#[test]
fn a_cluster_comes_back_as_another_hsm_with_nodes_of_new_numbers() {
    let fixture = Fixture::new();
    let cluster = fixture.create(&options()).unwrap();
    let newer = Variant { hsm: HsmType::Hsm1, ..Variant::default() };
    assert_ne!(cluster.info().variant, newer);
    cluster.set_variant(newer).unwrap();
    cluster.set_variant(newer).unwrap();
    assert_eq!(cluster.info().variant, newer);
    let image = cluster.back_up(&roots(1, 2), "backup-one", 99).unwrap();
    let backup = Backup::read(&roots(1, 2), &image).unwrap();

    let numbered = RestoreOptions { first_node: 7, variant: Some(Variant::default()), ..named("clone") };
    let elsewhere = Fixture::new();
    let clone = restore(&elsewhere, &backup, &numbered).unwrap();
    assert_eq!(clone.info().variant, Variant::default());
    assert_eq!(clone.members(), [NodeId(7), NodeId(8), NodeId(9)]);
    assert_eq!(clone.add_node().unwrap().id(), NodeId(10));
    let same = restore(&Fixture::new(), &backup, &named("clone")).unwrap();
    assert_eq!(same.info().variant, newer);

    let far = RestoreOptions { first_node: 1022, ..named("clone") };
    let error = restore(&Fixture::new(), &backup, &far).err().unwrap().to_string();
    assert!(error.contains("under another name"), "{error}");
}
