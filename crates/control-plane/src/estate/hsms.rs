//! HSMs: made and removed.

use std::net::Ipv4Addr;

use super::books::Books;
use super::clusters::wrong_state;
use super::config::MAX_HSMS_OF_CLUSTER;
use super::names::{hex_id, id};
use super::records::{ClusterRecord, HsmRecord, Owner};
use super::views::hsm_view;
use super::{Desk, State};
use crate::shapes::*;
use crate::{ApiError, Caller};

impl Desk {
    pub(super) fn create_hsm(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: CreateHsmInput,
    ) -> Result<CreateHsmOutput, ApiError> {
        let mut record = state.books.cluster(caller, &input.cluster_id)?.clone();
        match record.state {
            ClusterState::Active => {}
            ClusterState::Uninitialized | ClusterState::Initialized if record.hsms.is_empty() => {}
            // The words are AWS's.
            ClusterState::Uninitialized | ClusterState::InitializeInProgress | ClusterState::Initialized
                if !record.hsms.is_empty() =>
            {
                return Err(ApiError::invalid(format!(
                    "Cluster '{}' already contains an HSM but has not yet been fully activated",
                    record.id
                )));
            }
            _ => return Err(wrong_state(&record, "get an HSM", "ACTIVE, or UNINITIALIZED without HSMs")),
        }
        let zone = input.availability_zone;
        let Some(subnet) = record.subnets.get(&zone).cloned() else {
            let known: Vec<_> = record.subnets.keys().map(AvailabilityZone::as_str).collect();
            return Err(ApiError::invalid(format!(
                "cluster {} has no subnet in {zone}; it has one in {}",
                record.id,
                known.join(", ")
            )));
        };
        let address =
            input.ip_address.as_ref().map(|address| free_address(&state.books, address)).transpose()?;
        if record.hsms.len() >= MAX_HSMS_OF_CLUSTER {
            return Err(ApiError::invalid(format!(
                "cluster {} has {MAX_HSMS_OF_CLUSTER} HSMs, which is the most it may have: delete one first",
                record.id
            )));
        }
        let owner = Owner::of(caller);
        let own = state.books.clusters.values().filter(|record| record.owner == owner);
        if own.map(|record| record.hsms.len()).sum::<usize>() >= self.config.hsms_per_account as usize {
            return Err(self.config.limit("HSMs", self.config.hsms_per_account));
        }

        let hsm = HsmRecord {
            id: id("hsm")?,
            zone,
            subnet,
            eni: hex_id("eni")?,
            address,
            node: None,
            state: HsmState::CreateInProgress,
            until: Some(self.end_of(now)),
            message: None,
        };
        record.hsms.push(hsm.clone());
        // Written before it's made: what a crash leaves is found, and made to the end.
        state.books.save_cluster(record.clone())?;
        match self.make_node(&record, &hsm, now) {
            Ok(placed) => {
                let made = HsmRecord { node: Some(placed.node), address: Some(placed.address), ..hsm };
                replace(&mut record, &made);
                let output = CreateHsmOutput { hsm: hsm_view(&record, &made, &[placed]) };
                // If that can't be written now, settling finds the node.
                if let Err(error) = state.books.save_cluster(record) {
                    tracing::warn!("{} was made, which is still to be noted: {error}", made.id);
                }
                Ok(output)
            }
            Err(fault) => {
                record.hsms.retain(|other| other.id != hsm.id);
                if state.books.save_cluster(record).is_err() {
                    state.tries.failed(&hsm.id, now);
                }
                Err(fault.into())
            }
        }
    }

    pub(super) fn delete_hsm(
        &self,
        state: &mut State,
        now: Timestamp,
        caller: &Caller,
        input: DeleteHsmInput,
    ) -> Result<DeleteHsmOutput, ApiError> {
        let before = state.books.cluster(caller, &input.cluster_id)?.clone();
        let hsm = chosen(&before, &input)?.clone();
        if !matches!(
            before.state,
            ClusterState::Active | ClusterState::Initialized | ClusterState::Uninitialized
        ) {
            return Err(wrong_state(&before, "lose an HSM", "ACTIVE, INITIALIZED or UNINITIALIZED"));
        }
        if hsm.state == HsmState::DeleteInProgress {
            return Err(ApiError::invalid(format!("{} is being deleted already", hsm.id)));
        }
        if hsm.node.is_none() && hsm.state == HsmState::CreateInProgress {
            return Err(ApiError::invalid(format!(
                "{} is CREATE_IN_PROGRESS: wait until it's ACTIVE, then delete it",
                hsm.id
            )));
        }
        let going =
            HsmRecord { state: HsmState::DeleteInProgress, until: Some(self.end_of(now)), ..hsm.clone() };
        let mut record = before.clone();
        replace(&mut record, &going);
        state.books.save_cluster(record.clone())?;
        match self.end_node(&record, &going, now) {
            Ok(()) => {
                replace(&mut record, &HsmRecord { node: None, ..going });
                // If that can't be written now, settling finds the node gone.
                if let Err(error) = state.books.save_cluster(record) {
                    tracing::warn!("{} was removed, which is still to be noted: {error}", hsm.id);
                }
                Ok(DeleteHsmOutput { hsm_id: hsm.id })
            }
            Err(fault) => {
                if state.books.save_cluster(before).is_err() {
                    state.tries.failed(&hsm.id, now);
                }
                Err(fault.into())
            }
        }
    }
}

fn replace(record: &mut ClusterRecord, hsm: &HsmRecord) {
    if let Some(place) = record.hsm_mut(&hsm.id) {
        *place = hsm.clone();
    }
}

/// An address that no other HSM has.
fn free_address(books: &Books, wanted: &IpAddress) -> Result<Ipv4Addr, ApiError> {
    let address: Ipv4Addr = wanted.as_str().parse().map_err(|_| {
        ApiError::invalid(format!(
            "{wanted} is no IPv4 address: each of its numbers is 0 to 255, without a leading 0"
        ))
    })?;
    let all = books.clusters.values().flat_map(|record| &record.hsms);
    if let Some(other) = all.into_iter().find(|hsm| hsm.address == Some(address)) {
        return Err(ApiError::invalid(format!(
            "the address {address} is that of {}: choose another, or leave IpAddress out",
            other.id
        )));
    }
    Ok(address)
}

fn chosen<'a>(record: &'a ClusterRecord, input: &DeleteHsmInput) -> Result<&'a HsmRecord, ApiError> {
    let DeleteHsmInput { hsm_id, eni_id, eni_ip, .. } = input;
    let (what, found) = match (hsm_id, eni_id, eni_ip) {
        (Some(id), None, None) => (id.to_string(), record.hsms.iter().find(|hsm| hsm.id == *id)),
        (None, Some(eni), None) => (eni.to_string(), record.hsms.iter().find(|hsm| hsm.eni == *eni)),
        (None, None, Some(ip)) => {
            let has =
                |hsm: &&HsmRecord| hsm.address.is_some_and(|address| address.to_string() == ip.as_str());
            (ip.to_string(), record.hsms.iter().find(has))
        }
        _ => {
            return Err(ApiError::invalid(
                "exactly one of HsmId, EniId and EniIp says which HSM is to be deleted",
            ));
        }
    };
    found.ok_or_else(|| ApiError::not_found(format!("cluster {} has no HSM {what}", record.id)))
}
