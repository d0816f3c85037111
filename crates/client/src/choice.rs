//! Which node gets a request, and which nodes there are.

use std::net::SocketAddr;
use std::sync::Arc;

use strongroom_model::{Handle, NodeId, Place};
use strongroom_wire::{InstanceId, Member};

use crate::config::Endpoint;
use crate::link::Link;

/// How many calls in a row go to a node before it's the next one's turn. A change wakes another of the daemon's
/// threads, on a core that may sleep: with one for each call, a lone caller's round trip takes a fifth longer.
pub(crate) const RUN: usize = 64;

/// Where a request has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// To any node, in turn.
    Any,
    /// To this node only.
    Node(NodeId),
    /// To any node for a token object, to the node that has it for a session object.
    Of(Handle),
}

impl Route {
    /// The only node it may go to.
    pub(crate) fn only(self) -> Option<NodeId> {
        match self {
            Self::Any => None,
            Self::Node(node) => Some(node),
            Self::Of(handle) => match handle.place() {
                Place::Cluster => None,
                Place::Node(node) => Some(node),
            },
        }
    }
}

/// The node to try next, leaving out those already tried: the one whose turn it is, then those after it;
/// those at rest last, the one with the shortest rest first. If only one node will do, nodes whose
/// number isn't known yet come after it: one of them may be it.
pub(crate) fn next(
    links: &[Arc<Link>],
    only: Option<NodeId>,
    turn: usize,
    tried: &[Arc<Link>],
    now_ms: impl Fn() -> u64,
) -> Option<Arc<Link>> {
    let untried = |link: &&Arc<Link>| !tried.iter().any(|other| Arc::ptr_eq(link, other));
    if only.is_some() {
        let of = |node: Option<NodeId>| links.iter().filter(untried).find(|link| link.node() == node);
        return of(only).or_else(|| of(None)).cloned();
    }
    let (before, after) = links.split_at(turn / RUN % links.len().max(1));
    let in_turn = after.iter().chain(before).filter(untried);
    let ready = in_turn.clone().find(|link| !link.rests(&now_ms));
    ready.or_else(|| in_turn.min_by_key(|link| link.rests_until())).cloned()
}

/// The turn of the node that makes the session objects of a process and its forks.
pub(crate) fn turn_of(family: InstanceId) -> usize {
    usize::from(family.0[0]) * RUN
}

/// The links for a cluster's members: what the configuration names stays, since it's by that name that
/// this process reaches it (a container may see the sockets elsewhere); members that nothing
/// leads to are added; what was learned before and isn't a member any more goes.
pub(crate) fn follow(links: &[Arc<Link>], members: &[Member]) -> Vec<Arc<Link>> {
    let member_at = |endpoint: &Endpoint| members.iter().find(|member| is_at(member, endpoint));
    // Who came by TCP may not be on this machine.
    let by_tcp = links.iter().all(|link| matches!(link.address.endpoint(), Endpoint::Tcp { .. }));
    for link in links {
        if let (None, Some(member)) = (link.node(), member_at(link.address.endpoint())) {
            link.is_node(member.node);
        }
    }
    let configured = |node: NodeId| links.iter().any(|link| link.configured && link.node() == Some(node));
    let mut followed: Vec<Arc<Link>> = Vec::new();
    for link in links {
        let is_member = member_at(link.address.endpoint())
            .is_some_and(|member| link.node() == Some(member.node) && !configured(member.node));
        if link.configured || is_member {
            followed.push(Arc::clone(link));
        }
    }
    for member in members {
        if !followed.iter().any(|link| link.node() == Some(member.node))
            && let Some(endpoint) = way_to(member, by_tcp)
        {
            followed.push(Arc::new(Link::new(endpoint, false, Some(member.node))));
        }
    }
    followed
}

fn is_at(member: &Member, endpoint: &Endpoint) -> bool {
    match endpoint {
        Endpoint::Unix(path) => path.to_str() == Some(&member.socket),
        Endpoint::Tcp { .. } => {
            member.address.as_ref().is_some_and(|address| *address == endpoint.to_string())
        }
    }
}

/// Where a client goes for a node that nothing leads to; `None` if it can't be reached that way.
fn way_to(member: &Member, by_tcp: bool) -> Option<Endpoint> {
    if !by_tcp {
        return (!member.socket.is_empty()).then(|| Endpoint::Unix(member.socket.clone().into()));
    }
    let address: SocketAddr = member.address.as_ref()?.parse().ok()?;
    Some(Endpoint::Tcp { host: address.ip().to_string(), port: address.port() })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn link(path: &str, configured: bool, node: Option<u16>) -> Arc<Link> {
        Arc::new(Link::new(Endpoint::Unix(path.into()), configured, node.map(NodeId)))
    }

    fn member(node: u16, socket: &str) -> Member {
        Member { node: NodeId(node), socket: socket.to_owned(), address: None }
    }

    fn path_of(link: &Link) -> &Path {
        match link.address.endpoint() {
            Endpoint::Unix(path) => path,
            other => panic!("{other} isn't a socket's path"),
        }
    }

    fn seen(links: &[Arc<Link>]) -> Vec<(&str, Option<u16>)> {
        links.iter().map(|link| (path_of(link).to_str().unwrap(), link.node().map(|node| node.0))).collect()
    }

    #[test]
    fn who_came_by_tcp_follows_addresses() {
        let tcp = |host: &str| Endpoint::Tcp { host: host.to_owned(), port: 2223 };
        let links = [Arc::new(Link::new(tcp("127.5.5.5"), true, None))];
        let at = |node, host: &str| Member { address: Some(format!("{host}:2223")), ..member(node, "") };
        let members = [at(4, "127.5.5.5"), at(6, "127.5.5.6"), Member { address: None, ..member(7, "/s") }];
        let followed = follow(&links, &members);
        let seen: Vec<_> =
            followed.iter().map(|link| (link.address.endpoint().clone(), link.node())).collect();
        assert_eq!(seen, [(tcp("127.5.5.5"), Some(NodeId(4))), (tcp("127.5.5.6"), Some(NodeId(6)))]);
        assert_eq!(follow(&followed, &members[..1]).len(), 1);
    }

    #[test]
    fn nodes_take_turns_and_those_at_rest_come_last() {
        let links = [link("/0", true, Some(0)), link("/1", true, Some(1)), link("/2", true, None)];
        let path = |turn, tried: &[Arc<Link>], now| {
            next(&links, None, turn, tried, || now).map(|link| path_of(&link).to_owned())
        };
        let order: Vec<_> = (0..4).map(|run| path(run * RUN, &[], 0).unwrap()).collect();
        assert_eq!(order, ["/0", "/1", "/2", "/0"].map(std::path::PathBuf::from));
        assert_eq!(path(RUN - 1, &[], 0).unwrap(), Path::new("/0"));

        links[0].failed(0);
        links[0].failed(0);
        links[1].failed(0);
        assert_eq!(path(0, &[], 50).unwrap(), Path::new("/2"));
        assert_eq!(path(0, &links[2..], 50).unwrap(), Path::new("/1"));
        assert_eq!(path(0, &links[1..], 50).unwrap(), Path::new("/0"));
        assert_eq!(path(0, &links, 50), None);
        assert_eq!(path(0, &[], 150).unwrap(), Path::new("/1"));
        assert_eq!(next(&[], None, 5, &[], || 0).map(|_| ()), None);
    }

    #[test]
    fn what_belongs_to_a_node_goes_to_it_or_to_one_that_may_be_it() {
        let links = [link("/0", true, Some(0)), link("/x", true, None), link("/1", true, Some(1))];
        let only = Route::Of(Handle::session(NodeId(1), 3, 4)).only();
        assert_eq!(only, Some(NodeId(1)));
        assert_eq!(Route::Of(Handle(4)).only(), None);
        let path =
            |tried: &[Arc<Link>]| next(&links, only, 0, tried, || 0).map(|link| path_of(&link).to_owned());
        assert_eq!(path(&[]).unwrap(), Path::new("/1"));
        assert_eq!(path(&links[2..]).unwrap(), Path::new("/x"));
        assert_eq!(path(&links[1..]), None);
    }

    #[test]
    fn members_are_followed() {
        // One node is known by another path than the cluster's, as in a container.
        let links = [link("/mnt/0", true, Some(0)), link("/s/1", true, None)];
        let members = [member(0, "/s/0"), member(1, "/s/1"), member(2, "/s/2")];
        let links = follow(&links, &members);
        assert_eq!(seen(&links), [("/mnt/0", Some(0)), ("/s/1", Some(1)), ("/s/2", Some(2))]);
        assert!(Arc::ptr_eq(&links[2], &follow(&links, &members)[2]));
        let links = follow(&links, &[member(1, "/s/1"), member(3, "/s/3")]);
        assert_eq!(seen(&links), [("/mnt/0", Some(0)), ("/s/1", Some(1)), ("/s/3", Some(3))]);
    }

    #[test]
    fn a_learned_node_gives_way_when_a_configured_one_turns_out_to_be_it() {
        let links = [link("/mnt/0", true, None)];
        let members = [member(0, "/s/0")];
        let links = follow(&links, &members);
        assert_eq!(seen(&links), [("/mnt/0", None), ("/s/0", Some(0))]);
        links[0].is_node(NodeId(0));
        assert_eq!(seen(&follow(&links, &members)), [("/mnt/0", Some(0))]);
    }
}
