//! Clusters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::timestamp::wire;
use super::{
    BackupId, BackupPolicy, BackupRef, BackupRetentionType, Cert, ClusterId, ClusterMode, ClusterState, Hsm,
    HsmType, NetworkType, Position, SubnetId, Tag, Timestamp,
};

/// What makes a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateClusterInput {
    /// How long its backups are kept; 90 days by default.
    pub backup_retention_policy: Option<BackupRetentionPolicy>,
    /// The kind of its HSMs.
    pub hsm_type: HsmType,
    /// The backup to make it of.
    pub source_backup_id: Option<BackupRef>,
    /// Its subnets, 1 to 10.
    pub subnet_ids: Vec<SubnetId>,
    /// The addresses of its HSMs.
    pub network_type: Option<NetworkType>,
    /// Its tags, 1 to 50 when given.
    pub tag_list: Option<Vec<Tag>>,
    /// Which algorithms it allows.
    pub mode: Option<ClusterMode>,
}

/// The cluster made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateClusterOutput {
    /// As it is now.
    pub cluster: Cluster,
}

/// Which clusters to tell of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeClustersInput {
    /// Only these.
    #[serde(default)]
    pub filters: ClusterFilters,
    /// Where the page before ended.
    pub next_token: Option<Position>,
    /// The most in this page, 1 to 25.
    pub max_results: Option<u32>,
}

/// Of each filter that is given, one value must fit. None is ever an empty list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterFilters {
    /// Ids; such as no cluster has are no error.
    pub cluster_ids: Option<Vec<String>>,
    /// VPCs.
    pub vpc_ids: Option<Vec<String>>,
    /// States.
    pub states: Option<Vec<ClusterState>>,
}

/// A page of clusters.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeClustersOutput {
    /// The clusters.
    pub clusters: Vec<Cluster>,
    /// Where this page ended, if there are more.
    #[serde(skip)]
    pub next_token: Option<Position>,
}

/// The customer's certificates for a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InitializeClusterInput {
    /// Which cluster.
    pub cluster_id: ClusterId,
    /// The cluster's certificate, made of its CSR.
    pub signed_cert: Cert,
    /// Who signed that.
    pub trust_anchor: Cert,
}

/// How far the cluster is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct InitializeClusterOutput {
    /// Its state.
    pub state: ClusterState,
    /// What that means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_message: Option<String>,
}

/// What changes in a cluster. At least one of the two is needed: that isn't checked by the front.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyClusterInput {
    /// Another kind of HSMs.
    pub hsm_type: Option<HsmType>,
    /// Another retention.
    pub backup_retention_policy: Option<BackupRetentionPolicy>,
    /// Which cluster.
    pub cluster_id: ClusterId,
}

/// The cluster changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ModifyClusterOutput {
    /// As it is now.
    pub cluster: Cluster,
}

/// Which cluster to delete.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteClusterInput {
    /// Which cluster.
    pub cluster_id: ClusterId,
}

/// The cluster that goes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteClusterOutput {
    /// As it is now.
    pub cluster: Cluster,
}

/// A cluster as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Cluster {
    /// When backups are made.
    pub backup_policy: BackupPolicy,
    /// How long they are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup_retention_policy: Option<BackupRetentionPolicy>,
    /// Its id.
    pub cluster_id: ClusterId,
    /// When it was made.
    #[serde(serialize_with = "wire::serialize", skip_serializing_if = "Option::is_none")]
    pub create_timestamp: Option<Timestamp>,
    /// Its HSMs.
    pub hsms: Vec<Hsm>,
    /// Their kind.
    pub hsm_type: HsmType,
    /// Until when the kind can be changed back.
    #[serde(serialize_with = "wire::serialize", skip_serializing_if = "Option::is_none")]
    pub hsm_type_rollback_expiration: Option<Timestamp>,
    /// The first password of `hsm1` clusters' officer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_co_password: Option<String>,
    /// Its security group, `sg-...`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_group: Option<String>,
    /// The backup it was made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_backup_id: Option<BackupId>,
    /// Where it is in its life.
    pub state: ClusterState,
    /// What that means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_message: Option<String>,
    /// The subnet in each availability zone.
    pub subnet_mapping: BTreeMap<String, SubnetId>,
    /// The VPC of its subnets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    /// The addresses of its HSMs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_type: Option<NetworkType>,
    /// Its certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificates: Option<Certificates>,
    /// Its tags.
    pub tag_list: Vec<Tag>,
    /// Which algorithms it allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<ClusterMode>,
}

/// A cluster's certificates, in PEM; those that it doesn't have are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Certificates {
    /// The request for the cluster's certificate, which the customer signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_csr: Option<String>,
    /// The first HSM's key, certified by its hardware's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hsm_certificate: Option<String>,
    /// The hardware's key, certified by AWS (here: by the emulator's stand-in).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_hardware_certificate: Option<String>,
    /// The hardware's key, certified by its maker (here: by the emulator's stand-in).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manufacturer_hardware_certificate: Option<String>,
    /// The cluster's certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_certificate: Option<String>,
}

/// How long backups are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct BackupRetentionPolicy {
    /// The unit.
    pub r#type: BackupRetentionType,
    /// How many of them.
    pub value: RetentionDays,
}

/// Days that backups are kept: 7 to 379. A text on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RetentionDays(u16);

impl RetentionDays {
    /// What clusters have when nobody says otherwise.
    pub const DEFAULT: Self = Self(90);

    /// The number.
    pub const fn days(self) -> u16 {
        self.0
    }
}

impl TryFrom<String> for RetentionDays {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse() {
            Ok(days @ 7..=379) => Ok(Self(days)),
            _ => {
                Err(format!("{text:?} is no retention: it must be a number of days from 7 to 379, as a text"))
            }
        }
    }
}

impl From<RetentionDays> for String {
    fn from(days: RetentionDays) -> Self {
        days.0.to_string()
    }
}
