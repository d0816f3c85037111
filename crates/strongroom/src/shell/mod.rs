//! What `strongroom interactive` is made of: where lines come from, what words and commands are in them.

mod complete;
mod grammar;
mod history;
mod lines;
mod words;

pub(crate) use grammar::Grammar;
pub(crate) use lines::Lines;
pub(crate) use words::split;
