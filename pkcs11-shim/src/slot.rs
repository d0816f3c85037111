//! A slot: a cluster, and what is known of its objects.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use strongroom_model::{Error, Handle, ObjectInfo, Result, ReturnCode};
use strongroom_wire::{Request, Response};

use crate::link::{Client, Route};
use crate::sync::{read, write};

/// A slot.
pub(crate) struct Slot {
    id: usize,
    client: Arc<Client>,
    known: RwLock<HashMap<Handle, (u64, Arc<ObjectInfo>)>>,
}

impl Slot {
    /// The slots of the configuration.
    pub(crate) fn from_config() -> Vec<Self> {
        vec![Self { id: 0, client: Arc::new(Client), known: RwLock::default() }]
    }

    /// Its number.
    pub(crate) fn id(&self) -> usize {
        self.id
    }

    /// The way to the cluster.
    pub(crate) fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// What is known of a key; asks a node if need be.
    ///
    /// # Errors
    ///
    /// `KEY_HANDLE_INVALID`, and what the client gives.
    pub(crate) fn key_info(&self, handle: Handle) -> Result<Arc<ObjectInfo>> {
        match self.info(handle) {
            Ok(info) if info.class.is_key() => Ok(info),
            Ok(_) => Err(ReturnCode::KEY_HANDLE_INVALID.into()),
            Err(Error { code: ReturnCode::OBJECT_HANDLE_INVALID, message }) => {
                Err(Error::new(ReturnCode::KEY_HANDLE_INVALID, message))
            }
            Err(error) => Err(error),
        }
    }

    fn info(&self, handle: Handle) -> Result<Arc<ObjectInfo>> {
        if handle == Handle(0) {
            return Err(ReturnCode::OBJECT_HANDLE_INVALID.into());
        }
        let revision = self.client.revision();
        if let Some((known, info)) = read(&self.known).get(&handle)
            && *known == revision
        {
            return Ok(info.clone());
        }
        match self.client.call(Route::Of(handle), 0, &Request::Object { handle })? {
            Response::Object(info) => Ok(self.remember(info)),
            _ => Err(ReturnCode::DEVICE_ERROR.into()),
        }
    }

    /// Keeps what a node said of an object.
    pub(crate) fn remember(&self, info: ObjectInfo) -> Arc<ObjectInfo> {
        let info = Arc::new(info);
        write(&self.known).insert(info.handle, (self.client.revision(), info.clone()));
        info
    }

    /// What a child makes of its parent's slot.
    pub(crate) fn in_child(&self) -> Self {
        Self { id: self.id, client: Arc::new(self.client.fork_child()), known: RwLock::default() }
    }
}
