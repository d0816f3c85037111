//! The life of a cluster.

use super::super::DataPlane as _;
use super::*;

fn states(world: &World, id: &ClusterId) -> (ClusterState, Vec<HsmState>) {
    let cluster = world.cluster(&ann(), id);
    (cluster.state, cluster.hsms.iter().map(|hsm| hsm.state).collect())
}

#[test]
fn from_nothing_to_a_cluster_that_is_used() {
    let world = World::new();
    let made = world.create(&ann());
    let id = made.cluster_id.clone();
    assert_eq!(made.state, ClusterState::CreateInProgress);
    assert_eq!((made.hsm_type, made.mode), (HsmType::Hsm2mMedium, Some(ClusterMode::Fips)));
    assert_eq!(made.backup_retention_policy.unwrap().value.days(), 90);
    assert_eq!(made.subnet_mapping["us-east-1a"].as_str(), "subnet-0123456789abcdef0");
    assert!(made.security_group.as_deref().unwrap().starts_with("sg-"), "{made:?}");
    assert!(made.certificates == Some(Certificates::default()) && made.hsms.is_empty());
    assert_eq!(states(&world, &id), (ClusterState::Uninitialized, vec![]));
    assert_eq!(world.plane.words(id.as_str()), None, "it has no nodes yet");

    let hsm = world.add_hsm(&ann(), &id).unwrap();
    assert_eq!(
        (hsm.state, hsm.subnet_id.unwrap().as_str()),
        (HsmState::CreateInProgress, "subnet-0123456789abcdef0")
    );
    let cluster = world.cluster(&ann(), &id);
    assert_eq!((cluster.state, cluster.hsms[0].state), (ClusterState::Uninitialized, HsmState::Active));
    assert_eq!(cluster.hsms[0].eni_ip, hsm.eni_ip);
    let papers = cluster.certificates.unwrap();
    assert!(papers.cluster_csr.is_some() && papers.cluster_certificate.is_none(), "{papers:?}");
    assert!(papers.hsm_certificate.is_some() && papers.manufacturer_hardware_certificate.is_some());

    let begun = world.initialize(&ann(), &id).unwrap();
    assert_eq!(begun.state, ClusterState::InitializeInProgress);
    assert!(begun.state_message.unwrap().contains("State will change to INITIALIZED"));
    let cluster = world.cluster(&ann(), &id);
    assert_eq!(cluster.state, ClusterState::Initialized);
    let papers = cluster.certificates.unwrap();
    assert_eq!((papers.cluster_csr, papers.cluster_certificate.as_deref()), (None, Some("signed")));
    assert!(world.backups(&ann()).is_empty());

    world.plane.activate(id.as_str());
    assert_eq!(states(&world, &id), (ClusterState::Active, vec![HsmState::Active]));
    let backups = world.backups(&ann());
    assert_eq!((backups.len(), backups[0].backup_state), (1, BackupState::Ready));
    assert_eq!(backups[0].cluster_id.as_ref(), Some(&id));
}

#[test]
fn states_take_the_time_that_is_configured() {
    let world = World::slow();
    let id = world.create(&ann()).cluster_id;
    world.clock.pass(9);
    assert_eq!(states(&world, &id).0, ClusterState::CreateInProgress);
    refused(world.add_hsm(&ann(), &id), ErrorKind::InvalidRequest, "CREATE_IN_PROGRESS");
    world.clock.pass(1);
    assert_eq!(states(&world, &id).0, ClusterState::Uninitialized);

    world.add_hsm(&ann(), &id).unwrap();
    assert_eq!(states(&world, &id).1, [HsmState::CreateInProgress]);
    assert_eq!(world.cluster(&ann(), &id).certificates, Some(Certificates::default()));
    refused(world.initialize(&ann(), &id), ErrorKind::InvalidRequest, "no HSM that is ACTIVE");
    world.clock.pass(10);
    world.initialize(&ann(), &id).unwrap();
    assert_eq!(states(&world, &id).0, ClusterState::InitializeInProgress);
    world.plane.activate(id.as_str());
    world.clock.pass(10);
    // What has ended and what has happened meanwhile are both seen.
    assert_eq!(states(&world, &id).0, ClusterState::Active);
    assert_eq!(world.backups(&ann())[0].backup_state, BackupState::CreateInProgress);
    world.clock.pass(10);
    assert_eq!(world.backups(&ann())[0].backup_state, BackupState::Ready);

    let hsm = world.cluster(&ann(), &id).hsms[0].hsm_id.clone();
    world.drop_hsm(&ann(), &id, &hsm).unwrap();
    assert_eq!(states(&world, &id).1, [HsmState::DeleteInProgress]);
    refused(world.drop_hsm(&ann(), &id, &hsm), ErrorKind::InvalidRequest, "already");
    refused(world.delete(&ann(), &id), ErrorKind::InvalidRequest, "1 HSMs");
    world.clock.pass(10);
    assert_eq!(states(&world, &id).1, []);
    let going = world.delete(&ann(), &id).unwrap();
    assert_eq!(going.state, ClusterState::DeleteInProgress);
    assert_eq!(going.state_message.as_deref(), Some("The cluster is being deleted."));
    refused(world.delete(&ann(), &id), ErrorKind::InvalidRequest, "DELETE_IN_PROGRESS");
    world.clock.pass(10);
    assert!(world.find(&ann(), &id).is_none());
    refused(world.delete(&ann(), &id), ErrorKind::ResourceNotFound, id.as_str());
    // Who asks for what is gone is told; its backups stay.
    let filters = ClusterFilters { states: Some(vec![ClusterState::Deleted]), ..Default::default() };
    let input = DescribeClustersInput { filters, ..Default::default() };
    assert_eq!(world.estate.describe_clusters(&ann(), input).unwrap().clusters[0].cluster_id, id);
    assert_eq!(world.backups(&ann()).len(), 2);
}

#[test]
fn a_cluster_without_hsms_comes_back_from_its_newest_backup() {
    let world = World::new();
    let id = world.active(&ann());
    let first = world.cluster(&ann(), &id).hsms[0].clone();
    world.plane.put(id.as_str(), "early");
    let second = world.add_hsm(&ann(), &id).unwrap();
    world.plane.put(id.as_str(), "late");
    world.clock.pass(5);
    world.drop_hsm(&ann(), &id, &first.hsm_id).unwrap();
    world.drop_hsm(&ann(), &id, &second.hsm_id).unwrap();
    assert_eq!(world.plane.words(id.as_str()), None);
    let cluster = world.cluster(&ann(), &id);
    assert_eq!((cluster.state, cluster.hsms.len()), (ClusterState::Active, 0));
    assert_eq!(cluster.certificates.unwrap().cluster_certificate.as_deref(), Some("signed"));
    // On activation, before the second HSM, and before each was removed.
    assert_eq!(world.backups(&ann()).len(), 4);

    let address: IpAddress = first.eni_ip.unwrap().parse().unwrap();
    let zone: AvailabilityZone = "us-east-1a".parse().unwrap();
    let input =
        CreateHsmInput { cluster_id: id.clone(), availability_zone: zone, ip_address: Some(address.clone()) };
    let hsm = world.estate.create_hsm(&ann(), input.clone()).unwrap().hsm;
    assert_eq!(hsm.eni_ip.as_deref(), Some(address.as_str()));
    assert_ne!(hsm.hsm_id, first.hsm_id);
    assert_eq!(world.plane.words(id.as_str()).unwrap(), ["early", "late"]);
    // The address has an owner now.
    refused(world.estate.create_hsm(&ann(), input), ErrorKind::InvalidRequest, hsm.hsm_id.as_str());

    world.drop_hsm(&ann(), &id, &hsm.hsm_id).unwrap();
    for backup in world.backups(&ann()) {
        world.estate.delete_backup(&ann(), DeleteBackupInput { backup_id: backup.backup_id }).unwrap();
    }
    refused(world.add_hsm(&ann(), &id), ErrorKind::InvalidRequest, "RestoreBackup");
    assert!(world.cluster(&ann(), &id).hsms.is_empty(), "what was refused has left nothing");
}

#[test]
fn without_its_only_hsm_a_cluster_that_is_not_activated_has_another_key_or_the_same() {
    let world = World::new();
    let id = world.create(&ann()).cluster_id;
    let csr = || world.cluster(&ann(), &id).certificates.unwrap().cluster_csr;
    let hsm = world.add_hsm(&ann(), &id).unwrap();
    let first = csr().unwrap();
    world.drop_hsm(&ann(), &id, &hsm.hsm_id).unwrap();
    assert_eq!(csr(), None);
    let hsm = world.add_hsm(&ann(), &id).unwrap();
    assert_ne!(csr().unwrap(), first);
    assert!(world.backups(&ann()).is_empty());

    // Once the customer has signed, the key is kept.
    world.initialize(&ann(), &id).unwrap();
    world.wait();
    world.drop_hsm(&ann(), &id, &hsm.hsm_id).unwrap();
    world.wait();
    world.add_hsm(&ann(), &id).unwrap();
    let papers = world.plane.certificates(id.as_str()).unwrap();
    assert_eq!(papers.cluster.as_deref(), Some("signed"));
    assert_eq!(states(&world, &id).0, ClusterState::Initialized);
    let never_activated = world.backups(&ann())[0].backup_id.clone();
    refused(world.clone_of(&ann(), never_activated.as_str()), ErrorKind::InvalidRequest, "never activated");
}

#[test]
fn the_type_of_hsm_changes_and_for_a_day_back() {
    let world = World::with(EstateConfig { transition_delay_seconds: 10, ..EstateConfig::default() });
    let older = CreateClusterInput { hsm_type: HsmType::Hsm1Medium, ..create_input() };
    let odd = CreateClusterInput { mode: Some(ClusterMode::NonFips), ..older.clone() };
    refused(world.estate.create_cluster(&ann(), odd), ErrorKind::InvalidRequest, "FIPS only");
    let id = world.estate.create_cluster(&ann(), older).unwrap().cluster.cluster_id;
    world.wait();
    world.add_hsm(&ann(), &id).unwrap();
    world.wait();
    world.initialize(&ann(), &id).unwrap();
    world.wait();
    world.plane.activate(id.as_str());
    world.wait();
    let modify = |to: HsmType| {
        let input =
            ModifyClusterInput { hsm_type: Some(to), backup_retention_policy: None, cluster_id: id.clone() };
        world.estate.modify_cluster(&ann(), input).map(|output| output.cluster)
    };
    let kind = || world.plane.kind(id.as_str()).unwrap().hsm;
    let backups = world.backups(&ann()).len();
    assert_eq!(modify(HsmType::Hsm2mMedium).unwrap().state, ClusterState::ModifyInProgress);
    assert_eq!(world.backups(&ann()).len(), backups + 1);
    refused(world.add_hsm(&ann(), &id), ErrorKind::InvalidRequest, "MODIFY_IN_PROGRESS");
    world.wait();
    let cluster = world.cluster(&ann(), &id);
    assert_eq!(
        (cluster.state, cluster.hsm_type, kind()),
        (ClusterState::Active, HsmType::Hsm2mMedium, HsmType::Hsm2mMedium)
    );
    assert!(cluster.hsm_type_rollback_expiration.is_some());

    assert_eq!(modify(HsmType::Hsm1Medium).unwrap().state, ClusterState::RollbackInProgress);
    world.wait();
    let cluster = world.cluster(&ann(), &id);
    assert_eq!((cluster.hsm_type, kind()), (HsmType::Hsm1Medium, HsmType::Hsm1Medium));
    assert_eq!(cluster.hsm_type_rollback_expiration, None);
    modify(HsmType::Hsm2mMedium).unwrap();
    world.clock.pass(DAY + HOUR);
    assert_eq!(world.cluster(&ann(), &id).hsm_type_rollback_expiration, None);
    refused(modify(HsmType::Hsm1Medium), ErrorKind::InvalidRequest, "within 24 hours");
}

#[test]
fn there_are_limits_and_they_are_configured() {
    let config = EstateConfig {
        hsms_per_account: 40,
        clusters_per_account: 2,
        limit_error: super::super::LimitError::Service,
        ..EstateConfig::default()
    };
    let world = World::with(config);
    let id = world.active(&ann());
    for _ in 1..28 {
        world.add_hsm(&ann(), &id).unwrap();
    }
    refused(world.add_hsm(&ann(), &id), ErrorKind::InvalidRequest, "28 HSMs");
    world.create(&ann());
    refused(world.estate.create_cluster(&ann(), create_input()), ErrorKind::Service, "2 clusters");
    // Elsewhere there is room.
    world.create(&caller("111111111111", "eu-west-1"));
    world.create(&caller("222222222222", "us-east-1"));

    let world = World::new();
    let id = world.active(&ann());
    for _ in 1..6 {
        world.add_hsm(&ann(), &id).unwrap();
    }
    refused(world.add_hsm(&ann(), &id), ErrorKind::InvalidRequest, "6 HSMs");
    let only = EstateConfig { regions: vec!["us-east-1".parse().unwrap()], ..EstateConfig::default() };
    let world = World::with(only);
    world.create(&ann());
    let elsewhere = caller("111111111111", "eu-west-1");
    refused(world.estate.create_cluster(&elsewhere, create_input()), ErrorKind::InvalidRequest, "us-east-1");
}

#[test]
fn each_subnet_has_a_zone_of_its_own_and_keeps_it() {
    let world = World::new();
    let subnets = |names: &[&str]| CreateClusterInput {
        subnet_ids: names.iter().map(|name| format!("subnet-{name}").parse().unwrap()).collect(),
        ..create_input()
    };
    let mapped = |names: &[&str]| {
        let cluster = world.estate.create_cluster(&ann(), subnets(names)).unwrap().cluster;
        let mapping: Vec<_> =
            cluster.subnet_mapping.iter().map(|(zone, subnet)| format!("{zone} {subnet}")).collect();
        (mapping, cluster.vpc_id.unwrap())
    };
    let (first, vpc) = mapped(&["aaaaaaaa", "bbbbbbbb"]);
    assert_eq!(first, ["us-east-1a subnet-aaaaaaaa", "us-east-1b subnet-bbbbbbbb"]);
    let (second, same_vpc) = mapped(&["cccccccc", "aaaaaaaa"]);
    assert_eq!(second, ["us-east-1a subnet-aaaaaaaa", "us-east-1b subnet-cccccccc"]);
    assert_eq!(vpc, same_vpc);
    refused(
        world.estate.create_cluster(&ann(), subnets(&["bbbbbbbb", "cccccccc"])),
        ErrorKind::InvalidRequest,
        "both in us-east-1b",
    );
    refused(
        world.estate.create_cluster(&ann(), subnets(&["dddddddd", "dddddddd"])),
        ErrorKind::InvalidRequest,
        "twice",
    );
}

#[test]
fn pages_of_clusters_are_whole_though_clusters_come_and_go() {
    let world = World::with(EstateConfig { clusters_per_account: 100, ..EstateConfig::default() });
    let ids: Vec<_> = (0..7)
        .map(|_| {
            world.clock.pass(1);
            world.create(&ann()).cluster_id
        })
        .collect();
    let mut seen = Vec::new();
    let mut next_token = None;
    loop {
        let input = DescribeClustersInput { max_results: Some(2), next_token, ..Default::default() };
        let output = world.estate.describe_clusters(&ann(), input).unwrap();
        seen.extend(output.clusters.iter().map(|cluster| cluster.cluster_id.clone()));
        next_token = output.next_token;
        // What a page ended with goes before the next is asked for.
        let last = seen.last().unwrap().clone();
        world.delete(&ann(), &last).unwrap();
        world.wait();
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
}

#[test]
fn a_node_that_is_ill_shows() {
    let world = World::new();
    let id = world.active(&ann());
    let node = world.plane.nodes(id.as_str()).unwrap()[0].node;
    world.plane.set_ill(id.as_str(), node, true);
    assert_eq!(states(&world, &id), (ClusterState::Degraded, vec![HsmState::Degraded]));
    world.plane.set_ill(id.as_str(), node, false);
    assert_eq!(states(&world, &id), (ClusterState::Active, vec![HsmState::Active]));
}
