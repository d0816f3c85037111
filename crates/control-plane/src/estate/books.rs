//! The estate's records, in memory and in a store: both have the same, and a change is in both or in none.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use strongroom_store::{Revision, Store, Write};

use super::EstateError;
use super::records::{BackupNotes, ClusterRecord};
use crate::ApiError;

const CLUSTER: u8 = b'c';
const BACKUP: u8 = b'b';
/// In front of every record. The rest is JSON, so that members can be added.
const FORMAT: u8 = 1;

/// All records.
pub(super) struct Books {
    store: Arc<dyn Store>,
    revision: Revision,
    pub(super) clusters: BTreeMap<String, ClusterRecord>,
    pub(super) backups: BTreeMap<String, BackupNotes>,
}

/// A change of one record.
pub(super) enum Entry {
    Cluster(Box<ClusterRecord>),
    /// Forgets a cluster.
    NoCluster(String),
    Backup(String, BackupNotes),
    /// Forgets what was noted of a backup.
    NoBackup(String),
}

impl Books {
    pub(super) fn open(store: Arc<dyn Store>) -> Result<Self, EstateError> {
        let snapshot = store.load()?;
        let mut books =
            Self { store, revision: snapshot.revision, clusters: BTreeMap::new(), backups: BTreeMap::new() };
        for (key, value) in snapshot.records {
            let unknown = || EstateError::Record(String::from_utf8_lossy(&key).into_owned());
            match key.split_first().ok_or_else(unknown)? {
                (&CLUSTER, id) => {
                    books.clusters.insert(name(id), read(&value).ok_or_else(unknown)?).is_none()
                }
                (&BACKUP, id) => books.backups.insert(name(id), read(&value).ok_or_else(unknown)?).is_none(),
                _ => return Err(unknown()),
            };
        }
        Ok(books)
    }

    /// Makes changes by one commit.
    pub(super) fn save(&mut self, entries: Vec<Entry>) -> Result<(), ApiError> {
        if entries.is_empty() {
            return Ok(());
        }
        let writes = entries.iter().map(write).collect::<Result<Vec<_>, _>>()?;
        self.revision = self.store.commit(self.revision, &[writes]).map_err(|error| {
            tracing::error!("the estate's records can't be written: {error}");
            ApiError::internal(format!("the records of clusters and backups can't be written: {error}"))
        })?;
        for entry in entries {
            match entry {
                Entry::Cluster(record) => {
                    self.clusters.insert(record.id.as_str().to_owned(), *record);
                }
                Entry::NoCluster(id) => {
                    self.clusters.remove(&id);
                }
                Entry::Backup(id, notes) => {
                    self.backups.insert(id, notes);
                }
                Entry::NoBackup(id) => {
                    self.backups.remove(&id);
                }
            }
        }
        Ok(())
    }

    pub(super) fn save_cluster(&mut self, record: ClusterRecord) -> Result<(), ApiError> {
        self.save(vec![Entry::Cluster(Box::new(record))])
    }
}

fn write(entry: &Entry) -> Result<Write, ApiError> {
    let (kind, id, value) = match entry {
        Entry::Cluster(record) => (CLUSTER, record.id.as_str(), Some(encode(record)?)),
        Entry::NoCluster(id) => (CLUSTER, id.as_str(), None),
        Entry::Backup(id, notes) => (BACKUP, id.as_str(), Some(encode(notes)?)),
        Entry::NoBackup(id) => (BACKUP, id.as_str(), None),
    };
    Ok(Write { key: [&[kind], id.as_bytes()].concat(), value })
}

fn encode(record: &impl Serialize) -> Result<Vec<u8>, ApiError> {
    let mut value = vec![FORMAT];
    serde_json::to_writer(&mut value, record)
        .map_err(|error| ApiError::internal(format!("a record can't be encoded: {error}")))?;
    Ok(value)
}

fn read<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    let (&FORMAT, json) = value.split_first()? else { return None };
    serde_json::from_slice(json).ok()
}

fn name(id: &[u8]) -> String {
    String::from_utf8_lossy(id).into_owned()
}
