//! Every operation in the states that it's refused in.

use super::*;

/// A cluster in each state that it can be held in, with that state's name.
fn clusters(world: &World) -> Vec<(ClusterState, ClusterId)> {
    let me = ann();
    // Of a type that can be changed, and back.
    let (modifying, going_back) = (older(world, &me), older(world, &me));
    modify(world, &me, &going_back, HsmType::Hsm2mMedium).unwrap();
    world.wait();
    let activated = |world: &World| {
        let id = world.create(&me).cluster_id;
        world.wait();
        world.add_hsm(&me, &id).unwrap();
        world.wait();
        world.initialize(&me, &id).unwrap();
        world.wait();
        id
    };
    let modified = activated(world);
    world.plane.activate(modified.as_str());
    let active = activated(world);
    world.plane.activate(active.as_str());
    let initialized = activated(world);
    let initializing = world.create(&me).cluster_id;
    world.wait();
    world.add_hsm(&me, &initializing).unwrap();
    let (uninitialized, deleting) = (world.create(&me).cluster_id, world.create(&me).cluster_id);
    world.wait();
    world.initialize(&me, &initializing).unwrap();
    world.delete(&me, &deleting).unwrap();
    // It's of that type already, so that alone changes nothing.
    let same = modify(world, &me, &modified, HsmType::Hsm2mMedium).unwrap().cluster;
    assert_eq!(same.state, ClusterState::Active);
    modify(world, &me, &going_back, HsmType::Hsm1Medium).unwrap();
    modify(world, &me, &modifying, HsmType::Hsm2mMedium).unwrap();
    let creating = world.create(&me).cluster_id;
    vec![
        (ClusterState::CreateInProgress, creating),
        (ClusterState::Uninitialized, uninitialized),
        (ClusterState::InitializeInProgress, initializing),
        (ClusterState::Initialized, initialized),
        (ClusterState::Active, active),
        (ClusterState::ModifyInProgress, modifying),
        (ClusterState::RollbackInProgress, going_back),
        (ClusterState::DeleteInProgress, deleting),
    ]
}

/// An `ACTIVE` cluster of the older type, with an HSM.
fn older(world: &World, me: &Caller) -> ClusterId {
    let input = CreateClusterInput { hsm_type: HsmType::Hsm1Medium, ..create_input() };
    let id = world.estate.create_cluster(me, input).unwrap().cluster.cluster_id;
    world.wait();
    world.add_hsm(me, &id).unwrap();
    world.wait();
    world.initialize(me, &id).unwrap();
    world.wait();
    world.plane.activate(id.as_str());
    world.wait();
    id
}

fn modify(world: &World, me: &Caller, id: &ClusterId, to: HsmType) -> Result<ModifyClusterOutput, ApiError> {
    let input =
        ModifyClusterInput { hsm_type: Some(to), backup_retention_policy: None, cluster_id: id.clone() };
    world.estate.modify_cluster(me, input)
}

#[test]
fn an_operation_in_a_wrong_state_is_refused_and_changes_nothing() {
    let config = EstateConfig {
        transition_delay_seconds: 10,
        clusters_per_account: 50,
        hsms_per_account: 50,
        ..EstateConfig::default()
    };
    let world = World::with(config);
    let me = ann();
    let all = clusters(&world);
    for (state, id) in &all {
        let before = world.cluster(&me, id);
        assert_eq!(before.state, *state);
        let check = |what: &str, allowed: &[ClusterState], result: Result<(), ApiError>| {
            if allowed.contains(state) {
                return;
            }
            let error = result.expect_err(&format!("{what} in {state}"));
            assert_eq!(error.kind, ErrorKind::InvalidRequest, "{what} in {state}: {error}");
            assert_eq!(world.cluster(&me, id), before, "{what} in {state}");
        };
        use ClusterState::*;
        if *state != Uninitialized {
            check("InitializeCluster", &[], world.initialize(&me, id).map(drop));
        }
        if *state != Active {
            let modify = ModifyClusterInput {
                hsm_type: None,
                backup_retention_policy: before.backup_retention_policy,
                cluster_id: id.clone(),
            };
            check("ModifyCluster", &[], world.estate.modify_cluster(&me, modify).map(drop));
        }
        if !matches!(state, Active | Uninitialized) {
            check("CreateHsm", &[], world.add_hsm(&me, id).map(drop));
        }
        // Uninitialized has none to lose, and can be deleted for that.
        if *state != Uninitialized {
            check("DeleteCluster", &[], world.delete(&me, id).map(drop));
        }
        let may_lose_hsms = matches!(state, Active | Initialized | Uninitialized);
        if let (false, Some(hsm)) = (may_lose_hsms, before.hsms.first()) {
            check("DeleteHsm", &[], world.drop_hsm(&me, id, &hsm.hsm_id).map(drop));
        }
    }
}

#[test]
fn the_second_hsm_before_activation_is_refused_in_the_words_of_aws() {
    let world = World::new();
    let id = world.create(&ann()).cluster_id;
    world.add_hsm(&ann(), &id).unwrap();
    let words = format!("Cluster '{id}' already contains an HSM but has not yet been fully activated");
    let error = world.add_hsm(&ann(), &id).unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::InvalidRequest, words.as_str()));
    world.initialize(&ann(), &id).unwrap();
    world.wait();
    assert_eq!(world.add_hsm(&ann(), &id).unwrap_err().message, words);
}

#[test]
fn what_is_not_there_or_not_ones_own_is_not_found() {
    let world = World::new();
    let id = world.active(&ann());
    let hsm = world.cluster(&ann(), &id).hsms[0].hsm_id.clone();
    let backup_id = world.backups(&ann())[0].backup_id.clone();
    let strangers = [caller("222222222222", "us-east-1"), caller("111111111111", "eu-west-1")];
    for who in &strangers {
        let estate = &world.estate;
        let gone = |result: Result<(), ApiError>| refused(result, ErrorKind::ResourceNotFound, "there is no");
        assert!(world.find(who, &id).is_none() && world.backups(who).is_empty());
        gone(world.initialize(who, &id).map(drop));
        gone(world.add_hsm(who, &id).map(drop));
        gone(world.drop_hsm(who, &id, &hsm).map(drop));
        gone(world.delete(who, &id).map(drop));
        let hsm_type = Some(HsmType::Hsm2mMedium);
        let modify = ModifyClusterInput { hsm_type, backup_retention_policy: None, cluster_id: id.clone() };
        gone(estate.modify_cluster(who, modify).map(drop));
        gone(world.clone_of(who, backup_id.as_str()).map(drop));
        gone(estate.delete_backup(who, DeleteBackupInput { backup_id: backup_id.clone() }).map(drop));
        gone(estate.restore_backup(who, RestoreBackupInput { backup_id: backup_id.clone() }).map(drop));
        let keep = ModifyBackupAttributesInput { backup_id: backup_id.clone(), never_expires: true };
        gone(estate.modify_backup_attributes(who, keep).map(drop));
        let copy = CopyBackupToRegionInput {
            destination_region: "sa-east-1".parse().unwrap(),
            backup_id: backup_id.clone(),
            tag_list: None,
        };
        gone(estate.copy_backup_to_region(who, copy).map(drop));
        for resource in [id.as_str(), backup_id.as_str()] {
            let (resource_id, next_token) = (resource.parse::<ResourceId>().unwrap(), None);
            let list = ListTagsInput { resource_id: resource_id.clone(), next_token, max_results: None };
            gone(estate.list_tags(who, list).map(drop));
            let tag_list = vec![tag("a", "b")];
            gone(
                estate
                    .tag_resource(who, TagResourceInput { resource_id: resource_id.clone(), tag_list })
                    .map(drop),
            );
            let tag_key_list = vec!["a".parse().unwrap()];
            gone(estate.untag_resource(who, UntagResourceInput { resource_id, tag_key_list }).map(drop));
        }
    }
    let other: HsmId = "hsm-abcdefghijk".parse().unwrap();
    refused(world.drop_hsm(&ann(), &id, &other), ErrorKind::ResourceNotFound, "hsm-abcdefghijk");
}

#[test]
fn an_hsm_is_chosen_in_exactly_one_way() {
    let world = World::new();
    let id = world.active(&ann());
    world.add_hsm(&ann(), &id).unwrap();
    world.add_hsm(&ann(), &id).unwrap();
    world.wait();
    let hsms = world.cluster(&ann(), &id).hsms;
    let ip = |hsm: &Hsm| Some(hsm.eni_ip.as_ref().unwrap().parse().unwrap());
    let input = DeleteHsmInput { cluster_id: id.clone(), hsm_id: None, eni_id: None, eni_ip: None };
    let both = DeleteHsmInput { hsm_id: Some(hsms[0].hsm_id.clone()), eni_ip: ip(&hsms[0]), ..input.clone() };
    for wrong in [input.clone(), both] {
        refused(world.estate.delete_hsm(&ann(), wrong), ErrorKind::InvalidRequest, "exactly one");
    }
    let by_eni = DeleteHsmInput { eni_id: hsms[1].eni_id.clone(), ..input.clone() };
    assert_eq!(world.estate.delete_hsm(&ann(), by_eni).unwrap().hsm_id, hsms[1].hsm_id);
    let by_ip = DeleteHsmInput { eni_ip: ip(&hsms[2]), ..input };
    assert_eq!(world.estate.delete_hsm(&ann(), by_ip).unwrap().hsm_id, hsms[2].hsm_id);
    world.wait();
    let left: Vec<_> = world.cluster(&ann(), &id).hsms.into_iter().map(|hsm| hsm.hsm_id).collect();
    assert_eq!(left, [hsms[0].hsm_id.clone()]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let world = World::new();
    let id = world.active(&ann());
    let nothing =
        ModifyClusterInput { hsm_type: None, backup_retention_policy: None, cluster_id: id.clone() };
    refused(world.estate.modify_cluster(&ann(), nothing), ErrorKind::InvalidRequest, "nothing");
    let hsm = |zone: &str, address: Option<&str>| CreateHsmInput {
        cluster_id: id.clone(),
        availability_zone: zone.parse().unwrap(),
        ip_address: address.map(|address| address.parse().unwrap()),
    };
    refused(
        world.estate.create_hsm(&ann(), hsm("us-east-1b", None)),
        ErrorKind::InvalidRequest,
        "us-east-1a",
    );
    refused(
        world.estate.create_hsm(&ann(), hsm("us-east-1a", Some("127.0.0.256"))),
        ErrorKind::InvalidRequest,
        "0 to 255",
    );
    world.plane.set_failing(true);
    refused(world.add_hsm(&ann(), &id), ErrorKind::InternalFailure, "out of order");
    let hsms = world.cluster(&ann(), &id).hsms;
    refused(world.drop_hsm(&ann(), &id, &hsms[0].hsm_id), ErrorKind::InternalFailure, "out of order");
    world.plane.set_failing(false);
    assert_eq!(world.cluster(&ann(), &id).hsms, hsms);

    let fresh = world.create(&ann()).cluster_id;
    world.wait();
    refused(world.initialize(&ann(), &fresh), ErrorKind::InvalidRequest, "CreateHsm");
    world.add_hsm(&ann(), &fresh).unwrap();
    let same: Cert = "one and the same".parse().unwrap();
    let input =
        InitializeClusterInput { cluster_id: fresh.clone(), signed_cert: same.clone(), trust_anchor: same };
    refused(world.estate.initialize_cluster(&ann(), input), ErrorKind::InvalidRequest, "the same");
    assert_eq!(world.cluster(&ann(), &fresh).state, ClusterState::Uninitialized);
}
