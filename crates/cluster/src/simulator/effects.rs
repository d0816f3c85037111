//! What a step may do to the state, and whether that is what it did.

use std::collections::{BTreeSet, HashSet};

use strongroom_model::{Handle, NodeId, Role, UserName};
use strongroom_node::state::{Key, Record};
use strongroom_wire::InstanceId;

use super::deed::Deed;
use super::records::{Content, Named};

/// One thing that a step may do to the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// A new object; `None`: of a number that the caller wasn't told.
    ObjectMade(Option<Handle>),
    ObjectChanged(Handle),
    ObjectGone(Handle),
    UserMade(Role, UserName),
    UserChanged(Role, UserName),
    UserGone(Role, UserName),
    /// One wrong password more, or several that weren't counted before; of a node that counts for itself.
    Counted(Option<NodeId>, Role, UserName),
    /// No wrong passwords; of a node that counts for itself.
    Reset(Option<NodeId>, Role, UserName),
    LoggedOut(InstanceId),
    PolicyChanged,
    TokenMade,
    TokenChanged([u8; 32]),
    TokenGone([u8; 32]),
    /// A node was removed: what it counted is gone.
    NodeGone(NodeId),
}

impl Effect {
    fn is(&self, key: &Key, old: Option<&Record>, new: Option<&Record>) -> bool {
        let (made, gone) = (old.is_none() && new.is_some(), old.is_some() && new.is_none());
        let changed = old.is_some() && new.is_some();
        match (self, key) {
            (Self::ObjectMade(handle), Key::Object(found)) => {
                made && handle.is_none_or(|handle| handle == *found)
            }
            (Self::ObjectChanged(handle), Key::Object(found)) => changed && handle == found,
            (Self::ObjectGone(handle), Key::Object(found)) => gone && handle == found,
            (Self::UserMade(role, name), Key::User(found, other)) => made && (role, name) == (found, other),
            (Self::UserChanged(role, name), Key::User(found, other)) => {
                changed && (role, name) == (found, other)
            }
            (Self::UserGone(role, name), Key::User(found, other)) => gone && (role, name) == (found, other),
            (Self::Counted(None, role, name), Key::User(found, other)) => {
                (role, name) == (found, other) && failures(new) > failures(old) && only_failures(old, new)
            }
            (Self::Reset(None, role, name), Key::User(found, other)) => {
                (role, name) == (found, other) && failures(new) == 0 && only_failures(old, new)
            }
            (Self::Counted(Some(node), role, name), Key::Failures(at, found, other)) => {
                (node, role, name) == (at, found, other) && failures(new) > failures(old)
            }
            (Self::Reset(Some(node), role, name), Key::Failures(at, found, other)) => {
                (node, role, name) == (at, found, other) && gone
            }
            // A new password, or a deletion, forgets what was counted everywhere.
            (Self::UserChanged(role, name) | Self::UserGone(role, name), Key::Failures(_, found, other)) => {
                (role, name) == (found, other) && gone
            }
            (Self::LoggedOut(instance), Key::Revocation(found)) => new.is_some() && instance == found,
            (Self::PolicyChanged, Key::Policy) => new.is_some(),
            (Self::TokenMade, Key::Token(_)) => made,
            (Self::TokenChanged(id), Key::Token(found)) => changed && id == found,
            (Self::TokenGone(id), Key::Token(found)) => gone && id == found,
            (Self::NodeGone(node), Key::Failures(at, ..)) => gone && node == at,
            _ => false,
        }
    }
}

/// What became of what a step asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was acknowledged.
    Done,
    /// It was refused.
    Refused,
    /// It failed in a way that leaves it unknown whether it was done.
    Unknown,
}

/// What is no more, and must not come back.
#[derive(Debug, Default)]
pub(super) struct Graves {
    objects: HashSet<Handle>,
    /// Users' epochs: what was deleted or has another password.
    epochs: HashSet<(Role, UserName, u64)>,
    tokens: HashSet<[u8; 32]>,
}

/// Checks that the state changed from `old` to `new` by what a step may do only, and by all that it must do if it was
/// acknowledged. `expired` tells records that may go at any time.
pub(super) fn explain(
    old: &Content,
    new: &Content,
    deed: &Deed,
    graves: &mut Graves,
    expired: impl Fn(&Record) -> bool,
) -> Result<(), String> {
    let keys: BTreeSet<&Key> = old.records.keys().chain(new.records.keys()).collect();
    let mut seen = vec![false; deed.must.len()];
    for key in keys {
        let (before, after) = (old.records.get(key), new.records.get(key));
        if before.map(|record| record.version) == after.map(|record| record.version) {
            continue;
        }
        let (before, after) = (before.map(|record| &record.record), after.map(|record| &record.record));
        graves.bury(key, before, after)?;
        if deed.anyway.iter().any(|effect| effect.is(key, before, after)) {
            continue;
        }
        let mut explained = deed.may.iter().any(|effect| effect.is(key, before, after));
        for (effect, seen) in deed.must.iter().zip(&mut seen) {
            if effect.is(key, before, after) {
                *seen = true;
                explained = true;
            }
        }
        let swept = after.is_none() && before.is_some_and(&expired);
        if !swept && (!explained || deed.outcome == Outcome::Refused) {
            let change = match (before, after) {
                (None, _) => "came out of nothing".to_owned(),
                (_, None) => "vanished".to_owned(),
                (Some(old), Some(new)) => format!("changed{}", counts(old, new)),
            };
            return Err(format!("{} {change}, which nobody asked for", Named(key)));
        }
    }
    match deed.must.iter().zip(&seen).find(|(_, seen)| !**seen) {
        Some((effect, _)) if deed.outcome == Outcome::Done => {
            Err(format!("{effect:?} was acknowledged and isn't there"))
        }
        Some((effect, _)) if seen.contains(&true) => {
            Err(format!("{effect:?} isn't there, but others of the same change are"))
        }
        _ => Ok(()),
    }
}

impl Graves {
    fn bury(&mut self, key: &Key, old: Option<&Record>, new: Option<&Record>) -> Result<(), String> {
        let back = |there: bool| {
            if there { Err(format!("{} has come back", Named(key))) } else { Ok(()) }
        };
        match (key, old, new) {
            (Key::Object(handle), None, Some(_)) => back(self.objects.contains(handle)),
            (Key::Object(handle), Some(_), None) => back(!self.objects.insert(*handle)),
            (Key::Token(id), None, Some(_)) => back(self.tokens.contains(id)),
            (Key::Token(id), Some(_), None) => back(!self.tokens.insert(*id)),
            (Key::User(role, name), old, new) => {
                let (old, new) = (epoch(old), epoch(new));
                if old != new {
                    let grave = |epoch| (*role, name.clone(), epoch);
                    self.epochs.extend(old.map(grave));
                    return back(new.is_some_and(|epoch| self.epochs.contains(&grave(epoch))));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

fn epoch(record: Option<&Record>) -> Option<u64> {
    match record {
        Some(Record::User(user)) => Some(user.epoch),
        _ => None,
    }
}

fn failures(record: Option<&Record>) -> u32 {
    match record {
        Some(Record::User(user)) => user.failures,
        Some(Record::Failures(count)) => *count,
        _ => 0,
    }
}

fn only_failures(old: Option<&Record>, new: Option<&Record>) -> bool {
    match (old, new) {
        (Some(Record::User(old)), Some(Record::User(new))) => {
            let mut same = (**old).clone();
            same.failures = new.failures;
            same == **new
        }
        _ => false,
    }
}

fn counts(old: &Record, new: &Record) -> String {
    match (failures(Some(old)), failures(Some(new))) {
        (same, again) if same == again => String::new(),
        (old, new) => format!(" (its count from {old} to {new})"),
    }
}
