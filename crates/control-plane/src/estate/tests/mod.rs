//! The estate over clusters in memory.

mod backups;
mod clusters;
mod restarts;
mod sharing;
mod states;
mod tagging;

use std::sync::Arc;

use strongroom_store::MemoryStore;

use super::testing::{HandClock, MemoryPlane};
use super::{Estate, EstateConfig};
use crate::shapes::*;
use crate::{ApiError, Caller, ErrorKind, Operations as _};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// 2026-01-01.
const START: i64 = 1_767_225_600;

/// An estate, and all that survives it.
struct World {
    store: Arc<MemoryStore>,
    plane: Arc<MemoryPlane>,
    clock: Arc<HandClock>,
    config: EstateConfig,
    estate: Estate,
}

impl World {
    fn new() -> Self {
        Self::with(EstateConfig::default())
    }

    fn slow() -> Self {
        Self::with(EstateConfig { transition_delay_seconds: 10, ..EstateConfig::default() })
    }

    fn with(config: EstateConfig) -> Self {
        let store = Arc::new(MemoryStore::new());
        let plane = Arc::new(MemoryPlane::default());
        let clock = Arc::new(HandClock::at(START));
        let estate = open(&store, &plane, &clock, &config);
        Self { store, plane, clock, config, estate }
    }

    /// As after a crash: what was only in memory is gone.
    fn restart(&mut self) {
        self.store.restart();
        self.estate = open(&self.store, &self.plane, &self.clock, &self.config);
    }

    /// Lets what has begun come to its end.
    fn wait(&self) {
        self.clock.pass(60);
        self.estate.settle();
    }

    fn create(&self, caller: &Caller) -> Cluster {
        self.estate.create_cluster(caller, create_input()).unwrap().cluster
    }

    fn cluster(&self, caller: &Caller, id: &ClusterId) -> Cluster {
        self.find(caller, id).unwrap_or_else(|| panic!("there is no {id}"))
    }

    fn find(&self, caller: &Caller, id: &ClusterId) -> Option<Cluster> {
        let filters = ClusterFilters { cluster_ids: Some(vec![id.to_string()]), ..Default::default() };
        let input = DescribeClustersInput { filters, ..Default::default() };
        self.estate.describe_clusters(caller, input).unwrap().clusters.pop()
    }

    fn add_hsm(&self, caller: &Caller, id: &ClusterId) -> Result<Hsm, ApiError> {
        let availability_zone = format!("{}a", caller.region).parse().unwrap();
        let input = CreateHsmInput { cluster_id: id.clone(), availability_zone, ip_address: None };
        self.estate.create_hsm(caller, input).map(|output| output.hsm)
    }

    fn drop_hsm(&self, caller: &Caller, id: &ClusterId, hsm: &HsmId) -> Result<HsmId, ApiError> {
        let (eni_id, eni_ip) = (None, None);
        let input = DeleteHsmInput { cluster_id: id.clone(), hsm_id: Some(hsm.clone()), eni_id, eni_ip };
        self.estate.delete_hsm(caller, input).map(|output| output.hsm_id)
    }

    fn initialize(&self, caller: &Caller, id: &ClusterId) -> Result<InitializeClusterOutput, ApiError> {
        let input = InitializeClusterInput {
            cluster_id: id.clone(),
            signed_cert: "signed".parse().unwrap(),
            trust_anchor: "anchor".parse().unwrap(),
        };
        self.estate.initialize_cluster(caller, input)
    }

    fn delete(&self, caller: &Caller, id: &ClusterId) -> Result<Cluster, ApiError> {
        let output = self.estate.delete_cluster(caller, DeleteClusterInput { cluster_id: id.clone() });
        output.map(|output| output.cluster)
    }

    /// A cluster that is `ACTIVE` and has an HSM.
    fn active(&self, caller: &Caller) -> ClusterId {
        let id = self.create(caller).cluster_id;
        self.wait();
        self.add_hsm(caller, &id).unwrap();
        self.wait();
        self.initialize(caller, &id).unwrap();
        self.wait();
        self.plane.activate(id.as_str());
        self.wait();
        assert_eq!(self.cluster(caller, &id).state, ClusterState::Active);
        id
    }

    fn backups(&self, caller: &Caller) -> Vec<Backup> {
        let (mut all, mut next_token) = (Vec::new(), None);
        loop {
            let input = DescribeBackupsInput { next_token, sort_ascending: Some(true), ..Default::default() };
            let output = self.estate.describe_backups(caller, input).unwrap();
            all.extend(output.backups);
            next_token = output.next_token;
            if next_token.is_none() {
                return all;
            }
        }
    }

    fn list(&self, caller: &Caller, input: DescribeBackupsInput) -> Vec<Backup> {
        self.estate.describe_backups(caller, input).unwrap().backups
    }

    /// A cluster of a backup.
    fn clone_of(&self, caller: &Caller, source: &str) -> Result<Cluster, ApiError> {
        let input = CreateClusterInput { source_backup_id: Some(source.parse().unwrap()), ..create_input() };
        self.estate.create_cluster(caller, input).map(|output| output.cluster)
    }
}

fn open(
    store: &Arc<MemoryStore>,
    plane: &Arc<MemoryPlane>,
    clock: &Arc<HandClock>,
    config: &EstateConfig,
) -> Estate {
    let store = Arc::<MemoryStore>::clone(store);
    let (plane, clock) = (Arc::<MemoryPlane>::clone(plane), Arc::<HandClock>::clone(clock));
    Estate::open(store, plane, clock, config.clone()).unwrap()
}

fn ann() -> Caller {
    caller("111111111111", "us-east-1")
}

fn caller(account: &str, region: &str) -> Caller {
    Caller {
        account: account.parse().unwrap(),
        region: region.parse().unwrap(),
        request_id: "test".to_owned(),
    }
}

fn create_input() -> CreateClusterInput {
    CreateClusterInput {
        backup_retention_policy: None,
        hsm_type: HsmType::Hsm2mMedium,
        source_backup_id: None,
        subnet_ids: vec!["subnet-0123456789abcdef0".parse().unwrap()],
        network_type: None,
        tag_list: None,
        mode: None,
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.parse().unwrap(), value: value.parse().unwrap() }
}

/// An operation was refused in this way, with these words in the sentence.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, ApiError>, kind: ErrorKind, words: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    assert!(error.message.contains(words), "{error}");
}
