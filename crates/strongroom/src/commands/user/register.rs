//! `strongroom user change-quorum`.

use std::path::Path;

use strongroom_model::Role;
use strongroom_wire::{Extras, OwnKey, Request};

use super::name_and_role;
use crate::args::Access;
use crate::output::{Failure, Output};
use crate::session::Desk;
use crate::tokens::{read_public_key, read_signed};

/// Registers the key that one approves with.
pub(crate) fn run(desk: &Desk, access: &Access, public_key: &Path, signed: &Path) -> Result<Output, Failure> {
    let key = OwnKey { public_key: read_public_key(public_key)?, proof: read_signed(signed, None)? };
    let session = desk.login(access, Role::Admin)?;
    let who = session.must_be_somebody()?;
    session.done(&Extras::default(), &Request::RegisterQuorumKey(key))?;
    Ok(Output::Data(name_and_role(&who.user, who.role)))
}
