//! The files that approvers and users with a second factor sign (cloudhsm.md 2.5 and 3.4).

mod approval;
mod challenges;
mod encoding;

pub(crate) use approval::{read_approvals, write_token};
pub(crate) use challenges::{Form, read_signed, write_challenges};
pub(crate) use encoding::{from_base64, read_public_key, read_small, to_base64, write_new};
