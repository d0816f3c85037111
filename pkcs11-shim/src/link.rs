//! Until `strongroom_client` lands: its shape, with nobody at the other end.

use std::sync::Arc;

use strongroom_model::{Handle, NodeId, Result, ReturnCode, Role};
use strongroom_wire::{ClusterInfo, Login, Request, Response};

pub(crate) enum Route {
    Any,
    Node(NodeId),
    Of(Handle),
}

pub(crate) struct Client;

impl Client {
    pub(crate) fn probe(&self) -> Result<Arc<ClusterInfo>> {
        Err(ReturnCode::TOKEN_NOT_PRESENT.into())
    }
    pub(crate) fn cluster(&self) -> Option<Arc<ClusterInfo>> {
        None
    }
    pub(crate) fn call(&self, _: Route, _: u64, _: &Request) -> Result<Response> {
        Err(ReturnCode::TOKEN_NOT_PRESENT.into())
    }
    pub(crate) fn revision(&self) -> u64 {
        0
    }
    pub(crate) fn login(&self, _: u64, _: Login) -> Result<()> {
        Err(ReturnCode::TOKEN_NOT_PRESENT.into())
    }
    pub(crate) fn logout(&self) -> Result<()> {
        Ok(())
    }
    pub(crate) fn identity(&self) -> Option<Role> {
        None
    }
    pub(crate) fn forget(&self) {}
    pub(crate) fn close_session(&self, _: u64) {}
    pub(crate) fn fork_child(&self) -> Self {
        Self
    }
}
