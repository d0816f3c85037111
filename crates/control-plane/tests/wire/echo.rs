//! Operations in memory: they keep what they were asked, and answer with every member there is.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use strongroom_control_plane::shapes::*;
use strongroom_control_plane::{ApiError, Caller, Operations};

/// What was asked, and what to answer.
#[derive(Default)]
pub(crate) struct Echo {
    /// The inputs and callers so far, as `Debug` writes them.
    pub(crate) asked: Mutex<Vec<(Caller, String)>>,
    /// The next answer, if it's to be an error.
    pub(crate) refuse: Mutex<Option<ApiError>>,
    /// How long each call takes.
    pub(crate) slow: Mutex<Duration>,
    /// Panics at the next call.
    pub(crate) panic: Mutex<bool>,
    /// How many calls there were.
    pub(crate) calls: AtomicUsize,
}

impl Echo {
    fn ask(&self, caller: &Caller, input: &dyn std::fmt::Debug) -> Result<(), ApiError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.asked.lock().unwrap().push((caller.clone(), format!("{input:?}")));
        let slow = *self.slow.lock().unwrap();
        std::thread::sleep(slow);
        assert!(!std::mem::take(&mut *self.panic.lock().unwrap()), "asked to panic");
        self.refuse.lock().unwrap().take().map_or(Ok(()), Err)
    }

    /// The last call.
    pub(crate) fn last(&self) -> (Caller, String) {
        self.asked.lock().unwrap().last().expect("a call").clone()
    }

    /// How many calls there were.
    pub(crate) fn count(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

pub(crate) fn id<T: std::str::FromStr<Err = String>>(text: &str) -> T {
    text.parse().unwrap()
}

pub(crate) fn tags() -> Vec<Tag> {
    vec![Tag { key: id("a"), value: id("b") }, Tag { key: id("Zweck"), value: id("") }]
}

/// A cluster with every member.
pub(crate) fn cluster() -> Cluster {
    Cluster {
        backup_policy: BackupPolicy::Default,
        backup_retention_policy: Some(BackupRetentionPolicy {
            r#type: BackupRetentionType::Days,
            value: RetentionDays::DEFAULT,
        }),
        cluster_id: id("cluster-abcdefg2345"),
        create_timestamp: Some(Timestamp::from_millis(1_795_318_859_000)),
        hsms: vec![hsm()],
        hsm_type: HsmType::Hsm2mMedium,
        hsm_type_rollback_expiration: Some(Timestamp::from_millis(1_795_318_859_250)),
        pre_co_password: Some("PASSWORD".to_owned()),
        security_group: Some("sg-01234567".to_owned()),
        source_backup_id: Some(id("backup-abcdefg2345")),
        state: ClusterState::Active,
        state_message: Some("Ready.".to_owned()),
        subnet_mapping: BTreeMap::from([("us-east-1a".to_owned(), id("subnet-01234567"))]),
        vpc_id: Some("vpc-01234567".to_owned()),
        network_type: Some(NetworkType::Ipv4),
        certificates: Some(Certificates {
            cluster_csr: Some("1".to_owned()),
            hsm_certificate: Some("2".to_owned()),
            aws_hardware_certificate: Some("3".to_owned()),
            manufacturer_hardware_certificate: Some("4".to_owned()),
            cluster_certificate: Some("5".to_owned()),
        }),
        tag_list: tags(),
        mode: Some(ClusterMode::NonFips),
    }
}

/// A cluster without all that may be absent.
pub(crate) fn bare_cluster() -> Cluster {
    Cluster {
        backup_retention_policy: None,
        create_timestamp: None,
        hsms: Vec::new(),
        hsm_type_rollback_expiration: None,
        pre_co_password: None,
        security_group: None,
        source_backup_id: None,
        state_message: None,
        vpc_id: None,
        network_type: None,
        certificates: None,
        mode: None,
        ..cluster()
    }
}

fn hsm() -> Hsm {
    Hsm {
        availability_zone: Some(id("us-east-1a")),
        cluster_id: Some(id("cluster-abcdefg2345")),
        subnet_id: Some(id("subnet-01234567")),
        eni_id: Some(id("eni-01234567")),
        eni_ip: Some("127.0.1.2".to_owned()),
        eni_ip_v6: Some("::1".to_owned()),
        hsm_id: id("hsm-abcdefg2345"),
        hsm_type: Some(HsmType::Hsm1Medium),
        state: HsmState::CreateInProgress,
        state_message: Some("Soon.".to_owned()),
    }
}

fn backup() -> Backup {
    Backup {
        backup_id: id("backup-abcdefg2345"),
        backup_arn: Some("arn:aws:cloudhsm:us-east-1:123456789012:backup/backup-abcdefg2345".to_owned()),
        backup_state: BackupState::PendingDeletion,
        cluster_id: Some(id("cluster-abcdefg2345")),
        create_timestamp: Some(Timestamp::from_millis(946_684_800_000)),
        copy_timestamp: Some(Timestamp::from_millis(946_684_801_500)),
        never_expires: Some(false),
        source_region: Some(id("eu-west-1")),
        source_backup: Some(id("backup-bcdefga2345")),
        source_cluster: Some(id("cluster-bcdefga2345")),
        delete_timestamp: Some(Timestamp::from_millis(946_684_802_000)),
        tag_list: tags(),
        hsm_type: Some(HsmType::Hsm1Medium),
        mode: Some(ClusterMode::Fips),
    }
}

/// The items of lists: this many, of which each call gives one page.
pub(crate) const LISTED: i64 = 7;

/// The numbers of the items in a page, and where it ends.
fn page(after: Option<&Position>, most: Option<u32>) -> (Vec<i64>, Option<Position>) {
    let first = after.map_or(1, |position| position.created.millis() + 1);
    let last = (first - 1 + i64::from(most.unwrap_or(100))).min(LISTED);
    let next = (last < LISTED)
        .then(|| Position { created: Timestamp::from_millis(last), id: format!("item {last}") });
    ((first..=last).collect(), next)
}

impl Operations for Echo {
    fn create_cluster(
        &self,
        caller: &Caller,
        input: CreateClusterInput,
    ) -> Result<CreateClusterOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(CreateClusterOutput { cluster: cluster() })
    }

    fn describe_clusters(
        &self,
        caller: &Caller,
        input: DescribeClustersInput,
    ) -> Result<DescribeClustersOutput, ApiError> {
        self.ask(caller, &input)?;
        let (numbers, next_token) = page(input.next_token.as_ref(), input.max_results);
        let clusters = numbers.iter().map(|number| if *number == 1 { cluster() } else { bare_cluster() });
        Ok(DescribeClustersOutput { clusters: clusters.collect(), next_token })
    }

    fn initialize_cluster(
        &self,
        caller: &Caller,
        input: InitializeClusterInput,
    ) -> Result<InitializeClusterOutput, ApiError> {
        self.ask(caller, &input)?;
        let state_message = Some("Initialising.".to_owned());
        Ok(InitializeClusterOutput { state: ClusterState::InitializeInProgress, state_message })
    }

    fn modify_cluster(
        &self,
        caller: &Caller,
        input: ModifyClusterInput,
    ) -> Result<ModifyClusterOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(ModifyClusterOutput { cluster: cluster() })
    }

    fn delete_cluster(
        &self,
        caller: &Caller,
        input: DeleteClusterInput,
    ) -> Result<DeleteClusterOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(DeleteClusterOutput { cluster: cluster() })
    }

    fn create_hsm(&self, caller: &Caller, input: CreateHsmInput) -> Result<CreateHsmOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(CreateHsmOutput { hsm: hsm() })
    }

    fn delete_hsm(&self, caller: &Caller, input: DeleteHsmInput) -> Result<DeleteHsmOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(DeleteHsmOutput { hsm_id: id("hsm-abcdefg2345") })
    }

    fn describe_backups(
        &self,
        caller: &Caller,
        input: DescribeBackupsInput,
    ) -> Result<DescribeBackupsOutput, ApiError> {
        self.ask(caller, &input)?;
        let (numbers, next_token) = page(input.next_token.as_ref(), input.max_results);
        Ok(DescribeBackupsOutput { backups: numbers.iter().map(|_| backup()).collect(), next_token })
    }

    fn modify_backup_attributes(
        &self,
        caller: &Caller,
        input: ModifyBackupAttributesInput,
    ) -> Result<ModifyBackupAttributesOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(ModifyBackupAttributesOutput { backup: backup() })
    }

    fn copy_backup_to_region(
        &self,
        caller: &Caller,
        input: CopyBackupToRegionInput,
    ) -> Result<CopyBackupToRegionOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(CopyBackupToRegionOutput {
            destination_backup: DestinationBackup {
                create_timestamp: Some(Timestamp::from_millis(946_684_800_000)),
                source_region: id("us-east-1"),
                source_backup: id("backup-abcdefg2345"),
                source_cluster: id("cluster-abcdefg2345"),
            },
        })
    }

    fn delete_backup(
        &self,
        caller: &Caller,
        input: DeleteBackupInput,
    ) -> Result<DeleteBackupOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(DeleteBackupOutput { backup: backup() })
    }

    fn restore_backup(
        &self,
        caller: &Caller,
        input: RestoreBackupInput,
    ) -> Result<RestoreBackupOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(RestoreBackupOutput { backup: backup() })
    }

    fn list_tags(&self, caller: &Caller, input: ListTagsInput) -> Result<ListTagsOutput, ApiError> {
        self.ask(caller, &input)?;
        let (numbers, next_token) = page(input.next_token.as_ref(), input.max_results);
        let tag = |number: &i64| Tag { key: id(&number.to_string()), value: id("") };
        Ok(ListTagsOutput { tag_list: numbers.iter().map(tag).collect(), next_token })
    }

    fn tag_resource(&self, caller: &Caller, input: TagResourceInput) -> Result<TagResourceOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(TagResourceOutput {})
    }

    fn untag_resource(
        &self,
        caller: &Caller,
        input: UntagResourceInput,
    ) -> Result<UntagResourceOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(UntagResourceOutput {})
    }

    fn put_resource_policy(
        &self,
        caller: &Caller,
        input: PutResourcePolicyInput,
    ) -> Result<PutResourcePolicyOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(PutResourcePolicyOutput { resource_arn: input.resource_arn, policy: input.policy })
    }

    fn get_resource_policy(
        &self,
        caller: &Caller,
        input: GetResourcePolicyInput,
    ) -> Result<GetResourcePolicyOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(GetResourcePolicyOutput { policy: None })
    }

    fn delete_resource_policy(
        &self,
        caller: &Caller,
        input: DeleteResourcePolicyInput,
    ) -> Result<DeleteResourcePolicyOutput, ApiError> {
        self.ask(caller, &input)?;
        Ok(DeleteResourcePolicyOutput { resource_arn: input.resource_arn, policy: Some(id("{}")) })
    }
}
