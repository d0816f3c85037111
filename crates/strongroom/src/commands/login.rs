//! `strongroom login` and `logout`.

use serde_json::json;
use strongroom_wire::ChallengeKind;

use super::second_factor;
use crate::args::{Login, Place, SecondFactor};
use crate::output::{Failure, Output};
use crate::password;
use crate::secrets::Secrets;
use crate::session::{Desk, Session};

/// Logs in; in interactive mode until `logout`.
pub(crate) fn login(desk: &Desk, arguments: &Login) -> Result<Output, Failure> {
    let Login { place, username, role, .. } = arguments;
    let session = desk.anonymous(place)?;
    if let Some(who) = session.who() {
        return Err(Failure::new(format!(
            "{} {} is logged in to the cluster {} already: say  logout  first",
            who.role,
            who.user,
            session.cluster()
        )));
    }
    let password = match &arguments.password {
        Some(given) => given.read()?,
        None => known_password(&session, arguments)?.map_or_else(|| password::ask("Enter password"), Ok)?,
    };
    let signed = match &arguments.factor {
        None => None,
        Some(SecondFactor::MfaTokenSign { token }) => {
            Some(second_factor::signed(&session, ChallengeKind::Login, *role, username, token)?)
        }
    };
    session.log_in(*role, username.clone(), &password, signed)?;
    Ok(Output::Data(json!({"username": username.as_str(), "role": role.to_string()})))
}

/// Logs out.
pub(crate) fn logout(desk: &Desk, place: &Place) -> Result<Output, Failure> {
    let session = desk.anonymous(place)?;
    session.must_be_somebody()?;
    session.log_out()?;
    Ok(Output::Data("Logout successful".into()))
}

/// The password, if `up` made the user.
fn known_password(
    session: &Session,
    arguments: &Login,
) -> Result<Option<zeroize::Zeroizing<String>>, Failure> {
    let mut secrets = Secrets::if_readable(session.home())?;
    let known = secrets.user_mut(session.cluster(), arguments.role, &arguments.username);
    Ok(known.map(|known| known.password.clone().into()))
}
