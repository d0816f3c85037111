//! A node: its replica of the cluster's state, its clients, and what it needs from outside.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};
use strongroom_crypto::seal::SealingKey;
use strongroom_model::{Error, Handle, Limits, NodeId, Profile, Result, ReturnCode, Role, limits};
use strongroom_wire::{ClusterInfo, Hello, InstanceId, PROTOCOL, Welcome};

use crate::audit::{self, AuditSink, Beginning, Journal};
use crate::connection::Connection;
use crate::count::SessionKeys;
use crate::family::Family;
use crate::state::{Committed, Key, Port, Replica, Revision, Update};
use crate::users::Desk;

/// What time it is.
pub trait Clock: Send + Sync {
    /// Seconds since 1970.
    fn now(&self) -> u64;
}

/// What a node is made of.
pub struct NodeParts {
    /// Its number.
    pub id: NodeId,
    /// How often it has started, this time included; below [`Handle::MAX_BOOTS`]. Keeps handles of session objects from
    /// coming back.
    pub boot: u64,
    /// The cluster's name.
    pub cluster: String,
    /// The cluster's serial number.
    pub serial: String,
    /// The way to the cluster.
    pub port: Arc<dyn Port>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The cluster's masking key.
    pub masking: Arc<SealingKey>,
    /// The state to start from.
    pub replica: Replica,
}

/// One HSM.
pub struct Node {
    pub(crate) id: NodeId,
    boot: u64,
    cluster: String,
    serial: String,
    pub(crate) port: Arc<dyn Port>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) masking: Arc<SealingKey>,
    pub(crate) tickets: SealingKey,
    pub(crate) replica: RwLock<Replica>,
    pub(crate) journal: Journal,
    /// What it knows of users by itself.
    pub(crate) desk: Desk,
    families: Mutex<HashMap<InstanceId, Arc<Family>>>,
    next_session_object: AtomicU64,
    /// The session keys of all clients.
    pub(crate) session_keys: Arc<SessionKeys>,
    /// Processes that are connected; changed only while `families` is locked.
    clients: AtomicUsize,
    /// Whether the log says that the node is cut off.
    cut_off: AtomicBool,
    /// Whether it has crashed.
    gone: AtomicBool,
}

impl Node {
    /// A node that serves.
    pub fn new(parts: NodeParts) -> Arc<Self> {
        let NodeParts { id, boot, cluster, serial, port, clock, masking, replica } = parts;
        let tickets = masking.derive("tickets");
        Arc::new(Self {
            id,
            boot,
            cluster,
            serial,
            port,
            clock,
            masking,
            tickets,
            replica: RwLock::new(replica),
            journal: Journal::default(),
            desk: Desk::default(),
            families: Mutex::default(),
            next_session_object: AtomicU64::new(1),
            session_keys: Arc::default(),
            clients: AtomicUsize::new(0),
            cut_off: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        })
    }

    /// Has the node do no more for clients whose connections end from now on, as if it had no time for it: their quorum
    /// tokens live on, and its log doesn't tell of them.
    pub fn crash(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    /// Takes a client in. Dropping the connection lets it go, and what lives with it.
    ///
    /// # Errors
    ///
    /// `CKR_DEVICE_ERROR` when the client speaks another version of the protocol, `CKR_DEVICE_MEMORY` when the profile allows
    /// no more clients at once.
    pub fn connect(self: &Arc<Self>, hello: &Hello) -> Result<(Connection, Welcome)> {
        if hello.protocol != PROTOCOL {
            return Err(Error::new(
                ReturnCode::DEVICE_ERROR,
                format!(
                    "the client speaks protocol {}, this node {PROTOCOL}: use the module that came with the daemon",
                    hello.protocol
                ),
            ));
        }
        let limit = Limits::of(self.profile()).clients;
        let family = {
            let mut families = self.families.lock();
            let known = families.get(&hello.family).is_some_and(|family| family.has(hello.instance));
            if !known && self.clients.load(Ordering::Relaxed) >= limit {
                return Err(Error::new(
                    ReturnCode::DEVICE_MEMORY,
                    format!("{limit} clients are connected to this node, the most that the profile allows"),
                ));
            }
            self.clients.fetch_add(usize::from(!known), Ordering::Relaxed);
            let family = Arc::clone(families.entry(hello.family).or_default());
            family.connect(hello);
            family
        };
        self.journal.connected(hello.instance);
        let welcome = Welcome { node: self.id, cluster: self.info(), mailbox: false };
        Ok((Connection::new(Arc::clone(self), family, hello.clone()), welcome))
    }

    /// Takes in what the cluster sends; returns the revision that the node is at then. What is old, or leaves a gap, changes
    /// nothing.
    pub fn receive(&self, update: &Update) -> Revision {
        // The whole state takes a while to index, and the old one to drop: not while readers wait.
        let mut whole = (update.base.is_none() && update.is_sound()).then(|| Replica::whole(update));
        let (before, revision, events) = {
            let mut replica = self.replica.write();
            let before = replica.revision();
            let news = update.writes.iter().filter(|write| write.version > before);
            let events = match update.base {
                Some(_) if update.helps(before) => {
                    self.journal.replicated(&replica, news.map(|write| (&write.key, write.record.as_ref())))
                }
                // A node that takes over the whole state doesn't tell of each record.
                _ => Vec::new(),
            };
            match &mut whole {
                Some(whole) if update.helps(before) => std::mem::swap(&mut *replica, whole),
                _ => _ = replica.update(update),
            }
            (before, replica.revision(), events)
        };
        drop(whole);
        self.journal.applied(&events);
        if revision > before {
            for write in update.writes.iter().filter(|write| write.version > before) {
                if let (Key::Revocation(instance), Some(_)) = (&write.key, &write.record) {
                    self.log_out(*instance);
                }
            }
        }
        revision
    }

    /// Applies the next committed change.
    pub fn apply(&self, change: &Committed) {
        self.receive(&change.into());
    }

    /// Looks at the node's replica.
    pub fn read<T>(&self, look: impl FnOnce(&Replica) -> T) -> T {
        look(&self.replica.read())
    }

    /// Ends what a client instance has here under its login, whichever node it told that it logs out.
    fn log_out(&self, instance: InstanceId) {
        self.journal.logged_out(instance);
        let families: Vec<_> = self.families.lock().values().cloned().collect();
        families.iter().for_each(|family| family.log_out(instance));
    }

    /// The last change applied.
    pub fn revision(&self) -> Revision {
        self.replica.read().revision()
    }

    /// Has the audit log kept from now on, once, beginning with `begin` if it's a new one. To be called before the
    /// node serves: what was done before isn't told.
    ///
    /// # Errors
    ///
    /// Those of [`AuditSink::write`].
    pub fn record_to(&self, sink: Arc<dyn AuditSink>, begin: Option<Beginning>) -> Result<()> {
        let events = begin.map(|how| audit::beginning(how, &self.replica.read()));
        if self.journal.start(sink) { self.journal.write(&events.unwrap_or_default()) } else { Ok(()) }
    }

    /// Ends the audit log of a node that is removed from its cluster.
    ///
    /// # Errors
    ///
    /// Those of [`AuditSink::write`].
    pub fn end_record(&self) -> Result<()> {
        self.journal.write(&[audit::end()])
    }

    /// How often it had started before.
    pub fn boot(&self) -> u64 {
        self.boot
    }

    /// The cluster's serial number.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// Its number.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Open connections.
    pub fn connection_count(&self) -> usize {
        self.families.lock().values().map(|family| family.connection_count()).sum()
    }

    /// What anybody may know of the cluster.
    pub fn info(&self) -> ClusterInfo {
        let (members, epoch) = self.port.members();
        let default_user = self.read(|replica| replica.policy()?.default_user.clone());
        let default = default_user.as_ref().map(|name| (Role::CryptoUser, name));
        let uncommitted = default.map_or(0, |(role, name)| self.uncommitted_failures(role, name));
        let replica = self.replica.read();
        let policy = replica.policy();
        let recorded = default.map_or(0, |(role, name)| self.recorded_failures(&replica, role, name));
        let failures = recorded.saturating_add(uncommitted);
        let profile = replica.profile();
        let limits = PasswordLimits::of(profile);
        ClusterInfo {
            name: self.cluster.clone(),
            label: policy.map_or_else(|| self.cluster.clone(), |policy| policy.label.clone()),
            serial: self.serial.clone(),
            profile,
            variant: replica.regime().variant,
            initialized: replica.is_initialized(),
            default_user,
            default_user_failing: failures > 0,
            default_user_locked: failures >= limits.failures,
            min_password: limits.min,
            max_password: limits.max,
            members,
            epoch,
        }
    }

    /// Whether it hears of its cluster's changes. The log tells when that changes.
    pub(crate) fn is_connected(&self) -> bool {
        let connected = self.port.is_connected();
        if self.cut_off.load(Ordering::Relaxed) == connected
            && self.cut_off.swap(!connected, Ordering::Relaxed) == connected
        {
            let node = self.id.0;
            if connected {
                tracing::info!(node, "the node hears of its cluster's changes again");
            } else {
                tracing::warn!(node, "the node is cut off from its cluster: what it has may be out of date");
            }
        }
        connected
    }

    pub(crate) fn profile(&self) -> Profile {
        self.replica.read().profile()
    }

    /// A handle for a new session object.
    pub(crate) fn session_handle(&self) -> Result<Handle> {
        let serial = self.next_session_object.fetch_add(1, Ordering::Relaxed);
        let serial = u32::try_from(serial).map_err(|_| {
            Error::new(
                ReturnCode::DEVICE_MEMORY,
                "the node has no numbers left for session objects: restart the daemon",
            )
        })?;
        Ok(Handle::session(self.id, self.boot, serial))
    }

    pub(crate) fn disconnect(&self, family: &Family, hello: &Hello) {
        let mut families = self.families.lock();
        let last_of_family = family.disconnect(hello);
        self.clients.fetch_sub(usize::from(!family.has(hello.instance)), Ordering::Relaxed);
        if last_of_family {
            families.remove(&hello.family);
        }
        drop(families);
        if self.gone.load(Ordering::SeqCst) {
            return;
        }
        self.journal.disconnected(hello);
        if !family.has(hello.instance) {
            self.end_tokens(hello.instance);
        }
    }
}

/// What a profile asks of passwords.
#[derive(Clone, Copy, Debug)]
pub struct PasswordLimits {
    /// The shortest, in bytes.
    pub min: u32,
    /// The longest, in bytes.
    pub max: u32,
    /// Wrong ones in a row that lock a user.
    pub failures: u32,
}

impl PasswordLimits {
    /// What a profile asks.
    pub fn of(profile: Profile) -> Self {
        match profile {
            Profile::Standard | Profile::Strict => Self {
                min: limits::MIN_PASSWORD as u32,
                max: limits::MAX_PASSWORD as u32,
                failures: limits::MAX_LOGIN_FAILURES,
            },
            // cloudhsm.md 2.3: 7 to 32, and locked by more than 5 wrong ones.
            Profile::CloudHsm => Self { min: 7, max: 32, failures: 6 },
        }
    }
}
