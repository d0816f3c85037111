//! Inputs of each operation with every member, and what is bad for each member.

use serde_json::{Value, json};

/// An operation's input, complete, and the names of the members that it can't do without.
pub(crate) struct Sample {
    pub(crate) operation: &'static str,
    pub(crate) input: Value,
    pub(crate) required: &'static [&'static str],
}

fn sample(operation: &'static str, required: &'static [&'static str], input: Value) -> Sample {
    Sample { operation, input, required }
}

pub(crate) const CLUSTER: &str = "cluster-abcdefg2345";
pub(crate) const BACKUP: &str = "backup-abcdefg2345";
pub(crate) const ARN: &str = "arn:aws:cloudhsm:us-east-1:123456789012:backup/backup-abcdefg2345";

/// One for each of the 18.
pub(crate) fn samples() -> Vec<Sample> {
    let tags = json!([{"Key": "a", "Value": "b"}]);
    let retention = json!({"Type": "DAYS", "Value": "90"});
    vec![
        sample(
            "CopyBackupToRegion",
            &["DestinationRegion", "BackupId"],
            json!({"DestinationRegion": "eu-west-1", "BackupId": BACKUP, "TagList": tags}),
        ),
        sample(
            "CreateCluster",
            &["HsmType", "SubnetIds"],
            json!({
                "BackupRetentionPolicy": retention, "HsmType": "hsm2m.medium", "SourceBackupId": ARN,
                "SubnetIds": ["subnet-01234567"], "NetworkType": "IPV4", "TagList": tags, "Mode": "FIPS",
            }),
        ),
        sample(
            "CreateHsm",
            &["ClusterId", "AvailabilityZone"],
            json!({"ClusterId": CLUSTER, "AvailabilityZone": "us-east-1a", "IpAddress": "127.0.1.2"}),
        ),
        sample("DeleteBackup", &["BackupId"], json!({"BackupId": BACKUP})),
        sample("DeleteCluster", &["ClusterId"], json!({"ClusterId": CLUSTER})),
        sample(
            "DeleteHsm",
            &["ClusterId"],
            json!({"ClusterId": CLUSTER, "HsmId": "hsm-abcdefg2345", "EniId": "eni-01234567", "EniIp": "127.0.1.2"}),
        ),
        sample("DeleteResourcePolicy", &["ResourceArn"], json!({"ResourceArn": ARN})),
        sample(
            "DescribeBackups",
            &[],
            json!({
                "MaxResults": 5, "Filters": {"backupIds": [BACKUP], "sourceBackupIds": ["x"], "clusterIds": [CLUSTER],
                "states": ["READY"], "neverExpires": ["True", "false"]}, "Shared": false, "SortAscending": true,
            }),
        ),
        sample(
            "DescribeClusters",
            &[],
            json!({"Filters": {"clusterIds": [CLUSTER], "vpcIds": ["vpc-1"], "states": ["ACTIVE"]}, "MaxResults": 25}),
        ),
        sample("GetResourcePolicy", &["ResourceArn"], json!({"ResourceArn": ARN})),
        sample(
            "InitializeCluster",
            &["ClusterId", "SignedCert", "TrustAnchor"],
            json!({
                "ClusterId": CLUSTER, "SignedCert": "-----BEGIN CERTIFICATE-----\nAA+/==\n-----END CERTIFICATE-----\n", "TrustAnchor": "x",
            }),
        ),
        sample("ListTags", &["ResourceId"], json!({"ResourceId": CLUSTER, "MaxResults": 100})),
        sample(
            "ModifyBackupAttributes",
            &["BackupId", "NeverExpires"],
            json!({"BackupId": BACKUP, "NeverExpires": true}),
        ),
        sample(
            "ModifyCluster",
            &["ClusterId"],
            json!({"HsmType": "hsm2m.medium", "BackupRetentionPolicy": retention, "ClusterId": CLUSTER}),
        ),
        sample("PutResourcePolicy", &["ResourceArn", "Policy"], json!({"ResourceArn": ARN, "Policy": "{}"})),
        sample("RestoreBackup", &["BackupId"], json!({"BackupId": BACKUP})),
        sample("TagResource", &["ResourceId", "TagList"], json!({"ResourceId": BACKUP, "TagList": tags})),
        sample(
            "UntagResource",
            &["ResourceId", "TagKeyList"],
            json!({"ResourceId": BACKUP, "TagKeyList": ["a", "b"]}),
        ),
    ]
}

fn repeated(item: Value, times: usize) -> Value {
    Value::Array(vec![item; times])
}

/// Values of a member that no operation takes, each with a part of what the answer says. Wrong types come beside these.
pub(crate) fn bad_values(operation: &str, member: &str) -> Vec<(Value, &'static str)> {
    let near_miss = |right: &str, expect: &'static str| {
        let mut bad: Vec<(Value, &str)> =
            ["", "x", "\u{0}", "../../etc"].iter().map(|text| (json!(text), expect)).collect();
        bad.extend(
            [
                format!("{right}\n"),
                format!(" {right}"),
                format!("{right}{right}"),
                right.replace('2', "0") + "!",
            ]
            .map(|text| (json!(text), expect)),
        );
        bad
    };
    match member {
        "ClusterId" => near_miss(CLUSTER, "must be cluster- and 11 to 16"),
        "BackupId" => near_miss(BACKUP, "must be backup- and 11 to 16"),
        "SourceBackupId" => near_miss(ARN, "must be a backup's ARN"),
        "HsmId" => near_miss("hsm-abcdefg2345", "must be hsm- and 11 to 16"),
        "EniId" => near_miss("eni-01234567", "must be eni- and 8 to 17"),
        "ResourceId" => near_miss(CLUSTER, "not an ARN"),
        "ResourceArn" => near_miss(ARN, "must be an ARN"),
        "EniIp" | "IpAddress" => near_miss("127.0.1.2", "must be an IPv4 address"),
        "DestinationRegion" => near_miss("us-east-2", "must be a region"),
        "AvailabilityZone" => near_miss("us-east-2a", "must be an availability zone"),
        "HsmType" => near_miss("hsm2m.medium", "must be one of hsm1.medium, hsm2m.medium"),
        "NetworkType" => near_miss("IPV4", "must be one of IPV4, DUALSTACK"),
        "Mode" => vec![
            (json!("fips"), "must be one of FIPS, NON_FIPS"),
            (json!(""), "must be one of FIPS, NON_FIPS"),
        ],
        "SubnetIds" => vec![
            (json!([]), "must have 1 to 10 entries, and has 0"),
            (repeated(json!("subnet-01234567"), 11), "must have 1 to 10 entries, and has 11"),
            (json!(["subnet-01234567", "subnet-x"]), "SubnetIds[1] must be subnet-"),
            (json!([null]), "SubnetIds[0] must be a text"),
        ],
        "TagList" => vec![
            (json!([]), "must have 1 to 50 entries"),
            (repeated(json!({"Key": "a", "Value": "b"}), 51), "must have 1 to 50 entries, and has 51"),
            (json!([{"Key": "a"}]), "TagList[0].Value is missing"),
            (json!([{"Value": "a"}]), "TagList[0].Key is missing"),
            (json!([{"Key": "", "Value": "a"}]), "TagList[0].Key must have at least 1"),
            (json!([{"Key": "a".repeat(129), "Value": "a"}]), "TagList[0].Key must have at most 128"),
            (json!([{"Key": "a", "Value": "a".repeat(257)}]), "TagList[0].Value must have at most 256"),
            (json!([{"Key": "a#", "Value": "a"}]), "TagList[0].Key must be letters"),
            (json!([{"Key": "a", "Value": 1}]), "TagList[0].Value must be a text"),
            (json!(["a"]), "TagList[0] must be a structure"),
        ],
        "TagKeyList" => vec![
            (json!([]), "must have 1 to 50 entries"),
            (repeated(json!("a"), 51), "must have 1 to 50 entries"),
            (json!([""]), "TagKeyList[0] must have at least 1"),
            (json!(["a\n\u{7}"]), "TagKeyList[0] must be letters"),
        ],
        "BackupRetentionPolicy" => vec![
            (json!({"Type": "WEEKS", "Value": "9"}), "BackupRetentionPolicy.Type must be one of DAYS"),
            (json!({"Type": "DAYS", "Value": 90}), "BackupRetentionPolicy.Value must be a text of digits"),
            (json!({"Type": "DAYS", "Value": "6"}), "a number from 7 to 379"),
            (json!({"Type": "DAYS", "Value": "380"}), "a number from 7 to 379"),
            (json!({"Type": "DAYS", "Value": "+90"}), "a number from 7 to 379"),
            (json!({"Type": "DAYS", "Value": "0090"}), "a number from 7 to 379"),
            (json!({"Type": "DAYS", "Value": ""}), "a number from 7 to 379"),
            (json!({"Type": "DAYS"}), "BackupRetentionPolicy.Value is missing"),
            (json!({"Value": "90"}), "BackupRetentionPolicy.Type is missing"),
        ],
        "SignedCert" | "TrustAnchor" => vec![
            (json!("A".repeat(20_001)), "must have at most 20000 characters, but has 20001"),
            (json!("-----BEGIN*"), "must be a certificate in PEM"),
        ],
        "Policy" => vec![(json!(""), "at least 1"), (json!(" ".repeat(20_001)), "at most 20000")],
        "MaxResults" => {
            let most = match operation {
                "DescribeClusters" => 25,
                "DescribeBackups" => 50,
                _ => 100,
            };
            let expect = match most {
                25 => "a whole number from 1 to 25",
                50 => "a whole number from 1 to 50",
                _ => "a whole number from 1 to 100",
            };
            [json!(0), json!(-1), json!(most + 1), json!(1.5), json!(u64::MAX), json!(i64::MIN), json!("5")]
                .map(|value| (value, expect))
                .into()
        }
        "NextToken" => ["", "x", "!!!!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
            .map(|text| (json!(text), "NextToken is not from an answer to this very request"))
            .into_iter()
            .chain([(json!("A".repeat(5000)), "NextToken must have at most")])
            .collect(),
        "Filters" => vec![
            (json!({"clusterIDs": ["x"]}), "Filters has no filter \"clusterIDs\", only"),
            (json!({"clusterIds": "x"}), "Filters.clusterIds must be a list"),
            (json!({"clusterIds": []}), "Filters.clusterIds must have 1 to"),
            (json!({"clusterIds": [1]}), "Filters.clusterIds[0] must be a text"),
            (json!({"states": ["READY!"]}), "Filters.states[0] must be one of"),
            (json!({"clusterIds": vec!["x"; 1001]}), "Filters.clusterIds must have 1 to 1000 entries"),
            (
                (0..31).map(|number| (number.to_string(), json!(["x"]))).collect(),
                "must have at most 30 names",
            ),
        ],
        "Shared" | "SortAscending" | "NeverExpires" => [json!("true"), json!(1), json!(0)]
            .map(|value| (value, "must be true or false, without quotes"))
            .into(),
        other => panic!("no bad values for {other} of {operation}"),
    }
}
