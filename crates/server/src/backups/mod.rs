//! Backups of a home's clusters: made, kept, and done away with.
//!
//! The images are files under `backups/` in the home, or in a bucket ([`images`]); what is known of each is in the home
//! ([`Catalogue`]). What is in an image, and how it's protected, is the business of [`strongroom_cluster::Backup`].

mod bucket;
mod catalogue;
mod images;
mod policy;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

use parking_lot::Mutex;
use strongroom_cluster::{Backup, BackupRoots, Cluster};
use strongroom_crypto::seal::SealingKey;
use strongroom_model::Profile;

use crate::control::{BackupInfo, BackupOrigin, BackupReason, BackupSource, BackupState, VerifiedBackup};
use crate::{Home, ServeError, files, root_key};
use bucket::Bucket;
use catalogue::Catalogue;

pub use bucket::BucketConfig;
pub use policy::BackupPolicy;

/// A home's backups. What it says when it refuses is a sentence.
pub(crate) struct Backups {
    roots: BackupRoots,
    catalogue: Catalogue,
    policy: BackupPolicy,
    /// Clusters whose backups somebody else looks after.
    left: Mutex<BTreeSet<String>>,
}

impl Backups {
    /// Opens the catalogue; makes the maker's root for a home that has no backups yet.
    pub(crate) fn open(home: &Home, root: &SealingKey, policy: BackupPolicy) -> Result<Self, ServeError> {
        let bucket = policy.bucket.as_ref().map(Bucket::new).transpose().map_err(ServeError::Backups)?;
        let catalogue = Catalogue::open(&home.backups(), bucket)?;
        let maker = root_key::load_or_make_maker(home, !catalogue.is_empty())?;
        let roots = BackupRoots::new(&maker.to_bytes(), &root.derive("backup service root").to_bytes());
        Ok(Self { roots, catalogue, policy, left: Mutex::default() })
    }

    /// Makes a backup of a cluster.
    pub(crate) fn make(
        &self,
        cluster: &Cluster,
        reason: BackupReason,
        now: u64,
    ) -> Result<BackupInfo, String> {
        let id = catalogue::new_id();
        let image = cluster.back_up(&self.roots, &id, now).map_err(|error| error.to_string())?;
        // An image that can't be read again is none.
        let made = Backup::read(&self.roots, &image).map_err(|error| error.to_string())?;
        let summary = made.summary();
        let info = BackupInfo {
            id,
            state: BackupState::Ready,
            cluster: cluster.name().to_owned(),
            serial: cluster.info().serial,
            created: now,
            reason,
            never_expires: false,
            delete_at: None,
            source: None,
            bytes: image.len() as u64,
            users: summary.users,
            objects: summary.objects,
            number: self.catalogue.next_number(),
            variant: (cluster.info().profile == Profile::CloudHsm).then(|| cluster.info().variant),
            origin: None,
        };
        self.catalogue.add(&info, &image)?;
        tracing::info!(
            "made {} of cluster {}: {} users, {} objects, {} bytes ({reason})",
            info.id,
            info.cluster,
            info.users,
            info.objects,
            info.bytes
        );
        Ok(info)
    }

    /// All, or those of one cluster; the oldest first.
    pub(crate) fn list(&self, cluster: Option<&str>) -> Vec<BackupInfo> {
        let mut all = self.catalogue.list();
        all.retain(|info| cluster.is_none_or(|name| info.cluster == name));
        all
    }

    /// Reads an image whole.
    pub(crate) fn read(&self, source: &BackupSource) -> Result<Backup, String> {
        let image = match source {
            BackupSource::Id(id) => self.catalogue.image(id)?,
            BackupSource::File(path) => images::read_image(path)?,
        };
        Backup::read(&self.roots, &image).map_err(|error| error.to_string())
    }

    /// Checks every byte of an image.
    pub(crate) fn verify(&self, source: &BackupSource) -> Result<VerifiedBackup, String> {
        let backup = self.read(source)?;
        let (header, summary) = (backup.header(), backup.summary());
        Ok(VerifiedBackup {
            id: header.id.clone(),
            serial: header.serial.clone(),
            created: header.created,
            users: summary.users,
            objects: summary.objects,
        })
    }

    /// Another copy of a backup, which never expires by itself (cloudhsm.md section 10); or a file with its image.
    pub(crate) fn copy(&self, id: &str, to: Option<&Path>, now: u64) -> Result<BackupInfo, String> {
        let info = self.catalogue.ready(id)?;
        let image = self.catalogue.image(id)?;
        Backup::read(&self.roots, &image).map_err(|error| error.to_string())?;
        if let Some(path) = to {
            files::write_new(path, &image)?;
            return Ok(info);
        }
        let copy = BackupInfo {
            id: catalogue::new_id(),
            created: now,
            reason: BackupReason::Copied,
            source: Some(info.id.clone()),
            never_expires: false,
            number: self.catalogue.next_number(),
            origin: None,
            ..info
        };
        self.catalogue.add(&copy, &image)?;
        Ok(copy)
    }

    /// Another copy of a backup for an account and a region, or for a cluster that is to be made. It counts as made when its
    /// source was.
    pub(crate) fn copy_for(&self, id: &str, origin: BackupOrigin) -> Result<BackupInfo, String> {
        let info = self.catalogue.ready(id)?;
        let image = self.catalogue.image(id)?;
        Backup::read(&self.roots, &image).map_err(|error| error.to_string())?;
        let copy = BackupInfo {
            id: catalogue::new_id(),
            reason: BackupReason::Copied,
            source: Some(info.id.clone()),
            never_expires: false,
            number: self.catalogue.next_number(),
            origin: Some(origin),
            ..info
        };
        self.catalogue.add(&copy, &image)?;
        Ok(copy)
    }

    /// The certificate of the cluster in a backup, as PEM.
    pub(crate) fn certificate_in(&self, id: &str) -> Result<Option<String>, String> {
        Ok(self.read(&BackupSource::Id(id.to_owned()))?.certificate())
    }

    /// Leaves it to somebody else when backups of these clusters go; those that are deleted still do.
    pub(crate) fn leave(&self, clusters: &[String]) {
        self.left.lock().extend(clusters.iter().cloned());
    }

    /// Lets a backup go at an instant.
    pub(crate) fn delete_at(&self, id: &str, at: u64) -> Result<BackupInfo, String> {
        self.catalogue.delete(id, at)
    }

    /// Gives a backup seven days; until then it can be had back.
    pub(crate) fn delete(&self, id: &str, now: u64) -> Result<BackupInfo, String> {
        self.catalogue.delete(id, now + policy::DELETION_WINDOW)
    }

    /// Takes a deletion back.
    pub(crate) fn undelete(&self, id: &str) -> Result<BackupInfo, String> {
        self.catalogue.undelete(id)
    }

    /// Whether the retention policy passes it by.
    pub(crate) fn keep(&self, id: &str, forever: bool) -> Result<BackupInfo, String> {
        self.catalogue.keep(id, forever)
    }

    /// Why a cluster is to be backed up now, if it is.
    pub(crate) fn due(&self, cluster: &Cluster, now: u64) -> Option<BackupReason> {
        let info = cluster.info();
        let all = self.catalogue.list();
        // One that somebody else looks after may have been there before, under another serial number.
        if self.left.lock().contains(&info.name) {
            let own: Vec<_> = all
                .into_iter()
                .filter(|backup| backup.cluster == info.name)
                .map(|backup| BackupInfo { serial: info.serial.clone(), ..backup })
                .collect();
            return self.policy.due(&own, &info.serial, info.initialized, now);
        }
        self.policy.due(&all, &info.serial, info.initialized, now)
    }

    /// Moves images to the bucket that aren't there yet, the oldest first. It stops at the first that can't be moved, and
    /// says why; they're all safe in the home.
    pub(crate) fn move_out(&self) -> Result<(), String> {
        for info in self.catalogue.list() {
            if self.catalogue.images().move_out(&info.id)? {
                tracing::info!("{} is in the bucket", info.id);
            }
        }
        Ok(())
    }

    /// Does away with what has had its time; what can't go now is tried again at the next call.
    pub(crate) fn sweep(&self, now: u64) -> Result<(), String> {
        let mut all = self.catalogue.list();
        let left = self.left.lock().clone();
        all.retain(|info| info.state == BackupState::PendingDeletion || !left.contains(&info.cluster));
        for id in self.policy.expired(&all, now) {
            self.catalogue.purge(&id).map_err(|error| format!("{id} should go, but can't: {error}"))?;
            tracing::info!("{id} is gone for good");
        }
        Ok(())
    }
}
