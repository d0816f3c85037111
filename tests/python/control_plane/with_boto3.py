"""Scenarios of the API with boto3; the test names one."""

import re
import sys
from datetime import datetime, timedelta, timezone

from botocore.exceptions import ClientError

from aws import (
    SUBNETS, activate, active, backups_of, client, cluster, ready_backup, refused, sign, uninitialized, until,
    until_hsms, until_state, write, openssl, read,
)


def lifecycle():
    hsm = client()
    error = hsm.exceptions.CloudHsmInvalidRequestException
    made = hsm.create_cluster(
        HsmType="hsm2m.medium", SubnetIds=SUBNETS, Mode="NON_FIPS", NetworkType="IPV4",
        BackupRetentionPolicy={"Type": "DAYS", "Value": "30"}, TagList=[{"Key": "stage", "Value": "test"}],
    )["Cluster"]
    name = made["ClusterId"]
    assert re.fullmatch("cluster-[2-7a-z]{11}", name), name
    assert made["State"] in ("CREATE_IN_PROGRESS", "UNINITIALIZED") and made["Hsms"] == []
    assert made["BackupRetentionPolicy"] == {"Type": "DAYS", "Value": "30"}
    assert made["TagList"] == [{"Key": "stage", "Value": "test"}]
    assert abs(datetime.now(timezone.utc) - made["CreateTimestamp"]) < timedelta(minutes=1)
    found = until_state(hsm, name, "UNINITIALIZED")
    assert sorted(found["SubnetMapping"].values()) == SUBNETS
    assert not found.get("Certificates")
    zones = sorted(found["SubnetMapping"])

    # The first HSM brings the request for a certificate, with the chains that prove where it comes from.
    one = hsm.create_hsm(ClusterId=name, AvailabilityZone=zones[0])["Hsm"]
    assert one["State"] in ("CREATE_IN_PROGRESS", "ACTIVE") and one["ClusterId"] == name
    found = until_hsms(hsm, name, 1)
    assert found["State"] == "UNINITIALIZED"
    papers = found["Certificates"]
    assert set(papers) == {
        "ClusterCsr", "HsmCertificate", "AwsHardwareCertificate", "ManufacturerHardwareCertificate",
    }, set(papers)
    message = refused(error, "already contains an HSM", hsm.create_hsm, ClusterId=name, AvailabilityZone=zones[1])
    assert message == f"Cluster '{name}' already contains an HSM but has not yet been fully activated", message

    signed, anchor = sign(papers["ClusterCsr"])
    answer = hsm.initialize_cluster(ClusterId=name, SignedCert=signed, TrustAnchor=anchor)
    assert answer["State"] in ("INITIALIZE_IN_PROGRESS", "INITIALIZED")
    found = until_state(hsm, name, "INITIALIZED")
    assert found["Certificates"]["ClusterCertificate"].strip() == signed.strip()
    assert "ClusterCsr" not in found["Certificates"]
    refused(error, "", hsm.initialize_cluster, ClusterId=name, SignedCert=signed, TrustAnchor=anchor)

    activate(name)
    until_state(hsm, name, "ACTIVE")
    first = ready_backup(hsm, name)
    assert first["ClusterId"] == name and first["NeverExpires"] is False

    hsm.create_hsm(ClusterId=name, AvailabilityZone=zones[1])
    found = until_hsms(hsm, name, 2)
    two = next(found for found in found["Hsms"] if found["HsmId"] != one["HsmId"])
    addresses = {found["EniIp"] for found in found["Hsms"]}
    assert len(addresses) == 2 and two["AvailabilityZone"] == zones[1]
    assert len(backups_of(hsm, name)) == 2

    changed = hsm.modify_cluster(ClusterId=name, BackupRetentionPolicy={"Type": "DAYS", "Value": "7"})["Cluster"]
    assert changed["BackupRetentionPolicy"]["Value"] == "7"
    refused(error, "", hsm.delete_cluster, ClusterId=name)
    refused(error, "", hsm.delete_hsm, ClusterId=name)
    refused(error, "", hsm.delete_hsm, ClusterId=name, HsmId=two["HsmId"], EniId=two["EniId"])
    assert hsm.delete_hsm(ClusterId=name, EniIp=two["EniIp"])["HsmId"] == two["HsmId"]
    until_hsms(hsm, name, 1)
    hsm.delete_hsm(ClusterId=name, HsmId=one["HsmId"])
    until_hsms(hsm, name, 0)

    # An active cluster without HSMs comes back from its newest backup.
    hsm.create_hsm(ClusterId=name, AvailabilityZone=zones[0])
    [three] = until_hsms(hsm, name, 1)["Hsms"]
    hsm.delete_hsm(ClusterId=name, EniId=three["EniId"])
    until_hsms(hsm, name, 0)
    assert hsm.delete_cluster(ClusterId=name)["Cluster"]["State"] == "DELETE_IN_PROGRESS"

    def gone():
        left = hsm.describe_clusters(Filters={"clusterIds": [name]})["Clusters"]
        return not left or left[0]["State"] == "DELETED"

    until("the end of the cluster", gone)
    assert backups_of(hsm, name), "backups outlive their cluster"


def backups():
    hsm = client()
    name = active(hsm)["ClusterId"]
    backup = ready_backup(hsm, name)
    assert re.fullmatch("backup-[2-7a-z]{11,16}", backup["BackupId"]), backup
    assert backup["BackupArn"].endswith(f":123456789012:backup/{backup['BackupId']}")
    one = {"BackupId": backup["BackupId"]}
    assert hsm.modify_backup_attributes(NeverExpires=True, **one)["Backup"]["NeverExpires"] is True
    assert [found["BackupId"] for found in hsm.describe_backups(Filters={"neverExpires": ["TRUE"]})["Backups"]] == [one["BackupId"]]
    assert hsm.describe_backups(Filters={"neverExpires": ["false"], "clusterIds": [name]})["Backups"] == []

    deleted = hsm.delete_backup(**one)["Backup"]
    assert deleted["BackupState"] == "PENDING_DELETION"
    left = deleted["DeleteTimestamp"] - datetime.now(timezone.utc)
    assert timedelta(days=6, hours=23) < left < timedelta(days=7, minutes=1), left
    error = hsm.exceptions.CloudHsmInvalidRequestException
    refused(error, "", hsm.copy_backup_to_region, DestinationRegion="eu-west-1", **one)
    refused(error, "", hsm.create_cluster, HsmType="hsm2m.medium", SubnetIds=SUBNETS, SourceBackupId=one["BackupId"])
    assert [found["BackupId"] for found in hsm.describe_backups(Filters={"states": ["PENDING_DELETION"]})["Backups"]] == [one["BackupId"]]
    restored = hsm.restore_backup(**one)["Backup"]
    assert restored["BackupState"] == "READY" and "DeleteTimestamp" not in restored
    refused(error, "", hsm.restore_backup, **one)


def clones():
    """A copy in another region outlives its source, and makes a cluster that needs no initialising."""
    hsm, abroad = client(), client("eu-west-1")
    source = active(hsm, TagList=[{"Key": "of", "Value": "source"}])
    name = source["ClusterId"]
    backup = ready_backup(hsm, name)
    copied = hsm.copy_backup_to_region(
        DestinationRegion="eu-west-1", BackupId=backup["BackupId"], TagList=[{"Key": "of", "Value": "copy"}]
    )["DestinationBackup"]
    assert copied["SourceBackup"] == backup["BackupId"] and copied["SourceCluster"] == name
    assert copied["SourceRegion"] == "us-east-1" and copied["CreateTimestamp"] == backup["CreateTimestamp"]

    def arrived():
        found = abroad.describe_backups(Filters={"sourceBackupIds": [backup["BackupId"]]})["Backups"]
        return found and found[0]["BackupState"] == "READY" and found[0]

    copy = until("the copy", arrived)
    assert copy["BackupId"] != backup["BackupId"] and copy["TagList"] == [{"Key": "of", "Value": "copy"}]
    assert abroad.describe_clusters()["Clusters"] == []

    [one] = cluster(hsm, name)["Hsms"]
    hsm.delete_hsm(ClusterId=name, HsmId=one["HsmId"])
    until_hsms(hsm, name, 0)
    hsm.delete_cluster(ClusterId=name)

    clone = abroad.create_cluster(
        HsmType="hsm2m.medium", SubnetIds=SUBNETS[:1], SourceBackupId=copy["BackupId"]
    )["Cluster"]
    found = until_state(abroad, clone["ClusterId"], "ACTIVE")
    assert found["Hsms"] == [] and found["SourceBackupId"] == copy["BackupId"] and found["Mode"] == "NON_FIPS"
    assert found["Certificates"]["ClusterCertificate"] == source["Certificates"]["ClusterCertificate"]
    [zone] = found["SubnetMapping"]
    assert zone.startswith("eu-west-1"), zone
    abroad.create_hsm(ClusterId=clone["ClusterId"], AvailabilityZone=zone)
    until_hsms(abroad, clone["ClusterId"], 1)


def tags():
    hsm = client()
    name = hsm.create_cluster(HsmType="hsm2m.medium", SubnetIds=SUBNETS, Mode="FIPS")["Cluster"]["ClusterId"]
    wanted = [{"Key": f"key {number:02}", "Value": str(number)} for number in range(50)]
    assert hsm.tag_resource(ResourceId=name, TagList=wanted[25:])["ResponseMetadata"]["HTTPStatusCode"] == 200
    hsm.tag_resource(ResourceId=name, TagList=wanted[:25])
    hsm.tag_resource(ResourceId=name, TagList=[{"Key": "key 00", "Value": "changed"}])
    pages = list(hsm.get_paginator("list_tags").paginate(ResourceId=name, PaginationConfig={"PageSize": 20}))
    found = [tag for page in pages for tag in page["TagList"]]
    assert [len(page["TagList"]) for page in pages] == [20, 20, 10]
    assert found == [{"Key": "key 00", "Value": "changed"}] + wanted[1:]
    refused(hsm.exceptions.CloudHsmResourceLimitExceededException, "50", hsm.tag_resource,
            ResourceId=name, TagList=[{"Key": "one more", "Value": ""}])
    for bad in ([{"Key": "aws:x", "Value": ""}], [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]):
        refused(hsm.exceptions.CloudHsmTagException, "", hsm.tag_resource, ResourceId=name, TagList=bad)
    hsm.untag_resource(ResourceId=name, TagKeyList=["key 01", "never there"])
    assert len(hsm.list_tags(ResourceId=name, MaxResults=100)["TagList"]) == 49
    refused(hsm.exceptions.CloudHsmResourceNotFoundException, "cluster-abcdefg2345", hsm.list_tags,
            ResourceId="cluster-abcdefg2345")


def policies():
    """A backup shared with another account, which may make a cluster of it."""
    mine, theirs = client(account="111122223333"), client(account="444455556666")
    name = active(mine)["ClusterId"]
    backup = ready_backup(mine, name)
    arn = backup["BackupArn"]
    assert "Policy" not in mine.get_resource_policy(ResourceArn=arn)
    assert theirs.describe_backups(Shared=True)["Backups"] == []
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "444455556666"},'
        ' "Action": ["cloudhsm:DescribeBackups", "cloudhsm:RestoreBackup"], "Resource": "' + arn + '"}]}'
    )
    assert mine.put_resource_policy(ResourceArn=arn, Policy=policy)["Policy"] == policy
    assert mine.get_resource_policy(ResourceArn=arn)["Policy"] == policy
    assert theirs.describe_backups()["Backups"] == []
    [seen] = theirs.describe_backups(Shared=True)["Backups"]
    assert seen["BackupArn"] == arn
    try:
        theirs.delete_backup(BackupId=backup["BackupId"])
        raise AssertionError("others may not delete it")
    except ClientError as error:
        assert error.response["Error"]["Code"] in (
            "CloudHsmResourceNotFoundException", "CloudHsmAccessDeniedException",
        ), error
    made = theirs.create_cluster(HsmType="hsm2m.medium", SubnetIds=SUBNETS, SourceBackupId=arn)["Cluster"]
    until_state(theirs, made["ClusterId"], "ACTIVE")
    assert mine.delete_resource_policy(ResourceArn=arn)["Policy"] == policy
    assert theirs.describe_backups(Shared=True)["Backups"] == []
    refused(mine.exceptions.CloudHsmInvalidRequestException, "", mine.put_resource_policy, ResourceArn=arn, Policy="no JSON")


def pages():
    hsm = client()
    made = [
        hsm.create_cluster(HsmType="hsm2m.medium", SubnetIds=SUBNETS[:1], Mode="FIPS")["Cluster"]["ClusterId"]
        for _ in range(4)
    ]
    paginator = hsm.get_paginator("describe_clusters")
    found = list(paginator.paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["Clusters"]) for page in found] == [3, 1] and "NextToken" not in found[-1]
    assert sorted(one["ClusterId"] for page in found for one in page["Clusters"]) == sorted(made)
    # Items that go while one pages neither hide others nor show them twice.
    first = hsm.describe_clusters(MaxResults=2)
    seen = [one["ClusterId"] for one in first["Clusters"]]
    hsm.delete_cluster(ClusterId=seen[0])
    second = hsm.describe_clusters(MaxResults=2, NextToken=first["NextToken"])
    assert sorted(seen + [one["ClusterId"] for one in second["Clusters"]]) == sorted(made)
    two = hsm.describe_clusters(Filters={"clusterIds": made[1:3] + ["cluster-abcdefg2345"], "states": ["UNINITIALIZED", "ACTIVE"]})
    assert {one["ClusterId"] for one in two["Clusters"]} <= set(made[1:3])
    error = hsm.exceptions.CloudHsmInvalidRequestException
    refused(error, "NextToken", hsm.describe_clusters, NextToken="AAAA")
    refused(error, "NextToken", hsm.describe_backups, NextToken=first["NextToken"])
    refused(error, "clusterIDs", hsm.describe_clusters, Filters={"clusterIDs": ["x"]})


def refusals():
    hsm = client()
    invalid, missing = hsm.exceptions.CloudHsmInvalidRequestException, hsm.exceptions.CloudHsmResourceNotFoundException
    good = {"HsmType": "hsm2m.medium", "SubnetIds": SUBNETS, "Mode": "FIPS"}
    for change, part in [
        ({"HsmType": "nonsense"}, "HsmType"),
        ({"HsmType": "hsm1.medium", "Mode": "NON_FIPS"}, "hsm1.medium"),
        ({"SubnetIds": ["x"]}, "SubnetIds[0]"),
        ({"SubnetIds": ["subnet-01234567"] * 2}, "subnet"),
        ({"SubnetIds": [f"subnet-0123456{number:02}" for number in range(11)]}, "SubnetIds"),
        ({"Mode": "fips"}, "Mode"),
        ({"NetworkType": "IPV5"}, "NetworkType"),
        ({"BackupRetentionPolicy": {"Type": "DAYS", "Value": "380"}}, "BackupRetentionPolicy.Value"),
        ({"TagList": [{"Key": "a#", "Value": ""}]}, "TagList[0].Key"),
        ({"SourceBackupId": "backup-1"}, "SourceBackupId"),
    ]:
        refused(invalid, part, hsm.create_cluster, **{**good, **change})
    refused(missing, "backup-abcdefg2345", hsm.create_cluster, HsmType="hsm2m.medium", SubnetIds=SUBNETS, SourceBackupId="backup-abcdefg2345")
    assert hsm.describe_clusters()["Clusters"] == [], "nothing was made"

    nowhere, nothing = "cluster-abcdefg2345", "backup-abcdefg2345"
    refused(missing, nowhere, hsm.create_hsm, ClusterId=nowhere, AvailabilityZone="us-east-1a")
    refused(missing, nowhere, hsm.delete_hsm, ClusterId=nowhere, HsmId="hsm-abcdefg2345")
    refused(missing, nowhere, hsm.delete_cluster, ClusterId=nowhere)
    refused(missing, nowhere, hsm.initialize_cluster, ClusterId=nowhere, SignedCert="x", TrustAnchor="x")
    refused(missing, nowhere, hsm.modify_cluster, ClusterId=nowhere, BackupRetentionPolicy={"Type": "DAYS", "Value": "9"})
    refused(missing, nothing, hsm.delete_backup, BackupId=nothing)
    refused(missing, nothing, hsm.restore_backup, BackupId=nothing)
    refused(missing, nothing, hsm.modify_backup_attributes, BackupId=nothing, NeverExpires=True)
    refused(missing, nothing, hsm.copy_backup_to_region, BackupId=nothing, DestinationRegion="eu-west-1")
    refused(missing, nothing, hsm.tag_resource, ResourceId=nothing, TagList=[{"Key": "a", "Value": ""}])
    refused(missing, nothing, hsm.untag_resource, ResourceId=nothing, TagKeyList=["a"])

    name = hsm.create_cluster(**good)["Cluster"]["ClusterId"]
    until_state(hsm, name, "UNINITIALIZED")
    refused(invalid, "", hsm.create_hsm, ClusterId=name, AvailabilityZone="us-east-1f")
    refused(invalid, "", hsm.initialize_cluster, ClusterId=name, SignedCert="x", TrustAnchor="x")
    refused(invalid, "", hsm.modify_cluster, ClusterId=name)
    refused(missing, "hsm-abcdefg2345", hsm.delete_hsm, ClusterId=name, HsmId="hsm-abcdefg2345")
    other = client("eu-west-1")
    refused(other.exceptions.CloudHsmResourceNotFoundException, name, other.delete_cluster, ClusterId=name)
    assert cluster(hsm, name)["State"] == "UNINITIALIZED"


def wrong_certificates():
    hsm = client()
    error = hsm.exceptions.CloudHsmInvalidRequestException
    found = uninitialized(hsm)
    name, csr = found["ClusterId"], found["Certificates"]["ClusterCsr"]
    signed, anchor = sign(csr)
    other_signed, other_anchor = sign(csr, "other")
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "stray.key", "-out", "stray.csr", "-subj", "/CN=stray")
    stray_signed, stray_anchor = sign(read("stray.csr"), "stray")
    write("customer.csr", csr)
    openssl("x509", "-req", "-in", "customer.csr", "-CA", "customer.crt", "-CAkey", "customer.key", "-CAcreateserial",
            "-days", "-1", "-sha256", "-out", "expired.crt")
    for wrong_signed, wrong_anchor in [
        (signed, other_anchor),
        (other_signed, anchor),
        (stray_signed, stray_anchor),
        (read("expired.crt"), anchor),
        (anchor, anchor),
        (signed, signed),
        (signed[:-40], anchor),
        (signed, "not PEM"),
        (csr, anchor),
        (signed + anchor, anchor),
    ]:
        refused(error, "", hsm.initialize_cluster, ClusterId=name, SignedCert=wrong_signed, TrustAnchor=wrong_anchor)
        assert cluster(hsm, name)["State"] == "UNINITIALIZED"
    assert cluster(hsm, name)["Certificates"]["ClusterCsr"] == csr
    hsm.initialize_cluster(ClusterId=name, SignedCert=signed, TrustAnchor=anchor)
    until_state(hsm, name, "INITIALIZED")


def before_a_crash():
    hsm = client()
    name = active(hsm, TagList=[{"Key": "a", "Value": "b"}])["ClusterId"]
    backup = ready_backup(hsm, name)
    hsm.modify_backup_attributes(BackupId=backup["BackupId"], NeverExpires=True)
    write("before", str((cluster(hsm, name), backups_of(hsm, name))))


def after_a_crash():
    hsm = client()
    [found] = hsm.describe_clusters()["Clusters"]
    name = found["ClusterId"]
    found = until_hsms(hsm, name, 1)
    assert str((found, backups_of(hsm, name))) == read("before")
    hsm.create_hsm(ClusterId=name, AvailabilityZone=sorted(found["SubnetMapping"])[1])
    until_hsms(hsm, name, 2)


def who_am_i():
    try:
        client().describe_clusters()
        print("welcome")
    except ClientError as error:
        print(error.response["Error"]["Code"])


def active_cluster():
    hsm = client()
    name = active(hsm)["ClusterId"]
    ready_backup(hsm, name)
    print(name)


def older_ones_are_gone():
    name, date = sys.argv[2], datetime.fromisoformat(sys.argv[3]).replace(tzinfo=timezone.utc)
    pages = client().get_paginator("describe_backups").paginate(Filters={"clusterIds": [name]})
    found = [backup for page in pages for backup in page["Backups"]]
    assert len(found) == 61, len(found)
    for backup in found:
        state = "PENDING_DELETION" if backup["CreateTimestamp"] < date else "READY"
        assert backup["BackupState"] == state, backup


globals()[sys.argv[1]]()
