//! Calls of the API, and what is done with a cluster beside them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use strongroom_testkit::{Cluster, run, wait_until};

const ME: &str = "111111111111";
pub(crate) const HERE: &str = "us-east-1";
pub(crate) const THERE: &str = "eu-west-1";
pub(crate) const ZONE: &str = "us-east-1a";
pub(crate) const OFFICER: &str = "admin:officer-secret";
pub(crate) const ANN: &str = "ann:anns-secret";
pub(crate) const BEN: &str = "ben:bens-secret";
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A daemon with the API, and some other cluster in its home.
pub(crate) fn daemon() -> Cluster {
    configured("")
}

/// As [`daemon`], with a configuration.
pub(crate) fn configured(config: &str) -> Cluster {
    Cluster::builder().nodes(1).option("--aws", "127.0.0.1:0").daemon_config(config).start()
}

/// Calls an operation; status and body of the answer.
pub(crate) fn call(daemon: &Cluster, region: &str, operation: &str, input: &Value) -> (u16, Value) {
    let status: Value = serde_json::from_str(&run(&mut daemon.strongroom(&["status"])).stdout()).unwrap();
    let endpoint = status["data"]["aws_endpoint"].as_str().expect("an endpoint").to_owned();
    let address = endpoint.strip_prefix("http://").unwrap();
    let body = input.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Target: BaldrApiService.{operation}\r\nX-Amz-Date: 20261122T120000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential={ME}/20261122/{region}/cloudhsm/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={}\r\nContent-Length: {}\r\n\r\n{body}",
        "0".repeat(64),
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}")))
}

#[track_caller]
pub(crate) fn done(daemon: &Cluster, region: &str, operation: &str, input: Value) -> Value {
    let (status, answer) = call(daemon, region, operation, &input);
    assert_eq!(status, 200, "{operation} {input}: {answer}");
    answer
}

#[track_caller]
pub(crate) fn refused(daemon: &Cluster, operation: &str, input: Value, words: &str) {
    let (status, answer) = call(daemon, HERE, operation, &input);
    assert_eq!((status, &answer["__type"]), (400, &json!("CloudHsmInvalidRequestException")), "{answer}");
    assert!(answer["Message"].as_str().unwrap().contains(words), "{answer}");
}

pub(crate) fn cluster(daemon: &Cluster, region: &str, id: &str) -> Value {
    let answer = done(daemon, region, "DescribeClusters", json!({"Filters": {"clusterIds": [id]}}));
    answer["Clusters"][0].clone()
}

pub(crate) fn backups(daemon: &Cluster, region: &str, filters: Value) -> Vec<Value> {
    let input = json!({"SortAscending": true, "Filters": filters});
    done(daemon, region, "DescribeBackups", input)["Backups"].as_array().unwrap().clone()
}

pub(crate) fn create(daemon: &Cluster, region: &str, source: Option<&str>) -> String {
    let mut input = json!({"HsmType": "hsm2m.medium", "SubnetIds": ["subnet-0123456789abcdef0"]});
    if let Some(source) = source {
        input["SourceBackupId"] = source.into();
    }
    let made = done(daemon, region, "CreateCluster", input)["Cluster"].take();
    assert_eq!(made["State"], "CREATE_IN_PROGRESS");
    made["ClusterId"].as_str().unwrap().to_owned()
}

/// Adds an HSM; its id and address.
pub(crate) fn add_hsm(daemon: &Cluster, region: &str, id: &str, ip: Option<&str>) -> (String, String) {
    let mut input = json!({"ClusterId": id, "AvailabilityZone": format!("{region}a")});
    if let Some(ip) = ip {
        input["IpAddress"] = ip.into();
    }
    let hsm = done(daemon, region, "CreateHsm", input)["Hsm"].take();
    (hsm["HsmId"].as_str().unwrap().to_owned(), hsm["EniIp"].as_str().unwrap().to_owned())
}

/// Signs a request as `docs/lifecycle.md` does, by a customer's authority of its own.
pub(crate) fn sign(folder: &Path, csr: &str) -> (String, String) {
    fs::write(folder.join("cluster.csr"), csr).unwrap();
    let openssl = |words: &str| {
        run(Command::new("openssl").current_dir(folder).args(words.split(' ')));
    };
    openssl("genrsa -out customerCA.key 2048");
    openssl("req -new -x509 -days 3652 -key customerCA.key -subj /CN=customer -out customerCA.crt");
    openssl(
        "x509 -req -days 3652 -in cluster.csr -CA customerCA.crt -CAkey customerCA.key -CAcreateserial -out signed.crt",
    );
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    (read("signed.crt"), read("customerCA.crt"))
}

/// A `strongroom` command at a cluster, as somebody (`user:password`).
pub(crate) fn as_user(daemon: &Cluster, id: &str, who: &str, words: &[&str]) -> Command {
    let mut command = daemon.strongroom(words);
    let role = if who.starts_with("admin:") { "admin" } else { "crypto-user" };
    command.args(["--cluster", id]).env("STRONGROOM_PIN", who).env("STRONGROOM_ROLE", role);
    command
}

/// What a command prints when it succeeds.
#[track_caller]
pub(crate) fn data(command: &mut Command) -> Value {
    let mut printed: Value = serde_json::from_str(&run(command).stdout()).expect("JSON");
    assert_eq!(printed["error_code"], 0, "{printed}");
    printed["data"].take()
}

/// An `ACTIVE` cluster with two HSMs, ann and ben in it; its id and its HSMs' ids and addresses.
pub(crate) fn active(daemon: &Cluster) -> (String, Vec<(String, String)>) {
    let id = create(daemon, HERE, None);
    assert_eq!(cluster(daemon, HERE, &id)["State"], "UNINITIALIZED");
    let first = add_hsm(daemon, HERE, &id, None);
    let found = cluster(daemon, HERE, &id);
    assert_eq!((&found["State"], &found["Hsms"][0]["State"]), (&json!("UNINITIALIZED"), &json!("ACTIVE")));
    let words = "already contains an HSM but has not yet been fully activated";
    refused(daemon, "CreateHsm", json!({"ClusterId": id, "AvailabilityZone": ZONE}), words);
    let csr = found["Certificates"]["ClusterCsr"].as_str().expect("a request to sign");
    let (signed, anchor) = sign(daemon.folder(), csr);
    // The anchor isn't the cluster's certificate.
    let wrong = json!({"ClusterId": id, "SignedCert": anchor, "TrustAnchor": anchor});
    refused(daemon, "InitializeCluster", wrong, "");
    assert_eq!(cluster(daemon, HERE, &id)["State"], "UNINITIALIZED");
    let input = json!({"ClusterId": id, "SignedCert": signed, "TrustAnchor": anchor});
    assert_eq!(done(daemon, HERE, "InitializeCluster", input)["State"], "INITIALIZE_IN_PROGRESS");
    let found = cluster(daemon, HERE, &id);
    assert_eq!(
        (&found["State"], &found["Certificates"]["ClusterCsr"]),
        (&json!("INITIALIZED"), &Value::Null)
    );
    assert_eq!(found["Certificates"]["ClusterCertificate"], signed);

    data(&mut daemon.strongroom(&["cluster", "activate", "--password", "officer-secret", "--cluster", &id]));
    wait_until("the cluster is active", SOON, || cluster(daemon, HERE, &id)["State"] == "ACTIVE");
    for (name, password) in [("ann", "anns-secret"), ("ben", "bens-secret")] {
        let words = ["user", "create", "--username", name, "--role", "crypto-user", "--password", password];
        data(&mut as_user(daemon, &id, OFFICER, &words));
    }
    let second = add_hsm(daemon, HERE, &id, None);
    (id, vec![first, second])
}

pub(crate) fn make_key(daemon: &Cluster, id: &str, label: &str) {
    let words = [
        "key",
        "generate-asymmetric-pair",
        "ec",
        "--public-label",
        label,
        "--private-label",
        label,
        "--curve",
        "secp256r1",
        "--public-attributes",
        "verify=true",
        "--private-attributes",
        "sign=true",
    ];
    data(&mut as_user(daemon, id, ANN, &words));
}

/// Signs a letter by a cluster.
pub(crate) fn signature(daemon: &Cluster, id: &str, who: &str, label: &str) -> String {
    let label = format!("attr.label={label}");
    let words = [
        "crypto",
        "sign",
        "ecdsa",
        "--key-filter",
        &label,
        "attr.class=private-key",
        "--hash-function",
        "sha256",
        "--data",
        "bGV0dGVy",
    ];
    data(&mut as_user(daemon, id, who, &words))["signature"].as_str().expect("a signature").to_owned()
}

/// Has a cluster verify a signature of the letter, which may be another's.
pub(crate) fn verify(daemon: &Cluster, id: &str, label: &str, signature: &str) {
    let label = format!("attr.label={label}");
    let words = [
        "crypto",
        "verify",
        "ecdsa",
        "--key-filter",
        &label,
        "attr.class=public-key",
        "--hash-function",
        "sha256",
        "--data",
        "bGV0dGVy",
        "--signature",
        signature,
    ];
    data(&mut as_user(daemon, id, ANN, &words));
}
