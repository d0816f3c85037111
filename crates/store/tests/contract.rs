//! What every store promises, checked on each of them.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use strongroom_store::{
    MAX_COMMIT, MAX_KEY, MAX_VALUE, MemoryStore, SledStore, Snapshot, Store, StoreError, Write,
};

fn put(key: &[u8], value: &[u8]) -> Write {
    Write { key: key.to_vec(), value: Some(value.to_vec()) }
}

fn delete(key: &[u8]) -> Write {
    Write { key: key.to_vec(), value: None }
}

/// Runs a check on a store of each kind.
fn on_each(check: impl Fn(&dyn Store)) {
    check(&MemoryStore::new());
    let home = tempfile::tempdir().unwrap();
    check(&SledStore::open(&home.path().join("store")).unwrap());
}

#[test]
fn a_new_store_is_empty_at_revision_0() {
    on_each(|store| assert_eq!(store.load().unwrap(), Snapshot::default()));
}

#[test]
fn changes_apply_in_order_and_each_counts_as_one_revision() {
    on_each(|store| {
        let changes = [
            vec![put(b"b", b"1"), put(b"a", b"1")],
            vec![put(b"a", b"2"), put(b"c", b"3"), delete(b"never there")],
            vec![],
            vec![delete(b"c"), delete(b"b"), put(b"b", b"4")],
        ];
        assert_eq!(store.commit(0, &changes).unwrap(), 4);
        let expected = [(b"a".to_vec(), b"2".to_vec()), (b"b".to_vec(), b"4".to_vec())];
        assert_eq!(store.load().unwrap(), Snapshot { revision: 4, records: expected.to_vec() });
        assert_eq!(store.commit(4, &[]).unwrap(), 4);
    });
}

#[test]
fn a_commit_on_another_revision_is_a_conflict() {
    on_each(|store| {
        store.commit(0, &[vec![put(b"a", b"1")]]).unwrap();
        for base in [0, 2] {
            let refused = store.commit(base, &[vec![put(b"a", b"2")]]);
            assert!(matches!(refused, Err(StoreError::Conflict { revision: 1, .. })), "{refused:?}");
        }
        assert_eq!(store.load().unwrap().records, [(b"a".to_vec(), b"1".to_vec())]);
    });
}

#[test]
fn what_is_past_a_limit_is_refused_whole() {
    on_each(|store| {
        store.commit(0, &[vec![put(&[7; MAX_KEY], &[1; MAX_VALUE]), put(b"empty", b"")]]).unwrap();
        let many = MAX_COMMIT / MAX_VALUE + 1;
        let too_much: Vec<Write> = (0..many).map(|n| put(&n.to_le_bytes(), &[0; MAX_VALUE])).collect();
        for writes in [
            vec![put(b"fine", b"1"), put(b"big", &[0; MAX_VALUE + 1])],
            vec![put(b"fine", b"1"), put(&[0; MAX_KEY + 1], b"1")],
            vec![put(b"fine", b"1"), put(b"", b"1")],
            too_much,
        ] {
            let refused = store.commit(1, &[writes]);
            assert!(matches!(refused, Err(StoreError::TooLarge { .. })), "{refused:?}");
        }
        let snapshot = store.load().unwrap();
        assert_eq!(snapshot.revision, 1);
        let expected = [([7; MAX_KEY].to_vec(), [1; MAX_VALUE].to_vec()), (b"empty".to_vec(), vec![])];
        assert_eq!(snapshot.records, expected);
    });
}

#[test]
fn a_commit_as_large_as_may_be_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    let each = MAX_VALUE - 8;
    let writes: Vec<Write> =
        (0..MAX_COMMIT / MAX_VALUE).map(|n| put(&n.to_le_bytes(), &vec![n as u8; each])).collect();
    let store = SledStore::open(&dir).unwrap();
    assert_eq!(store.commit(0, std::slice::from_ref(&writes)).unwrap(), 1);
    drop(store);
    let records = SledStore::open(&dir).unwrap().load().unwrap().records;
    assert!(records.into_iter().map(|(key, value)| Write { key, value: Some(value) }).eq(writes));
}

#[test]
fn of_commits_that_compete_one_wins_each_time() {
    on_each(|store| {
        std::thread::scope(|scope| {
            for thread in 0..4u8 {
                scope.spawn(move || {
                    for n in 0..25u8 {
                        let change = [vec![put(&[thread, n], &[n; 100])]];
                        let mut base = 0;
                        while let Err(error) = store.commit(base, &change) {
                            let StoreError::Conflict { revision, .. } = error else { panic!("{error}") };
                            base = revision;
                        }
                    }
                    assert!(store.load().unwrap().records.len() >= 25);
                });
            }
        });
        let snapshot = store.load().unwrap();
        assert_eq!((snapshot.revision, snapshot.records.len()), (100, 100));
    });
}

#[test]
fn random_changes_give_what_a_map_gives_and_survive_closing() {
    let seed = rand::random();
    eprintln!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    let mut store = SledStore::open(&dir).unwrap();
    let mut model = BTreeMap::new();
    let mut revision = 0;
    for round in 0..400 {
        let changes: Vec<Vec<Write>> = (0..rng.random_range(1..4))
            .map(|_| (0..rng.random_range(0..6)).map(|_| random_write(&mut rng)).collect())
            .collect();
        for write in changes.iter().flatten() {
            match &write.value {
                Some(value) => model.insert(write.key.clone(), value.clone()),
                None => model.remove(&write.key),
            };
        }
        revision = store.commit(revision, &changes).unwrap();
        if round % 40 == 0 {
            drop(store);
            store = SledStore::open(&dir).unwrap();
        }
        if round % 10 == 0 {
            let expected = model.clone().into_iter().collect();
            assert_eq!(store.load().unwrap(), Snapshot { revision, records: expected });
        }
    }
}

/// A write to one of 200 keys, some of which begin with another; mostly small values, some of many parts.
fn random_write(rng: &mut StdRng) -> Write {
    let key = vec![b'k'; rng.random_range(1..20)].into_iter().chain([rng.random_range(0..10)]).collect();
    let len = if rng.random_ratio(1, 20) { rng.random_range(0..60_000) } else { rng.random_range(0..3000) };
    let value = vec![rng.random(); len];
    Write { key, value: rng.random_ratio(4, 5).then_some(value) }
}

#[test]
fn a_store_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("new").join("store");
    SledStore::open(&dir).unwrap().commit(0, &[vec![put(b"a", b"1")]]).unwrap();
    for (path, mode) in [(dir.clone(), 0o700), (dir.with_extension("witness"), 0o600)] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
}
