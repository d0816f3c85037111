//! Clusters that the control plane makes and ends.

use std::fs;
use std::net::Ipv4Addr;

use strongroom_cluster::{CreateOptions, Issue, RestoreOptions};
use strongroom_model::{NodeId, Profile, Variant};

use super::{Daemon, ending};
use crate::backups::Backups;
use crate::control::{BackupInfo, BackupReason, BackupSource, ClusterStatus, Refusal};

impl Daemon {
    /// How a cluster is, if there is one of this name.
    pub(crate) fn status_of(&self, cluster: &str) -> Option<ClusterStatus> {
        self.clusters.find(cluster).map(|served| served.status())
    }

    /// Makes a cluster of one node as CloudHSM does: without users, and with a key that the customer is to certify.
    pub(crate) fn create_managed(
        &self,
        name: &str,
        variant: Variant,
        address: Option<Ipv4Addr>,
    ) -> Result<NodeId, Refusal> {
        let hardware = self.authorities.hardware().map_err(|error| Refusal::Failed(error.to_string()))?;
        let first_node = self.fresh_number(name);
        let options = CreateOptions {
            name: name.to_owned(),
            nodes: 1,
            first_node,
            profile: Profile::CloudHsm,
            variant,
            officer_password: None,
            crypto_users: Vec::new(),
            uninitialized: true,
            certificates: Issue::Awaiting(hardware),
        };
        self.at_address(name, first_node, address, || self.create(options))
    }

    /// Makes a cluster of one node from a backup.
    pub(crate) fn restore_managed(
        &self,
        name: &str,
        variant: Variant,
        image: &str,
        address: Option<Ipv4Addr>,
    ) -> Result<NodeId, Refusal> {
        let first_node = self.fresh_number(name);
        let options = RestoreOptions { name: name.to_owned(), nodes: 1, first_node, variant: Some(variant) };
        self.at_address(name, first_node, address, || {
            self.restore(&BackupSource::Id(image.to_owned()), options)
        })
    }

    /// Adds a node, without a backup.
    pub(crate) fn add_managed(&self, cluster: &str, address: Option<Ipv4Addr>) -> Result<NodeId, Refusal> {
        self.with(cluster, |served| served.add_node(address, None))
    }

    /// Removes a node, without a backup.
    pub(crate) fn remove_managed(&self, cluster: &str, node: NodeId) -> Result<(), Refusal> {
        self.with(cluster, |served| served.remove_node(node, None))
    }

    /// Backs a cluster up. Of [`BackupReason::Activated`] there is one only.
    pub(crate) fn back_up(&self, cluster: &str, reason: BackupReason) -> Result<BackupInfo, Refusal> {
        self.with(cluster, |served| match reason {
            BackupReason::Activated => served.back_up_once(&self.backups, reason),
            _ => served.back_up(&self.backups, reason),
        })
    }

    /// Ends a cluster for good. If it's to be kept, it's backed up as it was when it took no more calls.
    pub(crate) fn end_cluster(&self, name: &str, keep: bool) -> Result<(), Refusal> {
        let failed = |what: &str, error: &dyn std::fmt::Display| {
            Refusal::Failed(format!("cluster {name} wasn't ended: {what}: {error}"))
        };
        let served = self.clusters.get(name)?;
        let last = || {
            if keep {
                served
                    .back_up_last(&self.backups)
                    .map_err(|error| failed("it can't be backed up", &error))?;
            }
            // If it can't be marked, nobody who opens the home may take it for one that is to be gone.
            ending::mark(&self.home, name).map_err(|error| {
                let _ = ending::unmark(&self.home, name);
                failed("its directory", &error)
            })
        };
        served.end(last)?;
        drop(served);
        match self.clusters.clear_away(name, || ending::remove(&self.home, name)) {
            Ok(()) => tracing::info!("cluster {name} was ended"),
            Err(error) => tracing::warn!(
                "cluster {name} was ended, but {} is still there; it goes at the next start: {error}",
                self.home.cluster(name).display()
            ),
        }
        Ok(())
    }

    /// Has a cluster play another HSM.
    pub(crate) fn set_variant(&self, cluster: &str, variant: Variant) -> Result<(), Refusal> {
        self.with(cluster, |served| served.cluster().set_variant(variant).map_err(|error| error.to_string()))
    }

    /// The backups of the home.
    pub(crate) fn backups(&self) -> &Backups {
        &self.backups
    }

    /// Does something with a node's address given out, and takes it back if that fails.
    fn at_address(
        &self,
        cluster: &str,
        node: u16,
        address: Option<Ipv4Addr>,
        make: impl FnOnce() -> Result<ClusterStatus, Refusal>,
    ) -> Result<NodeId, Refusal> {
        let node = NodeId(node);
        self.reserve_address(cluster, node, address)?;
        make().map(|_| node).inspect_err(|_| self.free_address(cluster, node))
    }

    /// A number that no node of a cluster of this name has had: each has left its audit log.
    fn fresh_number(&self, cluster: &str) -> u16 {
        let Ok(entries) = fs::read_dir(self.home.audit_of(cluster)) else { return 0 };
        let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u16>().ok());
        numbers.max().map_or(0, |last| last.saturating_add(1))
    }
}
