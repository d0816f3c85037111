//! What the published model says of each operation's input: its members, their types and bounds, in one table.

use crate::constraints::{
    BACKUP_ARN, BACKUP_ID, CERT, CLOUDHSM_ARN, CLUSTER_ID, ENI_ID, EXTERNAL_AZ, FILTER_VALUE, HSM_ID,
    IP_ADDRESS, NEXT_TOKEN, REGION, RESOURCE_ID, RESOURCE_POLICY, SUBNET_ID, TAG_KEY, TAG_VALUE, Text,
};
use crate::shapes::{BackupRetentionType, BackupState, ClusterMode, ClusterState, HsmType, NetworkType};

/// What a value must be like.
pub(super) enum Shape {
    Text(&'static Text),
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// `true` or `false` as a text, in any case.
    TextOfBoolean,
    /// A whole number from, to, as a text.
    TextOfNumber(u32, u32),
    /// A whole number from, to.
    Number(u32, u32),
    Boolean,
    /// A list of at least, at most.
    List(&'static Shape, usize, usize),
    Structure(&'static [Member]),
    /// A map of lists of texts, by these names.
    Filters(&'static [(&'static str, Shape)]),
}

/// A member of a structure.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) shape: Shape,
}

const fn required(name: &'static str, shape: Shape) -> Member {
    Member { name, required: true, shape }
}

const fn optional(name: &'static str, shape: Shape) -> Member {
    Member { name, required: false, shape }
}

/// The most names in `Filters`.
pub(super) const MAX_FILTERS: usize = 30;
/// The most values of one filter, which the model doesn't bound.
pub(super) const MAX_FILTER_VALUES: usize = 1000;

const TAG: Shape =
    Shape::Structure(&[required("Key", Shape::Text(&TAG_KEY)), required("Value", Shape::Text(&TAG_VALUE))]);
const TAG_LIST: Shape = Shape::List(&TAG, 1, 50);
const HSM_TYPE: Shape = Shape::Choice(HsmType::TEXTS);
const RETENTION: Shape = Shape::Structure(&[
    required("Type", Shape::Choice(BackupRetentionType::TEXTS)),
    required("Value", Shape::TextOfNumber(7, 379)),
]);
const ANY: Shape = Shape::Text(&FILTER_VALUE);

pub(super) static COPY_BACKUP_TO_REGION: &[Member] = &[
    required("DestinationRegion", Shape::Text(&REGION)),
    required("BackupId", Shape::Text(&BACKUP_ID)),
    optional("TagList", TAG_LIST),
];

pub(super) static CREATE_CLUSTER: &[Member] = &[
    optional("BackupRetentionPolicy", RETENTION),
    required("HsmType", HSM_TYPE),
    optional("SourceBackupId", Shape::Text(&BACKUP_ARN)),
    required("SubnetIds", Shape::List(&Shape::Text(&SUBNET_ID), 1, 10)),
    optional("NetworkType", Shape::Choice(NetworkType::TEXTS)),
    optional("TagList", TAG_LIST),
    optional("Mode", Shape::Choice(ClusterMode::TEXTS)),
];

pub(super) static CREATE_HSM: &[Member] = &[
    required("ClusterId", Shape::Text(&CLUSTER_ID)),
    required("AvailabilityZone", Shape::Text(&EXTERNAL_AZ)),
    optional("IpAddress", Shape::Text(&IP_ADDRESS)),
];

/// `DeleteBackup` and `RestoreBackup`.
pub(super) static ONE_BACKUP: &[Member] = &[required("BackupId", Shape::Text(&BACKUP_ID))];

pub(super) static DELETE_CLUSTER: &[Member] = &[required("ClusterId", Shape::Text(&CLUSTER_ID))];

pub(super) static DELETE_HSM: &[Member] = &[
    required("ClusterId", Shape::Text(&CLUSTER_ID)),
    optional("HsmId", Shape::Text(&HSM_ID)),
    optional("EniId", Shape::Text(&ENI_ID)),
    optional("EniIp", Shape::Text(&IP_ADDRESS)),
];

/// `GetResourcePolicy` and `DeleteResourcePolicy`. Optional in the model, but then a call would mean nothing.
pub(super) static ONE_RESOURCE: &[Member] = &[required("ResourceArn", Shape::Text(&CLOUDHSM_ARN))];

pub(super) static PUT_RESOURCE_POLICY: &[Member] =
    &[required("ResourceArn", Shape::Text(&CLOUDHSM_ARN)), required("Policy", Shape::Text(&RESOURCE_POLICY))];

pub(super) static DESCRIBE_BACKUPS: &[Member] = &[
    optional("NextToken", Shape::Text(&NEXT_TOKEN)),
    optional("MaxResults", Shape::Number(1, 50)),
    optional(
        "Filters",
        Shape::Filters(&[
            ("backupIds", ANY),
            ("sourceBackupIds", ANY),
            ("clusterIds", ANY),
            ("states", Shape::Choice(BackupState::TEXTS)),
            ("neverExpires", Shape::TextOfBoolean),
        ]),
    ),
    optional("Shared", Shape::Boolean),
    optional("SortAscending", Shape::Boolean),
];

pub(super) static DESCRIBE_CLUSTERS: &[Member] = &[
    optional(
        "Filters",
        Shape::Filters(&[
            ("clusterIds", ANY),
            ("vpcIds", ANY),
            ("states", Shape::Choice(ClusterState::TEXTS)),
        ]),
    ),
    optional("NextToken", Shape::Text(&NEXT_TOKEN)),
    optional("MaxResults", Shape::Number(1, 25)),
];

pub(super) static INITIALIZE_CLUSTER: &[Member] = &[
    required("ClusterId", Shape::Text(&CLUSTER_ID)),
    required("SignedCert", Shape::Text(&CERT)),
    required("TrustAnchor", Shape::Text(&CERT)),
];

pub(super) static LIST_TAGS: &[Member] = &[
    required("ResourceId", Shape::Text(&RESOURCE_ID)),
    optional("NextToken", Shape::Text(&NEXT_TOKEN)),
    optional("MaxResults", Shape::Number(1, 100)),
];

pub(super) static MODIFY_BACKUP_ATTRIBUTES: &[Member] =
    &[required("BackupId", Shape::Text(&BACKUP_ID)), required("NeverExpires", Shape::Boolean)];

pub(super) static MODIFY_CLUSTER: &[Member] = &[
    optional("HsmType", HSM_TYPE),
    optional("BackupRetentionPolicy", RETENTION),
    required("ClusterId", Shape::Text(&CLUSTER_ID)),
];

pub(super) static TAG_RESOURCE: &[Member] =
    &[required("ResourceId", Shape::Text(&RESOURCE_ID)), required("TagList", TAG_LIST)];

pub(super) static UNTAG_RESOURCE: &[Member] = &[
    required("ResourceId", Shape::Text(&RESOURCE_ID)),
    required("TagKeyList", Shape::List(&Shape::Text(&TAG_KEY), 1, 50)),
];
