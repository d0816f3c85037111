//! Programs that talk to nodes, and what they may count on.

use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_model::{NodeId, Role, UserName};
use strongroom_node::state::Revision;
use strongroom_node::{Connection, Node};
use strongroom_wire::{
    Attach, Availability, Envelope, Extras, Hello, InstanceId, Reply, Request, Response, Standing, Ticket,
};

use super::judge::Wish;
use super::view::View;
use super::world::World;

/// A login as the client knows it.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// Tells logins of one client apart.
    pub(super) number: u64,
    pub(super) role: Role,
    pub(super) user: UserName,
    /// The user's epoch.
    pub(super) epoch: u64,
    /// The revision of the node that gave the ticket, then.
    pub(super) revision: Revision,
    pub(super) ticket: Ticket,
}

impl Login {
    /// Whether it still is one, by what a node knows.
    pub(super) fn holds(&self, instance: InstanceId, view: &View) -> bool {
        view.user(self.role, &self.user).is_some_and(|user| user.epoch == self.epoch)
            && view.logouts.get(&instance).is_none_or(|logout| self.revision >= *logout)
    }
}

/// A process.
pub(super) struct Client {
    pub(super) hello: Hello,
    pub(super) connections: BTreeMap<NodeId, Conn>,
    pub(super) login: Option<Login>,
}

/// One of its connections.
pub(super) struct Conn {
    pub(super) connection: Connection,
    /// The login that the node last believed.
    pub(super) speaks_for: Option<Login>,
}

/// An answer, and what it is to be judged by.
pub(super) struct Answer {
    pub(super) node: Arc<Node>,
    /// What the node knew.
    pub(super) view: View,
    /// What it may have decided by in the end, if it hadn't answered lately: all that there was.
    pub(super) late: Option<View>,
    /// Whom it had to take the caller for.
    pub(super) who: Option<Login>,
    pub(super) reply: Reply,
    /// Whether the node could be relied on, before and after.
    pub(super) healthy: bool,
    /// How many nodes had everything, before and after.
    pub(super) reachable: usize,
}

impl Answer {
    /// Whether the table allows it, by what the node may have decided by.
    pub(super) fn allows(&self, wish: &Wish<'_>) -> bool {
        self.views().any(|view| view.allows(self.who.as_ref(), wish))
    }

    /// What the node may have decided by.
    pub(super) fn views(&self) -> impl Iterator<Item = &View> {
        [&self.view].into_iter().chain(&self.late)
    }

    pub(super) fn is_ok(&self) -> bool {
        self.reply.result.is_ok()
    }

    pub(super) fn response(self) -> Option<Response> {
        self.reply.result.ok()
    }

    /// In a word.
    pub(super) fn word(&self) -> String {
        match &self.reply.result {
            Ok(_) => "ok".to_owned(),
            Err(error) => error.code.to_string(),
        }
    }
}

impl Client {
    pub(super) fn new(number: u8, availability: Availability) -> Self {
        let id = InstanceId([number; 16]);
        let hello = Hello { availability, ..Hello::new(id) };
        Self { hello, connections: BTreeMap::new(), login: None }
    }

    pub(super) fn instance(&self) -> InstanceId {
        self.hello.instance
    }
}

impl World {
    /// Asks a node on a client's connection to it.
    pub(super) fn ask(
        &mut self,
        client: usize,
        node: &Arc<Node>,
        extras: Option<Extras>,
        request: Request,
    ) -> Result<Answer, String> {
        let (healthy, reachable, now) = (self.is_healthy(node.id()), self.reachable(), self.now());
        let view = View::of(node);
        let late = self.is_lost(node.id()).then(|| View::late(&self.before.content, node));
        let attaches = self.dice.chance(900);
        let session = self.session;
        let client = &mut self.clients[client];
        let instance = client.instance();
        let conn = match client.connections.remove(&node.id()) {
            Some(conn) => conn,
            None => {
                let connection =
                    node.connect(&client.hello).map_err(|error| format!("no connection: {error}"))?.0;
                Conn { connection, speaks_for: None }
            }
        };
        let conn = client.connections.entry(node.id()).or_insert(conn);
        let number = |login: &Option<Login>| login.as_ref().map(|login| login.number);
        // A client that doesn't attach goes on as whom the connection last spoke for.
        let attach = match &client.login {
            _ if number(&client.login) == number(&conn.speaks_for) || !attaches => None,
            Some(login) => Some(Attach::Ticket(login.ticket.clone())),
            None => Some(Attach::Nobody),
        };
        if attach.is_some() {
            conn.speaks_for = client.login.clone().filter(|login| login.ticket.expires > now);
        }
        let claimed = conn.speaks_for.is_some() || matches!(attach, Some(Attach::Ticket(_)));
        conn.speaks_for = conn.speaks_for.take().filter(|login| login.holds(instance, &view));
        let who = conn.speaks_for.clone();
        let envelope = Envelope { attach, session, extras: extras.map(Box::new), request };
        let reply = conn.connection.handle(envelope);
        if reply.detached != (claimed && who.is_none()) {
            return Err(format!("the node says detached: {}, which is wrong", reply.detached));
        }
        if reply.detached {
            client.login = None;
        }
        let healthy = healthy && self.is_healthy(node.id());
        if healthy && reply.standing != Standing::Current {
            return Err(format!("a node that has everything calls itself {:?}", reply.standing));
        }
        let reachable = reachable.min(self.reachable());
        Ok(Answer { node: Arc::clone(node), view, late, who, reply, healthy, reachable })
    }

    /// Lets go of all connections to a node.
    pub(super) fn hang_up(&mut self, node: NodeId) {
        for client in &mut self.clients {
            client.connections.remove(&node);
        }
        self.session_keys.retain(|key| key.node != node);
    }
}
