//! What a change asks of the whole state, where versions of single records can't say it: that nothing of a user is left, that
//! there's room. Decided where changes are put in order, since others may be committed between a decision and its commit.

use std::collections::HashMap;

use strongroom_model::{Attributes, Handle, ObjectClass, UserName};

use super::{Key, Record, Replica};

/// What must be true once a change is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// No object is owned by this crypto user or shared with it: a later user of the name mustn't inherit them.
    NothingOf(UserName),
    /// There's no user and no object but this record.
    NothingBut(Key),
    /// No other object than this one has all of these attributes.
    Unlike(Handle, Attributes),
    /// There are no more of these than that.
    AtMost(Counted, usize),
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Users of all roles.
    Users,
    /// Token objects.
    Objects,
    /// Keys among them.
    Keys,
    /// Public and private keys among them.
    AsymmetricKeys,
    /// Certificates.
    Certificates,
}

/// Users and objects as changes that aren't applied yet leave them; `None` for those deleted.
#[derive(Clone, Debug, Default)]
pub struct Pending(HashMap<Key, Option<Record>>);

impl Pending {
    /// Notes a write.
    pub fn note(&mut self, key: &Key, record: Option<&Record>) {
        if matches!(key, Key::User(..) | Key::Object(_)) {
            self.0.insert(key.clone(), record.cloned());
        }
    }
}

impl Demand {
    /// Whether it's met by a state after some changes, the last of which is the demanding one.
    pub fn holds(&self, state: &Replica, before: &Pending, own: &Pending) -> bool {
        let written = || own.0.iter().chain(before.0.iter().filter(|(key, _)| !own.0.contains_key(key)));
        let untouched = |key: &Key| !own.0.contains_key(key) && !before.0.contains_key(key);
        match self {
            Self::NothingOf(user) => {
                let is_of = |record: &Option<Record>| matches!(record, Some(Record::Object(object)) if object.is_of(user));
                !written().any(|(_, record)| is_of(record))
                    && !state
                        .objects()
                        .any(|(handle, object)| object.value.is_of(user) && untouched(&Key::Object(handle)))
            }
            Self::NothingBut(kept) => {
                let counts = |key: &Key| matches!(key, Key::User(..) | Key::Object(_)) && key != kept;
                !written().any(|(key, record)| record.is_some() && counts(key))
                    && !state.keys().any(|key| counts(&key) && untouched(&key))
            }
            Self::Unlike(handle, like) => {
                let is_like = |record: &Option<Record>| matches!(record, Some(Record::Object(object)) if object.matches(like));
                let others = state.candidates(like, None).filter(|other| other != handle);
                !written().any(|(key, record)| *key != Key::Object(*handle) && is_like(record))
                    && !others
                        .filter(|other| untouched(&Key::Object(*other)))
                        .any(|other| state.object(other).is_some_and(|found| found.value.matches(like)))
            }
            Self::AtMost(counted, most) => {
                let now = counted.count(state);
                // Nearly always far from the limit: then those that come needn't be looked at.
                if now.saturating_add(own.0.len()).saturating_add(before.0.len()) <= *most {
                    return true;
                }
                let (mut more, mut fewer) = (0, 0);
                for (key, record) in written() {
                    more += usize::from(record.as_ref().is_some_and(|record| counted.counts(record)));
                    fewer += usize::from(state.get(key).is_some_and(|(_, record)| counted.counts(&record)));
                }
                (now + more).saturating_sub(fewer) <= *most
            }
        }
    }
}

impl Counted {
    fn count(self, state: &Replica) -> usize {
        let of = |classes: &[ObjectClass]| classes.iter().map(|class| state.count_of(*class)).sum();
        match self {
            Self::Users => state.users().count(),
            Self::Objects => state.object_count(),
            Self::Keys => of(&[ObjectClass::PublicKey, ObjectClass::PrivateKey, ObjectClass::SecretKey]),
            Self::AsymmetricKeys => of(&[ObjectClass::PublicKey, ObjectClass::PrivateKey]),
            Self::Certificates => of(&[ObjectClass::Certificate]),
        }
    }

    fn counts(self, record: &Record) -> bool {
        match (self, record) {
            (Self::Users, Record::User(_)) | (Self::Objects, Record::Object(_)) => true,
            (Self::Keys, Record::Object(object)) => object.class().is_key(),
            (Self::Certificates, Record::Object(object)) => object.class() == ObjectClass::Certificate,
            (Self::AsymmetricKeys, Record::Object(object)) => {
                matches!(object.class(), ObjectClass::PublicKey | ObjectClass::PrivateKey)
            }
            _ => false,
        }
    }
}
