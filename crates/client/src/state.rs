//! What a client knows, apart from what it counts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_model::{AttributeType, Attributes, Handle, NodeId, Params, Place};
use strongroom_wire::{ClusterInfo, Request, Response};

use crate::config::{ClusterConfig, Endpoint};
use crate::link::Link;
use crate::login::Login;

/// Read with each call, changed seldom.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) links: Vec<Arc<Link>>,
    pub(crate) cluster: Option<Arc<ClusterInfo>>,
    pub(crate) login: Option<Login>,
    /// On which nodes each session has objects or multi-part operations.
    pub(crate) sessions: BTreeMap<u64, Vec<NodeId>>,
    /// On which nodes the processes that this one was forked from had some.
    pub(crate) inherited: BTreeSet<NodeId>,
}

impl State {
    pub(crate) fn new(config: &ClusterConfig) -> Self {
        let link = |endpoint: &Endpoint| Arc::new(Link::new(endpoint.clone(), true, None));
        Self {
            links: config.nodes.iter().map(link).collect(),
            cluster: None,
            login: None,
            sessions: BTreeMap::new(),
            inherited: BTreeSet::new(),
        }
    }

    /// The state that a forked child begins with. Its sessions have made nothing yet.
    pub(crate) fn in_child(&self) -> Self {
        Self {
            links: self.links.iter().map(|link| Arc::new(link.in_child())).collect(),
            cluster: self.cluster.clone(),
            login: self.login.clone().map(|login| Login { inherited: true, ..login }),
            sessions: BTreeMap::new(),
            inherited: self.used_nodes(),
        }
    }

    /// The nodes that may have session objects of this family.
    pub(crate) fn used_nodes(&self) -> BTreeSet<NodeId> {
        self.sessions.values().flatten().chain(&self.inherited).copied().collect()
    }

    /// Notes that a session has something on a node.
    pub(crate) fn note(&mut self, session: u64, node: NodeId) {
        let nodes = self.sessions.entry(session).or_default();
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
}

/// Whether a request makes an object that is on one node only. A copy is taken for one unless its
/// template says otherwise, though a copy of a token object isn't; no harm is done.
pub(crate) fn makes_session_object(request: &Request) -> bool {
    let session = |template: &Attributes| template.bool(AttributeType::TOKEN) != Some(true);
    match request {
        Request::Create { template }
        | Request::Copy { template, .. }
        | Request::GenerateKey { template, .. }
        | Request::Unwrap { template, .. }
        | Request::Encapsulate { template, .. }
        | Request::Decapsulate { template, .. } => session(template),
        Request::GeneratePair { public, private, .. } => session(public) || session(private),
        Request::Derive { template, mechanism, .. } => {
            session(template)
                || matches!(&mechanism.params, Params::Kbkdf(params) if params.further.iter().any(session))
        }
        _ => false,
    }
}

/// Whether an answer to such a request shows that it has.
pub(crate) fn binds(response: &Response) -> bool {
    let on_node = |handle: Handle| matches!(handle.place(), Place::Node(_));
    match response {
        Response::Object(object) | Response::Encapsulated { object, .. } => on_node(object.handle),
        Response::Derived { keys, .. } => keys.iter().any(|key| on_node(key.handle)),
        Response::Pair { public, private } => on_node(public.handle) || on_node(private.handle),
        Response::Streaming { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_objects_are_told_from_token_objects() {
        let create = |template| Request::Create { template };
        assert!(makes_session_object(&create(Attributes::new())));
        assert!(makes_session_object(&create(Attributes::new().with(AttributeType::TOKEN, false))));
        assert!(!makes_session_object(&create(Attributes::new().with(AttributeType::TOKEN, true))));
        assert!(!makes_session_object(&Request::Info));
    }
}
