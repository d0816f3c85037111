//! What a cluster will be.

use super::Cluster;

/// What the cluster will be; made by [`Cluster::builder`].
#[derive(Clone, Debug, Default)]
pub struct Builder {
    pub(crate) name: Option<String>,
    pub(crate) nodes: Option<u16>,
    profile: Option<String>,
    more: Vec<String>,
    officer_password: Option<String>,
    crypto_users: Vec<(String, String)>,
    uninitialized: bool,
    own_ca: bool,
    pub(super) by_tls: bool,
    pub(super) daemon_config: Option<String>,
}

impl Builder {
    /// The cluster's name, which is also the token's label; else `default`.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How many nodes, 1 to 28; else 2.
    pub fn nodes(mut self, nodes: u16) -> Self {
        self.nodes = Some(nodes);
        self
    }

    /// `standard`, `cloudhsm` or `strict`; else `standard`.
    pub fn profile(mut self, profile: &str) -> Self {
        self.profile = Some(profile.into());
        self
    }

    /// A further option of `strongroom up`, such as `--mode`, with its value.
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.more.extend([name.into(), value.into()]);
        self
    }

    /// The officer's password; else a random one.
    pub fn officer_password(mut self, password: &str) -> Self {
        self.officer_password = Some(password.into());
        self
    }

    /// A crypto user, one or more; else `app` with a random password.
    pub fn crypto_user(mut self, name: &str, password: &str) -> Self {
        self.crypto_users.push((name.into(), password.into()));
        self
    }

    /// Without users: a token for `C_InitToken`.
    pub fn uninitialized(mut self) -> Self {
        self.uninitialized = true;
        self
    }

    /// Without users, and with a key that waits for its customer's certificate.
    pub fn own_ca(mut self) -> Self {
        self.own_ca = true;
        self
    }

    /// Its clients come by TLS, and by no socket.
    pub fn by_tls(mut self) -> Self {
        self.by_tls = true;
        self
    }

    /// What the daemon's configuration says, in TOML.
    pub fn daemon_config(mut self, text: &str) -> Self {
        self.daemon_config = Some(text.into());
        self
    }

    /// Brings it up.
    ///
    /// # Panics
    ///
    /// When that fails; the message has what `strongroom up` said.
    #[track_caller]
    pub fn start(self) -> Cluster {
        Cluster::bring_up(self)
    }

    /// Those of `strongroom up`.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut option = |name: &str, value: String| arguments.extend([name.to_string(), value]);
        self.name.iter().for_each(|name| option("--cluster", name.clone()));
        self.nodes.iter().for_each(|nodes| option("--nodes", nodes.to_string()));
        self.profile.iter().for_each(|profile| option("--profile", profile.clone()));
        self.officer_password.iter().for_each(|password| option("--officer-password", password.clone()));
        self.crypto_users
            .iter()
            .for_each(|(name, password)| option("--crypto-user", format!("{name}:{password}")));
        arguments.extend(self.more.iter().cloned());
        if self.uninitialized {
            arguments.push("--uninitialized".into());
        }
        if self.own_ca {
            arguments.push("--own-ca".into());
        }
        if self.by_tls {
            arguments.push("--listen".into());
        }
        arguments
    }
}
