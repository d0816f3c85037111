//! What a node keeps for its log: the sink, its clients' session handles and logins, and which changes are its own.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use strongroom_model::{Result, Role, UserName};
use strongroom_wire::{Hello, InstanceId};

use super::event::{AuditSink, Event, NODE_SESSION};
use super::{opcode, replicated};
use crate::state::{Change, Key, Record, Replica};
use crate::ticket::Principal;

/// Logins of one client instance that are remembered; when there are more, an old one may be told of again.
const MAX_LOGINS: usize = 8;

/// Failures of clients that nobody is logged in on that are told in one second. Anybody who reaches a node's socket can
/// cause them, and the log mustn't fill the disk for him.
const MAX_FAILURES: u32 = 10;

/// A node's journal. Without a sink it does nothing.
#[derive(Default)]
pub(crate) struct Journal {
    sink: OnceLock<Arc<dyn AuditSink>>,
    clients: Mutex<Clients>,
    /// Records that changes under way from this node write, with how many such changes.
    own: Mutex<HashMap<Key, usize>>,
    failures: Mutex<Failures>,
}

/// Failures of clients that nobody is logged in on.
#[derive(Default)]
struct Failures {
    second: u64,
    told: u32,
    omitted: u64,
}

/// One entry per connected client instance, so there are no more than connections.
#[derive(Default)]
struct Clients {
    by_instance: HashMap<InstanceId, Client>,
    given: u32,
}

struct Client {
    session: u32,
    connections: usize,
    /// Who has logged in by it, as far as this node has told.
    logins: Vec<(Role, UserName, u64)>,
}

/// Changes under way, until this is dropped.
pub(crate) struct UnderWay<'a> {
    journal: &'a Journal,
    keys: Vec<Key>,
}

impl Journal {
    /// Says where events go, once; whether it's the first time.
    pub(crate) fn start(&self, sink: Arc<dyn AuditSink>) -> bool {
        self.sink.set(sink).is_ok()
    }

    /// Whether anything is told.
    pub(crate) fn is_on(&self) -> bool {
        self.sink.get().is_some()
    }

    /// Makes sure that the next request's events will find room.
    pub(crate) fn reserve(&self) -> Result<()> {
        self.sink.get().map_or(Ok(()), |sink| sink.reserve())
    }

    /// Keeps events.
    pub(crate) fn write(&self, events: &[Event]) -> Result<()> {
        match self.sink.get() {
            Some(sink) if !events.is_empty() => sink.write(events),
            _ => Ok(()),
        }
    }

    /// Keeps the events of a failure of a client that nobody is logged in on, unless there were too many in this second.
    pub(crate) fn write_failure(&self, now: u64, events: &[Event]) -> Result<()> {
        let omitted = {
            let mut failures = self.failures.lock();
            if failures.second != now {
                (failures.second, failures.told) = (now, 0);
            }
            if failures.told >= MAX_FAILURES {
                failures.omitted += 1;
                return Ok(());
            }
            failures.told += 1;
            std::mem::take(&mut failures.omitted)
        };
        if omitted > 0 {
            let note = format!(
                "{omitted} failures of clients that nobody was logged in on were too many to be told"
            );
            self.write(&[Event { note: Some(note), ..Event::by_node(opcode::FAILURES_OMITTED) }])?;
        }
        self.write(events)
    }

    /// Keeps events that nobody waits for.
    fn note(&self, events: &[Event]) {
        if let Err(error) = self.write(events) {
            tracing::error!("the audit log lags behind: {error}");
        }
    }

    pub(crate) fn connected(&self, instance: InstanceId) {
        if self.is_on() {
            self.clients.lock().get(instance).connections += 1;
        }
    }

    /// A connection was closed. With an instance's last its logins end, and it's told that nobody logged out.
    pub(crate) fn disconnected(&self, hello: &Hello) {
        if !self.is_on() {
            return;
        }
        let mut clients = self.clients.lock();
        let Some(client) = clients.by_instance.get_mut(&hello.instance) else { return };
        client.connections = client.connections.saturating_sub(1);
        if client.connections > 0 {
            return;
        }
        let Some(Client { session, logins, .. }) = clients.by_instance.remove(&hello.instance) else {
            return;
        };
        drop(clients);
        let opcode =
            if hello.instance == hello.family { opcode::APP_FINALIZE } else { opcode::CLOSE_SESSION };
        let ended = logins.iter().map(|(role, name, _)| Event {
            session,
            actor: Some((*role, name.clone())),
            ..Event::by_node(opcode).about_user(*role, name)
        });
        self.note(&ended.collect::<Vec<_>>());
    }

    /// The session handle of a client instance.
    pub(crate) fn session(&self, instance: InstanceId) -> u32 {
        self.clients.lock().get(instance).session
    }

    /// Somebody logged in here, which is told of as a request.
    pub(crate) fn logged_in(&self, instance: InstanceId, principal: &Principal) {
        if self.is_on() {
            self.clients.lock().get(instance).take_in(principal);
        }
    }

    /// A client came with a ticket. The login that it's from is told of unless it was before.
    pub(crate) fn attached(&self, instance: InstanceId, principal: &Principal) {
        if !self.is_on() {
            return;
        }
        let session = {
            let mut clients = self.clients.lock();
            let client = clients.get(instance);
            if !client.take_in(principal) {
                return;
            }
            client.session
        };
        let (role, name) = (principal.role, principal.user.clone());
        let event = Event::by_node(opcode::LOGIN).about_user(role, &name);
        self.note(&[Event { session, actor: Some((role, name)), ..event }]);
    }

    /// An instance logged out, on whichever node.
    pub(crate) fn logged_out(&self, instance: InstanceId) {
        if self.is_on()
            && let Some(client) = self.clients.lock().by_instance.get_mut(&instance)
        {
            client.logins.clear();
        }
    }

    /// Notes that a change that is about to be committed is this node's own.
    pub(crate) fn committing(&self, change: &Change) -> UnderWay<'_> {
        let mut keys = Vec::new();
        if self.is_on() {
            let told =
                |key: &&Key| matches!(key, Key::Object(_) | Key::User(..) | Key::Policy | Key::ClientTrust);
            keys.extend(change.writes.iter().map(|write| &write.key).filter(told).cloned());
            let mut own = self.own.lock();
            keys.iter().for_each(|key| *own.entry(key.clone()).or_default() += 1);
        }
        UnderWay { journal: self, keys }
    }

    /// The events of writes that are about to be applied.
    pub(crate) fn replicated<'a>(
        &self,
        state: &Replica,
        writes: impl Iterator<Item = (&'a Key, Option<&'a Record>)> + Clone,
    ) -> Vec<Event> {
        if !self.is_on() {
            return Vec::new();
        }
        let own = self.own.lock();
        replicated::events(state, writes, |key| own.contains_key(key))
    }

    /// Keeps the events of writes that were applied.
    pub(crate) fn applied(&self, events: &[Event]) {
        if !events.is_empty() {
            self.note(events);
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.keys.is_empty() {
            return;
        }
        let mut own = self.journal.own.lock();
        for key in &self.keys {
            if let Some(count) = own.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    own.remove(key);
                }
            }
        }
    }
}

impl Clients {
    fn get(&mut self, instance: InstanceId) -> &mut Client {
        let Self { by_instance, given } = self;
        by_instance.entry(instance).or_insert_with(|| {
            *given = given.wrapping_add(1);
            Client { session: NODE_SESSION.wrapping_add(*given), connections: 0, logins: Vec::new() }
        })
    }
}

impl Client {
    /// Remembers a login; whether it's new.
    fn take_in(&mut self, principal: &Principal) -> bool {
        let login = (principal.role, principal.user.clone(), principal.epoch());
        if self.logins.contains(&login) {
            return false;
        }
        if self.logins.len() == MAX_LOGINS {
            self.logins.remove(0);
        }
        self.logins.push(login);
        true
    }
}
