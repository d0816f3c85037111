//! Client instances, and what lives and dies with them: session objects and multi-part operations.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use strongroom_crypto::Stream;
use strongroom_model::{Attributes, Error, Handle, Result, ReturnCode, limits};
use strongroom_wire::{Hello, InstanceId, StreamKind};

use crate::count::Counted;
use crate::object::StoredObject;
use crate::state::Index;

/// A process that loaded the module, and its forks. Session objects of the root are visible to all; those of a child
/// die with the child, those of the root with the last of the family.
#[derive(Default)]
pub(crate) struct Family {
    inner: RwLock<Inner>,
    /// Held by who makes a token object of a session object, changes or destroys one.
    pub(crate) persisting: Mutex<()>,
}

#[derive(Default)]
struct Inner {
    /// Open connections of each instance.
    connections: HashMap<InstanceId, usize>,
    objects: BTreeMap<Handle, SessionObject>,
    index: Index,
    /// By numbers that were drawn: one from before a restart must not lead to another operation after it.
    streams: HashMap<u64, Arc<Running>>,
    /// Keys that sessions may use once, since their user has just given a password for it.
    confirmed: Vec<(SessionId, Handle)>,
}

struct SessionObject {
    owner: SessionId,
    object: Arc<StoredObject>,
    /// If it's a key.
    _counted: Option<Counted>,
}

/// A PKCS#11 session of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SessionId {
    pub(crate) instance: InstanceId,
    pub(crate) session: u64,
}

/// A multi-part operation.
pub(crate) struct Running {
    owner: SessionId,
    pub(crate) kind: StreamKind,
    /// Who began it: it's over when somebody else, or nobody, is logged in.
    pub(crate) user: Option<strongroom_model::UserName>,
    pub(crate) key: Handle,
    /// The most data for one part, in bytes.
    pub(crate) max_data: Option<usize>,
    /// `None` once it's over.
    pub(crate) stream: Mutex<Option<Stream>>,
}

impl Family {
    pub(crate) fn connect(&self, hello: &Hello) {
        *self.inner.write().connections.entry(hello.instance).or_default() += 1;
    }

    /// Whether a process is connected.
    pub(crate) fn has(&self, instance: InstanceId) -> bool {
        self.inner.read().connections.contains_key(&instance)
    }

    /// A connection was closed. Returns whether it was the family's last.
    pub(crate) fn disconnect(&self, hello: &Hello) -> bool {
        let mut inner = self.inner.write();
        let Some(count) = inner.connections.get_mut(&hello.instance) else { return false };
        *count -= 1;
        if *count == 0 {
            inner.connections.remove(&hello.instance);
            if hello.instance != hello.family {
                inner.remove_where(|owner, _| owner.instance == hello.instance);
            }
            inner.streams.retain(|_, running| running.owner.instance != hello.instance);
            inner.confirmed.retain(|(owner, _)| owner.instance != hello.instance);
        }
        inner.connections.is_empty()
    }

    pub(crate) fn connection_count(&self) -> usize {
        self.inner.read().connections.values().sum()
    }

    pub(crate) fn close_session(&self, session: SessionId) {
        let mut inner = self.inner.write();
        inner.remove_where(|owner, _| owner == session);
        inner.streams.retain(|_, running| running.owner != session);
        inner.confirmed.retain(|(owner, _)| *owner != session);
    }

    /// Private session objects go when their maker logs out (PKCS#11 3.2 section 5.6.9).
    pub(crate) fn log_out(&self, instance: InstanceId) {
        let mut inner = self.inner.write();
        inner.remove_where(|owner, object| {
            owner.instance == instance && object.is(strongroom_model::AttributeType::PRIVATE)
        });
        inner.streams.retain(|_, running| running.owner.instance != instance);
        inner.confirmed.retain(|(owner, _)| owner.instance != instance);
    }

    pub(crate) fn insert(
        &self,
        handle: Handle,
        owner: SessionId,
        object: Arc<StoredObject>,
        counted: Option<Counted>,
    ) -> Result<()> {
        let mut inner = self.inner.write();
        if inner.objects.len() >= limits::MAX_SESSION_OBJECTS {
            return Err(Error::new(
                ReturnCode::DEVICE_MEMORY,
                format!(
                    "the client has {} session objects on this node: destroy some",
                    limits::MAX_SESSION_OBJECTS
                ),
            ));
        }
        inner.index.insert(handle, &object.attributes);
        inner.objects.insert(handle, SessionObject { owner, object, _counted: counted });
        Ok(())
    }

    pub(crate) fn get(&self, handle: Handle) -> Option<Arc<StoredObject>> {
        self.inner.read().objects.get(&handle).map(|entry| Arc::clone(&entry.object))
    }

    /// Puts a changed object in the place of `old`. `false`: somebody else has changed or destroyed it.
    pub(crate) fn replace(&self, handle: Handle, old: &Arc<StoredObject>, new: Arc<StoredObject>) -> bool {
        let mut guard = self.inner.write();
        let Inner { objects, index, .. } = &mut *guard;
        match objects.get_mut(&handle) {
            Some(entry) if Arc::ptr_eq(&entry.object, old) => {
                index.remove(handle, &old.attributes);
                index.insert(handle, &new.attributes);
                entry.object = new;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn remove(&self, handle: Handle) -> bool {
        let mut inner = self.inner.write();
        match inner.objects.remove(&handle) {
            Some(entry) => {
                inner.index.remove(handle, &entry.object.attributes);
                true
            }
            None => false,
        }
    }

    /// Objects behind `after` that may match, ascending, as long as `visit` wants more.
    pub(crate) fn search(
        &self,
        template: &Attributes,
        after: Option<Handle>,
        mut visit: impl FnMut(Handle, &StoredObject) -> bool,
    ) {
        let inner = self.inner.read();
        for handle in inner.index.candidates(template, after) {
            let Some(entry) = inner.objects.get(&handle) else { continue };
            if !visit(handle, &entry.object) {
                break;
            }
        }
    }

    pub(crate) fn begin(
        &self,
        owner: SessionId,
        kind: StreamKind,
        user: Option<strongroom_model::UserName>,
        key: Handle,
        stream: Stream,
        max_data: Option<usize>,
    ) -> Result<u64> {
        let mut inner = self.inner.write();
        if inner.streams.len() >= limits::MAX_OPERATIONS {
            return Err(Error::new(
                ReturnCode::DEVICE_MEMORY,
                format!(
                    "the client has {} multi-part operations on this node: end some",
                    limits::MAX_OPERATIONS
                ),
            ));
        }
        let number = u64::from_le_bytes(strongroom_crypto::random::bytes());
        inner.streams.insert(
            number,
            Arc::new(Running { owner, kind, user, key, max_data, stream: Mutex::new(Some(stream)) }),
        );
        Ok(number)
    }

    /// The operation, if it's the instance's own.
    pub(crate) fn running(&self, number: u64, instance: InstanceId) -> Option<Arc<Running>> {
        self.inner.read().streams.get(&number).filter(|running| running.owner.instance == instance).cloned()
    }

    /// Lets a session use a key once. What it had leave for before is forgotten.
    pub(crate) fn confirm(&self, session: SessionId, key: Handle) {
        let mut inner = self.inner.write();
        inner.confirmed.retain(|(other, _)| *other != session);
        if inner.confirmed.len() >= limits::MAX_OPERATIONS {
            inner.confirmed.remove(0);
        }
        inner.confirmed.push((session, key));
    }

    /// Whether a session may use a key now; it may no longer then.
    pub(crate) fn take_confirmation(&self, session: SessionId, key: Handle) -> bool {
        let mut inner = self.inner.write();
        let at = inner.confirmed.iter().position(|confirmed| *confirmed == (session, key));
        at.map(|at| inner.confirmed.swap_remove(at)).is_some()
    }

    pub(crate) fn end(&self, number: u64, instance: InstanceId) {
        let mut inner = self.inner.write();
        if inner.streams.get(&number).is_some_and(|running| running.owner.instance == instance) {
            inner.streams.remove(&number);
        }
    }
}

impl Inner {
    fn remove_where(&mut self, condition: impl Fn(SessionId, &StoredObject) -> bool) {
        let Self { objects, index, .. } = self;
        objects.retain(|handle, entry| {
            let gone = condition(entry.owner, &entry.object);
            if gone {
                index.remove(*handle, &entry.object.attributes);
            }
            !gone
        });
    }
}
