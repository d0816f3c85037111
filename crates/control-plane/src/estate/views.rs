//! Clusters and HSMs as callers see them.

use super::Desk;
use super::data_plane::PlacedNode;
use super::records::{ClusterRecord, HsmRecord, tag_list};
use crate::shapes::{
    BackupPolicy, BackupRetentionPolicy, BackupRetentionType, Certificates, Cluster, ClusterState, Hsm,
    HsmState,
};

impl Desk {
    /// A cluster, with how its nodes are now.
    pub(super) fn cluster_view(&self, record: &ClusterRecord) -> Cluster {
        let nodes = self.plane.nodes(record.id.as_str()).unwrap_or_default();
        let hsms: Vec<_> = record.hsms.iter().map(|hsm| hsm_view(record, hsm, &nodes)).collect();
        let is_ill = hsms.iter().any(|hsm| hsm.state == HsmState::Degraded);
        let (state, message) = match record.state {
            ClusterState::Active if is_ill => {
                (ClusterState::Degraded, Some("An HSM of the cluster doesn't work as it should."))
            }
            state => (state, record.message()),
        };
        Cluster {
            backup_policy: BackupPolicy::Default,
            backup_retention_policy: Some(BackupRetentionPolicy {
                r#type: BackupRetentionType::Days,
                value: record.retention,
            }),
            cluster_id: record.id.clone(),
            create_timestamp: Some(record.created),
            hsms,
            hsm_type: record.kind.hsm,
            hsm_type_rollback_expiration: record.rollback.map(|(_, until)| until),
            pre_co_password: None,
            security_group: Some(record.security_group.clone()),
            source_backup_id: record.source_backup.clone(),
            state,
            state_message: message.map(str::to_owned),
            subnet_mapping: record
                .subnets
                .iter()
                .map(|(zone, subnet)| (zone.as_str().to_owned(), subnet.clone()))
                .collect(),
            vpc_id: Some(record.vpc.clone()),
            network_type: Some(record.network),
            certificates: Some(self.certificates_of(record)),
            tag_list: tag_list(&record.tags),
            mode: Some(record.kind.mode),
        }
    }

    /// Until a cluster is initialised: what the customer needs to check the HSM and to sign; then what they signed.
    fn certificates_of(&self, record: &ClusterRecord) -> Certificates {
        match record.state {
            ClusterState::Uninitialized | ClusterState::InitializeInProgress
                if record.hsms.iter().any(|hsm| hsm.state == HsmState::Active) =>
            {
                let papers = self.plane.certificates(record.id.as_str()).unwrap_or_default();
                Certificates {
                    cluster_csr: papers.csr,
                    hsm_certificate: papers.hsm,
                    aws_hardware_certificate: papers.service_hardware,
                    manufacturer_hardware_certificate: papers.maker_hardware,
                    cluster_certificate: None,
                }
            }
            ClusterState::Uninitialized => Certificates::default(),
            _ => Certificates { cluster_certificate: record.certificate.clone(), ..Certificates::default() },
        }
    }
}

/// An HSM, with how its node is now.
pub(super) fn hsm_view(cluster: &ClusterRecord, hsm: &HsmRecord, nodes: &[PlacedNode]) -> Hsm {
    let node = nodes.iter().find(|node| Some(node.node) == hsm.node);
    let (state, message) = match hsm.state {
        HsmState::Active if !node.is_some_and(|node| node.is_well) => {
            (HsmState::Degraded, Some("Its node doesn't run, or isn't up to date.".to_owned()))
        }
        state => (state, hsm.message.clone()),
    };
    Hsm {
        availability_zone: Some(hsm.zone.clone()),
        cluster_id: Some(cluster.id.clone()),
        subnet_id: Some(hsm.subnet.clone()),
        eni_id: Some(hsm.eni.clone()),
        eni_ip: hsm
            .address
            .filter(|_| hsm.state != HsmState::CreateInProgress || hsm.node.is_some())
            .map(|address| address.to_string()),
        eni_ip_v6: None,
        hsm_id: hsm.id.clone(),
        hsm_type: Some(cluster.kind.hsm),
        state,
        state_message: message,
    }
}
