//! What takes a replica from one revision to a later one, as a message.

use super::{Committed, Key, Record, Replica, Revision};

/// A record as a revision left it.
#[derive(Clone, Debug)]
pub struct Written {
    /// Which record.
    pub key: Key,
    /// The revision that wrote or deleted it.
    pub version: Revision,
    /// Its content; `None` if it isn't there.
    pub record: Option<Record>,
}

/// Everything that a replica of any revision from `base` to `to` misses to be at `to`: the content at `to` of every
/// record that was written in between. So it doesn't matter at which of them the replica is, nor whether an update
/// comes twice.
#[derive(Clone, Debug)]
pub struct Update {
    /// The earliest revision that it can be applied to; `None` if it has the whole state and replaces any earlier one.
    pub base: Option<Revision>,
    /// The revision that it leads to.
    pub to: Revision,
    /// The records; of several for one key the last counts.
    pub writes: Vec<Written>,
}

impl Update {
    /// Whether a replica at this revision can apply it and gains by it.
    pub fn helps(&self, revision: Revision) -> bool {
        revision < self.to && self.base.is_none_or(|base| base <= revision)
    }

    /// Whether every record is of its key's kind. An update that isn't sound is a bug of who made it, and is left alone.
    pub fn is_sound(&self) -> bool {
        self.writes.iter().all(|write| write.record.as_ref().is_none_or(|record| record.fits(&write.key)))
    }
}

impl From<&Committed> for Update {
    fn from(change: &Committed) -> Self {
        let written = |(key, record): &(Key, Option<Record>)| Written {
            key: key.clone(),
            version: change.revision,
            record: record.clone(),
        };
        let base = change.revision.saturating_sub(1);
        Self { base: Some(base), to: change.revision, writes: change.writes.iter().map(written).collect() }
    }
}

impl Replica {
    /// Brings the replica to an update's revision. `false` leaves it as it is: the update is old, is for a later revision,
    /// or isn't sound.
    pub fn update(&mut self, update: &Update) -> bool {
        if !update.helps(self.revision) || !update.is_sound() {
            return false;
        }
        if update.base.is_none() {
            *self = Self::whole(update);
            return true;
        }
        for write in &update.writes {
            match &write.record {
                Some(record) => self.put(write.key.clone(), write.version, record.clone()),
                None => self.delete(&write.key),
            }
        }
        self.revision = update.to;
        true
    }

    /// The state that an update is that has the whole of it.
    pub(crate) fn whole(update: &Update) -> Self {
        let records = update.writes.iter().filter_map(|write| {
            let record = write.record.clone().filter(|record| record.fits(&write.key))?;
            Some((write.key.clone(), write.version, record))
        });
        Self::load(update.to, records)
    }

    /// Applies a change, if it's the next. `false`: it isn't.
    pub fn apply(&mut self, change: &Committed) -> bool {
        self.update(&change.into())
    }
}
