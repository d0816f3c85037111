//! `strongroom user change-mfa`.

use std::path::Path;

use strongroom_model::Role;
use strongroom_wire::{ChallengeKind, Extras, OwnKey, Request};

use super::{approved, described, is_registered, set_password};
use crate::args::{ApprovalOption, User};
use crate::commands::second_factor;
use crate::output::{Failure, Output};
use crate::session::{Desk, Who};
use crate::tokens::read_public_key;
use crate::{password, prompt};

/// Sets a second factor for oneself; its key is the approver's key, too.
pub(crate) fn register(
    desk: &Desk,
    user: &User,
    token: &Path,
    change_password: bool,
    change_quorum: bool,
) -> Result<Output, Failure> {
    let session = desk.login(&user.access, user.role)?;
    let who = session.must_be_somebody()?;
    if who != (Who { role: user.role, user: user.username.clone() }) {
        return Err(Failure::new(format!(
            "only {} {} can set up a second factor for that user, by the key that nobody else has; {} {} is logged in",
            user.role, user.username, who.role, who.user
        )));
    }
    if !change_quorum && is_registered(&session, user)? {
        return Err(Failure::new(format!(
            "{} {} is registered with a key already: add --change-quorum to have the new one take its place",
            user.role, user.username
        )));
    }
    let password = change_password.then(|| password::new("the new password", None)).transpose()?;
    let proof =
        second_factor::signed(&session, ChallengeKind::Registration, user.role, &user.username, token)?;
    let public_key = read_public_key(&prompt::ask_path("Enter public key PEM file path")?)?;
    let key = OwnKey { public_key, proof };
    let request = Request::ChangeMfa { role: user.role, user: user.username.clone(), key: Some(key) };
    session.done(&Extras::default(), &request)?;
    if let Some(password) = password {
        set_password(&session, user, &password, &Extras::default())
            .map_err(|failure| Failure::new(format!("the second factor is set up, but {failure}")))?;
    }
    Ok(described(user))
}

/// Takes a second factor away, and with it the registration as approver.
pub(crate) fn deregister(desk: &Desk, user: &User, approval: &ApprovalOption) -> Result<Output, Failure> {
    let extras = approved(approval)?;
    let session = desk.login(&user.access, Role::Admin)?;
    let request = Request::ChangeMfa { role: user.role, user: user.username.clone(), key: None };
    session.done(&extras, &request)?;
    Ok(described(user))
}
