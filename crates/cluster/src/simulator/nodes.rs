//! What befalls nodes, messages, the store and the time.

use std::sync::Arc;

use strongroom_model::{NodeId, Role};
use strongroom_node::Node;
use strongroom_node::state::Key;
use strongroom_store::Fault;
use strongroom_wire::Request;

use super::deed::Deed;
use super::effects::{Effect, Outcome};
use super::judge::Wish;
use super::net::Weather;
use super::world::World;
use crate::Cluster;

/// How many nodes there are at most; more make nothing new happen.
const MOST: usize = 6;

impl World {
    pub(super) fn cut(&mut self) -> Result<Deed, String> {
        self.befall("cut", |cluster, node| cluster.cut(node).map_err(|error| error.to_string()))
    }

    pub(super) fn heal(&mut self) -> Result<Deed, String> {
        self.befall("heal", |cluster, node| {
            let healed = cluster.heal(node);
            let status = cluster.node_status(node).map_err(|error| error.to_string())?;
            match healed {
                Ok(()) if status.running && !status.connected => Err(format!("node {} isn't healed", node.0)),
                // It doesn't answer: it's tried again.
                _ => Ok(()),
            }
        })
    }

    pub(super) fn stop(&mut self) -> Result<Deed, String> {
        self.befall("stop", |cluster, node| cluster.stop_node(node).map_err(|error| error.to_string()))
    }

    fn befall(
        &mut self,
        kind: &'static str,
        act: impl FnOnce(&Cluster, NodeId) -> Result<(), String>,
    ) -> Result<Deed, String> {
        let mut members = self.members();
        let is_well = |node: &NodeId| self.is_connected(*node);
        // Healing what is well, or cutting what is cut, makes little happen.
        let ill = kind == "heal";
        if members.iter().any(|node| is_well(node) != ill) && self.dice.clone().chance(800) {
            members.retain(|node| is_well(node) != ill);
        }
        let Some(node) = self.dice.pick(&members).copied() else { return Ok(Deed::new("nobody", kind)) };
        if kind == "stop" {
            self.hang_up(node);
        }
        let cluster = self.cluster.as_ref().ok_or("there is no cluster")?;
        act(cluster, node)?;
        Ok(Deed::new(kind, format!("node {}", node.0)))
    }

    pub(super) fn start(&mut self) -> Result<Deed, String> {
        let healthy = self.disk.takes_commits();
        let cluster = self.cluster.as_ref().ok_or("there is no cluster")?;
        let stopped: Vec<_> = cluster
            .members()
            .into_iter()
            .filter(|node| cluster.node_status(*node).is_ok_and(|status| !status.running))
            .collect();
        let Some(node) = self.dice.pick(&stopped).copied() else { return Ok(Deed::new("nobody", "start")) };
        let deed = Deed::new("start", format!("node {}", node.0));
        match cluster.start_node(node) {
            Ok(_) => Ok(deed),
            Err(error) if healthy => Err(format!("node {} doesn't start: {error}", node.0)),
            Err(_) => Ok(deed.ended("the store refuses", self.outcome(false))),
        }
    }

    pub(super) fn add(&mut self) -> Result<Deed, String> {
        let healthy = self.disk.takes_commits();
        let cluster = self.cluster.as_ref().ok_or("there is no cluster")?;
        if cluster.members().len() >= MOST {
            return Ok(Deed::new("nobody", "enough nodes"));
        }
        match cluster.add_node() {
            Ok(node) => {
                let id = node.id();
                self.expected.insert(id);
                if !self.numbers.insert(id) {
                    return Err(format!("node {} was there before", id.0));
                }
                Ok(Deed::new("add", format!("node {}", id.0)))
            }
            Err(error) if healthy => Err(format!("no node can be added: {error}")),
            Err(error) => {
                Ok(self.uncertain(Deed::new("add", "a node").ended(error.to_string(), Outcome::Refused)))
            }
        }
    }

    pub(super) fn remove(&mut self) -> Result<Deed, String> {
        let healthy = self.disk.takes_commits();
        let members = self.members();
        let Some(node) = self.dice.pick(&members).copied() else { return Ok(Deed::new("nobody", "remove")) };
        self.hang_up(node);
        let cluster = self.cluster.as_ref().ok_or("there is no cluster")?;
        let deed = Deed::new("remove", format!("node {}", node.0)).may([Effect::NodeGone(node)]);
        match cluster.remove_node(node) {
            Ok(()) if members.len() == 1 => Err("the last node was removed".to_owned()),
            Ok(()) => {
                self.expected.remove(&node);
                Ok(deed)
            }
            Err(error) if healthy && members.len() > 1 => {
                Err(format!("node {} can't be removed: {error}", node.0))
            }
            Err(error) => Ok(self.uncertain(deed.ended(error.to_string(), Outcome::Refused))),
        }
    }

    pub(super) fn replicate(&mut self, client: usize, node: &Arc<Node>) -> Result<Deed, String> {
        let role = if self.dice.chance(300) { Role::Admin } else { Role::CryptoUser };
        let user = self.some_name(role);
        let mut deed = Deed::new("replicate", format!("{}: {role} {user}", self.doing));
        deed.replicates = vec![Key::User(role, user.clone()), Key::Policy];
        let ok = if self.dice.chance(500) {
            let answer = self.ask(client, node, None, Request::ReplicateUser { role, user })?;
            self.judge(&answer, &Wish::Officer(None, 0), false)?;
            deed = deed.ended(answer.word(), self.outcome(answer.is_ok()));
            answer.is_ok()
        } else {
            let cluster = self.cluster.as_ref().ok_or("there is no cluster")?;
            let outcome = cluster.ledger.replicate_user(role, &user);
            let word = outcome.as_ref().map_or_else(|error| error.code.to_string(), |()| "ok".to_owned());
            deed = deed.ended(word, self.outcome(outcome.is_ok()));
            outcome.is_ok()
        };
        if ok {
            let cluster = self.cluster.as_ref().ok_or("there is no cluster")?;
            let still = self
                .members()
                .into_iter()
                .find(|node| cluster.ledger.lagging(*node, &deed.replicates).is_some());
            if let Some(node) = still {
                return Err(format!("node {} still lags behind", node.0));
            }
        }
        if deed.outcome == Outcome::Refused {
            deed.replicates.clear();
        }
        Ok(deed)
    }

    pub(super) fn weather(&mut self) -> Deed {
        let mut weather = Weather::default();
        if self.dice.chance(600) {
            weather = Weather {
                lost: self.dice.below(300),
                late: self.dice.below(500),
                doubled: self.dice.below(300),
            };
        }
        self.net.set_weather(weather);
        Deed::new("weather", format!("{weather:?}"))
    }

    pub(super) fn tick(&mut self) -> Deed {
        self.net.tick();
        Deed::new("tick", "what is under way may arrive")
    }

    pub(super) fn let_time_pass(&mut self) -> Deed {
        let seconds = self.dice.weighted(&[(4, 1), (4, 60), (3, 700), (1, 86_400), (1, 31 * 86_400)]);
        self.pass(seconds);
        Deed::new("time", format!("{seconds} s pass"))
    }

    pub(super) fn trouble_store(&mut self) -> Deed {
        let after = self.dice.below(3) as u64;
        match self.dice.below(4) {
            0 => {
                self.disk.set_full(true);
                Deed::new("store", "it's full")
            }
            1 => {
                self.disk.set_full(false);
                Deed::new("store", "it has space")
            }
            2 => {
                self.disk.arm(after, Fault::Lost);
                Deed::new("store", format!("it will lose a commit after {after}"))
            }
            _ => {
                self.disk.arm(after, Fault::Unacknowledged);
                Deed::new("store", format!("it will fail to acknowledge a commit after {after}"))
            }
        }
    }

    /// A client lets go of its connection to a node.
    pub(super) fn let_go(&mut self, client: usize, node: &Node) -> Deed {
        let instance = self.clients[client].instance();
        self.clients[client].connections.remove(&node.id());
        self.session_keys.retain(|key| key.node != node.id() || key.instance != instance);
        Deed::new("hang up", self.doing.clone())
    }

    /// It may have been done nevertheless.
    fn uncertain(&mut self, mut deed: Deed) -> Deed {
        deed.outcome = self.outcome(false);
        self.members_unknown |= deed.outcome == Outcome::Unknown;
        deed
    }
}
