//! Backups: made, listed, deleted, had back, expired, copied.

use super::super::DataPlane as _;
use super::*;

fn delete(world: &World, id: &BackupId) -> Result<Backup, ApiError> {
    let output = world.estate.delete_backup(&ann(), DeleteBackupInput { backup_id: id.clone() });
    output.map(|output| output.backup)
}

fn restore(world: &World, id: &BackupId) -> Result<Backup, ApiError> {
    let output = world.estate.restore_backup(&ann(), RestoreBackupInput { backup_id: id.clone() });
    output.map(|output| output.backup)
}

fn keep(world: &World, id: &BackupId, never_expires: bool) -> Result<Backup, ApiError> {
    let input = ModifyBackupAttributesInput { backup_id: id.clone(), never_expires };
    world.estate.modify_backup_attributes(&ann(), input).map(|output| output.backup)
}

fn copy(
    world: &World,
    id: &BackupId,
    region: &str,
    tags: Option<Vec<Tag>>,
) -> Result<DestinationBackup, ApiError> {
    let destination_region = region.parse().unwrap();
    let input = CopyBackupToRegionInput { destination_region, backup_id: id.clone(), tag_list: tags };
    world.estate.copy_backup_to_region(&ann(), input).map(|output| output.destination_backup)
}

/// A cluster with so many backups, an hour apart; the oldest first.
fn with_backups(world: &World, count: usize) -> Vec<BackupId> {
    let id = world.active(&ann());
    for _ in 1..count {
        world.clock.pass(HOUR);
        let now = u64::try_from(super::super::Clock::now(&*world.clock).millis() / 1000).unwrap();
        world.plane.back_up(id.as_str(), super::super::Occasion::Adding, now).unwrap();
    }
    let ids: Vec<_> = world.backups(&ann()).into_iter().map(|backup| backup.backup_id).collect();
    assert_eq!(ids.len(), count);
    ids
}

#[test]
fn a_deleted_backup_can_be_had_back_for_seven_days() {
    let world = World::new();
    let ids = with_backups(&world, 2);
    let going = delete(&world, &ids[0]).unwrap();
    assert_eq!(going.backup_state, BackupState::PendingDeletion);
    let now = super::super::Clock::now(&*world.clock);
    assert_eq!(going.delete_timestamp, Some(now.plus_seconds(7 * DAY)));
    refused(delete(&world, &ids[0]), ErrorKind::InvalidRequest, "PENDING_DELETION");
    refused(keep(&world, &ids[0], true), ErrorKind::InvalidRequest, "PENDING_DELETION");
    refused(copy(&world, &ids[0], "eu-west-1", None), ErrorKind::InvalidRequest, "PENDING_DELETION");
    refused(world.clone_of(&ann(), ids[0].as_str()), ErrorKind::InvalidRequest, "PENDING_DELETION");
    world.clock.pass(7 * DAY - 1);
    let back = restore(&world, &ids[0]).unwrap();
    assert_eq!((back.backup_state, back.delete_timestamp), (BackupState::Ready, None));
    refused(restore(&world, &ids[0]), ErrorKind::InvalidRequest, "READY");

    delete(&world, &ids[0]).unwrap();
    world.clock.pass(7 * DAY);
    refused(restore(&world, &ids[0]), ErrorKind::ResourceNotFound, ids[0].as_str());
    assert_eq!(world.backups(&ann()).len(), 1);
}

#[test]
fn a_backup_that_is_being_made_is_left_alone() {
    let world = World::slow();
    let id = world.create(&ann()).cluster_id;
    world.wait();
    world.add_hsm(&ann(), &id).unwrap();
    world.wait();
    world.initialize(&ann(), &id).unwrap();
    world.wait();
    world.plane.activate(id.as_str());
    let backup = world.backups(&ann()).remove(0);
    assert_eq!(backup.backup_state, BackupState::CreateInProgress);
    for result in [
        delete(&world, &backup.backup_id).map(drop),
        restore(&world, &backup.backup_id).map(drop),
        keep(&world, &backup.backup_id, true).map(drop),
        copy(&world, &backup.backup_id, "eu-west-1", None).map(drop),
        world.clone_of(&ann(), backup.backup_id.as_str()).map(drop),
    ] {
        refused(result, ErrorKind::InvalidRequest, "CREATE_IN_PROGRESS");
    }
}

#[test]
fn backups_expire_but_the_last_what_is_kept_and_copies() {
    let world = World::new();
    let ids = with_backups(&world, 4);
    keep(&world, &ids[1], true).unwrap();
    copy(&world, &ids[0], "eu-west-1", None).unwrap();
    let cluster_id = world.backups(&ann())[0].cluster_id.clone().unwrap();
    let value = RetentionDays::try_from("7".to_owned()).unwrap();
    let policy = Some(BackupRetentionPolicy { r#type: BackupRetentionType::Days, value });
    let modify = ModifyClusterInput { hsm_type: None, backup_retention_policy: policy, cluster_id };
    world.estate.modify_cluster(&ann(), modify).unwrap();
    world.clock.pass(6 * DAY);
    world.estate.settle();
    let states = || {
        let backups = world.backups(&ann());
        backups.into_iter().map(|backup| (backup.backup_id, backup.backup_state)).collect::<Vec<_>>()
    };
    assert!(states().iter().all(|(_, state)| *state == BackupState::Ready));
    world.clock.pass(2 * DAY);
    world.estate.settle();
    let going = BackupState::PendingDeletion;
    let expected = [going, BackupState::Ready, going, BackupState::Ready];
    assert_eq!(states(), ids.iter().cloned().zip(expected).collect::<Vec<_>>());
    world.clock.pass(8 * DAY);
    world.estate.settle();
    let left = [(ids[1].clone(), BackupState::Ready), (ids[3].clone(), BackupState::Ready)];
    assert_eq!(states(), left);
    let elsewhere = caller("111111111111", "eu-west-1");
    world.clock.pass(1000 * DAY);
    world.estate.settle();
    assert_eq!(world.backups(&elsewhere).len(), 1);
    assert_eq!(states(), left);
}

#[test]
fn a_script_deletes_what_is_older_than_a_date_page_by_page() {
    let world = World::new();
    let ids = with_backups(&world, 60);
    let cluster = world.backups(&ann())[0].cluster_id.clone().unwrap().to_string();
    let limit = world.backups(&ann())[33].create_timestamp.unwrap();
    let (mut next_token, mut pages) = (None, 0);
    loop {
        let filters = BackupFilters { cluster_ids: Some(vec![cluster.clone()]), ..Default::default() };
        let input = DescribeBackupsInput {
            next_token,
            max_results: Some(25),
            filters,
            sort_ascending: Some(true),
            shared: None,
        };
        let output = world.estate.describe_backups(&ann(), input).unwrap();
        pages += 1;
        for backup in output.backups.iter().filter(|backup| backup.create_timestamp.unwrap() < limit) {
            delete(&world, &backup.backup_id).unwrap();
        }
        next_token = output.next_token;
        if next_token.is_none() {
            break;
        }
    }
    assert_eq!(pages, 3);
    let filters = BackupFilters { states: Some(vec![BackupState::PendingDeletion]), ..Default::default() };
    let input = DescribeBackupsInput { filters, sort_ascending: Some(true), ..Default::default() };
    let deleted: Vec<_> = world.list(&ann(), input).into_iter().map(|backup| backup.backup_id).collect();
    assert_eq!(deleted, ids[..33]);
}

#[test]
fn filters_are_all_to_be_met_and_each_by_one_of_its_values() {
    let world = World::new();
    let ids = with_backups(&world, 3);
    keep(&world, &ids[2], true).unwrap();
    delete(&world, &ids[1]).unwrap();
    let found = |filters: BackupFilters| {
        let backups = world.list(&ann(), DescribeBackupsInput { filters, ..Default::default() });
        backups.into_iter().map(|backup| backup.backup_id).collect::<Vec<_>>()
    };
    // The newest first, when nothing is said.
    assert_eq!(found(BackupFilters::default()), [ids[2].clone(), ids[1].clone(), ids[0].clone()]);
    let kept = BackupFilters { never_expires: Some(vec![true]), ..Default::default() };
    assert_eq!(found(kept), [ids[2].clone()]);
    let named = |ids: &[&BackupId]| BackupFilters {
        backup_ids: Some(ids.iter().map(|id| id.to_string()).collect()),
        ..Default::default()
    };
    assert_eq!(found(named(&[&ids[0], &ids[1]])), [ids[1].clone(), ids[0].clone()]);
    let ready = BackupFilters { states: Some(vec![BackupState::Ready]), ..named(&[&ids[0], &ids[1]]) };
    assert_eq!(found(ready), [ids[0].clone()]);
    let none =
        BackupFilters { cluster_ids: Some(vec!["cluster-abcdefghijk".to_owned()]), ..Default::default() };
    assert!(found(none).is_empty());
}

#[test]
fn a_copy_in_another_region_outlives_its_source() {
    let world = World::slow();
    let ids = with_backups(&world, 1);
    world.wait();
    let source = world.backups(&ann()).remove(0);
    let cluster = source.cluster_id.clone().unwrap();
    let (resource_id, tag_list) = (ids[0].as_str().parse().unwrap(), vec![tag("who", "me")]);
    world.estate.tag_resource(&ann(), TagResourceInput { resource_id, tag_list }).unwrap();
    refused(copy(&world, &ids[0], "us-east-1", None), ErrorKind::InvalidRequest, "already");
    world.clock.pass(HOUR);
    let told = copy(&world, &ids[0], "eu-west-1", None).unwrap();
    assert_eq!((told.source_region.as_str(), &told.source_backup), ("us-east-1", &ids[0]));
    assert_eq!((told.create_timestamp, told.source_cluster), (source.create_timestamp, cluster.clone()));

    let there = caller("111111111111", "eu-west-1");
    let find = || {
        let wanted = Some(vec![ids[0].to_string()]);
        let filters = BackupFilters { source_backup_ids: wanted, ..Default::default() };
        world.list(&there, DescribeBackupsInput { filters, ..Default::default() }).remove(0)
    };
    assert_eq!(find().backup_state, BackupState::CreateInProgress);
    world.wait();
    let copied = find();
    assert_eq!(copied.backup_state, BackupState::Ready);
    assert_eq!(copied.tag_list, [tag("who", "me")]);
    assert_eq!(
        (copied.create_timestamp, copied.source_region.as_ref()),
        (source.create_timestamp, Some(&told.source_region))
    );
    assert_eq!(
        (copied.cluster_id.as_ref(), copied.source_cluster.as_ref()),
        (Some(&cluster), Some(&cluster))
    );
    assert!(copied.copy_timestamp > copied.create_timestamp);
    assert!(copied.backup_arn.as_ref().unwrap().contains("eu-west-1:111111111111:backup/backup-"));
    copy(&world, &ids[0], "sa-east-1", Some(vec![tag("other", "tags")])).unwrap();
    assert_eq!(world.backups(&caller("111111111111", "sa-east-1"))[0].tag_list, [tag("other", "tags")]);

    // The source and its cluster are gone; the copy makes one like it.
    let hsm = world.cluster(&ann(), &cluster).hsms[0].hsm_id.clone();
    world.drop_hsm(&ann(), &cluster, &hsm).unwrap();
    world.wait();
    for backup in world.backups(&ann()) {
        delete(&world, &backup.backup_id).unwrap();
    }
    world.delete(&ann(), &cluster).unwrap();
    world.clock.pass(9 * DAY);
    assert!(world.backups(&ann()).is_empty() && world.find(&ann(), &cluster).is_none());
    let clone = world.clone_of(&there, copied.backup_id.as_str()).unwrap();
    assert_eq!(clone.source_backup_id.as_ref(), Some(&copied.backup_id));
    assert_eq!(clone.certificates.unwrap().cluster_certificate.as_deref(), Some("signed"));
    refused(world.clone_of(&ann(), copied.backup_id.as_str()), ErrorKind::ResourceNotFound, "no backup");
    refused(
        world.clone_of(&ann(), copied.backup_arn.as_ref().unwrap()),
        ErrorKind::InvalidRequest,
        "another region",
    );
}

#[test]
fn a_cluster_of_a_backup_is_active_without_hsms_and_needs_its_source_no_more() {
    let world = World::new();
    let id = world.active(&ann());
    world.plane.put(id.as_str(), "early");
    world.clock.pass(1);
    world.add_hsm(&ann(), &id).unwrap();
    world.plane.put(id.as_str(), "late");
    let source = world.backups(&ann()).pop().unwrap().backup_id;
    let clone = world.clone_of(&ann(), source.as_str()).unwrap();
    assert_eq!((clone.state, clone.hsms.len()), (ClusterState::CreateInProgress, 0));
    let clone = clone.cluster_id;
    assert_eq!(world.cluster(&ann(), &clone).state, ClusterState::Active);
    // It isn't a backup of its own.
    assert_eq!(world.backups(&ann()).len(), 2);
    for backup in world.backups(&ann()) {
        delete(&world, &backup.backup_id).unwrap();
    }
    world.clock.pass(30 * DAY);
    assert!(world.backups(&ann()).is_empty());
    let hsm = world.add_hsm(&ann(), &clone).unwrap();
    assert_eq!(world.plane.words(clone.as_str()).unwrap(), ["early"]);
    assert_eq!(world.cluster(&ann(), &clone).hsms[0].state, HsmState::Active);

    // What was kept for it goes with it.
    world.drop_hsm(&ann(), &clone, &hsm.hsm_id).unwrap();
    world.delete(&ann(), &clone).unwrap();
    world.wait();
    world.wait();
    let seed = |image: &super::super::Image| {
        image.origin.as_ref().is_some_and(|origin| origin.seed_of.is_some()) && image.delete_at.is_none()
    };
    assert!(!world.plane.images().iter().any(seed));
}

#[test]
fn a_cluster_of_a_backup_keeps_its_mode_and_may_have_newer_hsms() {
    let world = World::new();
    let older = CreateClusterInput { hsm_type: HsmType::Hsm1Medium, ..create_input() };
    let id = world.estate.create_cluster(&ann(), older).unwrap().cluster.cluster_id;
    world.add_hsm(&ann(), &id).unwrap();
    world.wait();
    world.initialize(&ann(), &id).unwrap();
    world.wait();
    world.plane.activate(id.as_str());
    world.wait();
    let source = world.backups(&ann())[0].clone();
    assert_eq!((source.hsm_type, source.mode), (Some(HsmType::Hsm1Medium), Some(ClusterMode::Fips)));
    let of = |hsm_type, mode| CreateClusterInput {
        source_backup_id: Some(source.backup_id.as_str().parse().unwrap()),
        hsm_type,
        mode,
        ..create_input()
    };
    let other_mode = of(HsmType::Hsm2mMedium, Some(ClusterMode::NonFips));
    refused(world.estate.create_cluster(&ann(), other_mode), ErrorKind::InvalidRequest, "Mode");
    let clone = world.estate.create_cluster(&ann(), of(HsmType::Hsm2mMedium, None)).unwrap().cluster;
    world.add_hsm(&ann(), &clone.cluster_id).unwrap();
    assert_eq!(world.plane.kind(clone.cluster_id.as_str()).unwrap().hsm, HsmType::Hsm2mMedium);
    world.clock.pass(5);
    world.add_hsm(&ann(), &clone.cluster_id).unwrap();
    let newer = world.backups(&ann()).pop().unwrap();
    let back = CreateClusterInput {
        source_backup_id: Some(newer.backup_id.as_str().parse().unwrap()),
        hsm_type: HsmType::Hsm1Medium,
        ..create_input()
    };
    refused(world.estate.create_cluster(&ann(), back), ErrorKind::InvalidRequest, "go back");
}
