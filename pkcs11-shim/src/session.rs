//! Sessions.

use std::sync::{Arc, Mutex};

use cryptoki_sys::{
    CK_FLAGS, CK_SESSION_INFO, CKF_RW_SESSION, CKF_SERIAL_SESSION, CKS_RO_PUBLIC_SESSION,
    CKS_RO_USER_FUNCTIONS, CKS_RW_PUBLIC_SESSION, CKS_RW_SO_FUNCTIONS, CKS_RW_USER_FUNCTIONS,
};
use strongroom_model::{AttributeType, Attributes, Handle, ObjectInfo, Result, ReturnCode, Role};
use strongroom_wire::{Request, Response};

use crate::link::{Client, Route};
use crate::operations::Operations;
use crate::slot::Slot;

/// A session.
pub(crate) struct Session {
    handle: u64,
    slot: Arc<Slot>,
    read_write: bool,
    /// The operations under way.
    pub(crate) ops: Mutex<Operations>,
}

impl Session {
    pub(crate) fn open(slot: &Arc<Slot>, flags: CK_FLAGS, handle: u64) -> Result<Self> {
        if flags & CKF_SERIAL_SESSION == 0 {
            return Err(ReturnCode::SESSION_PARALLEL_NOT_SUPPORTED.into());
        }
        Ok(Self {
            handle,
            slot: slot.clone(),
            read_write: flags & CKF_RW_SESSION != 0,
            ops: Mutex::default(),
        })
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
        self.slot.client()
    }

    /// Sends a request that is made in this session. Objects in the answer become known to the slot.
    pub(crate) fn call(&self, route: Route, request: &Request) -> Result<Response> {
        self.client().call(route, self.handle, request)
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
        if !self.read_write && template.bool(AttributeType::TOKEN) == Some(true) {
            return Err(ReturnCode::SESSION_READ_ONLY.into());
        }
        Ok(())
    }

    /// For `C_GetSessionInfo`.
    pub(crate) fn info(&self) -> CK_SESSION_INFO {
        let state = match (self.client().identity(), self.read_write) {
            (None, false) => CKS_RO_PUBLIC_SESSION,
            (None, true) => CKS_RW_PUBLIC_SESSION,
            (Some(Role::CryptoUser), false) => CKS_RO_USER_FUNCTIONS,
            (Some(Role::CryptoUser), true) => CKS_RW_USER_FUNCTIONS,
            (Some(Role::Admin), _) => CKS_RW_SO_FUNCTIONS,
        };
        CK_SESSION_INFO {
            slotID: self.slot.id() as u64,
            state,
            flags: CKF_SERIAL_SESSION | if self.read_write { CKF_RW_SESSION } else { 0 },
            ulDeviceError: 0,
        }
    }

    /// To be called when it's out of the table.
    pub(crate) fn close(&self) {
        self.client().close_session(self.handle);
    }

    /// What a child makes of its parent's session.
    pub(crate) fn in_child(&self, slot: &Arc<Slot>) -> Self {
        let operations = self.ops.try_lock().map(|mut operations| std::mem::take(&mut *operations));
        Self {
            handle: self.handle,
            slot: slot.clone(),
            read_write: self.read_write,
            ops: Mutex::new(operations.unwrap_or_default()),
        }
    }
}
