"""A request of each operation, with every member that it takes."""

CLUSTER, BACKUP = "cluster-abcdefg2345", "backup-abcdefg2345"
ARN = f"arn:aws:cloudhsm:us-east-1:123456789012:backup/{BACKUP}"
TAGS = [{"Key": "a", "Value": "b"}]
RETENTION = {"Type": "DAYS", "Value": "90"}

CALLS = {
    "copy_backup_to_region": {"DestinationRegion": "eu-west-1", "BackupId": BACKUP, "TagList": TAGS},
    "create_cluster": {
        "BackupRetentionPolicy": RETENTION, "HsmType": "hsm2m.medium", "SourceBackupId": ARN,
        "SubnetIds": ["subnet-01234567"], "NetworkType": "IPV4", "TagList": TAGS, "Mode": "FIPS",
    },
    "create_hsm": {"ClusterId": CLUSTER, "AvailabilityZone": "us-east-1a", "IpAddress": "127.0.1.2"},
    "delete_backup": {"BackupId": BACKUP},
    "delete_cluster": {"ClusterId": CLUSTER},
    "delete_hsm": {"ClusterId": CLUSTER, "HsmId": "hsm-abcdefg2345", "EniId": "eni-01234567", "EniIp": "127.0.1.2"},
    "delete_resource_policy": {"ResourceArn": ARN},
    "describe_backups": {
        "MaxResults": 50, "Shared": False, "SortAscending": True, "Filters": {
            "backupIds": [BACKUP], "sourceBackupIds": [BACKUP], "clusterIds": [CLUSTER], "states": ["READY"],
            "neverExpires": ["true"],
        },
    },
    "describe_clusters": {
        "MaxResults": 25, "Filters": {"clusterIds": [CLUSTER], "vpcIds": ["vpc-1"], "states": ["ACTIVE"]},
    },
    "get_resource_policy": {"ResourceArn": ARN},
    "initialize_cluster": {"ClusterId": CLUSTER, "SignedCert": "-----BEGIN CERTIFICATE-----\n", "TrustAnchor": "x"},
    "list_tags": {"ResourceId": CLUSTER, "MaxResults": 100},
    "modify_backup_attributes": {"BackupId": BACKUP, "NeverExpires": True},
    "modify_cluster": {"ClusterId": CLUSTER, "HsmType": "hsm2m.medium", "BackupRetentionPolicy": RETENTION},
    "put_resource_policy": {"ResourceArn": ARN, "Policy": "{}"},
    "restore_backup": {"BackupId": BACKUP},
    "tag_resource": {"ResourceId": CLUSTER, "TagList": TAGS},
    "untag_resource": {"ResourceId": CLUSTER, "TagKeyList": ["a"]},
}
