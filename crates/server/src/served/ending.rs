//! A cluster's end.

use std::time::Instant;

use super::{REMOVAL_GRACE, Running, Served};
use crate::backups::Backups;
use crate::control::{BackupReason, Refusal};

impl Served {
    /// Ends the cluster: its nodes take no more calls, those in flight are waited for, `last` is done, and then the nodes are
    /// gone, with their logs and addresses. If `last` fails all is as before.
    pub(crate) fn end(&self, last: impl FnOnce() -> Result<(), Refusal>) -> Result<(), Refusal> {
        let mut turn = self.turn().map_err(Refusal::Failed)?;
        self.stop();
        let left = self.wait(Instant::now() + REMOVAL_GRACE);
        if left > 0 {
            tracing::warn!(
                "cluster {}: {left} calls weren't done after {} s and were cut off",
                self.cluster.name(),
                REMOVAL_GRACE.as_secs()
            );
        }
        if let Err(refusal) = last() {
            self.open_again();
            return Err(refusal);
        }
        turn.has_ended = true;
        let seats = std::mem::take(&mut *self.seats.lock());
        for (id, seat) in seats {
            if let Some(Running { node, .. }) = seat.running {
                self.logs.end(self.cluster.name(), &node);
            }
            self.addresses.free(self.cluster.name(), id);
        }
        Ok(())
    }

    /// Backs the cluster up as the last thing before it [ends](Self::end).
    pub(crate) fn back_up_last(&self, backups: &Backups) -> Result<(), String> {
        self.make_backup(backups, BackupReason::NodeRemoved).map(drop)
    }

    /// Has all nodes listen again.
    fn open_again(&self) {
        let ids: Vec<_> = self.seats.lock().keys().copied().collect();
        for id in ids {
            if let Err(problem) = self.listen_again(id) {
                tracing::error!("{} doesn't listen any more: {problem}", self.name_of(id));
            }
        }
    }
}
