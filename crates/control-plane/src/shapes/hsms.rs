//! HSMs.

use serde::{Deserialize, Serialize};

use super::{AvailabilityZone, ClusterId, EniId, HsmId, HsmState, HsmType, IpAddress, SubnetId};

/// What makes an HSM.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateHsmInput {
    /// The cluster it's for.
    pub cluster_id: ClusterId,
    /// The zone it's in.
    pub availability_zone: AvailabilityZone,
    /// The address it should have.
    pub ip_address: Option<IpAddress>,
}

/// The HSM made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateHsmOutput {
    /// As it is now.
    pub hsm: Hsm,
}

/// Which HSM to delete: one of the three selectors. That it's exactly one isn't checked by the front.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteHsmInput {
    /// The cluster it's in.
    pub cluster_id: ClusterId,
    /// By its id.
    pub hsm_id: Option<HsmId>,
    /// By its interface.
    pub eni_id: Option<EniId>,
    /// By its address.
    pub eni_ip: Option<IpAddress>,
}

/// The HSM that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteHsmOutput {
    /// Its id.
    pub hsm_id: HsmId,
}

/// An HSM as callers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Hsm {
    /// Its zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<AvailabilityZone>,
    /// Its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<ClusterId>,
    /// Its subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<SubnetId>,
    /// Its interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eni_id: Option<EniId>,
    /// Its address: what clients dial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eni_ip: Option<String>,
    /// Its address of version 6.
    #[serde(rename = "EniIpV6", skip_serializing_if = "Option::is_none")]
    pub eni_ip_v6: Option<String>,
    /// Its id.
    pub hsm_id: HsmId,
    /// Its kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hsm_type: Option<HsmType>,
    /// Where it is in its life.
    pub state: HsmState,
    /// What that means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_message: Option<String>,
}
