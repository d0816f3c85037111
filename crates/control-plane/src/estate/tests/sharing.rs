//! Backups that others may use.

use super::*;

fn policy(account: &str, actions: &str) -> ResourcePolicy {
    let text = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{account}"}},"Action":{actions}}}]}}"#
    );
    text.parse().unwrap()
}

#[test]
fn a_backup_is_shared_with_whom_its_policy_names() {
    let world = World::new();
    world.active(&ann());
    let backup = world.backups(&ann()).remove(0);
    let arn: ResourceArn = backup.backup_arn.clone().unwrap().parse().unwrap();
    let (ben, eve) = (caller("222222222222", "us-east-1"), caller("333333333333", "us-east-1"));
    let shared =
        |who: &Caller| world.list(who, DescribeBackupsInput { shared: Some(true), ..Default::default() });
    let put = |who: &Caller, arn: &ResourceArn, policy: ResourcePolicy| {
        let input = PutResourcePolicyInput { resource_arn: arn.clone(), policy };
        world.estate.put_resource_policy(who, input)
    };
    let get = || {
        let input = GetResourcePolicyInput { resource_arn: arn.clone() };
        world.estate.get_resource_policy(&ann(), input).unwrap().policy
    };
    assert_eq!(get(), None);
    let both = policy("222222222222", r#"["cloudhsm:DescribeBackups","cloudhsm:CreateCluster"]"#);
    assert_eq!(put(&ann(), &arn, both.clone()).unwrap().policy, both);
    assert_eq!(get(), Some(both));
    assert_eq!(shared(&ben).len(), 1);
    assert!(world.backups(&ben).is_empty() && shared(&eve).is_empty() && shared(&ann()).is_empty());
    assert!(shared(&caller("222222222222", "eu-west-1")).is_empty());

    let clone = world.clone_of(&ben, arn.as_str()).unwrap();
    assert_eq!(clone.source_backup_id.as_ref(), Some(&backup.backup_id));
    world.add_hsm(&ben, &clone.cluster_id).unwrap();
    refused(world.clone_of(&eve, arn.as_str()), ErrorKind::ResourceNotFound, "shared");
    refused(world.clone_of(&ben, backup.backup_id.as_str()), ErrorKind::ResourceNotFound, "no backup");
    refused(put(&ben, &arn, policy("333333333333", "\"*\"")), ErrorKind::AccessDenied, "another account");

    put(&ann(), &arn, policy("222222222222", r#""cloudhsm:DescribeBackups""#)).unwrap();
    assert_eq!(shared(&ben).len(), 1);
    refused(world.clone_of(&ben, arn.as_str()), ErrorKind::ResourceNotFound, "shared");

    // What is on its way out isn't shared, nor can it be.
    let input = DeleteBackupInput { backup_id: backup.backup_id.clone() };
    world.estate.delete_backup(&ann(), input).unwrap();
    assert!(shared(&ben).is_empty());
    refused(put(&ann(), &arn, policy("*", "\"*\"")), ErrorKind::InvalidRequest, "PENDING_DELETION");
    let input = RestoreBackupInput { backup_id: backup.backup_id.clone() };
    world.estate.restore_backup(&ann(), input).unwrap();
    assert_eq!(shared(&ben).len(), 1);

    let input = DeleteResourcePolicyInput { resource_arn: arn.clone() };
    assert!(world.estate.delete_resource_policy(&ann(), input.clone()).unwrap().policy.is_some());
    assert_eq!(world.estate.delete_resource_policy(&ann(), input).unwrap().policy, None);
    assert!(get().is_none() && shared(&ben).is_empty());
}

#[test]
fn policies_are_for_ones_own_backups() {
    let world = World::new();
    let cluster = world.active(&ann());
    let backup = world.backups(&ann()).remove(0);
    let put = |who: &Caller, arn: &str, policy: &str| {
        let (resource_arn, policy) = (arn.parse().unwrap(), policy.parse().unwrap());
        world.estate.put_resource_policy(who, PutResourcePolicyInput { resource_arn, policy })
    };
    let arn = backup.backup_arn.unwrap();
    refused(put(&ann(), &arn, "{"), ErrorKind::InvalidRequest, "can't be read");
    let good = policy("222222222222", "\"*\"");
    let of_cluster = format!("arn:aws:cloudhsm:us-east-1:111111111111:cluster/{cluster}");
    refused(put(&ann(), &of_cluster, good.as_str()), ErrorKind::InvalidRequest, "only backups");
    let unknown = "arn:aws:cloudhsm:us-east-1:111111111111:backup/backup-abcdefghijk";
    refused(put(&ann(), unknown, good.as_str()), ErrorKind::ResourceNotFound, "backup-abcdefghijk");
    let elsewhere = caller("111111111111", "eu-west-1");
    refused(put(&elsewhere, &arn, good.as_str()), ErrorKind::InvalidRequest, "another region");
}
