//! What a backup holds: a cluster's state at one revision, in the clear only in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_crypto::random;
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Blob, NodeId, Profile, Role, UserName, Variant};
use strongroom_node::state::{Identity, Key, Policy, Record, Revision, User};
use strongroom_store::{Store, Write};
use strongroom_wire::encode_secret;

use super::RestoreOptions;
use super::image::{changed, refused};
use crate::create::new_serial;
use crate::draft::encode;
use crate::keys::{self, BOOTS, HANDLES, MEMBERS, META, RESTORING, STATE};
use crate::members::Members;
use crate::meta::Meta;
use crate::vault::{Fingerprint, OVERHEAD, Vault};
use crate::{Cluster, ClusterError};

/// How many bytes of records go into one commit of a restore.
const PORTION: usize = 16 * 1024 * 1024;

/// A cluster's state.
#[derive(Serialize, Deserialize)]
pub(super) struct Content {
    /// Of the cluster that it's of.
    pub(super) serial: String,
    profile: Profile,
    masking: Blob,
    /// The first number that no token object may have yet.
    next_handle: u64,
    records: Vec<(Key, Record)>,
    /// Wrong passwords that nodes counted for themselves: the most that one of them did.
    failures: BTreeMap<(Role, UserName), u32>,
}

/// How much there is in a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Officers and crypto users.
    pub users: u64,
    /// Token objects: keys, certificates, data.
    pub objects: u64,
}

impl Content {
    /// A cluster's, as of its last committed change.
    pub(super) fn of(cluster: &Cluster) -> Result<Self, ClusterError> {
        let mut records = Vec::new();
        let mut failures = BTreeMap::new();
        let profile = cluster.ledger.read(|state| {
            for (key, _, record) in state.records() {
                match (&key, &record) {
                    // Logins, and what waits for approval, belong to the cluster that runs.
                    (Key::Revocation(_) | Key::Token(_), _) => {}
                    (Key::Failures(_, role, name), Record::Failures(count)) => {
                        let most = failures.entry((*role, name.clone())).or_insert(0);
                        *most = (*most).max(*count);
                    }
                    _ => records.push((key, record)),
                }
            }
            state.profile()
        });
        let nodes = &cluster.nodes;
        // Asked for behind the state, so that no object in it has a number that's still to be given.
        let next_handle = cluster.ledger.next_handle();
        Ok(Self {
            serial: nodes.serial.clone(),
            profile,
            masking: nodes.masking.to_bytes(),
            next_handle,
            records,
            failures,
        })
    }

    pub(super) fn encode(&self) -> Result<Blob, ClusterError> {
        encode_secret(self).map_err(|error| refused(format!("the state can't be encoded ({error})")))
    }

    pub(super) fn decode(plain: &[u8]) -> Result<Self, ClusterError> {
        match postcard::take_from_bytes::<Self>(plain) {
            Ok((content, [])) if content.records.iter().all(|(key, record)| record.fits(key)) => Ok(content),
            _ => Err(changed()),
        }
    }

    pub(super) fn identity(&self) -> Option<&Identity> {
        self.records.iter().find_map(|(_, record)| match record {
            Record::Identity(identity) => Some(&**identity),
            _ => None,
        })
    }

    pub(super) fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for (_, record) in &self.records {
            match record {
                Record::User(_) => summary.users += 1,
                Record::Object(_) => summary.objects += 1,
                _ => {}
            }
        }
        summary
    }

    /// The records of a new cluster. Who was logged in to the old one isn't to the new one.
    fn records_for(&self, nodes: &[NodeId], variant: Option<Variant>) -> impl Iterator<Item = (Key, Record)> {
        let kept = self.records.iter().map(move |(key, record)| match record {
            Record::Policy(policy) => {
                let variant = variant.unwrap_or(policy.variant);
                (key.clone(), Record::Policy(Arc::new(Policy { variant, ..(**policy).clone() })))
            }
            Record::User(user) => {
                let epoch = u64::from_le_bytes(random::bytes());
                (key.clone(), Record::User(Arc::new(User { epoch, ..(**user).clone() })))
            }
            _ => (key.clone(), record.clone()),
        });
        let counts = self.failures.iter().flat_map(move |((role, name), count)| {
            nodes
                .iter()
                .map(move |node| (Key::Failures(*node, *role, name.clone()), Record::Failures(*count)))
        });
        kept.chain(counts)
    }
}

/// Writes a cluster into an empty store. Until the last commit it's there for nobody.
pub(super) fn restore(
    store: &dyn Store,
    content: &Content,
    options: &RestoreOptions,
    root: &SealingKey,
) -> Result<(), ClusterError> {
    let snapshot = store.load()?;
    let unfinished = snapshot.records.iter().any(|(key, _)| key == RESTORING);
    if !snapshot.records.is_empty() && !unfinished {
        return Err(ClusterError::Exists);
    }
    let meta = Meta {
        name: options.name.clone(),
        serial: new_serial(),
        profile: content.profile,
        nodes: (0..options.nodes).map(|number| NodeId(options.first_node + number)).collect(),
        epoch: 1,
        masking: content.masking.clone(),
    };
    let vault = Vault::new(&meta.serial, &SealingKey::from_bytes(content.masking.clone())?);
    let mut writer =
        Writer { store, vault, revision: snapshot.revision, fingerprint: Fingerprint::default() };
    // What an earlier attempt left goes first.
    let leftovers = snapshot.records.into_iter().map(|(key, _)| Write { key, value: None });
    let marked = Write { key: RESTORING.to_owned(), value: Some(vec![1]) };
    writer.commit(leftovers.filter(|write| write.key != RESTORING).chain([marked]).collect())?;

    let mut portion = Portion::default();
    for (key, record) in content.records_for(&meta.nodes, options.variant) {
        portion.add(&mut writer, &keys::encode(&key), &encode(&record)?)?;
    }
    portion.add(&mut writer, BOOTS, &encode(&0u64)?)?;
    portion.add(&mut writer, HANDLES, &encode(&content.next_handle)?)?;
    portion.add(&mut writer, MEMBERS, &encode(&Members::as_made(&meta))?)?;
    portion.finish(writer, &meta, root)
}

/// Commits of a restore, one after the other.
struct Writer<'a> {
    store: &'a dyn Store,
    vault: Vault,
    revision: Revision,
    fingerprint: Fingerprint,
}

impl Writer<'_> {
    fn commit(&mut self, writes: Vec<Write>) -> Result<(), ClusterError> {
        self.store.commit(self.revision, &[writes])?;
        self.revision += 1;
        Ok(())
    }

    fn sealed(&mut self, key: &[u8], plain: &[u8]) -> Write {
        let version = self.revision + 1;
        self.fingerprint.add(self.vault.mark(key, version));
        Write { key: key.to_owned(), value: Some(self.vault.seal(key, version, plain)) }
    }
}

/// What goes into the next commit.
#[derive(Default)]
struct Portion {
    writes: Vec<Write>,
    size: usize,
}

impl Portion {
    fn add(&mut self, writer: &mut Writer<'_>, key: &[u8], plain: &[u8]) -> Result<(), ClusterError> {
        let size = key.len() + plain.len() + OVERHEAD;
        if self.size + size > PORTION {
            writer.commit(std::mem::take(&mut self.writes))?;
            self.size = 0;
        }
        self.writes.push(writer.sealed(key, plain));
        self.size += size;
        Ok(())
    }

    /// The last commit: from then on there is a cluster.
    fn finish(mut self, mut writer: Writer<'_>, meta: &Meta, root: &SealingKey) -> Result<(), ClusterError> {
        let version = writer.revision + 1;
        writer.fingerprint.add(writer.vault.mark(META, version));
        self.writes.push(Write { key: META.to_owned(), value: Some(meta.seal(root, version)?) });
        let state = writer.vault.seal(STATE, version, &encode(&writer.fingerprint)?);
        self.writes.push(Write { key: STATE.to_owned(), value: Some(state) });
        self.writes.push(Write { key: RESTORING.to_owned(), value: None });
        writer.commit(self.writes)
    }
}
