//! Who does it.

use std::env;

use strongroom_model::{Role, UserName};
use zeroize::Zeroizing;

use super::Session;
use crate::args::Access;
use crate::output::Failure;
use crate::secrets::Secrets;

/// A role, a name, and the password where it's known.
pub(super) struct Identity {
    pub(super) role: Role,
    pub(super) user: UserName,
    pub(super) password: Option<Zeroizing<String>>,
}

impl Session {
    /// Who the command line and the environment name, or whom `up` made for the role `usual`.
    pub(super) fn identity(&self, access: &Access, usual: Role) -> Result<Identity, Failure> {
        if access.login_username.is_none()
            && access.login_role.is_none()
            && let Some(identity) = from_environment(["STRONGROOM", "CLOUDHSM"], usual)?
        {
            return Ok(identity);
        }
        let role = access.login_role.unwrap_or(usual);
        let mut secrets = Secrets::if_readable(self.home())?;
        let user = match &access.login_username {
            Some(user) => user.clone(),
            None => secrets.first(self.cluster(), role).ok_or_else(|| self.nobody(role))?,
        };
        let password = secrets.user_mut(self.cluster(), role, &user);
        let password = password.map(|known| Zeroizing::new(known.password.clone()));
        Ok(Identity { role, user, password })
    }

    fn nobody(&self, role: Role) -> Failure {
        Failure::new(format!(
            "nobody to log in as: {} knows no {role} of the cluster {}. Name one with --login-username, or set STRONGROOM_ROLE \
             and STRONGROOM_PIN",
            self.home().secrets().display(),
            self.cluster()
        ))
    }
}

/// Who the environment names for the cluster that something is brought to.
pub(super) fn at_destination(usual: Role) -> Result<Option<Identity>, Failure> {
    from_environment(["DESTINATION_STRONGROOM", "DESTINATION_CLOUDHSM"], usual)
}

/// `STRONGROOM_PIN` (`user:password`) and `STRONGROOM_ROLE`, or those that cloudhsm-cli reads.
fn from_environment(prefixes: [&str; 2], usual: Role) -> Result<Option<Identity>, Failure> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    for prefix in prefixes {
        let Some(pin) = variable(&format!("{prefix}_PIN")).map(Zeroizing::new) else { continue };
        let role = match variable(&format!("{prefix}_ROLE")) {
            Some(role) => role.parse()?,
            None => usual,
        };
        let Some((user, password)) = pin.split_once(':') else {
            return Err(Failure::new(format!("{prefix}_PIN has no colon; it is user:password")));
        };
        let password = Some(Zeroizing::new(password.to_string()));
        return Ok(Some(Identity { role, user: user.parse()?, password }));
    }
    Ok(None)
}
