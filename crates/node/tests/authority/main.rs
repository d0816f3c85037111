//! Users, what they may, their second factors, and what others must approve (cloudhsm.md 2 and 3).

mod accounts;
mod approvals;
mod bad_input;
#[path = "../common/mod.rs"]
mod common;
mod factor;
mod lockout;
mod permissions;
mod tokens;
mod world;
