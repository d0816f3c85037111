//! Planting the faults that are no matter of messages and the store.

use std::sync::Arc;

use strongroom_node::state::{Change, Expect, Key, Record, Replica, Revocation, User};
use strongroom_wire::InstanceId;

use super::deed::Deed;
use super::planted::Planted;
use super::world::World;
use crate::draft::Draft;

impl World {
    /// Has the planted fault strike, as soon as it can, once.
    pub(super) fn plant(&mut self) -> Option<Deed> {
        let ledger = Arc::clone(&self.cluster.as_ref()?.ledger);
        let commit = |key: Key, record| ledger.commit(Change::of(key, Expect::Anything, record)).ok();
        match self.planted? {
            Planted::HandleTwice => drop(ledger.rewind_handles().then_some(())?),
            Planted::ResetCount => {
                let (key, record) =
                    ledger.read(|state| state.records().find_map(|(key, _, record)| reset(key, &record)))?;
                commit(key, record)?;
            }
            Planted::Resurrect => {
                let (key, record) = self.last_deleted.clone()?;
                commit(key, Some(record))?;
            }
            Planted::TokenAgain => {
                let (key, record) = self.last_token.clone()?;
                commit(key, Some(record))?;
            }
            Planted::WriteUnasked => {
                let record = Record::Revocation(Revocation { expires: u64::MAX });
                commit(Key::Revocation(InstanceId([99; 16])), Some(record))?;
            }
            Planted::ForgetLag => {
                let lags: Vec<_> = ledger.lags.read().iter().map(|(node, key)| (node, key.clone())).collect();
                if lags.is_empty() {
                    return None;
                }
                ledger.write(Draft::default().and_end(lags)).ok()?;
            }
            Planted::FalseConnection => {
                let head = ledger.read(Replica::revision);
                let links = ledger.roster.read().links.clone();
                links.iter().find(|link| link.is_cut() && link.acked() < head)?.set_cut(false);
            }
            // By the messages, or by the store.
            Planted::SkipOnHeal | Planted::ForgetDeletion | Planted::ForgetLogout | Planted::LoseCommit => {
                return None;
            }
        }
        self.planted = None;
        self.struck += 1;
        Some(Deed::new("planted", "a fault"))
    }
}

fn reset(key: Key, record: &Record) -> Option<(Key, Option<Record>)> {
    match record {
        Record::User(user) if user.failures > 0 => {
            let user = User { failures: 0, ..(**user).clone() };
            Some((key, Some(Record::User(Arc::new(user)))))
        }
        Record::Failures(_) => Some((key, None)),
        _ => None,
    }
}
