//! AWS JSON 1.1.

use serde_json::{Value, json};
use strongroom_control_plane::{ApiError, ErrorKind};

use crate::http::{Server, json_request};
use crate::samples::samples;

/// What `Echo` answers, by operation.
pub(crate) fn expected(operation: &str) -> Value {
    let tags = json!([{"Key": "a", "Value": "b"}, {"Key": "Zweck", "Value": ""}]);
    let hsm = json!({
        "AvailabilityZone": "us-east-1a", "ClusterId": "cluster-abcdefg2345", "SubnetId": "subnet-01234567",
        "EniId": "eni-01234567", "EniIp": "127.0.1.2", "EniIpV6": "::1", "HsmId": "hsm-abcdefg2345",
        "HsmType": "hsm1.medium", "State": "CREATE_IN_PROGRESS", "StateMessage": "Soon.",
    });
    let cluster = json!({
        "BackupPolicy": "DEFAULT", "BackupRetentionPolicy": {"Type": "DAYS", "Value": "90"},
        "ClusterId": "cluster-abcdefg2345", "CreateTimestamp": 1_795_318_859, "Hsms": [hsm],
        "HsmType": "hsm2m.medium", "HsmTypeRollbackExpiration": 1_795_318_859.25, "PreCoPassword": "PASSWORD",
        "SecurityGroup": "sg-01234567", "SourceBackupId": "backup-abcdefg2345", "State": "ACTIVE",
        "StateMessage": "Ready.", "SubnetMapping": {"us-east-1a": "subnet-01234567"}, "VpcId": "vpc-01234567",
        "NetworkType": "IPV4", "Certificates": {"ClusterCsr": "1", "HsmCertificate": "2",
        "AwsHardwareCertificate": "3", "ManufacturerHardwareCertificate": "4", "ClusterCertificate": "5"},
        "TagList": tags, "Mode": "NON_FIPS",
    });
    let bare = json!({
        "BackupPolicy": "DEFAULT", "ClusterId": "cluster-abcdefg2345", "Hsms": [], "HsmType": "hsm2m.medium",
        "State": "ACTIVE", "SubnetMapping": {"us-east-1a": "subnet-01234567"}, "TagList": tags,
    });
    let backup = json!({
        "BackupId": "backup-abcdefg2345",
        "BackupArn": "arn:aws:cloudhsm:us-east-1:123456789012:backup/backup-abcdefg2345",
        "BackupState": "PENDING_DELETION", "ClusterId": "cluster-abcdefg2345", "CreateTimestamp": 946_684_800,
        "CopyTimestamp": 946_684_801.5, "NeverExpires": false, "SourceRegion": "eu-west-1",
        "SourceBackup": "backup-bcdefga2345", "SourceCluster": "cluster-bcdefga2345",
        "DeleteTimestamp": 946_684_802, "TagList": tags, "HsmType": "hsm1.medium", "Mode": "FIPS",
    });
    let arn = "arn:aws:cloudhsm:us-east-1:123456789012:backup/backup-abcdefg2345";
    match operation {
        "CreateCluster" | "ModifyCluster" | "DeleteCluster" => json!({"Cluster": cluster}),
        "CreateHsm" => json!({"Hsm": hsm}),
        "DeleteHsm" => json!({"HsmId": "hsm-abcdefg2345"}),
        "DescribeClusters" => json!({"Clusters": [cluster, bare, bare, bare, bare, bare, bare]}),
        "InitializeCluster" => json!({"State": "INITIALIZE_IN_PROGRESS", "StateMessage": "Initialising."}),
        "DescribeBackups" => json!({"Backups": [backup, backup, backup, backup, backup]}),
        "ModifyBackupAttributes" | "DeleteBackup" | "RestoreBackup" => json!({"Backup": backup}),
        "CopyBackupToRegion" => json!({"DestinationBackup": {"CreateTimestamp": 946_684_800,
            "SourceRegion": "us-east-1", "SourceBackup": "backup-abcdefg2345",
            "SourceCluster": "cluster-abcdefg2345"}}),
        "ListTags" => {
            json!({"TagList": (1..=7).map(|key: u32| json!({"Key": key.to_string(), "Value": ""})).collect::<Vec<_>>()})
        }
        "TagResource" | "UntagResource" | "GetResourcePolicy" => json!({}),
        "PutResourcePolicy" | "DeleteResourcePolicy" => json!({"ResourceArn": arn, "Policy": "{}"}),
        other => panic!("{other}"),
    }
}

#[test]
fn every_operation_with_every_member() {
    let server = Server::start();
    assert_eq!(samples().len(), 18);
    for sample in samples() {
        let reply = server.json(sample.operation, &sample.input);
        assert_eq!(reply.status, 200, "{}: {:?}", sample.operation, reply.json());
        let mut answer = reply.json();
        if sample.operation == "DescribeBackups" {
            // Its sample asks for five of seven.
            assert!(
                answer.as_object_mut().unwrap().remove("NextToken").is_some_and(|token| token.is_string())
            );
        }
        assert_eq!(answer, expected(sample.operation), "{}", sample.operation);
        let id = reply.header("x-amzn-requestid").unwrap();
        assert_eq!((id.len(), id.matches('-').count()), (36, 4), "{id}");
        assert_eq!(server.echo.last().0.request_id, id);
    }
    let asked = server.echo.asked.lock().unwrap();
    let backups = asked.iter().find(|(_, input)| input.starts_with("DescribeBackupsInput")).unwrap();
    assert!(backups.1.contains("never_expires: Some([true, false])"), "{}", backups.1);
    assert!(backups.1.contains("states: Some([Ready])") && backups.1.contains("sort_ascending: Some(true)"));
    let clusters = asked.iter().find(|(_, input)| input.starts_with("CreateClusterInput")).unwrap();
    assert!(
        clusters.1.contains("RetentionDays(90)") && clusters.1.contains("subnet-01234567"),
        "{}",
        clusters.1
    );
}

/// Newer clients may send more than we know; `null` is the same as nothing; a body may be missing.
#[test]
fn what_is_absent_or_unknown() {
    let server = Server::start();
    let more = json!({"MaxResults": null, "Filters": {"states": null}, "Novelty": {"a": [1]}});
    assert_eq!(server.json("DescribeClusters", &more).status, 200);
    assert_eq!(server.send(&json_request("DescribeClusters", b"", "")).status, 200);
    assert_eq!(server.send(&json_request("DescribeClusters", b"{}", "")).status, 200);
    let asked = server.echo.asked.lock().unwrap();
    assert!(asked.windows(2).all(|pair| pair[0].1 == pair[1].1), "{asked:?}");
}

#[test]
fn each_exception() {
    let server = Server::start();
    for kind in ErrorKind::ALL {
        *server.echo.refuse.lock().unwrap() = Some(ApiError::new(kind, "What is wrong: \"ü\"."));
        let reply = server.json("DescribeClusters", &json!({}));
        let status = if kind == ErrorKind::InternalFailure { 500 } else { 400 };
        assert_eq!(reply.status, status);
        assert_eq!(reply.error(), (kind.name().to_owned(), "What is wrong: \"ü\".".to_owned()));
    }
    *server.echo.panic.lock().unwrap() = true;
    let reply = server.json("DescribeClusters", &json!({}));
    assert_eq!((reply.status, reply.error().0.as_str()), (500, "CloudHsmInternalFailureException"));
    assert_eq!(server.json("DescribeClusters", &json!({})).status, 200);
}

#[test]
fn what_is_no_call() {
    let server = Server::start();
    let reply = server.json("DescribeClustrs", &json!({}));
    assert_eq!((reply.status, reply.error().0.as_str()), (400, "UnknownOperationException"));
    for (request, name) in [
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "UnknownOperationException"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "UnknownOperationException"),
        (
            "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: Baldr.X\r\nContent-Length: 0\r\n\r\n",
            "UnknownOperationException",
        ),
        (
            "POST /x HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: BaldrApiService.DescribeClusters\r\nContent-Length: 0\r\n\r\n",
            "UnknownOperationException",
        ),
    ] {
        let reply = server.send(request.as_bytes());
        assert_eq!((reply.status, reply.error().0.as_str()), (400, name), "{request}");
    }
    for body in ["{", "[]", "nonsense", "{\"a\":1}x", "\u{0}", "null", "\"x\"", &"[".repeat(100_000)] {
        let reply = server.send(&json_request("DescribeClusters", body.as_bytes(), ""));
        assert_eq!((reply.status, reply.error().0.as_str()), (400, "SerializationException"), "{body:.20}");
    }
    let reply = server.send(&json_request("DescribeClusters", b"{\"NextToken\": \"\xff\"}", ""));
    assert_eq!(reply.error().0, "SerializationException");
    assert_eq!(server.echo.count(), 0);
}
