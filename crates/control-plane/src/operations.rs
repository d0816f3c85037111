//! Whoever answers the API's calls.

use crate::shapes::*;
use crate::{ApiError, Caller};

/// The 18 operations. Inputs are as the published model allows them; calls may block, and come from several threads.
///
/// A mutation that answers `Ok` is durable. The front remembers its answer for some minutes by the caller's invocation id,
/// so that a client which lost the connection and calls again isn't answered by a second cluster.
pub trait Operations: Send + Sync {
    /// A new cluster without HSMs: empty, or of a backup.
    fn create_cluster(
        &self,
        caller: &Caller,
        input: CreateClusterInput,
    ) -> Result<CreateClusterOutput, ApiError>;
    /// The caller's clusters, a page of them.
    fn describe_clusters(
        &self,
        caller: &Caller,
        input: DescribeClustersInput,
    ) -> Result<DescribeClustersOutput, ApiError>;
    /// Gives a cluster the customer's certificates.
    fn initialize_cluster(
        &self,
        caller: &Caller,
        input: InitializeClusterInput,
    ) -> Result<InitializeClusterOutput, ApiError>;
    /// Another retention of backups, another HSM type.
    fn modify_cluster(
        &self,
        caller: &Caller,
        input: ModifyClusterInput,
    ) -> Result<ModifyClusterOutput, ApiError>;
    /// Ends a cluster that has no HSMs.
    fn delete_cluster(
        &self,
        caller: &Caller,
        input: DeleteClusterInput,
    ) -> Result<DeleteClusterOutput, ApiError>;
    /// Adds an HSM to a cluster.
    fn create_hsm(&self, caller: &Caller, input: CreateHsmInput) -> Result<CreateHsmOutput, ApiError>;
    /// Takes an HSM out of its cluster.
    fn delete_hsm(&self, caller: &Caller, input: DeleteHsmInput) -> Result<DeleteHsmOutput, ApiError>;
    /// The caller's backups, and those shared with them; a page of them.
    fn describe_backups(
        &self,
        caller: &Caller,
        input: DescribeBackupsInput,
    ) -> Result<DescribeBackupsOutput, ApiError>;
    /// Whether a backup is kept beyond its cluster's retention.
    fn modify_backup_attributes(
        &self,
        caller: &Caller,
        input: ModifyBackupAttributesInput,
    ) -> Result<ModifyBackupAttributesOutput, ApiError>;
    /// Copies a backup to another region of the same account.
    fn copy_backup_to_region(
        &self,
        caller: &Caller,
        input: CopyBackupToRegionInput,
    ) -> Result<CopyBackupToRegionOutput, ApiError>;
    /// Marks a backup for deletion seven days from now.
    fn delete_backup(
        &self,
        caller: &Caller,
        input: DeleteBackupInput,
    ) -> Result<DeleteBackupOutput, ApiError>;
    /// Takes that mark off.
    fn restore_backup(
        &self,
        caller: &Caller,
        input: RestoreBackupInput,
    ) -> Result<RestoreBackupOutput, ApiError>;
    /// A cluster's or backup's tags, a page of them, by key.
    fn list_tags(&self, caller: &Caller, input: ListTagsInput) -> Result<ListTagsOutput, ApiError>;
    /// Adds tags and overwrites those of the same keys.
    fn tag_resource(&self, caller: &Caller, input: TagResourceInput) -> Result<TagResourceOutput, ApiError>;
    /// Takes tags away; a key that isn't there is no error.
    fn untag_resource(
        &self,
        caller: &Caller,
        input: UntagResourceInput,
    ) -> Result<UntagResourceOutput, ApiError>;
    /// Who else may use a backup.
    fn put_resource_policy(
        &self,
        caller: &Caller,
        input: PutResourcePolicyInput,
    ) -> Result<PutResourcePolicyOutput, ApiError>;
    /// The policy, if there's one.
    fn get_resource_policy(
        &self,
        caller: &Caller,
        input: GetResourcePolicyInput,
    ) -> Result<GetResourcePolicyOutput, ApiError>;
    /// Takes the policy away, and tells what it was.
    fn delete_resource_policy(
        &self,
        caller: &Caller,
        input: DeleteResourcePolicyInput,
    ) -> Result<DeleteResourcePolicyOutput, ApiError>;
}
