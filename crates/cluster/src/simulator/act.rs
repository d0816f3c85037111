//! What happens next.

use std::sync::Arc;

use strongroom_node::Node;

use super::deed::Deed;
use super::world::World;

/// What a step may be.
#[derive(Clone, Copy)]
enum Act {
    LogIn,
    LogOut,
    MakeKey,
    UseKey,
    Find,
    Relabel,
    Share,
    Destroy,
    Persist,
    Copy,
    Look,
    CloseSession,
    MakeUser,
    ChangePassword,
    DeleteUser,
    Users,
    Together,
    Quorum,
    InitToken,
    Cut,
    Heal,
    Stop,
    Start,
    Add,
    Remove,
    Replicate,
    Weather,
    Tick,
    Pass,
    HangUp,
    Store,
    Crash,
}

/// How often each.
const WEIGHTS: [(usize, Act); 32] = [
    (60, Act::LogIn),
    (12, Act::LogOut),
    (90, Act::MakeKey),
    (110, Act::UseKey),
    (40, Act::Find),
    (30, Act::Relabel),
    (50, Act::Share),
    (40, Act::Destroy),
    (15, Act::Persist),
    (15, Act::Copy),
    (30, Act::Look),
    (6, Act::CloseSession),
    (20, Act::MakeUser),
    (25, Act::ChangePassword),
    (15, Act::DeleteUser),
    (10, Act::Users),
    (15, Act::Together),
    (90, Act::Quorum),
    (1, Act::InitToken),
    (30, Act::Cut),
    (50, Act::Heal),
    (20, Act::Stop),
    (30, Act::Start),
    (10, Act::Add),
    (8, Act::Remove),
    (15, Act::Replicate),
    (30, Act::Weather),
    (30, Act::Tick),
    (25, Act::Pass),
    (10, Act::HangUp),
    (10, Act::Store),
    (14, Act::Crash),
];

impl World {
    /// Makes the next step.
    ///
    /// # Errors
    ///
    /// A sentence, if what was seen can't be.
    pub(super) fn act(&mut self) -> Result<Deed, String> {
        self.doing = "the daemon".to_owned();
        self.session = self.dice.weighted(&[(2, 1), (1, 2)]);
        self.was_broken = self.disk.is_broken();
        if self.cluster.is_none() {
            self.disk.set_full(false);
            return self.crash();
        }
        if self.planted.is_some()
            && let Some(deed) = self.plant()
        {
            return Ok(deed);
        }
        // A store that is broken is of no use until the daemon starts anew.
        if self.disk.is_broken() && self.dice.chance(300) {
            return self.crash();
        }
        let act = self.dice.weighted(&WEIGHTS);
        match act {
            Act::Cut => return self.cut(),
            Act::Heal => return self.heal(),
            Act::Stop => return self.stop(),
            Act::Start => return self.start(),
            Act::Add => return self.add(),
            Act::Remove => return self.remove(),
            Act::Weather => return Ok(self.weather()),
            Act::Tick => return Ok(self.tick()),
            Act::Pass => return Ok(self.let_time_pass()),
            Act::Store => return Ok(self.trouble_store()),
            Act::Crash => return self.crash(),
            _ => {}
        }
        let officers = matches!(act, Act::DeleteUser | Act::Replicate | Act::MakeUser | Act::ChangePassword);
        let any = self.dice.chance(150);
        let client = match self.dice.below(self.clients.len()) {
            // The first is an officer's.
            _ if officers && !any => 0,
            0 if !any && !matches!(act, Act::LogIn | Act::Quorum | Act::Find | Act::LogOut) => 1,
            client => client,
        };
        let Some(node) = self.some_node(client) else {
            return Ok(Deed::new("nobody", "no node runs"));
        };
        let wants_login = matches!(
            act,
            Act::MakeKey
                | Act::UseKey
                | Act::Find
                | Act::Share
                | Act::Destroy
                | Act::Quorum
                | Act::DeleteUser
        );
        let act = if wants_login && self.clients[client].login.is_none() && self.dice.chance(700) {
            Act::LogIn
        } else {
            act
        };
        let (number, at) = (client + 1, node.id().0);
        self.doing = format!("client {number} at node {at}");
        match act {
            Act::LogIn => self.log_in(client, &node),
            Act::LogOut => self.log_out(client, &node),
            Act::MakeKey => self.make_key(client, &node),
            Act::UseKey => self.use_key(client, &node),
            Act::Find => self.find(client, &node),
            Act::Relabel => self.relabel(client, &node),
            Act::Share => self.share(client, &node),
            Act::Destroy => self.destroy(client, &node),
            Act::Persist => self.persist(client, &node),
            Act::Copy => self.copy(client, &node),
            Act::Look => self.look(client, &node),
            Act::CloseSession => self.close_session(client, &node),
            Act::MakeUser => self.make_user(client, &node),
            Act::ChangePassword => self.change_password(client, &node),
            Act::DeleteUser => self.delete_user(client, &node),
            Act::Users => self.list_users(client, &node),
            Act::Together => self.change_users_together(),
            Act::Quorum => self.quorum(client, &node),
            Act::InitToken => self.init_token(client, &node),
            Act::Replicate => self.replicate(client, &node),
            _ => Ok(self.let_go(client, &node)),
        }
    }

    /// A node, mostly one that the client speaks to already.
    fn some_node(&mut self, client: usize) -> Option<Arc<Node>> {
        let mut nodes = self.running();
        if self.dice.chance(600) && nodes.iter().any(|node| self.is_connected(node.id())) {
            nodes.retain(|node| self.is_connected(node.id()));
        }
        if self.dice.chance(500) {
            let known = &self.clients[client].connections;
            let near: Vec<_> = nodes.iter().filter(|node| known.contains_key(&node.id())).cloned().collect();
            if !near.is_empty() {
                nodes = near;
            }
        }
        self.dice.pick(&nodes).cloned()
    }
}
