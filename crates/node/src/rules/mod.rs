//! The rules over attributes: one table, and what follows from it.
//!
//! Which object has which attributes, who may set them when, what they are when nobody says, and how
//! they may change: all of it is in `table.rs`, and what profiles make of it in `cell.rs`. Which mechanisms a profile has is in
//! `mechanisms.rs`, which keys in `sizes.rs`. Mechanisms have no attribute rules of their own.

mod apply;
mod cell;
mod certificates;
mod heritage;
mod mechanisms;
mod sizes;
mod strict;
mod table;
mod vendor;

pub use apply::Origin;
pub(crate) use apply::{Subject, build, change, check_template, copy, must_exist, persist};
pub use cell::{Cell, cell, difference, exists, is_told, motion};
pub(crate) use heritage::Heritage;
pub(crate) use mechanisms::wanted;
pub use mechanisms::{Allowed, all_allowed, allowed};
pub(crate) use sizes::{check_imported, check_wanted};
pub(crate) use strict::{Strength, check_halves, check_wrapping, keep_trust};
pub use strict::{UNLIKE_WRAPPING, conflicts};
pub(crate) use table::is_secret;
pub use table::{Fallback, Kind, Motion, RULES, Rule, Supply};
pub use vendor::{COLUMNS, Letters, letters};
