//! What the module knows of objects without asking.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, RwLock};

use strongroom_model::{Handle, ObjectInfo};

use crate::sync::{Spread, read, write};

const SHARDS: usize = 16;
/// Objects that one shard remembers; past it, it starts anew.
const PER_SHARD: usize = 1024;

/// Objects as the cluster had them at some revision. Only ever a shortcut: nodes check everything.
#[derive(Default)]
pub(crate) struct Known {
    shards: [RwLock<Shard>; SHARDS],
}

type Shard = HashMap<u64, (u64, Arc<ObjectInfo>), BuildHasherDefault<Spread>>;

impl Known {
    /// An object, if it's known as it is at `revision`.
    pub(crate) fn get(&self, handle: Handle, revision: u64) -> Option<Arc<ObjectInfo>> {
        match read(self.shard(handle)).get(&handle.0) {
            Some((known, info)) if *known == revision => Some(info.clone()),
            _ => None,
        }
    }

    /// Keeps what a node said of an object at `revision`.
    pub(crate) fn insert(&self, info: ObjectInfo, revision: u64) -> Arc<ObjectInfo> {
        let info = Arc::new(info);
        let mut shard = write(self.shard(info.handle));
        if shard.len() >= PER_SHARD {
            shard.clear();
        }
        shard.insert(info.handle.0, (revision, info.clone()));
        info
    }

    /// Forgets an object.
    pub(crate) fn remove(&self, handle: Handle) {
        write(self.shard(handle)).remove(&handle.0);
    }

    /// Forgets the objects that `keep` doesn't want.
    pub(crate) fn retain(&self, keep: impl Fn(Handle) -> bool) {
        for shard in &self.shards {
            write(shard).retain(|handle, _| keep(Handle(*handle)));
        }
    }

    fn shard(&self, handle: Handle) -> &RwLock<Shard> {
        &self.shards[(handle.0 % SHARDS as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use strongroom_model::{ObjectClass, Usage};

    use super::*;

    fn object(handle: u64) -> ObjectInfo {
        ObjectInfo {
            handle: Handle(handle),
            class: ObjectClass::Data,
            key_type: None,
            size: 0,
            usage: Usage::default(),
            token: true,
            private: false,
            always_authenticate: false,
            allowed_mechanisms: Vec::new(),
            subprime_bits: 0,
        }
    }

    #[test]
    fn another_revision_makes_knowledge_stale() {
        let known = Known::default();
        known.insert(object(5), 7);
        assert_eq!(known.get(Handle(5), 7).map(|info| info.handle), Some(Handle(5)));
        assert!(known.get(Handle(5), 8).is_none());
        known.remove(Handle(5));
        assert!(known.get(Handle(5), 7).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let known = Known::default();
        for handle in 0..100_000 {
            known.insert(object(handle), 0);
        }
        let kept: usize = known.shards.iter().map(|shard| read(shard).len()).sum();
        assert!(kept <= SHARDS * PER_SHARD);
        known.retain(|handle| handle.0 < 99_999);
        assert!(known.get(Handle(99_999), 0).is_none());
        assert!(known.get(Handle(99_998), 0).is_some());
    }
}
