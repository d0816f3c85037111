//! Which records were written lately: what a node that comes back has to be sent.

use std::collections::{BTreeSet, VecDeque};

use strongroom_node::state::{Key, Revision};

/// How many written keys are remembered; a node that missed more is sent the whole state.
const MAX_KEYS: usize = 65_536;

/// The keys of the last changes.
#[derive(Debug)]
pub(crate) struct History {
    /// The revision that the first of the entries starts from.
    start: Revision,
    /// What each group of changes wrote, by the revision that it led to.
    groups: VecDeque<(Revision, Vec<Key>)>,
    keys: usize,
    most: usize,
}

impl History {
    /// Nothing was written since this revision.
    pub(crate) fn new(start: Revision) -> Self {
        Self { start, groups: VecDeque::new(), keys: 0, most: MAX_KEYS }
    }

    /// Notes what was written.
    pub(crate) fn push(&mut self, to: Revision, keys: Vec<Key>) {
        self.keys += keys.len();
        self.groups.push_back((to, keys));
        while self.keys > self.most {
            let Some((to, keys)) = self.groups.pop_front() else { return };
            self.keys -= keys.len();
            self.start = to;
        }
    }

    /// What was written after a revision, each key once; `None` if that isn't known any more.
    pub(crate) fn since(&self, revision: Revision) -> Option<BTreeSet<&Key>> {
        if revision < self.start {
            return None;
        }
        let later = self.groups.iter().rev().take_while(|(to, _)| *to > revision);
        Some(later.flat_map(|(_, keys)| keys).collect())
    }

    /// Remembers less, from now on.
    #[cfg(any(test, feature = "simulator"))]
    pub(crate) fn shorten(&mut self, most: usize) {
        self.most = most;
    }
}

#[cfg(test)]
mod tests {
    use strongroom_model::Handle;

    use super::*;

    #[test]
    fn what_is_forgotten_isnt_taken_for_nothing() {
        let key = |n| Key::Object(Handle(n));
        let mut history = History::new(10);
        history.shorten(3);
        assert!(history.since(9).is_none());
        assert!(history.since(10).unwrap().is_empty());

        history.push(11, vec![key(1), key(2)]);
        history.push(13, vec![key(2)]);
        assert_eq!(history.since(10).unwrap(), BTreeSet::from([&key(1), &key(2)]));
        assert_eq!(history.since(11).unwrap(), BTreeSet::from([&key(2)]));
        // From the middle of a group: all of it, which does no harm.
        assert_eq!(history.since(12).unwrap(), BTreeSet::from([&key(2)]));
        assert!(history.since(13).unwrap().is_empty());

        history.push(14, vec![key(3)]);
        assert!(history.since(10).is_none());
        assert_eq!(history.since(11).unwrap(), BTreeSet::from([&key(2), &key(3)]));
        history.push(15, vec![key(4); 5]);
        assert!(history.since(14).is_none());
        assert!(history.since(15).unwrap().is_empty());
    }
}
