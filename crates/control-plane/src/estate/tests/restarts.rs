//! A process that ends in the middle of things, and one that goes on with them.

use strongroom_store::Fault as StoreFault;

use super::super::DataPlane as _;
use super::*;

#[test]
fn every_state_that_passes_ends_after_a_restart_too() {
    let mut world = World::slow();
    let me = ann();
    let id = world.create(&me).cluster_id;
    let passes = |world: &mut World, during: ClusterState, after: ClusterState| {
        world.restart();
        assert_eq!(world.cluster(&me, &id).state, during);
        world.clock.pass(10);
        world.restart();
        assert_eq!(world.cluster(&me, &id).state, after);
    };
    passes(&mut world, ClusterState::CreateInProgress, ClusterState::Uninitialized);
    let hsm = world.add_hsm(&me, &id).unwrap();
    world.restart();
    assert_eq!(world.cluster(&me, &id).hsms[0].state, HsmState::CreateInProgress);
    world.clock.pass(10);
    world.restart();
    let cluster = world.cluster(&me, &id);
    assert_eq!((cluster.hsms[0].state, &cluster.hsms[0].eni_ip), (HsmState::Active, &hsm.eni_ip));

    world.initialize(&me, &id).unwrap();
    passes(&mut world, ClusterState::InitializeInProgress, ClusterState::Initialized);
    // Activated while nobody looked.
    world.plane.activate(id.as_str());
    world.restart();
    assert_eq!(world.cluster(&me, &id).state, ClusterState::Active);
    assert_eq!(world.backups(&me).len(), 1);

    let source = world.backups(&me)[0].backup_id.to_string();
    world.clock.pass(10);
    let clone = world.clone_of(&me, &source).unwrap().cluster_id;
    world.restart();
    assert_eq!(world.cluster(&me, &clone).state, ClusterState::CreateInProgress);
    world.clock.pass(10);
    world.restart();
    assert_eq!(world.cluster(&me, &clone).state, ClusterState::InitializeInProgress);
    world.clock.pass(10);
    world.restart();
    assert_eq!(world.cluster(&me, &clone).state, ClusterState::Active);

    world.drop_hsm(&me, &id, &hsm.hsm_id).unwrap();
    world.restart();
    assert_eq!(world.cluster(&me, &id).hsms[0].state, HsmState::DeleteInProgress);
    world.clock.pass(10);
    world.restart();
    assert!(world.cluster(&me, &id).hsms.is_empty());
    world.delete(&me, &id).unwrap();
    world.restart();
    assert_eq!(world.cluster(&me, &id).state, ClusterState::DeleteInProgress);
    world.clock.pass(10);
    world.restart();
    assert!(world.find(&me, &id).is_none());
}

#[test]
fn an_hsm_that_was_begun_is_made_once_whatever_was_written() {
    // Killed before the node was made, and behind that.
    for node_is_made in [false, true] {
        let mut world = World::new();
        let id = world.active(&ann());
        if node_is_made {
            world.store.fail(1, StoreFault::Lost);
            world.add_hsm(&ann(), &id).unwrap();
        } else {
            // The attempt fails, and taking it back does.
            world.plane.set_failing(true);
            world.store.fail(1, StoreFault::Lost);
            world.add_hsm(&ann(), &id).unwrap_err();
            world.plane.set_failing(false);
        }
        let nodes = world.plane.nodes(id.as_str()).unwrap().len();
        assert_eq!(nodes, if node_is_made { 2 } else { 1 });
        // Nothing more can be written, and nothing is said to be done.
        world.add_hsm(&ann(), &id).unwrap_err();
        world.restart();
        world.wait();
        let hsms = world.cluster(&ann(), &id).hsms;
        assert_eq!(hsms.len(), 2);
        assert!(hsms.iter().all(|hsm| hsm.state == HsmState::Active && hsm.eni_ip.is_some()), "{hsms:?}");
        assert_eq!(world.plane.nodes(id.as_str()).unwrap().len(), 2);
    }
}

#[test]
fn an_hsm_that_was_to_go_goes_once_whatever_was_written() {
    for node_is_gone in [false, true] {
        let mut world = World::new();
        let id = world.active(&ann());
        let hsm = world.cluster(&ann(), &id).hsms[0].hsm_id.clone();
        world.plane.put(id.as_str(), "word");
        world.plane.set_failing(!node_is_gone);
        world.store.fail(1, StoreFault::Lost);
        assert_eq!(world.drop_hsm(&ann(), &id, &hsm).is_ok(), node_is_gone);
        world.plane.set_failing(false);
        world.restart();
        world.wait();
        assert!(world.cluster(&ann(), &id).hsms.is_empty());
        assert!(world.plane.nodes(id.as_str()).is_none());
        world.add_hsm(&ann(), &id).unwrap();
        assert_eq!(world.plane.words(id.as_str()).unwrap(), ["word"]);
    }
}

#[test]
fn a_certificate_that_was_taken_counts_though_it_was_not_noted() {
    let mut world = World::new();
    let id = world.create(&ann()).cluster_id;
    world.add_hsm(&ann(), &id).unwrap();
    world.wait();
    world.store.fail(0, StoreFault::Lost);
    refused(world.initialize(&ann(), &id), ErrorKind::InternalFailure, "can't be written");
    world.restart();
    let cluster = world.cluster(&ann(), &id);
    assert_eq!(cluster.state, ClusterState::Initialized);
    assert_eq!(cluster.certificates.unwrap().cluster_certificate.as_deref(), Some("signed"));
}

#[test]
fn what_cannot_be_written_is_refused_and_nothing_has_changed() {
    let world = World::new();
    let id = world.active(&ann());
    let backup_id = world.backups(&ann())[0].backup_id.clone();
    let (before, images) = (world.cluster(&ann(), &id), world.plane.images().len());
    world.store.set_full(true);
    let full = |result: Result<(), ApiError>| refused(result, ErrorKind::InternalFailure, "can't be written");
    full(world.estate.create_cluster(&ann(), create_input()).map(drop));
    full(world.clone_of(&ann(), backup_id.as_str()).map(drop));
    full(world.add_hsm(&ann(), &id).map(drop));
    full(world.drop_hsm(&ann(), &id, &before.hsms[0].hsm_id).map(drop));
    let copy = CopyBackupToRegionInput {
        destination_region: "eu-west-1".parse().unwrap(),
        backup_id: backup_id.clone(),
        tag_list: Some(vec![tag("a", "b")]),
    };
    full(world.estate.copy_backup_to_region(&ann(), copy).map(drop));
    let (resource_id, tag_list) = (id.as_str().parse().unwrap(), vec![tag("a", "b")]);
    full(world.estate.tag_resource(&ann(), TagResourceInput { resource_id, tag_list }).map(drop));
    world.store.set_full(false);
    assert_eq!(world.cluster(&ann(), &id), before);
    assert!(world.backups(&caller("111111111111", "eu-west-1")).is_empty());
    // What was made for nothing is on its way out.
    let kept = world.plane.images().into_iter().filter(|image| image.delete_at.is_none());
    assert_eq!(kept.count(), images);
    world.add_hsm(&ann(), &id).unwrap();
}
