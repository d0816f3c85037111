//! Debian's `aws`, whose model of the API is from 2022: it knows neither modes nor policies.

use serde_json::Value;
use std::time::Duration;
use strongroom_testkit::{Finished, run_any, wait_until};

use crate::service::Service;

fn call(service: &Service, command: &str, arguments: &[&str]) -> Finished {
    let mut aws = service.client("/usr/bin/aws");
    // This version doesn't heed the variable.
    aws.args(["--endpoint-url", &service.endpoint(), "--output", "json", "cloudhsmv2", command])
        .args(arguments);
    run_any(&mut aws)
}

#[track_caller]
fn aws(service: &Service, command: &str, arguments: &[&str]) -> Value {
    let printed = call(service, command, arguments).expect_success().stdout();
    if printed.trim().is_empty() { Value::Null } else { serde_json::from_str(&printed).expect("JSON") }
}

fn cluster(service: &Service, name: &str) -> Value {
    aws(service, "describe-clusters", &["--filters", &format!("clusterIds={name}")])["Clusters"][0].clone()
}

/// The vendor's guide, by its own commands.
#[test]
fn from_nothing_to_a_backup() {
    let service = Service::start();
    let made = aws(
        &service,
        "create-cluster",
        &[
            "--hsm-type",
            "hsm1.medium",
            "--subnet-ids",
            "subnet-0123456789abcdef0",
            "--tag-list",
            "Key=a,Value=b",
        ],
    );
    let name = made["Cluster"]["ClusterId"].as_str().expect("an id").to_owned();
    let until = |what: &str, done: &dyn Fn(&Value) -> bool| {
        wait_until(what, Duration::from_secs(30), || done(&cluster(&service, &name)));
    };
    until("the cluster", &|cluster| cluster["State"] == "UNINITIALIZED");
    aws(&service, "create-hsm", &["--cluster-id", &name, "--availability-zone", "us-east-1a"]);
    until("the HSM", &|cluster| cluster["Hsms"][0]["State"] == "ACTIVE");
    let query = ["--query", "Clusters[0].Certificates.ClusterCsr", "--output", "text"];
    let csr = call(&service, "describe-clusters", &query).expect_success().stdout();
    assert!(csr.starts_with("-----BEGIN CERTIFICATE REQUEST-----"), "{csr}");
    std::fs::write(service.folder().join("cluster.csr"), csr).unwrap();
    let mut sign = service.client("sh");
    sign.arg("-ec").arg(
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 365 -subj /CN=customer\n\
         openssl x509 -req -days 365 -in cluster.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out cluster.crt",
    );
    run_any(&mut sign).expect_success();
    let papers =
        ["--cluster-id", &name, "--signed-cert", "file://cluster.crt", "--trust-anchor", "file://ca.crt"];
    aws(&service, "initialize-cluster", &papers);
    until("the certificates", &|cluster| cluster["State"] == "INITIALIZED");
    service.strongroom(&["cluster", "activate", "--cluster", &name, "--password", "officers-password"]);
    until("activation", &|cluster| cluster["State"] == "ACTIVE");
    wait_until("a backup", Duration::from_secs(30), || {
        let found =
            aws(&service, "describe-backups", &["--filters", &format!("clusterIds={name},states=READY")]);
        found["Backups"].as_array().is_some_and(|found| found.len() == 1)
    });
    assert_eq!(aws(&service, "list-tags", &["--resource-id", &name])["TagList"][0]["Key"], "a");
}

#[test]
fn refusals() {
    let service = Service::start();
    let refused = call(&service, "delete-cluster", &["--cluster-id", "cluster-abcdefg2345"]).expect_failure();
    let said = refused.stderr();
    assert!(
        said.contains("(CloudHsmResourceNotFoundException)") && said.contains("cluster-abcdefg2345"),
        "{said}"
    );
    let said = call(&service, "delete-cluster", &["--cluster-id", "x"]).expect_failure().stderr();
    assert!(
        said.contains("(CloudHsmInvalidRequestException)") && said.contains("ClusterId must be"),
        "{said}"
    );
    let unsigned = aws(&service, "describe-clusters", &["--no-sign-request"]);
    assert_eq!(unsigned["Clusters"], Value::Array(Vec::new()));
}
