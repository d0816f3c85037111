//! Backups.

use serde::{Deserialize, Serialize};

use super::timestamp::wire;
use super::{BackupId, BackupState, ClusterId, ClusterMode, HsmType, Position, Region, Tag, Timestamp};

/// Which backups to tell of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeBackupsInput {
    /// Where the page before ended.
    pub next_token: Option<Position>,
    /// The most in this page, 1 to 50.
    pub max_results: Option<u32>,
    /// Only these.
    #[serde(default)]
    pub filters: BackupFilters,
    /// Those that others share with the caller, instead of the caller's own.
    pub shared: Option<bool>,
    /// The oldest first.
    pub sort_ascending: Option<bool>,
}

/// Of each filter that is given, one value must fit. None is ever an empty list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackupFilters {
    /// Ids; such as no backup has are no error.
    pub backup_ids: Option<Vec<String>>,
    /// Backups that these are copies of.
    pub source_backup_ids: Option<Vec<String>>,
    /// Clusters, deleted ones too.
    pub cluster_ids: Option<Vec<String>>,
    /// States.
    pub states: Option<Vec<BackupState>>,
    /// Whether they are kept for ever.
    pub never_expires: Option<Vec<bool>>,
}

/// A page of backups.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeBackupsOutput {
    /// The backups.
    pub backups: Vec<Backup>,
    /// Where this page ended, if there are more.
    #[serde(skip)]
    pub next_token: Option<Position>,
}

/// What changes in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyBackupAttributesInput {
    /// Which backup.
    pub backup_id: BackupId,
    /// Whether it's kept for ever.
    pub never_expires: bool,
}

/// The backup changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyBackupAttributesOutput {
    /// As it is now.
    pub backup: Backup,
}

/// Where to copy a backup.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CopyBackupToRegionInput {
    /// To this region.
    pub destination_region: Region,
    /// Which backup.
    pub backup_id: BackupId,
    /// The copy's tags, instead of those of the source.
    pub tag_list: Option<Vec<Tag>>,
}

/// What the copy is of.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CopyBackupToRegionOutput {
    /// The copy, without its id.
    pub destination_backup: DestinationBackup,
}

/// A copy in another region. To learn its id, ask there for backups with this `sourceBackupIds`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DestinationBackup {
    /// When the source was made.
    #[serde(serialize_with = "wire::serialize", skip_serializing_if = "Option::is_none")]
    pub create_timestamp: Option<Timestamp>,
    /// The source's region.
    pub source_region: Region,
    /// The source.
    pub source_backup: BackupId,
    /// The cluster that was backed up.
    pub source_cluster: ClusterId,
}

/// Which backup to delete.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteBackupInput {
    /// Which backup.
    pub backup_id: BackupId,
}

/// The backup that goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteBackupOutput {
    /// As it is now.
    pub backup: Backup,
}

/// Which backup to keep after all.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestoreBackupInput {
    /// Which backup.
    pub backup_id: BackupId,
}

/// The backup that stays.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestoreBackupOutput {
    /// As it is now.
    pub backup: Backup,
}

/// A backup as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Backup {
    /// Its id.
    pub backup_id: BackupId,
    /// Its ARN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_arn: Option<String>,
    /// Where it is in its life.
    pub backup_state: BackupState,
    /// The cluster that was backed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<ClusterId>,
    /// When it was made.
    #[serde(serialize_with = "wire::serialize", skip_serializing_if = "Option::is_none")]
    pub create_timestamp: Option<Timestamp>,
    /// When it was copied here.
    #[serde(serialize_with = "wire::serialize", skip_serializing_if = "Option::is_none")]
    pub copy_timestamp: Option<Timestamp>,
    /// Whether it's kept for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub never_expires: Option<bool>,
    /// Where it was copied from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_region: Option<Region>,
    /// The backup it's a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_backup: Option<BackupId>,
    /// The cluster of that backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_cluster: Option<ClusterId>,
    /// When it goes for good.
    #[serde(serialize_with = "wire::serialize", skip_serializing_if = "Option::is_none")]
    pub delete_timestamp: Option<Timestamp>,
    /// Its tags.
    pub tag_list: Vec<Tag>,
    /// The kind of HSMs it's of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hsm_type: Option<HsmType>,
    /// The mode of its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ClusterMode>,
}
