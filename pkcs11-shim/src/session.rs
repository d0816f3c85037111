//! Sessions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use cryptoki_sys::{
    CK_FLAGS, CK_SESSION_HANDLE, CK_SESSION_INFO, CK_SESSION_VALIDATION_FLAGS_TYPE, CKF_ASYNC_SESSION,
    CKF_RW_SESSION, CKF_SERIAL_SESSION, CKS_LAST_VALIDATION_OK, CKS_RO_PUBLIC_SESSION, CKS_RO_USER_FUNCTIONS,
    CKS_RW_PUBLIC_SESSION, CKS_RW_SO_FUNCTIONS, CKS_RW_USER_FUNCTIONS,
};
use strongroom_client::{Client, Route};
use strongroom_model::{
    AttributeType, Attributes, Blob, Error, Handle, NodeId, ObjectInfo, Quirk, Result, ReturnCode, Role,
};
use strongroom_wire::{Request, Response};

use crate::abi::Dest;
use crate::module::Module;
use crate::objects::{Answered, Search};
use crate::operations::Operations;
use crate::slot::{Slot, route_of};
use crate::sync::lock;

/// A session. Threads may share it; its locks make them take turns.
pub(crate) struct Session {
    handle: u64,
    slot: Arc<Slot>,
    client: Arc<Client>,
    read_write: bool,
    /// The operations under way.
    pub(crate) ops: Mutex<Operations>,
    /// The search under way.
    pub(crate) search: Mutex<Option<Search>>,
    /// The key that may be used once after a login for just that, and the node that was told so.
    confirmed: Mutex<Option<(Handle, NodeId)>>,
    /// What was answered to a question for sizes, for the question for values that will follow.
    pub(crate) answered: Mutex<Option<Answered>>,
    /// Whether nodes may have something that ends with this session.
    touched: AtomicBool,
    /// Whether it's out of the table.
    closed: AtomicBool,
}

impl Session {
    /// A new session, not yet counted in.
    ///
    /// # Errors
    ///
    /// `SESSION_PARALLEL_NOT_SUPPORTED`, `SESSION_ASYNC_NOT_SUPPORTED` and `TOKEN_NOT_PRESENT`; `FUNCTION_FAILED` for a read-only session under `cloudhsm`.
    pub(crate) fn open(slot: &Arc<Slot>, flags: CK_FLAGS, handle: u64) -> Result<Self> {
        if flags & CKF_ASYNC_SESSION != 0 {
            let message = "sessions aren't asynchronous: leave out CKF_ASYNC_SESSION";
            return Err(Error::new(ReturnCode::SESSION_ASYNC_NOT_SUPPORTED, message));
        }
        if flags & CKF_SERIAL_SESSION == 0 {
            let message = "CKF_SERIAL_SESSION must be set";
            return Err(Error::new(ReturnCode::SESSION_PARALLEL_NOT_SUPPORTED, message));
        }
        let client = slot.client()?;
        if client.cluster().is_none() {
            client.probe()?;
        }
        let read_write = flags & CKF_RW_SESSION != 0;
        if !read_write && slot.regime().has(Quirk::NoReadOnlySessions) {
            let message = "the profile cloudhsm has read-write sessions only: set CKF_RW_SESSION, or switch the quirk \
                           no-read-only-sessions off";
            return Err(Error::new(ReturnCode::FUNCTION_FAILED, message));
        }
        Ok(Self::with(handle, slot.clone(), client.clone(), read_write, Operations::default()))
    }

    fn with(handle: u64, slot: Arc<Slot>, client: Arc<Client>, read_write: bool, ops: Operations) -> Self {
        Self {
            handle,
            slot,
            client,
            read_write,
            ops: Mutex::new(ops),
            search: Mutex::default(),
            confirmed: Mutex::default(),
            answered: Mutex::default(),
            touched: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// Its handle.
    pub(crate) fn handle(&self) -> u64 {
        self.handle
    }

    /// Its slot.
    pub(crate) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// The way to the cluster.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it's a read-write session.
    pub(crate) fn is_read_write(&self) -> bool {
        self.read_write
    }

    /// Has a node carry out a request that is made in this session. Objects that it makes become known to the slot.
    ///
    /// # Errors
    ///
    /// Those of [`Client::call`].
    pub(crate) fn call(&self, route: Route, request: &Request) -> Result<Response> {
        self.touch(request);
        let result = self.client.call(self.rerouted(route, request), self.handle, request);
        self.settle(request)?;
        let response = result?;
        self.learn_from(&response);
        Ok(response)
    }

    /// As [`Self::call`]; tells which node answered, too.
    ///
    /// # Errors
    ///
    /// Those of [`Client::call`].
    pub(crate) fn call_noting_node(&self, route: Route, request: &Request) -> Result<(NodeId, Response)> {
        self.touch(request);
        let route = self.rerouted(route, request);
        let result = self.client.call_noting_node(route, self.handle, request);
        self.settle(request)?;
        let (node, response) = result?;
        self.learn_from(&response);
        Ok((node, response))
    }

    /// As [`Self::call`], for a request that uses these objects: it goes to where they are.
    ///
    /// # Errors
    ///
    /// Those of [`Client::call`].
    pub(crate) fn call_with(&self, uses: &[Handle], request: &Request) -> Result<Response> {
        self.call(route_of(uses), request)
    }

    /// Logs in for one use of a key that wants that (`CKU_CONTEXT_SPECIFIC`).
    ///
    /// # Errors
    ///
    /// Those of a login.
    pub(crate) fn confirm(&self, key: Handle, password: Blob) -> Result<()> {
        *lock(&self.confirmed) = None;
        let (node, _) = self.call_noting_node(Route::Of(key), &Request::Confirm { key, password })?;
        *lock(&self.confirmed) = Some((key, node));
        Ok(())
    }

    /// Where a request goes: the first use of a key after a login for it goes where that login went.
    fn rerouted(&self, route: Route, request: &Request) -> Route {
        let key = match request {
            Request::Sign { operation, .. } | Request::Open { operation, .. } => operation.key,
            Request::Decrypt(operation) | Request::SignRecover(operation) => operation.key,
            _ => return route,
        };
        let mut confirmed = lock(&self.confirmed);
        match *confirmed {
            Some((confirmed_key, node)) if confirmed_key == key => {
                *confirmed = None;
                Route::Node(node)
            }
            _ => route,
        }
    }

    fn touch(&self, request: &Request) {
        if request.may_bind() {
            self.touched.store(true, Ordering::SeqCst);
        }
    }

    /// Another thread may have closed the session while the request was under way; what it left is then taken
    /// away here, since nobody else will.
    fn settle(&self, request: &Request) -> Result<()> {
        if request.may_bind() && self.closed.load(Ordering::SeqCst) {
            self.client.close_session(self.handle);
            self.slot.forget_session_objects();
            return Err(Error::new(
                ReturnCode::SESSION_CLOSED,
                "another thread closed the session meanwhile",
            ));
        }
        Ok(())
    }

    fn learn_from(&self, response: &Response) {
        match response {
            Response::Object(info) | Response::Encapsulated { object: info, .. } => {
                self.slot.remember(info.clone());
            }
            Response::Derived { keys, .. } => {
                keys.iter().for_each(|key| self.slot.remember(key.clone()));
            }
            Response::Pair { public, private } => {
                self.slot.remember(public.clone());
                self.slot.remember(private.clone());
            }
            _ => {}
        }
    }

    /// What is known of a key; asks a node if need be.
    ///
    /// # Errors
    ///
    /// `KEY_HANDLE_INVALID`, and what the client gives.
    pub(crate) fn key_info(&self, handle: Handle) -> Result<Arc<ObjectInfo>> {
        self.slot.key_info(handle)
    }

    /// Whether an object with these attributes may be made here.
    ///
    /// # Errors
    ///
    /// `SESSION_READ_ONLY` for a token object in a read-only session.
    pub(crate) fn may_make(&self, template: &Attributes) -> Result<()> {
        self.may_change(template.bool(AttributeType::TOKEN) == Some(true))
    }

    /// Whether a token object (or a session object) may be made or changed here.
    ///
    /// # Errors
    ///
    /// `SESSION_READ_ONLY` for a token object in a read-only session.
    pub(crate) fn may_change(&self, token: bool) -> Result<()> {
        if token && !self.read_write {
            let message = "token objects are made and changed in read-write sessions";
            return Err(Error::new(ReturnCode::SESSION_READ_ONLY, message));
        }
        Ok(())
    }

    /// For `C_GetSessionInfo`.
    pub(crate) fn info(&self) -> CK_SESSION_INFO {
        let state = match (self.client.identity(), self.read_write) {
            (None, false) => CKS_RO_PUBLIC_SESSION,
            (None, true) => CKS_RW_PUBLIC_SESSION,
            (Some(Role::CryptoUser), false) => CKS_RO_USER_FUNCTIONS,
            (Some(Role::CryptoUser), true) => CKS_RW_USER_FUNCTIONS,
            (Some(Role::Admin | Role::UnactivatedAdmin | Role::Appliance), _) => CKS_RW_SO_FUNCTIONS,
        };
        CK_SESSION_INFO {
            slotID: self.slot.id() as u64,
            state,
            flags: CKF_SERIAL_SESSION | if self.read_write { CKF_RW_SESSION } else { 0 },
            ulDeviceError: 0,
        }
    }

    /// Tells the nodes, if they have something of it. To be called when it's out of the table.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if self.touched.load(Ordering::SeqCst) {
            self.client.close_session(self.handle);
            self.slot.forget_session_objects();
        }
    }

    /// What a child makes of its parent's session. The parent's session objects aren't its own: they don't go
    /// when it closes this.
    pub(crate) fn in_child(&self, slot: &Arc<Slot>) -> Option<Self> {
        let ops = self.ops.try_lock().map(|mut ops| std::mem::take(&mut *ops).in_child()).unwrap_or_default();
        let client = slot.connected()?.clone();
        slot.count_in(self.read_write).ok()?;
        let search = self.search.try_lock().ok().and_then(|mut search| search.take());
        let child = Self::with(self.handle, slot.clone(), client, self.read_write, ops);
        Some(Self { search: Mutex::new(search), ..child })
    }
}

/// `C_GetSessionValidationFlags` (PKCS#11 3.2 section 5.6): of the last operation, none was validated.
pub(crate) fn validation_flags(
    module: &Module,
    session: CK_SESSION_HANDLE,
    kind: CK_SESSION_VALIDATION_FLAGS_TYPE,
    flags: Dest<CK_FLAGS>,
) -> Result<()> {
    module.session(session)?;
    flags.check()?;
    if kind != CKS_LAST_VALIDATION_OK {
        let message = format!("there are no validation flags of type {kind}");
        return Err(Error::new(ReturnCode::ARGUMENTS_BAD, message));
    }
    flags.put(0)
}
