//! The operations by name: what each takes, and how it's called.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::model::{self, Member};
use super::protocol::Protocol;
use super::tokens;
use crate::shapes::*;
use crate::{ApiError, Caller, Operations};

/// The operations: name, method, what goes in, its members, and whether it changes anything.
macro_rules! operations {
    ($($name:ident $method:ident($input:ident, $members:ident) -> $output:ident $changes:literal,)+) => {
        /// An operation of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Operation { $($name,)+ }

        impl Operation {
            pub(super) fn named(name: &str) -> Option<Self> {
                match name { $(stringify!($name) => Some(Self::$name),)+ _ => None }
            }

            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// The members that it takes.
            pub(super) fn input(self) -> &'static [Member] {
                match self { $(Self::$name => model::$members,)+ }
            }

            /// Whether it changes anything.
            pub(super) fn changes(self) -> bool {
                match self { $(Self::$name => $changes,)+ }
            }

            /// Calls it with a document that was checked, and writes what it answers.
            pub(super) fn perform(
                self,
                operations: &dyn Operations,
                caller: &Caller,
                mut document: Value,
                protocol: Protocol,
            ) -> Result<Vec<u8>, ApiError> {
                let list = tokens::List::of(self, caller, &document);
                list.open_token(&mut document)?;
                match self {
                    $(Self::$name => {
                        let output = operations.$method(caller, input::<$input>(document)?)?;
                        let next_token = output.position().map(|position| list.token(position));
                        protocol.write(&Page { output, next_token })
                    })+
                }
            }
        }

        $(unpaged!($output);)+
    };
}

/// What the operations answer.
trait Output: Serialize {
    /// Where the page ended, if there are more.
    fn position(&self) -> Option<&Position> {
        None
    }
}

macro_rules! unpaged {
    (DescribeClustersOutput) => {
        paged!(DescribeClustersOutput);
    };
    (DescribeBackupsOutput) => {
        paged!(DescribeBackupsOutput);
    };
    (ListTagsOutput) => {
        paged!(ListTagsOutput);
    };
    ($output:ident) => {
        impl Output for $output {}
    };
}

macro_rules! paged {
    ($output:ident) => {
        impl Output for $output {
            fn position(&self) -> Option<&Position> {
                self.next_token.as_ref()
            }
        }
    };
}

operations! {
    CopyBackupToRegion copy_backup_to_region(CopyBackupToRegionInput, COPY_BACKUP_TO_REGION) -> CopyBackupToRegionOutput true,
    CreateCluster create_cluster(CreateClusterInput, CREATE_CLUSTER) -> CreateClusterOutput true,
    CreateHsm create_hsm(CreateHsmInput, CREATE_HSM) -> CreateHsmOutput true,
    DeleteBackup delete_backup(DeleteBackupInput, ONE_BACKUP) -> DeleteBackupOutput true,
    DeleteCluster delete_cluster(DeleteClusterInput, DELETE_CLUSTER) -> DeleteClusterOutput true,
    DeleteHsm delete_hsm(DeleteHsmInput, DELETE_HSM) -> DeleteHsmOutput true,
    DeleteResourcePolicy delete_resource_policy(DeleteResourcePolicyInput, ONE_RESOURCE) -> DeleteResourcePolicyOutput true,
    DescribeBackups describe_backups(DescribeBackupsInput, DESCRIBE_BACKUPS) -> DescribeBackupsOutput false,
    DescribeClusters describe_clusters(DescribeClustersInput, DESCRIBE_CLUSTERS) -> DescribeClustersOutput false,
    GetResourcePolicy get_resource_policy(GetResourcePolicyInput, ONE_RESOURCE) -> GetResourcePolicyOutput false,
    InitializeCluster initialize_cluster(InitializeClusterInput, INITIALIZE_CLUSTER) -> InitializeClusterOutput true,
    ListTags list_tags(ListTagsInput, LIST_TAGS) -> ListTagsOutput false,
    ModifyBackupAttributes modify_backup_attributes(ModifyBackupAttributesInput, MODIFY_BACKUP_ATTRIBUTES) -> ModifyBackupAttributesOutput true,
    ModifyCluster modify_cluster(ModifyClusterInput, MODIFY_CLUSTER) -> ModifyClusterOutput true,
    PutResourcePolicy put_resource_policy(PutResourcePolicyInput, PUT_RESOURCE_POLICY) -> PutResourcePolicyOutput true,
    RestoreBackup restore_backup(RestoreBackupInput, ONE_BACKUP) -> RestoreBackupOutput true,
    TagResource tag_resource(TagResourceInput, TAG_RESOURCE) -> TagResourceOutput true,
    UntagResource untag_resource(UntagResourceInput, UNTAG_RESOURCE) -> UntagResourceOutput true,
}

/// An output and its token.
#[derive(Serialize)]
struct Page<T> {
    #[serde(flatten)]
    output: T,
    #[serde(rename = "NextToken", skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// What the table let pass is an input, or the table and the shapes disagree.
fn input<T: DeserializeOwned>(document: Value) -> Result<T, ApiError> {
    serde_json::from_value(document)
        .map_err(|error| ApiError::internal(format!("The request can't be read: {error}.")))
}
