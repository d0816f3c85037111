//! The rules over attributes: one table, and what follows from it.
//!
//! Which object has which attributes, who may set them when, what they are when nobody says, and how
//! they may change: all of it is in [`table`]. Mechanisms have no attribute rules of their own.

mod apply;
mod table;

pub(crate) use apply::{Origin, Subject, build, change, copy, persist};
pub(crate) use table::{belongs, is_secret};
