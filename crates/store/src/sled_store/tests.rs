use std::io;

use super::*;
use crate::{MAX_KEY, MAX_VALUE};

/// What a test makes happen, or wants to know.
#[derive(Debug, Default)]
pub(super) struct Hooks {
    fail_flush: bool,
    /// The witness's revision at each flush of the data.
    flushes: Vec<Revision>,
}

impl Hooks {
    pub(super) fn before_flush(&mut self, witness: &Witness) -> io::Result<()> {
        self.flushes.push(witness.revision());
        if self.fail_flush { Err(io::Error::from_raw_os_error(5)) } else { Ok(()) }
    }
}

fn put(key: &str, value: &str) -> Vec<Write> {
    vec![Write { key: key.into(), value: Some(value.into()) }]
}

#[test]
fn data_is_flushed_once_per_commit_and_before_the_witness() {
    let home = tempfile::tempdir().unwrap();
    let store = SledStore::open(&home.path().join("store")).unwrap();
    store.commit(0, &[put("a", "1"), put("b", "1"), put("c", "1")]).unwrap();
    store.commit(3, &[put("a", "2")]).unwrap();
    let inner = store.inner.lock().unwrap();
    assert_eq!(inner.hooks.flushes, [0, 3]);
    assert_eq!(inner.witness.revision(), 4);
}

#[test]
fn a_failed_flush_poisons_the_store_and_is_never_tried_again() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    let store = SledStore::open(&dir).unwrap();
    store.commit(0, &[put("a", "1")]).unwrap();
    store.inner.lock().unwrap().hooks.fail_flush = true;
    let failed = store.commit(1, &[put("a", "2")]).unwrap_err();
    assert!(matches!(failed, StoreError::Io { operation: "flush", .. }), "{failed}");
    store.inner.lock().unwrap().hooks.fail_flush = false;
    for _ in 0..2 {
        assert!(matches!(store.commit(1, &[put("a", "3")]), Err(StoreError::Poisoned)));
        assert!(matches!(store.load(), Err(StoreError::Poisoned)));
    }
    assert_eq!(store.inner.lock().unwrap().hooks.flushes.len(), 2);
    drop(store);

    // It was never acknowledged; that it's durable all the same is allowed, and half of it isn't.
    let snapshot = SledStore::open(&dir).unwrap().load().unwrap();
    let value = if snapshot.revision == 1 { b"1" } else { b"2" };
    assert_eq!(snapshot.records, [(b"a".to_vec(), value.to_vec())]);
}

#[test]
fn a_record_changed_behind_the_stores_back_is_damage() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    type Tamper = fn(&sled::Db) -> sled::Result<Option<sled::IVec>>;
    let tampers: [(&str, Tamper); 5] = [
        ("a changed value", |db| db.insert(entry_key(b"a", 0), b"2")),
        ("a missing record", |db| db.remove(entry_key(b"b", 0))),
        ("another record", |db| db.insert(entry_key(b"c", 0), b"1")),
        ("a part too many", |db| db.insert(entry_key(b"b", 1), b"")),
        ("an unknown entry", |db| db.insert(b"x", b"1")),
    ];
    for (at, (what, tamper)) in tampers.iter().enumerate() {
        let dir = dir.join(at.to_string());
        let store = SledStore::open(&dir).unwrap();
        store.commit(0, &[put("a", "1"), put("b", "1")]).unwrap();
        tamper(store.inner.lock().unwrap().database().unwrap().db().unwrap()).unwrap();
        assert!(
            matches!(store.load(), Err(StoreError::Damaged { .. })) || *what == "a part too many",
            "{what}"
        );
        drop(store);
        let refused = SledStore::open(&dir).map(drop);
        assert!(matches!(refused, Err(StoreError::Damaged { .. })), "{what}: {refused:?}");
    }
}

#[test]
fn no_page_ever_grows_into_a_file_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("store");
    let store = SledStore::open(&dir).unwrap();
    let mut revision = 0;
    // The longest keys, differing at both ends, so that nothing is saved by common prefixes.
    let key = |n: usize| [&[(n * 37 % 251) as u8][..], &vec![n as u8; MAX_KEY - 2], &[n as u8]].concat();
    for round in 0..6 {
        for n in 0..25 {
            let value = (n + round) % 4 != 3;
            let value = value.then(|| vec![round as u8; MAX_VALUE - 4096 * (n % 5)]);
            revision = store.commit(revision, &[vec![Write { key: key(n), value }]]).unwrap();
        }
        let small = (0..400).map(|n| Write { key: key(n + 25 + round), value: Some(vec![1; 10]) }).collect();
        revision = store.commit(revision, &[small]).unwrap();
    }
    assert_eq!(std::fs::read_dir(dir.join("blobs")).unwrap().count(), 0);
    let before = store.load().unwrap();
    drop(store);
    assert_eq!(SledStore::open(&dir).unwrap().load().unwrap(), before);
}
