//! Policies of backups: put, told, taken away, and asked.

use super::books::{Books, Entry};
use super::data_plane::Image;
use super::policy::{Deed, Policy};
use super::records::Owner;
use super::{Desk, State};
use crate::shapes::*;
use crate::{ApiError, Caller};

impl Desk {
    pub(super) fn put_resource_policy(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: PutResourcePolicyInput,
    ) -> Result<PutResourcePolicyOutput, ApiError> {
        let id = backup_of(caller, &input.resource_arn)?;
        let image = self.own_ready(state, now, caller, &id, "be shared")?;
        Policy::read(input.policy.as_str())?;
        self.set_policy(state, &image, Some(input.policy.clone()))?;
        Ok(PutResourcePolicyOutput { resource_arn: input.resource_arn, policy: input.policy })
    }

    pub(super) fn get_resource_policy(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: GetResourcePolicyInput,
    ) -> Result<GetResourcePolicyOutput, ApiError> {
        let id = backup_of(caller, &input.resource_arn)?;
        let image = self.own_backup(state, now, caller, &id)?;
        Ok(GetResourcePolicyOutput { policy: policy_of(&state.books, &image).cloned() })
    }

    pub(super) fn delete_resource_policy(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: DeleteResourcePolicyInput,
    ) -> Result<DeleteResourcePolicyOutput, ApiError> {
        let id = backup_of(caller, &input.resource_arn)?;
        let image = self.own_backup(state, now, caller, &id)?;
        let policy = policy_of(&state.books, &image).cloned();
        if policy.is_some() {
            self.set_policy(state, &image, None)?;
        }
        Ok(DeleteResourcePolicyOutput { resource_arn: input.resource_arn, policy })
    }

    /// Whether somebody else's backup is shown to the caller.
    pub(super) fn may_see(
        &self,
        books: &Books,
        caller: &Caller,
        owner: &Owner,
        image: &Image,
        now: Timestamp,
    ) -> bool {
        self.may(books, caller, owner, image, now, &Deed::Describe)
    }

    /// Whether the caller may make a cluster of somebody else's backup.
    pub(super) fn may_restore(
        &self,
        books: &Books,
        caller: &Caller,
        owner: &Owner,
        image: &Image,
        now: Timestamp,
    ) -> bool {
        self.may(books, caller, owner, image, now, &Deed::Restore)
    }

    fn may(
        &self,
        books: &Books,
        caller: &Caller,
        owner: &Owner,
        image: &Image,
        now: Timestamp,
        deed: &Deed,
    ) -> bool {
        let is_elsewhere = owner.account == caller.account || owner.region != caller.region;
        if is_elsewhere || self.backup_state(image, now) != BackupState::Ready {
            return false;
        }
        let policy = policy_of(books, image).and_then(|text| Policy::read(text.as_str()).ok());
        policy.is_some_and(|policy| policy.allows(&caller.account, deed, &owner.arn_of_backup(&image.id)))
    }

    fn set_policy(
        &self,
        state: &mut State,
        image: &Image,
        policy: Option<ResourcePolicy>,
    ) -> Result<(), ApiError> {
        let mut notes = state.books.backups.get(&image.id).cloned().unwrap_or_default();
        notes.policy = policy;
        state.books.save(vec![Entry::Backup(image.id.clone(), notes)])
    }
}

fn policy_of<'a>(books: &'a Books, image: &Image) -> Option<&'a ResourcePolicy> {
    books.backups.get(&image.id)?.policy.as_ref()
}

/// The backup that an ARN of the caller's names.
fn backup_of(caller: &Caller, arn: &ResourceArn) -> Result<BackupId, ApiError> {
    let (region, account, id) = arn.parts();
    let id: BackupId = id
        .parse()
        .map_err(|_| ApiError::invalid(format!("{arn} isn't a backup's ARN: only backups have policies")))?;
    if account != caller.account.as_str() {
        return Err(ApiError::denied(format!("{arn} is of another account: only its owner can share it")));
    }
    if region != caller.region.as_str() {
        return Err(ApiError::invalid(format!(
            "{arn} is in another region than the call, {}: call that region",
            caller.region
        )));
    }
    Ok(id)
}
