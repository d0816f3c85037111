//! Subnets, their zones and their VPC. There is no network to ask, so they are made up, always the same way.

use std::collections::BTreeMap;

use super::books::Books;
use super::names::hex_id_of;
use super::records::Owner;
use crate::ApiError;
use crate::shapes::{AvailabilityZone, ClusterState, SubnetId};

/// The VPC that all subnets of an account in a region are in.
pub(super) fn vpc(owner: &Owner) -> String {
    hex_id_of("vpc", &format!("{} {}", owner.account, owner.region))
}

/// In which zone each subnet is: where another cluster of the account has it already, else in the first zone that no other
/// subnet of this cluster is in, in the order in which they are named.
pub(super) fn zones(
    books: &Books,
    owner: &Owner,
    subnets: &[SubnetId],
) -> Result<BTreeMap<AvailabilityZone, SubnetId>, ApiError> {
    let mut zones = BTreeMap::new();
    for (at, subnet) in subnets.iter().enumerate() {
        if subnets[..at].contains(subnet) {
            return Err(ApiError::invalid(format!(
                "{subnet} is named twice: name one subnet for each availability zone"
            )));
        }
        let Some(zone) = known_zone(books, owner, subnet) else { continue };
        if let Some(other) = zones.insert(zone.clone(), subnet.clone()) {
            return Err(ApiError::invalid(format!(
                "{other} and {subnet} are both in {zone}: name one subnet for each availability zone"
            )));
        }
    }
    for subnet in subnets {
        if zones.values().any(|known| known == subnet) {
            continue;
        }
        let free = all_zones(owner).find(|zone| !zones.contains_key(zone)).ok_or_else(|| {
            ApiError::invalid(format!("{} has no availability zone left for {subnet}", owner.region))
        })?;
        zones.insert(free, subnet.clone());
    }
    Ok(zones)
}

fn known_zone(books: &Books, owner: &Owner, subnet: &SubnetId) -> Option<AvailabilityZone> {
    let own = books
        .clusters
        .values()
        .filter(|cluster| cluster.owner == *owner && cluster.state != ClusterState::Deleted);
    own.flat_map(|cluster| &cluster.subnets).find(|(_, known)| *known == subnet).map(|(zone, _)| zone.clone())
}

fn all_zones(owner: &Owner) -> impl Iterator<Item = AvailabilityZone> {
    ('a'..='z').filter_map(|letter| format!("{}{letter}", owner.region).parse().ok())
}
