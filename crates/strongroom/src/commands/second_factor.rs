//! What users sign to show that they have a key.

use std::path::Path;

use strongroom_model::{Blob, Role, UserName};
use strongroom_wire::{ChallengeKind, Request, Response, SignedChallenge};

use crate::output::Failure;
use crate::prompt;
use crate::session::Session;
use crate::tokens::{Form, read_signed, write_challenges};
use crate::views;

const WHERE: &str = "Enter signed token file path (press enter if same as the unsigned token file)";

/// What each node that can be reached draws for a user to sign.
pub(crate) fn challenges(
    session: &Session,
    kind: ChallengeKind,
    role: Role,
    user: &UserName,
) -> Result<Vec<Blob>, Failure> {
    let request = Request::Challenge { kind, role, user: user.clone() };
    let drawn = views::ask_all(session, &request, |response| match response {
        Response::Bytes(challenge) => Some(challenge),
        _ => None,
    })?;
    let challenges: Vec<Blob> = drawn.into_values().flatten().collect();
    if challenges.is_empty() {
        return Err(Failure::new(format!(
            "no node of the cluster {} can be reached, so there is nothing to sign",
            session.cluster()
        )));
    }
    Ok(challenges)
}

/// Has a user sign what the nodes draw: writes it to `token`, and asks where the signatures are.
pub(crate) fn signed(
    session: &Session,
    kind: ChallengeKind,
    role: Role,
    user: &UserName,
    token: &Path,
) -> Result<Vec<SignedChallenge>, Failure> {
    let drawn = challenges(session, kind, role, user)?;
    write_challenges(token, &drawn, Form::SecondFactor)?;
    let answer = prompt::ask(WHERE)?;
    let path = if answer.is_empty() { token } else { Path::new(&answer) };
    read_signed(path, Some(&drawn))
}
