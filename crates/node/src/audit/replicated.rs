//! What a node tells of changes that other nodes made (cloudhsm.md 9, patterns): the vendor's clients do to every HSM
//! what they do to one, so each HSM's log tells of it; here a node tells when the change arrives.

use std::cmp::Ordering;

use strongroom_model::Role;

use super::event::Event;
use super::opcode;
use crate::state::{Key, Record, Replica};

/// A change that deletes more records than this empties the cluster: it's told of as one event.
const MAX_DELETIONS: usize = 256;

/// The events of writes that are about to be applied to `state`; `is_own` tells what this node asked for itself.
pub(super) fn events<'a>(
    state: &Replica,
    writes: impl Iterator<Item = (&'a Key, Option<&'a Record>)> + Clone,
    is_own: impl Fn(&Key) -> bool,
) -> Vec<Event> {
    let foreign = writes.filter(|(key, _)| !is_own(key));
    let is_deletion = |(key, record): &(&Key, Option<&Record>)| {
        record.is_none() && matches!(key, Key::User(..) | Key::Object(_))
    };
    if foreign.clone().filter(is_deletion).count() > MAX_DELETIONS {
        return vec![Event::by_node(opcode::ZEROIZE)];
    }
    foreign.filter_map(|(key, record)| event(state, key, record)).collect()
}

fn event(state: &Replica, key: &Key, new: Option<&Record>) -> Option<Event> {
    match (key, new) {
        (Key::Object(handle), new) => {
            let old = state.object(*handle).map(|record| &record.value);
            let opcode = match (old, new) {
                (None, Some(Record::Object(_))) => opcode::INSERT_MASKED_OBJECT_USER,
                (Some(_), None) => opcode::DESTROY_OBJECT,
                (Some(old), Some(Record::Object(new))) if old.terms != new.terms => opcode::SHARE_OBJECT,
                (Some(_), Some(Record::Object(_))) => opcode::MODIFY_OBJECT,
                _ => return None,
            };
            Some(Event::by_node(opcode).about_key(*handle))
        }
        (Key::User(role, name), new) => {
            let old = state.user(*role, name).map(|record| &record.value);
            // The first officer is made by setting the password that the unactivated admin lacks.
            if *role == Role::Admin && old.is_none() && !state.is_initialized() {
                return Some(Event::by_node(opcode::CHANGE_PSWD).about_user(Role::UnactivatedAdmin, name));
            }
            let opcode = match (old, new) {
                (None, Some(Record::User(_))) if *role == Role::CryptoUser => opcode::CREATE_USER,
                (None, Some(Record::User(_))) => opcode::CREATE_CO,
                (Some(_), None) => opcode::DELETE_USER,
                (Some(old), Some(Record::User(new))) if old.password != new.password => opcode::CHANGE_PSWD,
                (Some(old), Some(Record::User(new))) if old.mfa != new.mfa => opcode::CHANGE_MFA,
                (Some(old), Some(Record::User(new))) if old.public_key != new.public_key => {
                    opcode::REGISTER_APPROVER
                }
                // Wrong passwords that are counted.
                _ => return None,
            };
            Some(Event::by_node(opcode).about_user(*role, name))
        }
        (Key::Policy, Some(Record::Policy(new))) => {
            let old = state.policy()?;
            if old.quorum == new.quorum {
                return None;
            }
            let same_values =
                [old.quorum, new.quorum].map(|quorum| (quorum.user, quorum.quorum, quorum.cluster));
            let opcode = if same_values[0] == same_values[1] {
                opcode::SET_TOKEN_TIMEOUT
            } else {
                opcode::SET_M_VALUE
            };
            Some(Event::by_node(opcode))
        }
        (Key::ClientTrust, Some(Record::ClientTrust(new))) => {
            let old = state.client_trust().map_or(0, |old| old.anchors.len());
            let opcode = match new.anchors.len().cmp(&old) {
                Ordering::Greater => opcode::REGISTER_TRUST_ANCHOR,
                Ordering::Less => opcode::DEREGISTER_TRUST_ANCHOR,
                Ordering::Equal => opcode::SET_MTLS_ENFORCEMENT,
            };
            Some(Event::by_node(opcode))
        }
        _ => None,
    }
}
