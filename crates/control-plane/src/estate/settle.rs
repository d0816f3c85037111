//! What happens by itself: states that end, HSMs that are still to be made or removed, clusters that were activated, backups
//! that have had their time.

use std::collections::BTreeMap;

use super::books::Entry;
use super::data_plane::{Image, Occasion};
use super::records::{ClusterRecord, HsmRecord};
use super::work::{Tries, instant, seconds};
use super::{Desk, Kind, State};
use crate::shapes::{BackupState, ClusterState, HsmState, Timestamp};

/// How often it's looked for backups that have had their time, in seconds.
const SWEEP_EVERY: i64 = 60;
const DAY: i64 = 24 * 3600;
/// The longest message of a state, in characters (control-plane.md 2.1).
const MAX_MESSAGE: usize = 300;
/// How long a deleted cluster is remembered at least, in seconds.
const MEMORY: i64 = DAY;
/// How long a deleted backup can be had back, in seconds.
pub(super) const DELETION_WINDOW: i64 = 7 * DAY;
/// How long a cluster can go back to its former type, in seconds (cloudhsm.md 1.5).
const ROLLBACK_WINDOW: i64 = DAY;

impl Desk {
    pub(super) fn settle(&self, state: &mut State, now: Timestamp) {
        let ids: Vec<_> = state.books.clusters.keys().cloned().collect();
        for id in ids {
            while let Some(next) =
                state.books.clusters.get(&id).and_then(|record| self.step(record, now, &mut state.tries))
            {
                if state.books.save_cluster(next).is_err() {
                    // Said already; it's tried again at the next call.
                    return;
                }
            }
        }
        if state.swept.is_none_or(|swept| now >= swept.plus_seconds(SWEEP_EVERY)) {
            state.swept = Some(now);
            self.sweep(state, now);
        }
    }

    /// A cluster one step further, if there is one to be made.
    fn step(&self, record: &ClusterRecord, now: Timestamp, tries: &mut Tries) -> Option<ClusterRecord> {
        let mut next = record.clone();
        for (at, hsm) in record.hsms.iter().enumerate() {
            match self.step_of_hsm(record, hsm, now, tries) {
                Step::None => {}
                Step::To(hsm) => {
                    next.hsms[at] = hsm;
                    return Some(next);
                }
                Step::Gone => {
                    next.hsms.remove(at);
                    return Some(next);
                }
            }
        }
        if let Some((_, expired)) = record.rollback
            && now >= expired
        {
            next.rollback = None;
            return Some(next);
        }
        let over = record.until.filter(|until| now >= *until);
        match (record.state, over) {
            (ClusterState::CreateInProgress, Some(end)) if record.source_backup.is_some() => {
                next.state = ClusterState::InitializeInProgress;
                next.until = Some(self.end_of(end));
            }
            (ClusterState::CreateInProgress, Some(_)) => {
                next.state = ClusterState::Uninitialized;
                next.until = None;
            }
            (ClusterState::Uninitialized, _) => {
                // It has its certificate by `strongroom cluster initialize`, or by a call that a crash cut short.
                let certificate = self.plane.certificates(record.id.as_str()).ok()?.cluster?;
                return Some(self.initializing(next, certificate, now));
            }
            (ClusterState::InitializeInProgress, Some(_)) => {
                // A cluster of a backup has its officers.
                let is_active = record.source_backup.is_some();
                next.state = if is_active { ClusterState::Active } else { ClusterState::Initialized };
                next.until = None;
            }
            (ClusterState::ModifyInProgress | ClusterState::RollbackInProgress, Some(end)) => {
                return self.modified(next, end);
            }
            (ClusterState::DeleteInProgress, Some(end)) => {
                next.state = ClusterState::Deleted;
                next.until = Some(end.plus_seconds(MEMORY));
            }
            (ClusterState::Initialized, _) if self.plane.is_activated(record.id.as_str()) => {
                let made = self.plane.back_up(record.id.as_str(), Occasion::Activated, seconds(now));
                if let Err(error) = made {
                    tracing::warn!("cluster {} was activated, but isn't backed up: {error}", record.id);
                }
                next.state = ClusterState::Active;
            }
            _ => return None,
        }
        Some(next)
    }

    fn step_of_hsm(
        &self,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
        now: Timestamp,
        tries: &mut Tries,
    ) -> Step {
        let is_over = hsm.until.is_none_or(|until| now >= until);
        let may_try = tries.may(&hsm.id, now);
        match (hsm.state, hsm.node) {
            (HsmState::CreateInProgress, None) if may_try => match self.make_node(cluster, hsm, now) {
                Ok(placed) => {
                    tries.done(&hsm.id);
                    Step::To(HsmRecord {
                        node: Some(placed.node),
                        address: Some(placed.address),
                        message: None,
                        ..hsm.clone()
                    })
                }
                Err(fault) => Self::put_off(hsm, "can't be made", &fault.to_string(), now, tries),
            },
            (HsmState::CreateInProgress, Some(_)) if is_over => {
                Step::To(HsmRecord { state: HsmState::Active, until: None, ..hsm.clone() })
            }
            (HsmState::DeleteInProgress, Some(_)) if may_try => match self.end_node(cluster, hsm, now) {
                Ok(()) => {
                    tries.done(&hsm.id);
                    Step::To(HsmRecord { node: None, message: None, ..hsm.clone() })
                }
                Err(fault) => Self::put_off(hsm, "can't be removed", &fault.to_string(), now, tries),
            },
            (HsmState::DeleteInProgress, None) if is_over => Step::Gone,
            _ => Step::None,
        }
    }

    fn put_off(hsm: &HsmRecord, what: &str, why: &str, now: Timestamp, tries: &mut Tries) -> Step {
        tries.failed(&hsm.id, now);
        tracing::warn!("{} {what}, and is tried again: {why}", hsm.id);
        let message = format!("It {what}, and is tried again: {why}");
        let message = Some(message.chars().take(MAX_MESSAGE).collect());
        if hsm.message == message { Step::None } else { Step::To(HsmRecord { message, ..hsm.clone() }) }
    }

    /// A cluster whose type has changed.
    fn modified(&self, mut next: ClusterRecord, end: Timestamp) -> Option<ClusterRecord> {
        let target = next.target.take()?;
        let kind = Kind { hsm: target, ..next.kind };
        if self.plane.nodes(next.id.as_str()).is_some()
            && let Err(error) = self.plane.change_kind(next.id.as_str(), kind)
        {
            tracing::warn!("cluster {} can't become {target}, and it's tried again: {error}", next.id);
            return None;
        }
        let is_forward = next.state == ClusterState::ModifyInProgress;
        next.rollback = is_forward.then(|| (next.kind.hsm, end.plus_seconds(ROLLBACK_WINDOW)));
        next.kind = kind;
        next.state = ClusterState::Active;
        next.until = None;
        Some(next)
    }

    /// Lets backups go that have had their time, and forgets what nobody asks for any more.
    fn sweep(&self, state: &mut State, now: Timestamp) {
        let images = self.plane.images();
        let mut forgotten = Vec::new();
        for record in state.books.clusters.values() {
            let is_deleted = record.state == ClusterState::Deleted;
            let is_needed = images.iter().any(|image| image.cluster == record.id.as_str());
            if is_deleted && !is_needed && record.until.is_none_or(|until| now >= until) {
                forgotten.push(Entry::NoCluster(record.id.as_str().to_owned()));
            }
        }
        let is_gone = |id: &&String| !images.iter().any(|image| image.id == **id);
        forgotten.extend(state.books.backups.keys().filter(is_gone).cloned().map(Entry::NoBackup));
        // Said already if it can't be; nothing is lost by it.
        let _ = state.books.save(forgotten);

        for (image, at) in self.expired(state, &images, now) {
            match self.plane.delete_image(&image.id, at) {
                Ok(_) => tracing::info!("backup {} of cluster {} has had its time", image.id, image.cluster),
                Err(error) => tracing::warn!("backup {} has had its time, but stays: {error}", image.id),
            }
        }
    }

    /// Backups that are to go, and when. The last good one of a cluster stays, and so do copies (cloudhsm.md section 10).
    fn expired<'a>(&self, state: &State, images: &'a [Image], now: Timestamp) -> Vec<(&'a Image, u64)> {
        // They are in the order in which they were made.
        let good = images.iter().filter(|image| image.origin.is_none() && image.delete_at.is_none());
        let last: BTreeMap<&str, &str> =
            good.map(|image| (image.cluster.as_str(), image.id.as_str())).collect();
        let mut expired = Vec::new();
        for image in images.iter().filter(|image| image.delete_at.is_none()) {
            if let Some(cluster) = image.origin.as_ref().and_then(|origin| origin.seed_of.as_ref()) {
                let is_needed = state
                    .books
                    .clusters
                    .get(cluster)
                    .is_some_and(|record| record.state != ClusterState::Deleted);
                if !is_needed {
                    expired.push((image, seconds(now)));
                }
                continue;
            }
            let Some(record) = state.books.clusters.get(&image.cluster) else { continue };
            let is_last = last.get(image.cluster.as_str()).is_some_and(|id| *id == image.id);
            let days = i64::from(record.retention.days());
            let had_time = now >= instant(image.created).plus_seconds(days * DAY);
            if had_time && image.origin.is_none() && !image.never_expires && !is_last {
                expired.push((image, seconds(now.plus_seconds(DELETION_WINDOW))));
            }
        }
        expired
    }

    /// Where a backup is in its life.
    pub(super) fn backup_state(&self, image: &Image, now: Timestamp) -> BackupState {
        // A copy came to be later than its source.
        let appeared = image.origin.as_ref().map_or(image.created, |origin| origin.copied);
        match image.delete_at {
            Some(at) if now >= instant(at) => BackupState::Deleted,
            Some(_) => BackupState::PendingDeletion,
            None if now < self.end_of(instant(appeared)) => BackupState::CreateInProgress,
            None => BackupState::Ready,
        }
    }
}

/// What becomes of an HSM.
enum Step {
    None,
    To(HsmRecord),
    Gone,
}
