//! Whole clusters in one thread, under a seed that decides everything: who asks for what, which messages are lost, late
//! or doubled, which nodes are cut off, stopped, started, added and removed, when the store fails and the daemon dies.
//!
//! After every step the cluster is compared with what the step was allowed to do:
//!
//! - what the store holds changed by what was asked for, and by all of it if it was acknowledged;
//! - nothing that was deleted is back, no handle was given out twice, no quorum token used twice;
//! - every node holds what the store held at the node's revision, byte for byte, but for what it lags behind in;
//! - nodes that are connected have everything;
//! - no node did what a small table of its own (`judge.rs`) forbids by what that node holds;
//! - no count of wrong passwords went down by itself.
//!
//! What is drawn at random outside the seed (keys, salts, ids) decides nothing, so that a seed always leads to the same
//! steps.

mod act;
mod check;
mod client;
mod commits;
mod deed;
mod dice;
mod disk;
mod effects;
mod judge;
mod keys;
mod looks;
mod net;
mod nodes;
mod plant;
mod planted;
mod quorum;
mod records;
mod sessions;
#[cfg(test)]
mod tests;
mod users;
mod view;
mod world;

use std::collections::BTreeMap;

pub use planted::Planted;

/// How a cluster is simulated.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many steps.
    pub steps: usize,
    /// Whether each step is told as it's made.
    pub trace: bool,
    /// Something that is made to go wrong, to see whether it's found.
    pub planted: Option<Planted>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { steps: 80, trace: false, planted: None }
    }
}

/// What was done, by kind and how it ended, and how often.
pub type Tally = BTreeMap<(&'static str, &'static str), u64>;

/// A step after which something didn't hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed that leads to it.
    pub seed: u64,
    /// The number of the step, from 0.
    pub step: usize,
    /// What was done.
    pub deed: String,
    /// What didn't hold.
    pub violation: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, step, deed, violation } = self;
        write!(f, "seed {seed}, step {step} ({deed}): {violation}")
    }
}

/// Simulates one cluster; `tell` hears of each step if the settings say so.
///
/// # Errors
///
/// [`Failure`] at the first step after which something doesn't hold.
pub fn run(seed: u64, settings: &Settings, tell: &mut dyn FnMut(&str)) -> Result<Tally, Failure> {
    let failure = |step, deed: &str, violation| Failure { seed, step, deed: deed.to_owned(), violation };
    let mut world = world::World::new(seed, settings.planted)
        .map_err(|violation| failure(0, "making the cluster", violation))?;
    for step in 0..=settings.steps {
        let deed = if step < settings.steps { world.act() } else { world.end() };
        let deed = deed.map_err(|violation| failure(step, &world.doing, violation))?;
        if settings.trace {
            tell(&format!("{step:4}  {deed}  {}", world.describe()));
        }
        world.check(&deed).map_err(|violation| failure(step, &deed.to_string(), violation))?;
    }
    if settings.planted.is_some() {
        world.tally.insert(("planted fault", "struck"), world.struck());
    }
    Ok(world.tally)
}
