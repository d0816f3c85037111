//! What was acknowledged is never lost: not by `SIGKILL`, not by a full disk; and what is damaged or exposed isn't
//! served at all.

mod disk;
mod homes;
mod kill;
mod ledger;
