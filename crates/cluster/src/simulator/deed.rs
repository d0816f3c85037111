//! A step: what was done, and what it may do to the state.

use std::fmt;

use strongroom_node::state::Key;

use super::effects::{Effect, Outcome};

/// One step.
#[derive(Debug)]
pub(super) struct Deed {
    /// Its kind, to be counted.
    pub(super) kind: &'static str,
    /// What was done.
    pub(super) what: String,
    /// How it ended, in a word.
    pub(super) end: String,
    pub(super) outcome: Outcome,
    /// What it may do to the state.
    pub(super) may: Vec<Effect>,
    /// What it may do, and must have done if it was acknowledged; all in one change.
    pub(super) must: Vec<Effect>,
    /// What it may do even if it's refused.
    pub(super) anyway: Vec<Effect>,
    /// Records that nodes catch up with by it.
    pub(super) replicates: Vec<Key>,
}

impl Deed {
    /// A step that doesn't touch the state.
    pub(super) fn new(kind: &'static str, what: impl Into<String>) -> Self {
        let (what, end, outcome) = (what.into(), String::new(), Outcome::Done);
        Self {
            kind,
            what,
            end,
            outcome,
            may: Vec::new(),
            must: Vec::new(),
            anyway: Vec::new(),
            replicates: Vec::new(),
        }
    }

    pub(super) fn ended(mut self, end: impl Into<String>, outcome: Outcome) -> Self {
        self.end = end.into();
        self.outcome = outcome;
        self
    }

    pub(super) fn must(mut self, effects: impl IntoIterator<Item = Effect>) -> Self {
        self.must.extend(effects);
        self
    }

    pub(super) fn anyway(mut self, effects: impl IntoIterator<Item = Effect>) -> Self {
        self.anyway.extend(effects);
        self
    }

    pub(super) fn may(mut self, effects: impl IntoIterator<Item = Effect>) -> Self {
        self.may.extend(effects);
        self
    }
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.what)?;
        if self.end.is_empty() { Ok(()) } else { write!(f, ": {}", self.end) }
    }
}
