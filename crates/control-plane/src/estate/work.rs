//! What has to be done about nodes for an HSM to come or go. A crash may come between any two steps: it's asked again then,
//! and what is done already is left.

use std::collections::BTreeMap;

use super::Desk;
use super::data_plane::{Fault, Image, Occasion, PlacedNode};
use super::records::{ClusterRecord, HsmRecord};
use crate::shapes::{ClusterState, HsmId, Timestamp};

/// How long nothing is tried again that failed, in seconds.
const RETRY: i64 = 10;

/// When what couldn't be done is tried again.
#[derive(Default)]
pub(super) struct Tries(BTreeMap<HsmId, Timestamp>);

impl Tries {
    pub(super) fn may(&self, id: &HsmId, now: Timestamp) -> bool {
        self.0.get(id).is_none_or(|next| now >= *next)
    }

    pub(super) fn failed(&mut self, id: &HsmId, now: Timestamp) {
        self.0.insert(id.clone(), now.plus_seconds(RETRY));
    }

    pub(super) fn done(&mut self, id: &HsmId) {
        self.0.remove(id);
    }
}

impl Desk {
    /// Makes the node of an HSM that has none.
    pub(super) fn make_node(
        &self,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
        now: Timestamp,
    ) -> Result<PlacedNode, Fault> {
        let id = cluster.id.as_str();
        let Some(nodes) = self.plane.nodes(id) else {
            if cluster.state == ClusterState::Uninitialized {
                return self.plane.create(id, cluster.kind, hsm.address);
            }
            let image = self.newest_image(cluster)?;
            return self.plane.restore(id, cluster.kind, &image.id, hsm.address);
        };
        // One that nobody knows of was made for this HSM before a crash.
        let is_known = |node: &PlacedNode| cluster.hsms.iter().any(|other| other.node == Some(node.node));
        if let Some(node) = nodes.into_iter().find(|node| !is_known(node)) {
            return Ok(node);
        }
        if cluster.state == ClusterState::Active {
            self.plane.back_up(id, Occasion::Adding, seconds(now))?;
        }
        self.plane.add_node(id, hsm.address)
    }

    /// Removes the node of an HSM, if it's still there. With the last one the cluster ends, and what it is stays in a backup.
    pub(super) fn end_node(
        &self,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let id = cluster.id.as_str();
        let (Some(nodes), Some(node)) = (self.plane.nodes(id), hsm.node) else { return Ok(()) };
        if !nodes.iter().any(|other| other.node == node) {
            return Ok(());
        }
        let is_active = cluster.state == ClusterState::Active;
        if nodes.len() == 1 {
            // Or else the certificate that the customer signed would be lost, with its key.
            let is_worth_keeping = is_active || cluster.state == ClusterState::Initialized;
            return self.plane.close(id, is_worth_keeping, seconds(now));
        }
        if is_active {
            self.plane.back_up(id, Occasion::Removing, seconds(now))?;
        }
        self.plane.remove_node(id, node)
    }

    /// The image that a cluster without HSMs comes back from.
    fn newest_image(&self, cluster: &ClusterRecord) -> Result<Image, Fault> {
        let id = cluster.id.as_str();
        let seed_of = |image: &Image| image.origin.as_ref()?.seed_of.clone();
        let is_own = |image: &Image| image.origin.is_none() && image.cluster == id;
        // They are in the order in which they were made, and a seed when the cluster was.
        let (going, good): (Vec<_>, Vec<_>) = self
            .plane
            .images()
            .into_iter()
            .filter(|image| is_own(image) || seed_of(image).as_deref() == Some(id))
            .partition(|image| image.delete_at.is_some());
        let is_going = !going.is_empty();
        good.into_iter().next_back().ok_or_else(|| {
            Fault::Refused(if is_going {
                format!(
                    "all backups of cluster {} are being deleted, and it comes back from one: call RestoreBackup on the newest first",
                    cluster.id
                )
            } else {
                format!(
                    "cluster {} has no HSMs and no backup that it could come back from: create another cluster",
                    cluster.id
                )
            })
        })
    }
}

/// As the data plane counts, since 1970.
pub(super) fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.millis() / 1000).unwrap_or(0)
}

/// As the API counts.
pub(super) fn instant(seconds: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
}
