//! Users, what they may, their second factors, and what others must approve (cloudhsm.md 2 and 3).

mod accounts;
mod approvals;
mod bad_input;
mod client_trust;
#[path = "../common/mod.rs"]
mod common;
mod departures;
mod factor;
mod lifetimes;
mod lockout;
mod people;
mod permissions;
mod races;
mod tokens;
mod world;
