//! Backups: told of, deleted, had back, kept.

use super::books::Books;
use super::data_plane::Image;
use super::records::{Owner, tag_list};
use super::settle::DELETION_WINDOW;
use super::work::{instant, seconds};
use super::{Desk, State, pages};
use crate::shapes::*;
use crate::{ApiError, Caller};

/// The most backups in a page (control-plane.md 2.1).
const PAGE: u32 = 50;

impl Books {
    /// Whose backup an image is; nobody's if it's of a cluster that the API didn't make.
    pub(super) fn owner_of(&self, image: &Image) -> Option<Owner> {
        match &image.origin {
            Some(origin) if origin.seed_of.is_some() => None,
            Some(origin) => {
                Some(Owner { account: origin.account.parse().ok()?, region: origin.region.parse().ok()? })
            }
            None => self.clusters.get(&image.cluster).map(|record| record.owner.clone()),
        }
    }
}

impl Desk {
    pub(super) fn describe_backups(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: DescribeBackupsInput,
    ) -> Result<DescribeBackupsOutput, ApiError> {
        let me = Owner::of(caller);
        let is_for_me = |owner: &Owner, image: &Image| {
            if input.shared == Some(true) {
                self.may_see(&state.books, caller, owner, image, now)
            } else {
                *owner == me
            }
        };
        let all = self.plane.images().into_iter().filter_map(|image| {
            let owner = state.books.owner_of(&image)?;
            is_for_me(&owner, &image).then(|| self.backup_view(&state.books, &owner, &image, now))?
        });
        let backups = all.filter(|backup| fits(&input.filters, backup)).collect();
        let size = pages::size(input.max_results, PAGE);
        // The newest first unless otherwise wanted: the model is silent.
        let is_ascending = input.sort_ascending == Some(true);
        let place = |backup: &Backup| Position {
            created: backup.create_timestamp.unwrap_or(Timestamp::from_millis(0)),
            id: backup.backup_id.as_str().to_owned(),
        };
        let (backups, next_token) =
            pages::page(backups, is_ascending, input.next_token.as_ref(), size, place);
        Ok(DescribeBackupsOutput { backups, next_token })
    }

    pub(super) fn modify_backup_attributes(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: ModifyBackupAttributesInput,
    ) -> Result<ModifyBackupAttributesOutput, ApiError> {
        let image = self.own_ready(state, now, caller, &input.backup_id, "be modified")?;
        let image = self.plane.keep_image(&image.id, input.never_expires)?;
        Ok(ModifyBackupAttributesOutput { backup: self.shown(state, caller, &image, now)? })
    }

    pub(super) fn delete_backup(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: DeleteBackupInput,
    ) -> Result<DeleteBackupOutput, ApiError> {
        let image = self.own_ready(state, now, caller, &input.backup_id, "be deleted")?;
        let at = seconds(now.plus_seconds(DELETION_WINDOW));
        let image = self.plane.delete_image(&image.id, at)?;
        Ok(DeleteBackupOutput { backup: self.shown(state, caller, &image, now)? })
    }

    pub(super) fn restore_backup(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: RestoreBackupInput,
    ) -> Result<RestoreBackupOutput, ApiError> {
        let image = self.own_backup(state, now, caller, &input.backup_id)?;
        let is = self.backup_state(&image, now);
        if is != BackupState::PendingDeletion {
            return Err(wrong_state(&image, is, "be restored", BackupState::PendingDeletion));
        }
        let image = self.plane.undelete_image(&image.id)?;
        Ok(RestoreBackupOutput { backup: self.shown(state, caller, &image, now)? })
    }

    /// The caller's backup of this id.
    pub(super) fn own_backup(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        id: &BackupId,
    ) -> Result<Image, ApiError> {
        let me = Owner::of(caller);
        let own = self.plane.images().into_iter().find(|image| {
            image.id == id.as_str()
                && state.books.owner_of(image).as_ref() == Some(&me)
                && self.backup_state(image, now) != BackupState::Deleted
        });
        own.ok_or_else(|| {
            ApiError::not_found(format!(
                "there is no backup {id} in region {} of your account",
                caller.region
            ))
        })
    }

    /// The caller's backup of this id, if it's `READY`.
    pub(super) fn own_ready(
        &self,
        state: &State,
        now: Timestamp,
        caller: &Caller,
        id: &BackupId,
        what: &str,
    ) -> Result<Image, ApiError> {
        let image = self.own_backup(state, now, caller, id)?;
        match self.backup_state(&image, now) {
            BackupState::Ready => Ok(image),
            is => Err(wrong_state(&image, is, what, BackupState::Ready)),
        }
    }

    /// Lets an image go at once. If it can't go now, sweeping tries again.
    pub(super) fn drop_image(&self, id: &str, now: Timestamp) {
        if let Err(error) = self.plane.delete_image(id, seconds(now)) {
            tracing::warn!("the image {id} isn't needed, but stays: {error}");
        }
    }

    fn shown(
        &self,
        state: &State,
        caller: &Caller,
        image: &Image,
        now: Timestamp,
    ) -> Result<Backup, ApiError> {
        self.backup_view(&state.books, &Owner::of(caller), image, now).ok_or_else(|| {
            ApiError::internal(format!("the backup {} has an entry that makes no sense", image.id))
        })
    }

    /// A backup as callers see it; `None` for one that is gone.
    fn backup_view(&self, books: &Books, owner: &Owner, image: &Image, now: Timestamp) -> Option<Backup> {
        let state = self.backup_state(image, now);
        if state == BackupState::Deleted {
            return None;
        }
        let origin = image.origin.as_ref();
        let tags = books.backups.get(&image.id).map(|notes| tag_list(&notes.tags)).unwrap_or_default();
        Some(Backup {
            backup_id: image.id.parse().ok()?,
            backup_arn: Some(owner.arn_of_backup(&image.id)),
            backup_state: state,
            cluster_id: Some(image.cluster.parse().ok()?),
            create_timestamp: Some(instant(image.created)),
            copy_timestamp: origin.map(|origin| instant(origin.copied)),
            never_expires: Some(image.never_expires),
            source_region: origin.and_then(|origin| origin.source_region.parse().ok()),
            source_backup: origin.and_then(|origin| origin.source_image.parse().ok()),
            source_cluster: origin.and_then(|origin| origin.source_cluster.parse().ok()),
            delete_timestamp: image.delete_at.map(instant),
            tag_list: tags,
            hsm_type: image.kind.map(|kind| kind.hsm),
            mode: image.kind.map(|kind| kind.mode),
        })
    }
}

fn fits(filters: &BackupFilters, backup: &Backup) -> bool {
    let one_of = |wanted: &Option<Vec<String>>, value: Option<&str>| {
        wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|one| Some(one.as_str()) == value))
    };
    one_of(&filters.backup_ids, Some(backup.backup_id.as_str()))
        && one_of(&filters.source_backup_ids, backup.source_backup.as_ref().map(BackupId::as_str))
        && one_of(&filters.cluster_ids, backup.cluster_id.as_ref().map(ClusterId::as_str))
        && filters.states.as_ref().is_none_or(|states| states.contains(&backup.backup_state))
        && filters
            .never_expires
            .as_ref()
            .is_none_or(|wanted| wanted.contains(&(backup.never_expires == Some(true))))
}

fn wrong_state(image: &Image, is: BackupState, what: &str, wanted: BackupState) -> ApiError {
    ApiError::invalid(format!("the backup {} is {is}, and can {what} only while it's {wanted}", image.id))
}
