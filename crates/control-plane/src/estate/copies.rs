//! Copies of backups: into other regions, and for clusters that are made of one.

use super::books::Entry;
use super::data_plane::{Image, Origin};
use super::records::{BackupNotes, ClusterRecord, Owner};
use super::tags::checked;
use super::work::{instant, seconds};
use super::{Desk, State};
use crate::shapes::*;
use crate::{ApiError, Caller};

impl Desk {
    pub(super) fn copy_backup_to_region(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: CopyBackupToRegionInput,
    ) -> Result<CopyBackupToRegionOutput, ApiError> {
        let image = self.own_ready(state, now, caller, &input.backup_id, "be copied")?;
        let region = input.destination_region;
        self.config.check_region(&region)?;
        if region == caller.region {
            return Err(ApiError::invalid(format!(
                "the backup {} is in {region} already: name another DestinationRegion",
                image.id
            )));
        }
        let tags = match input.tag_list {
            Some(tags) => checked(tags)?,
            None => state.books.backups.get(&image.id).map(|notes| notes.tags.clone()).unwrap_or_default(),
        };
        let origin = Origin {
            account: caller.account.as_str().to_owned(),
            region: region.as_str().to_owned(),
            source_region: caller.region.as_str().to_owned(),
            source_image: image.id.clone(),
            source_cluster: image.cluster.clone(),
            copied: seconds(now),
            seed_of: None,
        };
        let copy = self.plane.copy_image(&image.id, &origin, seconds(now))?;
        if !tags.is_empty() {
            let notes = Entry::Backup(copy.id.clone(), BackupNotes { tags, policy: None });
            state.books.save(vec![notes]).inspect_err(|_| self.drop_image(&copy.id, now))?;
        }
        let id = |text: &str| ApiError::internal(format!("{text} is no id"));
        Ok(CopyBackupToRegionOutput {
            destination_backup: DestinationBackup {
                create_timestamp: Some(instant(copy.created)),
                source_region: caller.region.clone(),
                source_backup: input.backup_id,
                source_cluster: image.cluster.parse().map_err(|_| id(&image.cluster))?,
            },
        })
    }

    /// The backup that a cluster is to be made of: the caller's own, or one that is shared with them.
    pub(super) fn source(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        source: &BackupRef,
    ) -> Result<(Image, BackupId), ApiError> {
        let (place, id) = source.parts();
        let id: BackupId = id.parse().map_err(ApiError::invalid)?;
        if let Some((region, _)) = place
            && region != caller.region.as_str()
        {
            return Err(ApiError::invalid(format!(
                "{source} is in another region than the cluster is to be: call CopyBackupToRegion first, and use the copy"
            )));
        }
        let image = match place {
            Some((_, account)) if account != caller.account.as_str() => {
                self.shared_backup(state, now, caller, source, &id)?
            }
            _ => self.own_ready(state, now, caller, &id, "be made a cluster")?,
        };
        if !image.is_activated {
            return Err(ApiError::invalid(format!(
                "the backup {id} is of a cluster that was never activated: use a later one"
            )));
        }
        Ok((image, id))
    }

    fn shared_backup(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        arn: &BackupRef,
        id: &BackupId,
    ) -> Result<Image, ApiError> {
        let shared = self.plane.images().into_iter().find(|image| {
            image.id == id.as_str()
                && state.books.owner_of(image).is_some_and(|owner| {
                    owner.arn_of_backup(&image.id) == arn.as_str()
                        && self.may_restore(&state.books, caller, &owner, image, now)
                })
        });
        shared.ok_or_else(|| {
            ApiError::not_found(format!(
                "there is no backup {arn} that is READY and shared with your account"
            ))
        })
    }

    /// A copy that belongs to a new cluster alone, so that it can be made whatever becomes of the source.
    pub(super) fn seed(
        &self,
        record: &ClusterRecord,
        image: &Image,
        now: Timestamp,
    ) -> Result<Image, ApiError> {
        let Owner { account, region } = &record.owner;
        let origin = Origin {
            account: account.as_str().to_owned(),
            region: region.as_str().to_owned(),
            source_region: region.as_str().to_owned(),
            source_image: image.id.clone(),
            source_cluster: image.cluster.clone(),
            copied: seconds(now),
            seed_of: Some(record.id.as_str().to_owned()),
        };
        Ok(self.plane.copy_image(&image.id, &origin, seconds(now))?)
    }
}
