//! The crate `aws-sdk-cloudhsmv2`.

use std::time::Duration;

use aws_sdk_cloudhsmv2::Client;
use aws_sdk_cloudhsmv2::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_cloudhsmv2::types::{BackupState, Cluster, ClusterMode, ClusterState, HsmState, Tag};
use strongroom_testkit::run;

use crate::service::Service;

/// A client of an endpoint, without TLS.
pub(crate) fn client(endpoint: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("123456789012", "unused", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// Runs asynchronous code to its end.
pub(crate) fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

async fn cluster(client: &Client, name: &str) -> Cluster {
    let call = client.describe_clusters().filters("clusterIds", vec![name.to_owned()]);
    let found = call.send().await.expect("clusters");
    found.clusters()[0].clone()
}

/// Polls until a cluster is as wanted.
async fn until(client: &Client, name: &str, what: &str, done: impl Fn(&Cluster) -> bool) -> Cluster {
    for _ in 0..600 {
        let found = cluster(client, name).await;
        if done(&found) {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} didn't come about in 30 seconds");
}

#[test]
fn lifecycle() {
    let service = Service::start();
    wait_for(live(&service));
}

async fn live(service: &Service) {
    let client = client(&service.endpoint());
    let tag = Tag::builder().key("a").value("b").build().expect("a tag");
    let create = client.create_cluster().hsm_type("hsm2m.medium").subnet_ids("subnet-0123456789abcdef0");
    let made = create.mode(ClusterMode::Fips).tag_list(tag).send().await.expect("a cluster");
    let made = made.cluster().expect("a cluster");
    assert!(made.create_timestamp().is_some_and(|time| time.secs() > 1_700_000_000));
    let name = made.cluster_id().expect("an id").to_owned();
    let state = |wanted: ClusterState| move |cluster: &Cluster| cluster.state() == Some(&wanted);

    until(&client, &name, "the cluster", state(ClusterState::Uninitialized)).await;
    client.create_hsm().cluster_id(&name).availability_zone("us-east-1a").send().await.expect("an HSM");
    let with_hsm = until(&client, &name, "the HSM", |cluster| {
        cluster.hsms().len() == 1 && cluster.hsms()[0].state() == Some(&HsmState::Active)
    });
    let found = with_hsm.await;
    let csr = found.certificates().and_then(|papers| papers.cluster_csr()).expect("a request");
    std::fs::write(service.folder().join("cluster.csr"), csr).expect("one's own file");
    run(service.client("sh").arg("-ec").arg(
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 365 -subj /CN=customer\n\
         openssl x509 -req -days 365 -in cluster.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out cluster.crt",
    ));
    let read = |file: &str| std::fs::read_to_string(service.folder().join(file)).expect("a certificate");
    let call = client.initialize_cluster().cluster_id(&name);
    call.signed_cert(read("cluster.crt")).trust_anchor(read("ca.crt")).send().await.expect("initialised");
    until(&client, &name, "the certificates", state(ClusterState::Initialized)).await;
    service.strongroom(&["cluster", "activate", "--cluster", &name, "--password", "officers-password"]);
    let found = until(&client, &name, "activation", state(ClusterState::Active)).await;

    let mut pages = client.describe_backups().sort_ascending(true).into_paginator().page_size(1).send();
    let mut states = Vec::new();
    while let Some(page) = pages.next().await {
        states.extend(page.expect("a page").backups().iter().map(|backup| backup.backup_state().cloned()));
    }
    assert!(
        states.iter().all(|state| matches!(state, Some(BackupState::Ready | BackupState::CreateInProgress)))
    );
    let one = found.hsms()[0].hsm_id();
    client.delete_hsm().cluster_id(&name).hsm_id(one).send().await.expect("deleted");
    until(&client, &name, "the HSM's end", |cluster| cluster.hsms().is_empty()).await;
    let deleted = client.delete_cluster().cluster_id(&name).send().await.expect("deleted");
    assert_eq!(deleted.cluster().and_then(Cluster::state), Some(&ClusterState::DeleteInProgress));

    let error =
        client.delete_cluster().cluster_id("x").send().await.expect_err("a refusal").into_service_error();
    assert!(error.is_cloud_hsm_invalid_request_exception(), "{error:?}");
}
