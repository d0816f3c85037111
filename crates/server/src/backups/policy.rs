//! When backups are made, and how long they're kept (cloudhsm.md section 10).

use std::collections::BTreeMap;

use serde::Deserialize;

use super::BucketConfig;

use crate::control::{BackupInfo, BackupReason, BackupState};

const DAY: u64 = 24 * 3600;
/// How long a deleted backup can be had back, in seconds.
pub(super) const DELETION_WINDOW: u64 = 7 * DAY;

/// When backups are made by themselves, and how long they're kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupPolicy {
    /// Hours between backups of a cluster. With 0 there is none by itself, not even when a cluster gets its first users.
    pub every_hours: u32,
    /// Days until one goes, unless it's the last of its cluster, a copy, or is to be kept for ever: 7 to 379.
    pub retention_days: u32,
    /// Where images are kept; else in the home.
    pub bucket: Option<BucketConfig>,
}

impl Default for BackupPolicy {
    fn default() -> Self {
        Self { every_hours: 24, retention_days: 90, bucket: None }
    }
}

impl BackupPolicy {
    /// What is wrong with it, in words.
    pub(crate) fn problem(&self) -> Option<String> {
        let days = self.retention_days;
        (!(7..=379).contains(&days)).then(|| format!("backups.retention_days is 7 to 379, not {days}"))
    }

    /// Why a cluster is to be backed up now, if it is.
    pub(super) fn due(
        &self,
        all: &[BackupInfo],
        serial: &str,
        initialized: bool,
        now: u64,
    ) -> Option<BackupReason> {
        if !initialized || self.every_hours == 0 {
            return None;
        }
        let own = all.iter().filter(|info| info.serial == serial && info.source.is_none());
        match own.map(|info| info.created).max() {
            None => Some(BackupReason::Activated),
            Some(last) if now.saturating_sub(last) >= u64::from(self.every_hours) * 3600 => {
                Some(BackupReason::Scheduled)
            }
            Some(_) => None,
        }
    }

    /// What has had its time. The last good backup of a cluster never has.
    pub(super) fn expired(&self, all: &[BackupInfo], now: u64) -> Vec<String> {
        let mut last: BTreeMap<&str, (u64, u64, &str)> = BTreeMap::new();
        for info in all.iter().filter(|info| info.state == BackupState::Ready && info.source.is_none()) {
            let newest = last.entry(&info.serial).or_default();
            *newest = (*newest).max((info.created, info.number, &info.id));
        }
        let is_last =
            |info: &BackupInfo| last.get(info.serial.as_str()).is_some_and(|(.., id)| *id == info.id);
        let gone = |info: &&BackupInfo| match info.state {
            BackupState::PendingDeletion => info.delete_at.is_some_and(|at| now >= at),
            BackupState::Ready => {
                let age = now.saturating_sub(info.created);
                age >= u64::from(self.retention_days) * DAY
                    && !info.never_expires
                    && info.source.is_none()
                    && !is_last(info)
            }
        };
        all.iter().filter(gone).map(|info| info.id.clone()).collect()
    }
}
