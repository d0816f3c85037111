//! What clients see of nodes that come, go and fail (cloudhsm.md 14, items 8, 9, 16 to 18, 52, 53; attacks.md A34, A35).

#![allow(clippy::macro_metavars_in_unsafe, reason = "`call!` is for calls that only tests make")]

mod blackout;
mod clusters;
mod cuts;
mod direct;
mod membership;
mod retries;
mod sessions;
mod signers;
