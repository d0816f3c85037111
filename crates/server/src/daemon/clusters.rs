//! The clusters that are served, by their names. Making and ending one takes seconds: meanwhile its name is taken, and only
//! who wants that one waits.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::control::Refusal;
use crate::served::Served;

/// The clusters of a daemon.
pub(super) struct Clusters {
    list: Mutex<List>,
    /// Something that was coming or going is here or gone.
    settled: Condvar,
}

struct List {
    entries: BTreeMap<String, Entry>,
    /// The daemon is ending.
    is_closed: bool,
}

enum Entry {
    Coming,
    Here(Arc<Served>),
    Going,
}

/// A name under which a cluster is being made; free again when this is dropped.
pub(super) struct Place<'a> {
    clusters: &'a Clusters,
    name: &'a str,
}

impl Clusters {
    pub(super) fn new(served: BTreeMap<String, Served>) -> Self {
        let entries =
            served.into_iter().map(|(name, served)| (name, Entry::Here(Arc::new(served)))).collect();
        Self { list: Mutex::new(List { entries, is_closed: false }), settled: Condvar::new() }
    }

    /// Those that are served.
    pub(super) fn all(&self) -> Vec<Arc<Served>> {
        self.list.lock().served().map(|(_, served)| Arc::clone(served)).collect()
    }

    /// A cluster; one that is being made when it's made.
    pub(super) fn find(&self, name: &str) -> Option<Arc<Served>> {
        match self.settled(name).entries.get(name) {
            Some(Entry::Here(served)) => Some(Arc::clone(served)),
            _ => None,
        }
    }

    /// As [`Self::find`], or says which there are.
    pub(super) fn get(&self, name: &str) -> Result<Arc<Served>, Refusal> {
        self.find(name).ok_or_else(|| {
            let names: Vec<_> = self.list.lock().served().map(|(name, _)| name.clone()).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Refusal::Failed(format!("there is no cluster {name} here; there is {names}"))
        })
    }

    /// Takes a name for a cluster that is about to be made.
    pub(super) fn reserve<'a>(&'a self, name: &'a str) -> Result<Place<'a>, Refusal> {
        let mut list = self.settled(name);
        if list.is_closed {
            return Err(Refusal::Failed(
                "the daemon is ending: start it again with  strongroom up".to_owned(),
            ));
        }
        if list.entries.contains_key(name) {
            return Err(Refusal::Exists);
        }
        list.entries.insert(name.to_owned(), Entry::Coming);
        Ok(Place { clusters: self, name })
    }

    /// Takes a cluster off the list that has ended. Its name is taken until what it left is cleared away.
    pub(super) fn clear_away<T>(&self, name: &str, clear: impl FnOnce() -> T) -> T {
        // Closing its store takes time, and nobody waits for that.
        let ended = self.list.lock().entries.insert(name.to_owned(), Entry::Going);
        drop(ended);
        let cleared = clear();
        self.forget(name);
        cleared
    }

    /// Takes all off the list, and no more on it.
    pub(super) fn close(&self) -> Vec<Arc<Served>> {
        let mut list = self.list.lock();
        list.is_closed = true;
        std::mem::take(&mut list.entries)
            .into_values()
            .filter_map(|entry| match entry {
                Entry::Here(served) => Some(served),
                Entry::Coming | Entry::Going => None,
            })
            .collect()
    }

    /// The list when nobody is making or clearing away this one.
    fn settled(&self, name: &str) -> MutexGuard<'_, List> {
        let mut list = self.list.lock();
        while matches!(list.entries.get(name), Some(Entry::Coming | Entry::Going)) {
            self.settled.wait(&mut list);
        }
        list
    }

    fn forget(&self, name: &str) {
        self.list.lock().entries.remove(name);
        self.settled.notify_all();
    }
}

impl List {
    fn served(&self) -> impl Iterator<Item = (&String, &Arc<Served>)> {
        self.entries.iter().filter_map(|(name, entry)| match entry {
            Entry::Here(served) => Some((name, served)),
            Entry::Coming | Entry::Going => None,
        })
    }
}

impl Place<'_> {
    /// Puts the cluster on the list. If the daemon has ended meanwhile it isn't served: dropping it ends its nodes.
    pub(super) fn fill(self, served: Served) {
        let mut list = self.clusters.list.lock();
        if !list.is_closed {
            list.entries.insert(self.name.to_owned(), Entry::Here(Arc::new(served)));
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut list = self.clusters.list.lock();
        if matches!(list.entries.get(self.name), Some(Entry::Coming)) {
            list.entries.remove(self.name);
        }
        drop(list);
        self.clusters.settled.notify_all();
    }
}
