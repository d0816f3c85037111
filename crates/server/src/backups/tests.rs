//! What is made when, what goes when, and what can be had back.

use super::catalogue::{Catalogue, new_id};
use super::policy::{BackupPolicy, DELETION_WINDOW};
use crate::control::{BackupInfo, BackupReason, BackupState};

const DAY: u64 = 24 * 3600;

fn backup(serial: &str, created: u64) -> BackupInfo {
    BackupInfo {
        id: new_id(),
        state: BackupState::Ready,
        cluster: "default".to_owned(),
        serial: serial.to_owned(),
        created,
        reason: BackupReason::Scheduled,
        never_expires: false,
        delete_at: None,
        source: None,
        bytes: 1,
        users: 2,
        objects: 3,
        number: 0,
        variant: None,
        origin: None,
    }
}

#[test]
fn a_cluster_is_backed_up_when_it_has_users_and_once_a_day() {
    let policy = BackupPolicy::default();
    let all = [backup("other", 50 * DAY)];
    assert_eq!(policy.due(&all, "mine", false, 50 * DAY), None);
    assert_eq!(policy.due(&all, "mine", true, 50 * DAY), Some(BackupReason::Activated));
    let all = [backup("mine", DAY), backup("mine", 50 * DAY)];
    assert_eq!(policy.due(&all, "mine", true, 51 * DAY - 1), None);
    assert_eq!(policy.due(&all, "mine", true, 51 * DAY), Some(BackupReason::Scheduled));
    assert_eq!(BackupPolicy { every_hours: 0, ..policy.clone() }.due(&[], "mine", true, 9), None);
    assert!(policy.problem().is_none());
    assert!(BackupPolicy { retention_days: 6, ..policy.clone() }.problem().is_some());
    assert!(BackupPolicy { retention_days: 380, ..policy.clone() }.problem().is_some());
}

#[test]
fn the_last_backup_of_a_cluster_a_copy_and_what_never_expires_stay() {
    let policy = BackupPolicy::default();
    let [old, older] = [backup("mine", 2 * DAY), backup("mine", DAY)];
    let kept = BackupInfo { never_expires: true, ..backup("mine", 0) };
    let copy = BackupInfo { source: Some(old.id.clone()), ..backup("mine", 0) };
    let only = backup("gone", 0);
    let all = [old.clone(), older.clone(), kept, copy, only];
    assert_eq!(policy.expired(&all, 90 * DAY), Vec::<String>::new());
    assert_eq!(policy.expired(&all, 91 * DAY), std::slice::from_ref(&older.id));
    // The newest is the last, however old it is.
    assert_eq!(policy.expired(&all, 9_000 * DAY), [older.id]);

    let deleted = BackupInfo { state: BackupState::PendingDeletion, delete_at: Some(9 * DAY), ..old };
    assert_eq!(policy.expired(std::slice::from_ref(&deleted), 9 * DAY - 1), Vec::<String>::new());
    assert_eq!(policy.expired(std::slice::from_ref(&deleted), 9 * DAY), [deleted.id]);
}

#[test]
fn a_catalogue_is_what_it_was_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path(), None).unwrap();
    let (first, second) = (backup("mine", 2), backup("mine", 1));
    catalogue.add(&first, b"image one").unwrap();
    catalogue.add(&second, b"image two").unwrap();
    catalogue.delete(&first.id, 5 + DELETION_WINDOW).unwrap();
    catalogue.keep(&second.id, true).unwrap();
    std::fs::write(folder.path().join("backup-x.new"), b"half").unwrap();
    std::fs::write(folder.path().join("backup-y.json"), b"{}").unwrap();

    let again = Catalogue::open(folder.path(), None).unwrap();
    assert_eq!(again.list(), catalogue.list());
    assert_eq!(again.list()[0].id, second.id);
    assert_eq!(again.image(&second.id).unwrap(), b"image two");
    assert!(!folder.path().join("backup-x.new").exists());
    assert!(folder.path().join("backup-y.json").exists());

    let refused = |result: Result<BackupInfo, String>, word: &str| {
        let error = result.unwrap_err();
        assert!(error.contains(word), "{error}");
    };
    refused(again.delete(&first.id, 1), "being deleted");
    refused(again.keep(&first.id, true), "being deleted");
    refused(again.undelete(&second.id), "isn't being deleted");
    refused(again.delete("backup-none", 1), "there is no backup");
    again.undelete(&first.id).unwrap();
    assert_eq!(again.ready(&first.id).unwrap(), first);
    again.purge(&first.id).unwrap();
    assert!(again.image(&first.id).is_err());
    assert_eq!(Catalogue::open(folder.path(), None).unwrap().list().len(), 1);
}

#[test]
fn ids_look_like_those_of_aws() {
    let id = new_id();
    let letters = id.strip_prefix("backup-").unwrap();
    assert!((11..=16).contains(&letters.len()));
    assert!(letters.bytes().all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte)));
    assert_ne!(new_id(), id);
}
