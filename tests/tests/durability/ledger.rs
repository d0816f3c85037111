//! What clients were told of their keys, and whether the cluster keeps its word.

use std::collections::{BTreeMap, BTreeSet};

use cryptoki_sys::*;
use strongroom_model::ReturnCode;
use strongroom_tests::raw::{Mechanism, Session, Template};

/// What is known of keys, from what clients said.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Objects that are there.
    present: BTreeMap<CK_OBJECT_HANDLE, Object>,
    /// Objects whose deletion was acknowledged since the last check.
    deleted: BTreeSet<CK_OBJECT_HANDLE>,
    /// Keys that a client asked for, by label, and how many objects each is. They may have been made.
    wanted: BTreeMap<String, usize>,
    /// Objects that a client wanted deleted, and doesn't know whether they are.
    doubtful: BTreeMap<CK_OBJECT_HANDLE, Object>,
    /// How many keys and deletions were acknowledged.
    pub(crate) acknowledged: u64,
    /// How many calls that nobody got an answer to had been carried out.
    pub(crate) carried_out: u64,
    /// And how many hadn't.
    pub(crate) not_carried_out: u64,
}

/// An object. Both halves of a pair have the same label.
#[derive(Clone, Debug)]
struct Object {
    label: String,
    class: CK_OBJECT_CLASS,
}

impl Ledger {
    /// Takes up what a client says; see `churn.c`.
    pub(crate) fn hear(&mut self, line: &str) {
        let words: Vec<_> = line.split(' ').collect();
        let handle = |word: &str| word.parse::<CK_OBJECT_HANDLE>().expect("a handle");
        match *words.as_slice() {
            ["C", label, kind] => {
                let before = self.wanted.insert(label.into(), if kind == "pair" { 2 } else { 1 });
                assert!(before.is_none(), "{label} was asked for twice");
            }
            ["c", label, key] => self.acknowledge(label, &[(handle(key), CKO_SECRET_KEY)]),
            ["c", label, public, private] => {
                let halves = [(handle(public), CKO_PUBLIC_KEY), (handle(private), CKO_PRIVATE_KEY)];
                self.acknowledge(label, &halves);
            }
            ["D", key] => {
                let object = self.present.remove(&handle(key)).expect("a key that is there");
                self.doubtful.insert(handle(key), object);
            }
            ["d", key] => {
                self.doubtful.remove(&handle(key)).expect("a deletion that was asked for");
                self.deleted.insert(handle(key));
                self.acknowledged += 1;
            }
            // What failed stays in doubt.
            ["X" | "x", _, _] => {}
            _ => panic!("this isn't a line of the program: {line}"),
        }
    }

    fn acknowledge(&mut self, label: &str, keys: &[(CK_OBJECT_HANDLE, CK_OBJECT_CLASS)]) {
        assert!(self.wanted.remove(label).is_some(), "{label} wasn't asked for");
        let objects = keys.iter().map(|(key, class)| (*key, Object { label: label.into(), class: *class }));
        self.present.extend(objects);
        self.acknowledged += 1;
    }

    /// Compares with what the cluster has, and resolves doubts. No client may work meanwhile. Objects that no client
    /// knows of any more are deleted.
    pub(crate) fn check(&mut self, session: Session<'_>) {
        let found: BTreeSet<_> = session.find(&Template::new()).expect("a search").into_iter().collect();
        for (key, object) in &self.present {
            assert!(found.contains(key), "key {key}, {object:?}, was acknowledged and is gone");
        }
        for key in std::mem::take(&mut self.deleted) {
            assert!(!found.contains(&key), "key {key} was deleted and is there again");
            let code = session.attribute(key, CKA_LABEL).unwrap_err();
            assert_eq!(code, ReturnCode::OBJECT_HANDLE_INVALID, "key {key} was deleted");
        }
        let mut forgotten = Vec::new();
        for (key, object) in std::mem::take(&mut self.doubtful) {
            if found.contains(&key) {
                self.not_carried_out += 1;
                self.present.insert(key, object);
                forgotten.push(key);
            } else {
                self.carried_out += 1;
            }
        }
        forgotten.extend(self.take_in(session, &found));
        self.try_all(session);
        for key in forgotten {
            session.destroy(key).expect("C_DestroyObject");
            self.present.remove(&key);
            self.deleted.insert(key);
        }
    }

    /// Takes in keys that were made although nobody got an answer, whole keys only; which they are.
    fn take_in(&mut self, session: Session<'_>, found: &BTreeSet<CK_OBJECT_HANDLE>) -> Vec<CK_OBJECT_HANDLE> {
        let mut taken_in = Vec::new();
        let mut made: BTreeMap<String, Vec<CK_OBJECT_HANDLE>> = BTreeMap::new();
        for key in found.iter().filter(|key| !self.present.contains_key(key)) {
            let label = session.attribute(*key, CKA_LABEL).expect("a label");
            made.entry(String::from_utf8(label).expect("text")).or_default().push(*key);
        }
        for (label, keys) in made {
            let whole = self.wanted.remove(&label);
            assert_eq!(whole, Some(keys.len()), "{keys:?}, {label}: how many objects were asked for");
            for key in keys {
                let class = session.attribute(key, CKA_CLASS).expect("a class");
                let class = u64::from_ne_bytes(class.try_into().expect("8 bytes"));
                self.present.insert(key, Object { label: label.clone(), class });
                taken_in.push(key);
            }
            self.carried_out += 1;
        }
        self.not_carried_out += std::mem::take(&mut self.wanted).len() as u64;
        taken_in
    }

    /// Uses every key.
    fn try_all(&self, session: Session<'_>) {
        let mut signatures = BTreeMap::new();
        let digest = [5; 32];
        for (key, object) in &self.present {
            match object.class {
                CKO_PRIVATE_KEY => {
                    let signature = session.ecdsa(*key, &digest);
                    signatures
                        .insert(&object.label, signature.expect("a signature with a key that is there"));
                }
                CKO_SECRET_KEY => {
                    let mechanism = Mechanism::with_bytes(CKM_AES_CBC_PAD, &[9; 16]);
                    session.encrypt_init(&mechanism, *key).expect("C_EncryptInit");
                    let hidden = session.encrypt(&digest).expect("C_Encrypt");
                    session.decrypt_init(&mechanism, *key).expect("C_DecryptInit");
                    assert_eq!(session.decrypt(&hidden), Ok(digest.to_vec()));
                }
                _ => {}
            }
        }
        for (key, object) in self.present.iter().filter(|(_, object)| object.class == CKO_PUBLIC_KEY) {
            match signatures.get(&object.label) {
                Some(signature) => session.check_ecdsa(*key, &digest, signature).expect("its other half's"),
                // Its other half was deleted.
                None => assert!(session.attribute(*key, CKA_EC_POINT).is_ok()),
            }
        }
    }

    /// How many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.present.len()
    }
}
