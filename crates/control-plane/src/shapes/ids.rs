//! Names of things: texts that match their pattern in the model.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::constraints::{self, Text};

/// Types for texts that match a pattern.
macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident = $constraint:ident,)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// What texts must be like.
            pub(crate) const TEXT: &'static Text = &constraints::$constraint;

            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                match Self::TEXT.fault(&text) {
                    None => Ok(Self(text)),
                    Some(fault) => Err(format!("{text:?} {fault}")),
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }
    )+};
}

ids! {
    /// A cluster: `cluster-` and 11 to 16 characters.
    ClusterId = CLUSTER_ID,
    /// An HSM: `hsm-` and 11 to 16 characters.
    HsmId = HSM_ID,
    /// A backup: `backup-` and 11 to 16 characters.
    BackupId = BACKUP_ID,
    /// A backup's ARN, or its id alone; [`BackupRef::parts`] tells which.
    BackupRef = BACKUP_ARN,
    /// The ARN of a backup, a cluster or an HSM; see [`ResourceArn::parts`].
    ResourceArn = CLOUDHSM_ARN,
    /// A cluster's or a backup's id.
    ResourceId = RESOURCE_ID,
    /// An HSM's network interface.
    EniId = ENI_ID,
    /// A subnet.
    SubnetId = SUBNET_ID,
    /// An availability zone, such as `us-east-1a`.
    AvailabilityZone = EXTERNAL_AZ,
    /// A region, such as `us-east-1`.
    Region = REGION,
    /// An IPv4 address in four numbers; only the look is checked.
    IpAddress = IP_ADDRESS,
    /// PEM text of a certificate; only its characters and length are checked.
    Cert = CERT,
    /// A tag's key.
    TagKey = TAG_KEY,
    /// A tag's value.
    TagValue = TAG_VALUE,
    /// A policy's text; only its length is checked.
    ResourcePolicy = RESOURCE_POLICY,
}

impl AvailabilityZone {
    /// The region it's in.
    pub fn region(&self) -> &str {
        &self.0[..self.0.len() - 1]
    }
}

impl BackupRef {
    /// The region and account when it's an ARN, and the backup's id.
    pub fn parts(&self) -> (Option<(&str, &str)>, &str) {
        match self.0.split(':').collect::<Vec<_>>()[..] {
            [_, _, _, region, account, resource] => {
                (Some((region, account)), resource.trim_start_matches("backup/"))
            }
            _ => (None, &self.0),
        }
    }
}

impl ResourceArn {
    /// Region, account and the resource's id.
    pub fn parts(&self) -> (&str, &str, &str) {
        let mut fields = self.0.split(':').skip(3);
        let (region, account) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let resource = fields.next().unwrap_or_default();
        (region, account, resource.split_once('/').map_or(resource, |(_, id)| id))
    }
}
