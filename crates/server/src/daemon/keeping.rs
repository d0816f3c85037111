//! Backups: those that are asked for, and those that are due.

use std::sync::Arc;

use strongroom_cluster::{Cluster, RestoreOptions};
use strongroom_node::Clock;

use super::{Daemon, SystemClock};
use crate::control::{BackupCommand, BackupReason, BackupSource, ClusterStatus, ControlResponse, Refusal};
use crate::served::Served;

/// How long backups are left alone after something couldn't be done, in seconds.
const RETRY_BACKUPS: u64 = 60;

impl Daemon {
    /// Does what is asked about backups.
    ///
    /// # Errors
    ///
    /// [`Refusal`]; nothing has changed then.
    pub fn backup(&self, command: BackupCommand) -> Result<ControlResponse, Refusal> {
        let (backups, now) = (&self.backups, SystemClock.now());
        let info = match command {
            BackupCommand::Create { cluster } => {
                let make = |served: &Served| served.back_up(backups, BackupReason::Requested);
                return self.with(&cluster, make).map(ControlResponse::Backup);
            }
            BackupCommand::List { cluster } => {
                return Ok(ControlResponse::Backups(backups.list(cluster.as_deref())));
            }
            BackupCommand::Verify { source } => {
                return backups.verify(&source).map(ControlResponse::Verified).map_err(Refusal::Failed);
            }
            BackupCommand::Restore { source, name, nodes } => {
                return self
                    .restore(&source, RestoreOptions { name, nodes, first_node: 0, variant: None })
                    .map(ControlResponse::Created);
            }
            BackupCommand::Copy { id, to } => backups.copy(&id, to.as_deref(), now),
            BackupCommand::Delete { id } => backups.delete(&id, now),
            BackupCommand::Undelete { id } => backups.undelete(&id),
            BackupCommand::Keep { id, forever } => backups.keep(&id, forever),
        };
        info.map(ControlResponse::Backup).map_err(Refusal::Failed)
    }

    /// Makes the backups that are due, moves images to the bucket if there is one, and does away with those that have had
    /// their time. What fails is tried again after a minute.
    pub fn keep_backups(&self) {
        let now = SystemClock.now();
        if now < *self.next_try.lock() {
            return;
        }
        if let Err(problem) = self.try_to_keep_backups(now) {
            *self.next_try.lock() = now + RETRY_BACKUPS;
            tracing::warn!("backups: {problem} (tried again in {RETRY_BACKUPS} s)");
        }
    }

    /// All that can be done is, whatever fails; the first failure is returned.
    fn try_to_keep_backups(&self, now: u64) -> Result<(), String> {
        let mut outcome = Ok(());
        for served in self.clusters.all() {
            outcome = outcome.and(served.back_up_if_due(&self.backups, now));
        }
        // The service of a bucket may take its time: no cluster waits for it.
        outcome.and(self.backups.move_out()).and(self.backups.sweep(now))
    }

    /// Makes a cluster of a backup and serves it.
    pub(super) fn restore(
        &self,
        source: &BackupSource,
        options: RestoreOptions,
    ) -> Result<ClusterStatus, Refusal> {
        let failed = |error: &dyn std::fmt::Display| Refusal::Failed(error.to_string());
        options.check().map_err(|error| failed(&error))?;
        // All of the image is read before anything is made.
        let backup = self.backups.read(source).map_err(Refusal::Failed)?;
        self.make(&options.name, options.first_node + options.nodes - 1, |store| {
            Cluster::restore(store, &backup, &options, &self.root, Arc::new(SystemClock))
        })
    }
}
