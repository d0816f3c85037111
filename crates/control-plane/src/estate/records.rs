//! What the estate keeps of clusters and HSMs, and beside the catalogue of backups.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use strongroom_model::NodeId;

use super::data_plane::Kind;
use crate::shapes::{
    AvailabilityZone, BackupId, ClusterId, ClusterState, EniId, HsmId, HsmState, HsmType, NetworkType,
    Region, ResourcePolicy, RetentionDays, SubnetId, Tag, TagKey, TagValue, Timestamp,
};
use crate::{AccountId, Caller};

/// Tags, by key.
pub(super) type Tags = BTreeMap<TagKey, TagValue>;

/// Whose something is, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Owner {
    pub(super) account: AccountId,
    pub(super) region: Region,
}

/// A cluster. One that is deleted is kept while there are backups of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ClusterRecord {
    pub(super) owner: Owner,
    pub(super) id: ClusterId,
    pub(super) created: Timestamp,
    pub(super) kind: Kind,
    pub(super) network: NetworkType,
    pub(super) retention: RetentionDays,
    pub(super) subnets: BTreeMap<AvailabilityZone, SubnetId>,
    pub(super) vpc: String,
    pub(super) security_group: String,
    pub(super) source_backup: Option<BackupId>,
    pub(super) state: ClusterState,
    /// When the state ends, if it's one that passes by itself.
    pub(super) until: Option<Timestamp>,
    pub(super) hsms: Vec<HsmRecord>,
    pub(super) tags: Tags,
    /// The customer's, as PEM; kept here since there are no nodes to ask while there are no HSMs.
    pub(super) certificate: Option<String>,
    /// The type it's on the way to.
    pub(super) target: Option<HsmType>,
    /// The type it may go back to, and until when.
    pub(super) rollback: Option<(HsmType, Timestamp)>,
}

/// An HSM of a cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct HsmRecord {
    pub(super) id: HsmId,
    pub(super) zone: AvailabilityZone,
    pub(super) subnet: SubnetId,
    pub(super) eni: EniId,
    /// The address that it has, or that was wished for while there is no node.
    pub(super) address: Option<Ipv4Addr>,
    /// Which node it is. None in `CREATE_IN_PROGRESS`: it's still to be made; in `DELETE_IN_PROGRESS`: it's gone.
    pub(super) node: Option<NodeId>,
    pub(super) state: HsmState,
    /// When the state ends, if it's one that passes by itself.
    pub(super) until: Option<Timestamp>,
    pub(super) message: Option<String>,
}

/// What is kept of a backup beside its entry in the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct BackupNotes {
    pub(super) tags: Tags,
    pub(super) policy: Option<ResourcePolicy>,
}

impl Owner {
    pub(super) fn of(caller: &Caller) -> Self {
        Self { account: caller.account.clone(), region: caller.region.clone() }
    }

    /// The ARN of a backup that is here.
    pub(super) fn arn_of_backup(&self, id: &str) -> String {
        let partition = if self.region.as_str().contains("-gov-") { "aws-us-gov" } else { "aws" };
        format!("arn:{partition}:cloudhsm:{}:{}:backup/{id}", self.region, self.account)
    }
}

impl ClusterRecord {
    pub(super) fn hsm_mut(&mut self, id: &HsmId) -> Option<&mut HsmRecord> {
        self.hsms.iter_mut().find(|hsm| hsm.id == *id)
    }

    /// Whether it's on the way from one state to another.
    pub(super) fn is_in_motion(&self) -> bool {
        self.until.is_some()
    }

    /// What its state means, where that needs saying.
    pub(super) fn message(&self) -> Option<&'static str> {
        Some(match self.state {
            ClusterState::InitializeInProgress => {
                "Cluster is initializing. State will change to INITIALIZED upon completion."
            }
            ClusterState::DeleteInProgress => "The cluster is being deleted.",
            ClusterState::Deleted => "The cluster has been deleted.",
            ClusterState::ModifyInProgress => "The cluster's HSMs are being changed to another type.",
            ClusterState::RollbackInProgress => {
                "The cluster's HSMs are being changed back to their former type."
            }
            _ => return None,
        })
    }
}

/// Tags as callers see them.
pub(super) fn tag_list(tags: &Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}
