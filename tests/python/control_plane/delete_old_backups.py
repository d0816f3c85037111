"""Deletes the backups of a cluster that are older than a date. For AWS CloudHSM: nothing here knows of Strongroom."""

import argparse
from datetime import datetime, timezone

import boto3


def pages(client, cluster):
    """The cluster's backups, the oldest first."""
    request = {"MaxResults": 25, "Filters": {"clusterIds": [cluster]}, "SortAscending": True}
    while True:
        answer = client.describe_backups(**request)
        yield answer["Backups"]
        if "NextToken" not in answer:
            return
        request["NextToken"] = answer["NextToken"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cluster", required=True)
    parser.add_argument("--before", required=True, help="such as 2026-11-22T10:00:00, in UTC")
    parser.add_argument("--dry-run", action="store_true")
    options = parser.parse_args()
    before = datetime.fromisoformat(options.before).replace(tzinfo=timezone.utc)

    client = boto3.client("cloudhsmv2")
    seen = old = deleted = 0
    for page in pages(client, options.cluster):
        for backup in page:
            seen += 1
            if backup["CreateTimestamp"] >= before:
                continue
            old += 1
            if options.dry_run or backup["BackupState"] != "READY":
                continue
            answer = client.delete_backup(BackupId=backup["BackupId"])
            assert answer["Backup"]["BackupState"] == "PENDING_DELETION", answer
            deleted += 1
    print(f"{old} of {seen} backups are older than {before}; {deleted} deleted.")


main()
