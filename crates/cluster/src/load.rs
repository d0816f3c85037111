//! A cluster's state as the store has it: opened, checked and decoded.

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use strongroom_crypto::seal::SealingKey;
use strongroom_model::Blob;
use strongroom_node::state::{Key, Record, Revision};
use strongroom_store::Snapshot;

use crate::ClusterError;
use crate::keys::{self, BOOTS, HANDLES, MEMBERS, META, RESTORING, STATE};
use crate::lags::{Lag, Lags};
use crate::members::Members;
use crate::meta::Meta;
use crate::vault::{FORMAT, Fingerprint, Unreadable, Vault};

/// A cluster's state, and what's needed to go on from it.
pub(crate) struct Loaded {
    pub(crate) meta: Meta,
    pub(crate) masking: SealingKey,
    pub(crate) vault: Vault,
    pub(crate) revision: Revision,
    pub(crate) records: Vec<(Key, Revision, Record)>,
    /// Versions of the cluster's own records.
    pub(crate) notes: HashMap<Vec<u8>, Revision>,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) members: Members,
    /// What nodes have missed.
    pub(crate) lags: Lags,
    /// How many starts of it and its nodes there have been.
    pub(crate) boots: u64,
    /// The first number that no token object may have yet.
    pub(crate) next_handle: u64,
}

/// Opens all records, and checks that they're those of the last commit.
pub(crate) fn load(snapshot: &Snapshot, root: &SealingKey) -> Result<Loaded, ClusterError> {
    if snapshot.records.is_empty() && snapshot.revision == 0 {
        return Err(ClusterError::Empty);
    }
    let value = |wanted: &[u8]| {
        let at = snapshot.records.binary_search_by(|(key, _)| key.as_slice().cmp(wanted)).ok()?;
        Some(snapshot.records[at].1.as_slice())
    };
    if value(RESTORING).is_some() {
        return Err(ClusterError::Empty);
    }
    let Some(meta) = value(META) else { return Err(damaged("?", "its own record is missing")) };
    let (meta_version, meta) = Meta::open(root, meta)?;
    let masking = SealingKey::from_bytes(meta.masking.clone())?;
    let vault = Vault::new(&meta.serial, &masking);
    let reader = Reader { name: &meta.name, vault: &vault };

    let mut fingerprint = Fingerprint::default();
    let mut notes = HashMap::new();
    let mut records = Vec::with_capacity(snapshot.records.len());
    let (mut boots, mut next_handle, mut members, mut state) = (None, None, None, None);
    let mut lags = Lags::default();
    for (key, value) in &snapshot.records {
        let version = match key.as_slice() {
            STATE => {
                state = Some(reader.open::<Fingerprint>(STATE, value)?);
                continue;
            }
            META => meta_version,
            BOOTS => reader.open_into(BOOTS, value, &mut boots)?,
            HANDLES => reader.open_into(HANDLES, value, &mut next_handle)?,
            MEMBERS => reader.open_into(MEMBERS, value, &mut members)?,
            [b'l', ..] => reader.lag(key, value, &mut lags)?,
            _ => {
                let (version, key, record) = reader.record(key, value)?;
                records.push((key, version, record));
                version
            }
        };
        fingerprint.add(vault.mark(key, version));
        if keys::decode(key).is_none() {
            notes.insert(key.clone(), version);
        }
    }

    let name = &meta.name;
    let missing = |key| damaged(name, &format!("{} is missing", keys::kind(key)));
    let (state_version, state) = state.ok_or_else(|| missing(STATE))?;
    if state_version != snapshot.revision || state != fingerprint {
        return Err(damaged(name, "records are missing, or were put back from an earlier time"));
    }
    let boots = boots.ok_or_else(|| missing(BOOTS))?;
    let next_handle = next_handle.ok_or_else(|| missing(HANDLES))?;
    // Clusters of the first version have none before the first change.
    let members = members.unwrap_or_else(|| Members::as_made(&meta));
    let revision = snapshot.revision;
    Ok(Loaded {
        meta,
        masking,
        vault,
        revision,
        records,
        notes,
        fingerprint,
        members,
        lags,
        boots,
        next_handle,
    })
}

struct Reader<'a> {
    name: &'a str,
    vault: &'a Vault,
}

impl Reader<'_> {
    fn record(&self, bytes: &[u8], value: &[u8]) -> Result<(Revision, Key, Record), ClusterError> {
        let (version, record) = self.open::<Record>(bytes, value)?;
        match keys::decode(bytes) {
            Some(key) if record.fits(&key) => Ok((version, key, record)),
            _ => Err(self.misplaced(bytes)),
        }
    }

    fn lag(&self, bytes: &[u8], value: &[u8], lags: &mut Lags) -> Result<Revision, ClusterError> {
        let (version, lag) = self.open::<Lag>(bytes, value)?;
        match keys::decode_lag(bytes) {
            Some((node, key)) if lag.as_ref().is_none_or(|(_, record)| record.fits(&key)) => {
                lags.set(node, key, Some(lag));
                Ok(version)
            }
            _ => Err(self.misplaced(bytes)),
        }
    }

    fn misplaced(&self, bytes: &[u8]) -> ClusterError {
        damaged(self.name, &format!("{} is of another kind than its place", keys::kind(bytes)))
    }

    fn open_into<T: DeserializeOwned>(
        &self,
        key: &[u8],
        value: &[u8],
        out: &mut Option<T>,
    ) -> Result<Revision, ClusterError> {
        let (version, content) = self.open(key, value)?;
        *out = Some(content);
        Ok(version)
    }

    fn open<T: DeserializeOwned>(&self, key: &[u8], value: &[u8]) -> Result<(Revision, T), ClusterError> {
        let kind = keys::kind(key);
        let (version, plain): (Revision, Blob) =
            self.vault.open(key, value).map_err(|error| match error {
                Unreadable::Format(found) => ClusterError::Format { found, known: FORMAT },
                Unreadable::Damaged => {
                    damaged(self.name, &format!("{kind} was changed, moved, or comes from another cluster"))
                }
            })?;
        let content =
            postcard::from_bytes(&plain).map_err(|_| damaged(self.name, &format!("{kind} can't be read")))?;
        Ok((version, content))
    }
}

fn damaged(cluster: &str, what: &str) -> ClusterError {
    ClusterError::Damaged { cluster: cluster.to_owned(), what: what.to_owned() }
}
