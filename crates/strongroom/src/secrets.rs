//! `secrets.json`: the passwords of the users that `up` made, for the home's owner only.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};

use serde::{Deserialize, Serialize};
use strongroom_model::{Role, UserName};
use strongroom_server::Home;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::files;
use crate::output::Failure;

const MODE: u32 = 0o600;

/// Keeps other commands from changing a home's secrets until the file is closed.
pub(crate) fn lock(home: &Home) -> Result<File, Failure> {
    let path = home.path().join("up.lock");
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path);
    file.and_then(|file| file.lock().map(|()| file))
        .map_err(|error| Failure::new(format!("{} can't be locked: {error}", path.display())))
}

/// The secrets of every cluster in a home, by its name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Secrets(BTreeMap<String, ClusterSecrets>);

/// The users of a cluster whose passwords are known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClusterSecrets {
    #[serde(default)]
    pub(crate) officer: Option<UserSecret>,
    #[serde(default)]
    pub(crate) crypto_users: Vec<UserSecret>,
}

/// A user and its password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ZeroizeOnDrop)]
pub(crate) struct UserSecret {
    #[zeroize(skip)]
    pub(crate) username: UserName,
    pub(crate) password: String,
}

impl UserSecret {
    /// What `C_Login` takes: `user:password`.
    pub(crate) fn pin(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}:{}", self.username, self.password))
    }
}

impl std::fmt::Debug for UserSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with a password", self.username)
    }
}

impl Secrets {
    /// Those of a home; none if there is no file.
    pub(crate) fn load(home: &Home) -> Result<Self, Failure> {
        let path = home.secrets();
        let Some(content) = files::read(&path)?.map(Zeroizing::new) else { return Ok(Self::default()) };
        let mode = fs::metadata(&path).map(|metadata| metadata.permissions().mode() & 0o777);
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            let path = path.display();
            return Err(Failure::new(format!(
                "others may read the passwords in {path}: run  chmod 600 {path}"
            )));
        }
        serde_json::from_slice(&content).map_err(|error| {
            // The error tells a place, not the content.
            Failure::new(format!("{} is damaged ({error}); move it away to go on without it", path.display()))
        })
    }

    /// As [`Self::load`]; none for a user who may not read the file, since users and keys may be managed by
    /// others than the home's owner.
    pub(crate) fn if_readable(home: &Home) -> Result<Self, Failure> {
        match File::open(home.secrets()) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Self::default()),
            _ => Self::load(home),
        }
    }

    /// Changes what is written down; `change` says whether it did. Nobody else changes it meanwhile.
    pub(crate) fn update(home: &Home, change: impl FnOnce(&mut Self) -> bool) -> Result<(), Failure> {
        let mut secrets = Self::if_readable(home)?;
        if secrets.0.is_empty() {
            return Ok(());
        }
        let _alone = lock(home)?;
        secrets = Self::load(home)?;
        if change(&mut secrets) { secrets.save(home) } else { Ok(()) }
    }

    /// Writes them, in one step.
    pub(crate) fn save(&self, home: &Home) -> Result<(), Failure> {
        let mut content = serde_json::to_vec_pretty(self)
            .map_err(|error| Failure::new(format!("the passwords can't be written down: {error}")))?;
        content.push(b'\n');
        let outcome = files::replace(&home.secrets(), MODE, &content);
        content.zeroize();
        outcome
    }

    pub(crate) fn of(&self, cluster: &str) -> Option<&ClusterSecrets> {
        self.0.get(cluster)
    }

    pub(crate) fn set(&mut self, cluster: &str, secrets: ClusterSecrets) {
        self.0.insert(cluster.to_string(), secrets);
    }

    pub(crate) fn remove(&mut self, cluster: &str) {
        self.0.remove(cluster);
    }

    /// The officer's name, or the first crypto user's.
    pub(crate) fn first(&self, cluster: &str, role: Role) -> Option<UserName> {
        let secrets = self.0.get(cluster)?;
        let user = match role {
            Role::Admin => secrets.officer.as_ref(),
            Role::CryptoUser => secrets.crypto_users.first(),
            Role::UnactivatedAdmin | Role::Appliance => None,
        };
        user.map(|user| user.username.clone())
    }

    /// A user's entry; `None` if `up` didn't make it.
    pub(crate) fn user_mut(&mut self, cluster: &str, role: Role, name: &UserName) -> Option<&mut UserSecret> {
        let secrets = self.0.get_mut(cluster)?;
        match role {
            Role::Admin => secrets.officer.as_mut().filter(|officer| officer.username == *name),
            Role::CryptoUser => secrets.crypto_users.iter_mut().find(|user| user.username == *name),
            Role::UnactivatedAdmin | Role::Appliance => None,
        }
    }

    /// Forgets a user; whether it was there.
    pub(crate) fn forget(&mut self, cluster: &str, role: Role, name: &UserName) -> bool {
        if self.user_mut(cluster, role, name).is_none() {
            return false;
        }
        if let Some(secrets) = self.0.get_mut(cluster) {
            match role {
                Role::Admin => secrets.officer = None,
                Role::CryptoUser => secrets.crypto_users.retain(|user| user.username != *name),
                Role::UnactivatedAdmin | Role::Appliance => {}
            }
        }
        true
    }
}
