//! Clusters: made, told of, changed and ended.

use super::books::Books;
use super::config::MAX_HSMS_OF_CLUSTER;
use super::data_plane::{Kind, Occasion};
use super::names::{hex_id, id};
use super::records::{ClusterRecord, Owner};
use super::tags::checked;
use super::work::seconds;
use super::{Desk, State, network, pages};
use crate::shapes::*;
use crate::{ApiError, Caller};

/// The most clusters in a page (control-plane.md 2.1).
const PAGE: u32 = 25;

impl Books {
    /// The caller's cluster of this id, unless it's deleted.
    pub(super) fn cluster(&self, caller: &Caller, id: &ClusterId) -> Result<&ClusterRecord, ApiError> {
        let own = self
            .clusters
            .get(id.as_str())
            .filter(|record| record.owner == Owner::of(caller) && record.state != ClusterState::Deleted);
        own.ok_or_else(|| {
            ApiError::not_found(format!(
                "there is no cluster {id} in region {} of your account",
                caller.region
            ))
        })
    }
}

impl Desk {
    pub(super) fn create_cluster(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: CreateClusterInput,
    ) -> Result<CreateClusterOutput, ApiError> {
        let owner = Owner::of(caller);
        let mut kind = Kind { hsm: input.hsm_type, mode: input.mode.unwrap_or(ClusterMode::Fips) };
        let tags = checked(input.tag_list.unwrap_or_default())?;
        let subnets = network::zones(&state.books, &owner, &input.subnet_ids)?;
        let source = match &input.source_backup_id {
            Some(source) => {
                let (image, id) = self.source(state, now, caller, source)?;
                kind = becomes(&image.id, image.kind, input.hsm_type, input.mode)?;
                Some((image, id))
            }
            None => None,
        };
        if kind.hsm == HsmType::Hsm1Medium && kind.mode == ClusterMode::NonFips {
            return Err(ApiError::invalid("hsm1.medium has mode FIPS only: choose that, or hsm2m.medium"));
        }
        let own = state.books.clusters.values();
        let count =
            own.filter(|record| record.owner == owner && record.state != ClusterState::Deleted).count();
        if count >= self.config.clusters_per_account as usize {
            return Err(self.config.limit("clusters", self.config.clusters_per_account));
        }

        let cluster_id: ClusterId = id("cluster")?;
        let certificate = match &source {
            Some((image, _)) => self.plane.certificate_in(&image.id)?,
            None => None,
        };
        let record = ClusterRecord {
            vpc: network::vpc(&owner),
            owner,
            id: cluster_id.clone(),
            created: now,
            kind,
            network: input.network_type.unwrap_or(NetworkType::Ipv4),
            retention: input.backup_retention_policy.map_or(RetentionDays::DEFAULT, |policy| policy.value),
            subnets,
            security_group: hex_id("sg")?,
            source_backup: source.as_ref().map(|(_, id)| id.clone()),
            state: ClusterState::CreateInProgress,
            until: Some(self.end_of(now)),
            hsms: Vec::new(),
            tags,
            certificate,
            target: None,
            rollback: None,
        };
        let cluster = self.cluster_view(&record);
        let seed = match &source {
            Some((image, _)) => Some(self.seed(&record, image, now)?),
            None => None,
        };
        if let Err(error) = state.books.save_cluster(record) {
            if let Some(seed) = seed {
                self.drop_image(&seed.id, now);
            }
            return Err(error);
        }
        self.plane.govern(&[cluster_id.as_str().to_owned()]);
        Ok(CreateClusterOutput { cluster })
    }

    pub(super) fn describe_clusters(
        &self,
        state: &mut State,
        _now: Timestamp,
        caller: &Caller,
        input: DescribeClustersInput,
    ) -> Result<DescribeClustersOutput, ApiError> {
        let owner = Owner::of(caller);
        let ClusterFilters { cluster_ids, vpc_ids, states } = input.filters;
        // One that is gone is shown to those only who ask for it.
        let wants_deleted = states.as_ref().is_some_and(|states| states.contains(&ClusterState::Deleted));
        let own = state.books.clusters.values().filter(|record| {
            record.owner == owner && (record.state != ClusterState::Deleted || wants_deleted)
        });
        let one_of = |wanted: &Option<Vec<String>>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|one| one == value))
        };
        let clusters = own
            .filter(|record| one_of(&cluster_ids, record.id.as_str()) && one_of(&vpc_ids, &record.vpc))
            .map(|record| self.cluster_view(record))
            .filter(|cluster| states.as_ref().is_none_or(|states| states.contains(&cluster.state)))
            .collect();
        let size = pages::size(input.max_results, PAGE);
        let (clusters, next_token) =
            pages::page(clusters, true, input.next_token.as_ref(), size, |cluster: &Cluster| Position {
                created: cluster.create_timestamp.unwrap_or(Timestamp::from_millis(0)),
                id: cluster.cluster_id.as_str().to_owned(),
            });
        Ok(DescribeClustersOutput { clusters, next_token })
    }

    pub(super) fn initialize_cluster(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: InitializeClusterInput,
    ) -> Result<InitializeClusterOutput, ApiError> {
        let record = state.books.cluster(caller, &input.cluster_id)?.clone();
        if record.state != ClusterState::Uninitialized {
            return Err(wrong_state(&record, "be initialized", "UNINITIALIZED"));
        }
        if !record.hsms.iter().any(|hsm| hsm.state == HsmState::Active) {
            return Err(ApiError::invalid(format!(
                "cluster {} has no HSM that is ACTIVE, and so no key to certify: call CreateHsm, and sign the ClusterCsr that \
                 DescribeClusters shows then",
                record.id
            )));
        }
        let (signed, anchor) = (input.signed_cert.as_str(), input.trust_anchor.as_str());
        self.plane.initialize(record.id.as_str(), signed, anchor)?;
        let begun = self.initializing(record, signed.to_owned(), now);
        let output =
            InitializeClusterOutput { state: begun.state, state_message: begun.message().map(str::to_owned) };
        // Should this fail, the next start finds the certificate and goes on.
        state.books.save_cluster(begun)?;
        Ok(output)
    }

    /// A cluster that has got its certificate.
    pub(super) fn initializing(
        &self,
        record: ClusterRecord,
        certificate: String,
        now: Timestamp,
    ) -> ClusterRecord {
        ClusterRecord {
            state: ClusterState::InitializeInProgress,
            until: Some(self.end_of(now)),
            certificate: Some(certificate),
            ..record
        }
    }

    pub(super) fn modify_cluster(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: ModifyClusterInput,
    ) -> Result<ModifyClusterOutput, ApiError> {
        let mut record = state.books.cluster(caller, &input.cluster_id)?.clone();
        if input.hsm_type.is_none() && input.backup_retention_policy.is_none() {
            return Err(ApiError::invalid(
                "nothing is to be modified: give HsmType, BackupRetentionPolicy or both",
            ));
        }
        if record.state != ClusterState::Active {
            return Err(wrong_state(&record, "be modified", "ACTIVE"));
        }
        if let Some(policy) = input.backup_retention_policy {
            record.retention = policy.value;
        }
        if let Some(target) = input.hsm_type.filter(|target| *target != record.kind.hsm) {
            self.check_change(&record, target)?;
            if self.plane.nodes(record.id.as_str()).is_some() {
                self.plane.back_up(record.id.as_str(), Occasion::Adding, seconds(now))?;
            }
            let is_back = record.rollback.is_some_and(|(former, _)| former == target);
            record.state =
                if is_back { ClusterState::RollbackInProgress } else { ClusterState::ModifyInProgress };
            record.target = Some(target);
            record.until = Some(self.end_of(now));
        }
        let cluster = self.cluster_view(&record);
        state.books.save_cluster(record)?;
        // Another retention is looked at right away.
        state.swept = None;
        Ok(ModifyClusterOutput { cluster })
    }

    fn check_change(&self, record: &ClusterRecord, target: HsmType) -> Result<(), ApiError> {
        let may_go_back = record.rollback.is_some_and(|(former, _)| former == target);
        if target == HsmType::Hsm1Medium && !may_go_back {
            return Err(ApiError::invalid(format!(
                "cluster {} has {} and can't become {target}: only a change can be taken back, within 24 hours",
                record.id, record.kind.hsm
            )));
        }
        if record.hsms.len() >= MAX_HSMS_OF_CLUSTER {
            return Err(ApiError::invalid(format!(
                "cluster {} has {} HSMs, and one less is the most for a change of HsmType: delete an HSM first",
                record.id,
                record.hsms.len()
            )));
        }
        if let Some(hsm) = record.hsms.iter().find(|hsm| hsm.state != HsmState::Active) {
            return Err(ApiError::invalid(format!(
                "{} of cluster {} is {}: wait until it's ACTIVE or gone",
                hsm.id, record.id, hsm.state
            )));
        }
        Ok(())
    }

    pub(super) fn delete_cluster(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: DeleteClusterInput,
    ) -> Result<DeleteClusterOutput, ApiError> {
        let mut record = state.books.cluster(caller, &input.cluster_id)?.clone();
        if record.is_in_motion() {
            return Err(ApiError::invalid(format!(
                "cluster {} is {}: wait until that is over, then delete it",
                record.id, record.state
            )));
        }
        if !record.hsms.is_empty() {
            return Err(ApiError::invalid(format!(
                "cluster {} has {} HSMs: call DeleteHsm for each first",
                record.id,
                record.hsms.len()
            )));
        }
        record.state = ClusterState::DeleteInProgress;
        record.until = Some(self.end_of(now));
        let cluster = self.cluster_view(&record);
        state.books.save_cluster(record)?;
        Ok(DeleteClusterOutput { cluster })
    }
}

/// What a backup's cluster is as, made again.
fn becomes(
    backup: &str,
    of: Option<Kind>,
    hsm: HsmType,
    mode: Option<ClusterMode>,
) -> Result<Kind, ApiError> {
    let Some(of) = of else {
        return Err(ApiError::invalid(format!("{backup} isn't of a cluster of CloudHSM's kind")));
    };
    if let Some(mode) = mode.filter(|mode| *mode != of.mode) {
        return Err(ApiError::invalid(format!(
            "{backup} is of a cluster in mode {}, which can't become {mode}: leave Mode out",
            of.mode
        )));
    }
    if of.hsm == HsmType::Hsm2mMedium && hsm == HsmType::Hsm1Medium {
        return Err(ApiError::invalid(format!(
            "{backup} is of {}, which can't go back to {hsm}: use HsmType {}",
            of.hsm, of.hsm
        )));
    }
    Ok(Kind { hsm, mode: of.mode })
}

/// Something can't be done to a cluster as it is.
pub(super) fn wrong_state(record: &ClusterRecord, what: &str, wanted: &str) -> ApiError {
    ApiError::invalid(format!(
        "cluster {} is {}, and can {what} only while it's {wanted}",
        record.id, record.state
    ))
}
