//! Each exception of the model arrives at each client as what that client has for it. The server is real; what's behind it
//! only refuses, since a daemon doesn't fail on demand.

use std::net::SocketAddr;
use std::sync::Arc;

use aws_sdk_cloudhsmv2::operation::tag_resource::TagResourceError;
use aws_sdk_cloudhsmv2::types::Tag as SdkTag;
use strongroom_control_plane::shapes::*;
use strongroom_control_plane::{ApiConfig, ApiError, ApiServer, Caller, ErrorKind, Operations};
use strongroom_testkit::{python, run, run_any};

use crate::rust_sdk::{client, wait_for};
use crate::service::{client_at, python_program};

/// Refuses everything: the first tag's key names the exception.
struct Refuses;

macro_rules! refuse {
    ($($method:ident($input:ident) -> $output:ident;)*) => {
        $(fn $method(&self, _: &Caller, _: $input) -> Result<$output, ApiError> {
            Err(ApiError::service("Only TagResource is asked here."))
        })*
    };
}

impl Operations for Refuses {
    fn tag_resource(&self, _: &Caller, input: TagResourceInput) -> Result<TagResourceOutput, ApiError> {
        let name = input.tag_list[0].key.as_str();
        let kind = ErrorKind::ALL.into_iter().find(|kind| kind.name() == name).expect("an exception's name");
        Err(ApiError::new(kind, format!("Refused as {name}.")))
    }

    refuse! {
        create_cluster(CreateClusterInput) -> CreateClusterOutput;
        describe_clusters(DescribeClustersInput) -> DescribeClustersOutput;
        initialize_cluster(InitializeClusterInput) -> InitializeClusterOutput;
        modify_cluster(ModifyClusterInput) -> ModifyClusterOutput;
        delete_cluster(DeleteClusterInput) -> DeleteClusterOutput;
        create_hsm(CreateHsmInput) -> CreateHsmOutput;
        delete_hsm(DeleteHsmInput) -> DeleteHsmOutput;
        describe_backups(DescribeBackupsInput) -> DescribeBackupsOutput;
        modify_backup_attributes(ModifyBackupAttributesInput) -> ModifyBackupAttributesOutput;
        copy_backup_to_region(CopyBackupToRegionInput) -> CopyBackupToRegionOutput;
        delete_backup(DeleteBackupInput) -> DeleteBackupOutput;
        restore_backup(RestoreBackupInput) -> RestoreBackupOutput;
        list_tags(ListTagsInput) -> ListTagsOutput;
        untag_resource(UntagResourceInput) -> UntagResourceOutput;
        put_resource_policy(PutResourcePolicyInput) -> PutResourcePolicyOutput;
        get_resource_policy(GetResourcePolicyInput) -> GetResourcePolicyOutput;
        delete_resource_policy(DeleteResourcePolicyInput) -> DeleteResourcePolicyOutput;
    }
}

const RESOURCE: &str = "cluster-abcdefg2345";

fn server() -> (ApiServer, String) {
    let config = ApiConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..ApiConfig::default() };
    let server = ApiServer::start(config, Arc::new(Refuses)).expect("a server");
    let endpoint = format!("http://{}", server.local_addr());
    (server, endpoint)
}

#[test]
fn in_boto3() {
    let (_server, endpoint) = server();
    for protocol in ["json", "smithy-rpc-v2-cbor"] {
        let mut program = client_at(&endpoint, python());
        program.arg(python_program("exceptions.py")).env("PROTOCOL", protocol);
        run(program.args(ErrorKind::ALL.map(ErrorKind::name)));
    }
}

#[test]
fn in_the_aws_cli() {
    let (_server, endpoint) = server();
    // Its model of 2022 lacks one; it says the name anyway.
    for name in ErrorKind::ALL.map(ErrorKind::name) {
        let mut aws = client_at(&endpoint, "/usr/bin/aws");
        aws.env("AWS_MAX_ATTEMPTS", "1").args(["--endpoint-url", &endpoint, "cloudhsmv2", "tag-resource"]);
        aws.args(["--resource-id", RESOURCE, "--tag-list", &format!("Key={name},Value=x")]);
        let said = run_any(&mut aws).expect_failure().stderr();
        assert!(
            said.contains(&format!("({name})")) && said.contains(&format!("Refused as {name}.")),
            "{said}"
        );
    }
}

#[test]
fn in_the_rust_sdk() {
    let (_server, endpoint) = server();
    wait_for(async {
        let client = client(&endpoint);
        for kind in ErrorKind::ALL {
            let tag = SdkTag::builder().key(kind.name()).value("x").build().expect("a tag");
            let call = client.tag_resource().resource_id(RESOURCE).tag_list(tag).send();
            let error = call.await.expect_err("a refusal").into_service_error();
            let fits = match kind {
                ErrorKind::AccessDenied => error.is_cloud_hsm_access_denied_exception(),
                ErrorKind::InternalFailure => error.is_cloud_hsm_internal_failure_exception(),
                ErrorKind::InvalidRequest => error.is_cloud_hsm_invalid_request_exception(),
                ErrorKind::ResourceNotFound => error.is_cloud_hsm_resource_not_found_exception(),
                ErrorKind::ResourceLimitExceeded => error.is_cloud_hsm_resource_limit_exceeded_exception(),
                ErrorKind::Service => error.is_cloud_hsm_service_exception(),
                ErrorKind::Tag => error.is_cloud_hsm_tag_exception(),
            };
            assert!(fits, "{kind:?} came as {error:?}");
            let message = TagResourceError::meta(&error).message();
            assert_eq!(message, Some(format!("Refused as {}.", kind.name()).as_str()));
        }
    });
}
