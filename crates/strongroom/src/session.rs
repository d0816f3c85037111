//! A login to a cluster, for the commands that act on users and keys.

use std::env;
use std::path::{Path, PathBuf};

use strongroom_client::{Client, ClusterConfig, Config, Route};
use strongroom_model::{Role, UserName};
use strongroom_server::{Home, default_home};
use strongroom_wire::{Login, Request, Response};
use zeroize::Zeroizing;

use crate::args::Access;
use crate::output::Failure;
use crate::password::{self, blob};
use crate::secrets::Secrets;

/// The only PKCS#11 session of this process.
const SESSION: u64 = 1;

/// A cluster, and where its secrets are.
pub(crate) struct Session {
    client: Client,
    /// The home that the cluster is of, as far as the command line and the environment tell.
    pub(crate) home: Home,
    /// The cluster's name.
    pub(crate) cluster: String,
}

/// A role, a name, and the password where it's known.
struct Identity {
    role: Role,
    user: UserName,
    password: Option<Zeroizing<String>>,
}

impl Session {
    /// Finds the cluster, without logging in.
    pub(crate) fn anonymous(access: &Access) -> Result<Self, Failure> {
        let (home, config) = place(access)?;
        let config = pick(config, access.cluster.as_deref())?;
        let cluster = config.name.clone();
        Ok(Self { client: Client::new(config), home, cluster })
    }

    /// Finds the cluster and logs in: as asked, as the environment says, or as the user that `up` made for `role`.
    pub(crate) fn login(access: &Access, role: Role) -> Result<Self, Failure> {
        let session = Self::anonymous(access)?;
        let identity = session.identity(access, role)?;
        let password = match identity.password {
            Some(password) => password,
            None => password::ask(&format!("the password of {}", identity.user))?,
        };
        let login = Login { role: identity.role, user: Some(identity.user), password: blob(&password) };
        session.client.login(SESSION, login)?;
        Ok(session)
    }

    /// Has a node carry out a request.
    pub(crate) fn call(&self, request: &Request) -> Result<Response, Failure> {
        Ok(self.client.call(Route::Any, SESSION, request)?)
    }

    fn identity(&self, access: &Access, usual: Role) -> Result<Identity, Failure> {
        if access.login_username.is_none()
            && access.login_role.is_none()
            && let Some(identity) = from_environment(usual)?
        {
            return Ok(identity);
        }
        let role = access.login_role.unwrap_or(usual);
        let mut secrets = Secrets::if_readable(&self.home)?;
        let user = match &access.login_username {
            Some(user) => user.clone(),
            None => secrets.first(&self.cluster, role).ok_or_else(|| self.nobody(role))?,
        };
        let password = secrets.user_mut(&self.cluster, role, &user);
        let password = password.map(|known| Zeroizing::new(known.password.clone()));
        Ok(Identity { role, user, password })
    }

    fn nobody(&self, role: Role) -> Failure {
        Failure::new(format!(
            "nobody to log in as: {} knows no {role} of the cluster {}. Name one with --login-username, or set STRONGROOM_ROLE \
             and STRONGROOM_PIN",
            self.home.secrets().display(),
            self.cluster
        ))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The ticket would only end by itself; that nobody was logged in is fine.
        let _ = self.client.logout();
    }
}

/// A node's answer is to another question.
pub(crate) fn unexpected() -> Failure {
    Failure::new(
        "the node's answer makes no sense; is it of the same version as this command? See `strongroom status`",
    )
}

/// The home that's meant, and the configuration to use. A configuration that isn't a home's own still
/// has its secrets beside it, if anywhere.
fn place(access: &Access) -> Result<(Home, Config), Failure> {
    let of_home = |home: PathBuf| -> Result<(Home, Config), Failure> {
        let home = Home::new(home);
        let config = load(&home.client_config())?;
        Ok((home, config))
    };
    if let Some(home) = &access.home.home {
        return of_home(home.clone());
    }
    if let Some(file) = env::var_os("STRONGROOM_CONFIG").filter(|file| !file.is_empty()).map(PathBuf::from) {
        let folder = file.parent().unwrap_or(Path::new(".")).to_path_buf();
        return Ok((Home::new(folder), load(&file)?));
    }
    let home = default_home();
    if Home::new(&home).client_config().exists() {
        return of_home(home);
    }
    let config = Config::load().map_err(|error| Failure::new(error.to_string()))?;
    Ok((Home::new(home), config))
}

fn load(file: &Path) -> Result<Config, Failure> {
    if !file.exists() {
        let folder = file.parent().unwrap_or(Path::new("/")).display();
        return Err(Failure::new(format!(
            "there is no {}: no cluster was brought up in that home. Bring one up with  strongroom up --home {folder}",
            file.display()
        )));
    }
    Config::from_file(file).map_err(|error| Failure::new(error.to_string()))
}

fn pick(config: Config, wanted: Option<&str>) -> Result<ClusterConfig, Failure> {
    let names: Vec<String> = config.clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let mut clusters = config.clusters.into_iter();
    let picked = match wanted {
        Some(name) => clusters.find(|cluster| cluster.name == name),
        None => clusters.next(),
    };
    picked.ok_or_else(|| {
        Failure::new(format!(
            "the configuration has no cluster {}; it has {}",
            wanted.unwrap_or("at all"),
            names.join(", ")
        ))
    })
}

/// `STRONGROOM_PIN` (`user:password`) and `STRONGROOM_ROLE`, or those that cloudhsm-cli reads.
fn from_environment(usual: Role) -> Result<Option<Identity>, Failure> {
    let variable = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    for prefix in ["STRONGROOM", "CLOUDHSM"] {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cluster_is_picked_unless_one_is_named() {
        let text =
            "[[cluster]]\nname = 'a'\nnodes = ['unix:/a']\n[[cluster]]\nname = 'b'\nnodes = ['unix:/b']\n";
        let config = || Config::from_toml(text).unwrap();
        assert_eq!(pick(config(), None).unwrap().name, "a");
        assert_eq!(pick(config(), Some("b")).unwrap().name, "b");
        assert!(pick(config(), Some("c")).is_err());
    }
}
