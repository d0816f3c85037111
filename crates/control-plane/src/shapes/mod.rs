//! What goes into the operations and what comes out, named as in the published model of the API.
//!
//! These are for the wire: members without a value are left out. A store should keep its own records; the identifiers, words
//! and [`Timestamp`] in them are fit for any format.

mod backups;
mod choices;
mod clusters;
mod hsms;
mod ids;
mod paging;
mod policies;
mod tags;
mod timestamp;

pub use backups::*;
pub use choices::*;
pub use clusters::*;
pub use hsms::*;
pub use ids::*;
pub use paging::Position;
pub use policies::*;
pub use tags::*;
pub use timestamp::Timestamp;
