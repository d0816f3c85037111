//! Finding objects. Token objects are found on any node; session objects on each node where this process
//! has made some.

use std::collections::VecDeque;

use cryptoki_sys::{CK_OBJECT_HANDLE, CK_SESSION_HANDLE, CK_ULONG};
use strongroom_client::Route;
use strongroom_model::{AttributeType, Attributes, Error, Handle, Place, Result, ReturnCode, limits};
use strongroom_wire::{Found, Request, Response};

use crate::abi::Dest;
use crate::module::Module;
use crate::session::Session;
use crate::slot::unexpected;
use crate::sync::lock;
use crate::template::Template;

/// Objects of one answer that are remembered; who finds many seldom uses all.
const REMEMBERED: usize = 64;

/// A search under way.
pub(crate) struct Search {
    template: Attributes,
    /// Found and not yet given out.
    found: VecDeque<Handle>,
    /// Who is still to be asked for more, and behind which handle.
    sources: VecDeque<Source>,
}

#[derive(Debug, PartialEq, Eq)]
struct Source {
    route: Route,
    after: Option<Handle>,
}

/// `C_FindObjectsInit`: asks the first node.
pub(crate) fn find_init(module: &Module, session: CK_SESSION_HANDLE, template: Template<'_>) -> Result<()> {
    let session = module.session(session)?;
    let mut current = lock(&session.search);
    if current.is_some() {
        let message = "a search is under way; end it with C_FindObjectsFinal";
        return Err(Error::new(ReturnCode::OPERATION_ACTIVE, message));
    }
    let mut search = match template.wanted()? {
        Some(template) => Search { sources: sources(&session, &template), found: VecDeque::new(), template },
        None => Search { template: Attributes::new(), found: VecDeque::new(), sources: VecDeque::new() },
    };
    search.ask(&session)?;
    *current = Some(search);
    Ok(())
}

/// `C_FindObjects`.
pub(crate) fn find(
    module: &Module,
    session: CK_SESSION_HANDLE,
    objects: Dest<CK_OBJECT_HANDLE>,
    room: CK_ULONG,
    count: Dest<CK_ULONG>,
) -> Result<()> {
    let session = module.session(session)?;
    count.check()?;
    if room > 0 {
        objects.check()?;
    }
    let mut search = lock(&session.search);
    let search = search.as_mut().ok_or_else(no_search)?;
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    let mut batch: Vec<CK_OBJECT_HANDLE> = Vec::new();
    while batch.len() < room && (!search.found.is_empty() || !search.sources.is_empty()) {
        if search.found.is_empty() {
            search.ask(&session)?;
        }
        let taken = search.found.len().min(room - batch.len());
        batch.extend(search.found.drain(..taken).map(|handle| handle.0));
    }
    if !batch.is_empty() {
        objects.put_all(&batch)?;
    }
    count.put(batch.len() as CK_ULONG)
}

/// `C_FindObjectsFinal`.
pub(crate) fn find_final(module: &Module, session: CK_SESSION_HANDLE) -> Result<()> {
    let session = module.session(session)?;
    lock(&session.search).take().map(drop).ok_or_else(no_search)
}

impl Search {
    /// Asks the next source, if there is one.
    fn ask(&mut self, session: &Session) -> Result<()> {
        let Some(Source { route, after }) = self.sources.front() else { return Ok(()) };
        let (route, after) = (*route, *after);
        let limit = limits::MAX_FOUND as u32;
        let request = Request::Find { template: self.template.clone(), after, limit };
        let Found { mut objects, mut more } = match session.call(route, &request) {
            Ok(Response::Found(found)) => found,
            Ok(_) => return Err(unexpected()),
            Err(error) if route == Route::Any => return Err(error),
            // What all have is found elsewhere. What the node alone has it may still tell of, if it's but cut off from
            // its cluster; else that is gone with it.
            Err(_) => {
                self.sources.pop_front();
                if after.is_none_or(|after| after.0 < Handle::MAX_TOKEN) {
                    self.sources.push_front(Source { route, after: Some(Handle(Handle::MAX_TOKEN)) });
                    self.sources.push_front(Source { route: Route::Any, after });
                }
                return Ok(());
            }
        };
        self.sources.pop_front();
        if route == Route::Any && !self.sources.is_empty() {
            // In place of a node that failed; session objects are asked for node by node.
            let tokens = objects.partition_point(|object| object.handle.place() == Place::Cluster);
            more &= tokens == objects.len();
            objects.truncate(tokens);
        }
        if let (true, Some(last)) = (more, objects.last()) {
            self.sources.push_front(Source { route, after: Some(last.handle) });
        }
        self.found.extend(objects.iter().map(|object| object.handle));
        for object in objects.into_iter().take(REMEMBERED) {
            session.slot().remember(object);
        }
        Ok(())
    }
}

/// Whom to ask for objects of `template`.
fn sources(session: &Session, template: &Attributes) -> VecDeque<Source> {
    plan(template.bool(AttributeType::TOKEN), session.client().used_nodes().into_iter().map(Route::Node))
}

/// All objects of one node, and the session objects, whose handles are beyond those of token objects, of the
/// others in `nodes`.
fn plan(token: Option<bool>, nodes: impl Iterator<Item = Route>) -> VecDeque<Source> {
    let only_session = Some(Handle(Handle::MAX_TOKEN));
    if token == Some(true) {
        return VecDeque::from([Source { route: Route::Any, after: None }]);
    }
    let mut plan: VecDeque<_> = nodes.map(|route| Source { route, after: only_session }).collect();
    if token.is_none() {
        match plan.front_mut() {
            Some(first) => first.after = None,
            None => plan.push_back(Source { route: Route::Any, after: None }),
        }
    }
    plan
}

fn no_search() -> Error {
    Error::new(ReturnCode::OPERATION_NOT_INITIALIZED, "no search is under way; begin with C_FindObjectsInit")
}

#[cfg(test)]
mod tests {
    use strongroom_model::NodeId;

    use super::*;

    #[test]
    fn only_nodes_that_can_have_something_are_asked() {
        let nodes = || [NodeId(1), NodeId(2)].into_iter().map(Route::Node);
        let routes = |plan: VecDeque<Source>| plan.iter().map(|source| source.route).collect::<Vec<_>>();
        assert_eq!(routes(plan(Some(true), nodes())), [Route::Any]);
        assert_eq!(routes(plan(Some(false), nodes())), nodes().collect::<Vec<_>>());
        assert_eq!(routes(plan(None, nodes())), nodes().collect::<Vec<_>>());
        assert_eq!(routes(plan(None, std::iter::empty())), [Route::Any]);
        let only_session = Some(Handle(Handle::MAX_TOKEN));
        let behind = plan(None, nodes()).iter().map(|source| source.after).collect::<Vec<_>>();
        assert_eq!(behind, [None, only_session]);
        assert_eq!(plan(Some(false), nodes())[0].after, only_session);
    }
}
