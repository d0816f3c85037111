//! A slot: a cluster, who is logged in to it, and what is known of its objects.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use strongroom_client::{Client, ClusterConfig, Config, ConfigError, Route};
use strongroom_model::{
    Error, Handle, Limits, ObjectInfo, Place, Profile, Quirk, Regime, Result, ReturnCode, Role,
};
use strongroom_wire::{ClusterInfo, MechanismEntry, Request, Response};

use crate::desk::{Desk, User};
use crate::events::Heard;
use crate::known::Known;
use crate::log::{self, Level};
use crate::state;
use crate::sync::{read, write};

/// A slot.
pub(crate) struct Slot {
    id: usize,
    /// Missing as long as there is no configuration.
    client: OnceLock<Arc<Client>>,
    known: Known,
    /// How many sessions there are, and who is logged in.
    pub(crate) desk: Desk,
    /// Held by who logs in or out, from question to answer. It has no part in forks.
    pub(crate) login_turn: Mutex<()>,
    /// What the application has heard of it.
    pub(crate) heard: Heard,
    mechanisms: RwLock<Option<Mechanisms>>,
    /// Counts what may change objects without a new revision.
    edition: AtomicU64,
}

/// The mechanisms of a cluster.
struct Mechanisms {
    serial: String,
    entries: Arc<[MechanismEntry]>,
}

impl Slot {
    /// The slots of the configuration; without one, a slot that has no token yet.
    pub(crate) fn from_config() -> Vec<Self> {
        match configuration() {
            Ok(config) => config
                .clusters
                .into_iter()
                .enumerate()
                .map(|(id, cluster)| Self::new(id, OnceLock::from(connectable(cluster))))
                .collect(),
            Err(error) => {
                log::write(Level::Error, format_args!("no configuration: {error}"));
                vec![Self::new(0, OnceLock::new())]
            }
        }
    }

    fn new(id: usize, client: OnceLock<Arc<Client>>) -> Self {
        Self {
            id,
            client,
            known: Known::default(),
            desk: Desk::default(),
            login_turn: Mutex::default(),
            heard: Heard::default(),
            mechanisms: RwLock::default(),
            edition: AtomicU64::new(0),
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// The way to the cluster. If there was no configuration when the module was initialised, it's looked for again.
    ///
    /// # Errors
    ///
    /// `TOKEN_NOT_PRESENT` if there still is none; the message says where it was looked for.
    pub(crate) fn client(&self) -> Result<&Arc<Client>> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut config =
            configuration().map_err(|error| Error::new(ReturnCode::TOKEN_NOT_PRESENT, error.to_string()))?;
        if self.id >= config.clusters.len() {
            return Err(ReturnCode::TOKEN_NOT_PRESENT.into());
        }
        let client = connectable(config.clusters.swap_remove(self.id));
        let _changing = state::changing();
        Ok(self.client.get_or_init(|| client))
    }

    /// The way to the cluster, if there was a configuration by now.
    pub(crate) fn connected(&self) -> Option<&Arc<Client>> {
        self.client.get()
    }

    /// Asks for the cluster, now.
    ///
    /// # Errors
    ///
    /// `TOKEN_NOT_PRESENT` if no node can be reached.
    pub(crate) fn probe(&self) -> Result<Arc<ClusterInfo>> {
        self.client()?.probe()
    }

    /// Whether the cluster is there, now. To a caller a slot without a token is no error; so the log has to
    /// say why it's empty.
    pub(crate) fn is_present(&self) -> bool {
        let present = match self.probe() {
            Ok(cluster) => Some(Arc::from(&*cluster.serial)),
            Err(error) => {
                log::write(Level::Warn, format_args!("slot {} is empty: {error}", self.id));
                None
            }
        };
        let is_present = present.is_some();
        self.heard.note(present);
        is_present
    }

    /// Which cluster is there, now.
    pub(crate) fn presence(&self) -> Option<Arc<str>> {
        self.probe().ok().map(|cluster| Arc::from(&*cluster.serial))
    }

    /// What is known of a key; asks a node if need be.
    ///
    /// # Errors
    ///
    /// `KEY_HANDLE_INVALID` for what isn't a key or isn't there, and what the client gives.
    pub(crate) fn key_info(&self, handle: Handle) -> Result<Arc<ObjectInfo>> {
        let invalid = |message| Error::new(ReturnCode::KEY_HANDLE_INVALID, message);
        if handle == Handle(0) {
            return Err(invalid("0 is never a key's handle".to_owned()));
        }
        let client = self.client()?;
        let revision = client.revision();
        let info = match self.known.get(handle, revision) {
            Some(info) => info,
            None => match client.call(Route::Of(handle), 0, &Request::Object { handle }) {
                // Kept under the revision from before: it may have changed since.
                Ok(Response::Object(info)) => self.known.insert(info, revision),
                Ok(_) => return Err(unexpected()),
                Err(error) if error.code == ReturnCode::OBJECT_HANDLE_INVALID => {
                    return Err(invalid(error.message));
                }
                Err(error) => return Err(error),
            },
        };
        if info.class.is_key() { Ok(info) } else { Err(invalid(format!("object {handle} is not a key"))) }
    }

    /// Keeps what a node said just now of an object.
    pub(crate) fn remember(&self, info: ObjectInfo) {
        if let Some(client) = self.client.get() {
            self.known.insert(info, client.revision());
        }
    }

    /// Forgets an object that is gone or other than before.
    pub(crate) fn forget(&self, handle: Handle) {
        self.known.remove(handle);
        self.edition.fetch_add(1, Ordering::AcqRel);
    }

    /// A number that changes with whatever may change objects, as far as this process can know.
    pub(crate) fn edition(&self) -> (u64, u64) {
        let revision = self.client.get().map_or(0, |client| client.revision());
        (self.edition.load(Ordering::Acquire), revision)
    }

    /// The cluster's mechanisms, asked for once.
    ///
    /// # Errors
    ///
    /// `TOKEN_NOT_PRESENT`, and what the client gives.
    pub(crate) fn mechanisms(&self) -> Result<Arc<[MechanismEntry]>> {
        let client = self.client()?;
        let serial = match client.cluster() {
            Some(cluster) => cluster.serial.clone(),
            None => client.probe()?.serial.clone(),
        };
        if let Some(known) = &*read(&self.mechanisms)
            && known.serial == serial
        {
            return Ok(known.entries.clone());
        }
        let Response::Mechanisms(entries) = client.call(Route::Any, 0, &Request::Mechanisms)? else {
            return Err(unexpected());
        };
        let entries: Arc<[MechanismEntry]> = entries.into();
        *write(&self.mechanisms) = Some(Mechanisms { serial, entries: entries.clone() });
        Ok(entries)
    }

    /// Counts a session in. To be called while holding [`state::changing`].
    ///
    /// # Errors
    ///
    /// Those of [`Desk::count_in`].
    pub(crate) fn count_in(&self, read_write: bool) -> Result<()> {
        self.desk.count_in(read_write, self.role() == Some(Role::Admin), self.limits().sessions)
    }

    /// The cluster's profile, asked for once.
    ///
    /// # Errors
    ///
    /// What the client gives.
    pub(crate) fn profile(&self) -> Result<Profile> {
        let client = self.client()?;
        Ok(match client.cluster() {
            Some(cluster) => cluster.profile,
            None => client.probe()?.profile,
        })
    }

    /// What the cluster allows in full; `standard` before it's known.
    pub(crate) fn regime(&self) -> Regime {
        let cluster = self.client.get().and_then(|client| client.cluster());
        cluster.map_or_else(Regime::default, |cluster| cluster.regime())
    }

    /// Refuses a function that the vendor's library lacks (cloudhsm.md 5.1).
    ///
    /// # Errors
    ///
    /// `FUNCTION_NOT_SUPPORTED`.
    pub(crate) fn must_go_beyond_cloudhsm(&self, function: &str) -> Result<()> {
        if !self.regime().has(Quirk::MissingFunctions) {
            return Ok(());
        }
        Err(Error::new(ReturnCode::FUNCTION_NOT_SUPPORTED, format!("the profile cloudhsm has no {function}")))
    }

    /// What the cluster's profile allows; `standard`'s limits before the cluster is known.
    fn limits(&self) -> Limits {
        let cluster = self.client.get().and_then(|client| client.cluster());
        Limits::of(cluster.map_or_else(Profile::default, |cluster| cluster.profile))
    }

    /// The role of who is logged in: nobody, once the cluster has stopped accepting the login.
    pub(crate) fn role(&self) -> Option<Role> {
        self.client.get().and_then(|client| client.identity())
    }

    /// Who is logged in.
    pub(crate) fn user(&self) -> Option<User> {
        self.role().and_then(|_| self.desk.user())
    }

    /// Notes who is logged in. Private objects come and go with it.
    pub(crate) fn set_user(&self, user: Option<User>) {
        self.desk.set_user(user);
        self.forget_all();
    }

    /// Forgets the session objects, since some of them are gone with their session.
    pub(crate) fn forget_session_objects(&self) {
        self.known.retain(|handle| handle.place() == Place::Cluster);
        self.edition.fetch_add(1, Ordering::AcqRel);
    }

    /// Forgets all objects.
    pub(crate) fn forget_all(&self) {
        self.known.retain(|_| false);
        self.edition.fetch_add(1, Ordering::AcqRel);
    }

    /// To be called before a fork, in the thread that forks.
    pub(crate) fn before_fork(&self) {
        if let Some(client) = self.client.get() {
            client.before_fork();
        }
    }

    /// To be called in the parent after the fork.
    pub(crate) fn after_fork(&self) {
        if let Some(client) = self.client.get() {
            client.after_fork_parent();
        }
    }

    /// What a child makes of its parent's slot; sessions are still to be counted in.
    pub(crate) fn in_child(&self) -> Self {
        let client = match self.client.get() {
            Some(client) => OnceLock::from(Arc::new(client.fork_child())),
            None => OnceLock::new(),
        };
        let (desk, heard) = (self.desk.in_child(), self.heard.in_child());
        Self { desk, heard, ..Self::new(self.id, client) }
    }
}

/// Where a request goes that uses these objects: to the node of a session object among them, else to any.
pub(crate) fn route_of(uses: &[Handle]) -> Route {
    let on_node = |handle: &&Handle| matches!(handle.place(), Place::Node(_));
    uses.iter().find(on_node).map_or(Route::Any, |handle| Route::Of(*handle))
}

/// An answer to another question than was asked; the client has checked the frame, so it's the node's fault.
pub(crate) fn unexpected() -> Error {
    Error::new(ReturnCode::DEVICE_ERROR, "the node gave an answer to another question")
}

/// The configuration; if none is found any more, the first that this process had, since workers often lose the
/// environment that led to it (clients.md, trap 4).
fn configuration() -> std::result::Result<Config, ConfigError> {
    static FIRST: OnceLock<Config> = OnceLock::new();
    match Config::load() {
        Ok(config) => {
            config.logging.iter().for_each(log::configured);
            let _changing = state::changing();
            FIRST.get_or_init(|| config.clone());
            Ok(config)
        }
        Err(ConfigError::NotFound { looked }) => FIRST.get().cloned().ok_or(ConfigError::NotFound { looked }),
        Err(error) => Err(error),
    }
}

fn connectable(cluster: ClusterConfig) -> Arc<Client> {
    Arc::new(Client::new(cluster).log_to(log::of_client))
}
